//! Joins, and resumes after a lost link.

use super::config::{METADATA_BYTES, NAME_BYTES, PING_INTERVAL_S, PING_TIMEOUT_S, PROTOCOL};
use super::door::{Arrival, no_rights};
use super::downlink_dual::DualDownlink;
use super::downlink_single::SingleDownlink;
use super::member::{Downlink, Member, RoomNo};
use super::presence::MemberPresence;
use super::rooms::codecs;
use super::uplink::Uplink;
use super::{Admission, Hub, HubEvent, LinkId, MediaCommand, MemberId, Output, Refusal, Timer, clipped};
use crate::base::{Moment, UserId};
use crate::proto::standing;
use livekit_protocol as lk;
use lk::DisconnectReason as Why;
use lk::leave_request::Action;
use lk::participant_info::State;
use lk::signal_response::Message;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem::take;

/// From this client protocol on, a new session of an identity replaces the old one. Older clients must be told that the
/// old one left.
pub(super) const REPLACES_BY_IDENTITY: i32 = 12;

impl Hub {
    pub(super) fn join(&mut self, link: LinkId, admission: Admission, mut request: lk::JoinRequest, single: bool) {
        if self.links.contains_key(&link) {
            tracing::warn!(?link, "a second join on a connection is ignored");
            return;
        }
        if self.is_stopping {
            return self.leave_and_close(link, Action::Disconnect, Why::ServerShutdown);
        }
        if request.reconnect {
            return self.resume(link, &admission, request);
        }
        if let Some(refusal) = self.refusal(&admission, false) {
            let why = match refusal {
                Refusal::Removed => Why::ParticipantRemoved,
                Refusal::Dismissed => Why::RoomDeleted,
                Refusal::Full | Refusal::Locked | Refusal::NoRoom => Why::JoinFailure,
            };
            return self.leave_and_close(link, Action::Disconnect, why);
        }
        let room = self.room_for_join(&admission);
        // The earlier session of the same user says how it comes in, so it ends afterwards.
        let arrival = self.arrival(room, &admission);
        let is_seen = !arrival.waits && !admission.permission.hidden;
        self.supersede_duplicate(room, &admission.user, is_seen);

        let name = admission.room.clone();
        let offer = request.publisher_offer.take();
        let announced = take(&mut request.add_track_requests);
        let id = self.add_member((link, room), admission, &request, arrival, single);
        self.send_join_response(id, link);
        self.renew_token(id);
        for connection in self.members.get(&id).map(Member::connections).unwrap_or_default() {
            self.command(MediaCommand::Open { connection, room: name.clone() });
        }
        self.broadcast_arrival(id);
        self.subscribe_to_all(id);
        for track in announced {
            self.add_track(id, track);
        }
        match offer {
            Some(offer) => self.offer(id, offer),
            None => self.negotiate(id),
        }
    }

    /// Sends `leave` on a link that belongs to no member, and closes it.
    pub(super) fn leave_and_close(&mut self, link: LinkId, action: Action, why: Why) {
        self.send_on_link(link, leave_message(action, why));
        self.out.push_back(Output::CloseLink { link });
    }

    /// Ends the earlier session of a user who joins again, seen by the others or not.
    fn supersede_duplicate(&mut self, room: RoomNo, user: &UserId, is_seen: bool) {
        let is_same = |id: &MemberId| self.members.get(id).is_some_and(|m| m.user == *user);
        if let Some(old) = self.members_in(room).into_iter().find(is_same) {
            self.supersede(old, is_seen);
        }
    }

    fn add_member(
        &mut self,
        (link, room): (LinkId, RoomNo),
        admission: Admission,
        request: &lk::JoinRequest,
        arrival: Arrival,
        single: bool,
    ) -> MemberId {
        self.last_member += 1;
        let id = MemberId(self.last_member);
        let client = request.client_info.clone().unwrap_or_default();
        let auto_subscribe = request.connection_settings.as_ref().is_none_or(|s| s.auto_subscribe);
        let Arrival { waits, standing, enters_muted } = arrival;
        let base = self.participant(standing, &admission, request, &client);
        let waiting = waits.then(|| admission.permission.clone());
        let downlink = if single {
            Downlink::Single(SingleDownlink::new(self.now))
        } else {
            Downlink::Dual { downlink: DualDownlink::new(), primary: admission.permission.can_subscribe }
        };
        let member = Member {
            id,
            room,
            user: admission.user.clone(),
            base,
            permission: if waiting.is_some() { no_rights() } else { admission.permission },
            waiting,
            issued_at: admission.issued_at,
            protocol: client.protocol,
            auto_subscribe,
            link: Some(link),
            presence: MemberPresence::new(self.now),
            tracks: Vec::new(),
            queued: Vec::new(),
            uplink: Uplink::default(),
            downlink,
            subscriptions: BTreeMap::new(),
            declined: BTreeSet::new(),
            receives: None,
            sharing: lk::SubscriptionPermission { all_participants: true, ..Default::default() },
            last_sequence: 0,
            quality: None,
            enters_muted,
        };
        let session = member.base.sid.clone();
        self.members.insert(id, member);
        self.links.insert(link, id);
        if let Some(r) = self.rooms.get_mut(&room) {
            r.members.insert(id);
        }
        self.timers.set(Timer::Entry(id), self.now + self.config.entry_limit);
        self.counts_changed(room);
        self.emit(HubEvent::MemberJoined { room: admission.room, user: admission.user, session });
        id
    }

    /// The participant of a new stay. Metadata and attributes of the join request count only with the right to change them;
    /// an empty value does not remove an attribute of the token.
    fn participant(
        &mut self,
        standing: Vec<(String, String)>,
        admission: &Admission,
        request: &lk::JoinRequest,
        client: &lk::ClientInfo,
    ) -> lk::ParticipantInfo {
        let may_set = admission.permission.can_update_metadata;
        let mut attributes: HashMap<String, String> = admission.attributes.iter().cloned().collect();
        if may_set {
            let own = request.participant_attributes.iter().filter(|(_, value)| !value.is_empty());
            attributes.extend(own.map(|(key, value)| (key.clone(), value.clone())));
        }
        // What a participant is here, neither its token nor itself says.
        attributes.retain(|key, _| !standing::is_reserved(key));
        if attributes_bytes(&attributes) > METADATA_BYTES {
            tracing::debug!(user = %admission.user, "attributes over the limit are left out");
            attributes.clear();
        }
        attributes.extend(standing);
        let own_metadata = may_set && !request.metadata.is_empty();
        let metadata = if own_metadata { &request.metadata } else { &admission.metadata };
        lk::ParticipantInfo {
            sid: self.ids.participant(),
            identity: admission.user.as_str().to_owned(),
            name: clipped(admission.name.clone(), NAME_BYTES),
            metadata: clipped(metadata.clone(), METADATA_BYTES),
            attributes,
            state: State::Joined as i32,
            kind: admission.kind.into(),
            kind_details: admission.kind_details.iter().map(|detail| i32::from(*detail)).collect(),
            joined_at: self.unix_s(),
            joined_at_ms: self.unix_ms(),
            client_protocol: client.client_protocol,
            capabilities: client.capabilities.clone(),
            version: 1,
            ..Default::default()
        }
    }

    /// The TURN servers, with credentials for a member.
    fn ice_servers(&self, user: &UserId) -> Vec<lk::IceServer> {
        self.config.turn.iter().map(|turn| turn.for_user(user.as_str(), self.unix_s())).collect()
    }

    fn send_join_response(&mut self, id: MemberId, link: LinkId) {
        let Some(member) = self.members.get(&id) else { return };
        let Some(room) = self.rooms.get(&member.room) else { return };
        let others = room.members.iter().filter_map(|m| self.members.get(m));
        let others = others.filter(|m| m.id != id && !m.permission.hidden && member.waiting.is_none());
        let others = others.map(Member::info).collect();
        let join = lk::JoinResponse {
            room: Some(self.room_info(room)),
            participant: Some(member.info()),
            other_participants: others,
            server_version: self.config.version.clone(),
            server_info: Some(self.server_info()),
            ice_servers: self.ice_servers(&member.user),
            subscriber_primary: matches!(member.downlink, Downlink::Dual { primary: true, .. }),
            ping_interval: PING_INTERVAL_S,
            ping_timeout: PING_TIMEOUT_S,
            fast_publish: true,
            enabled_publish_codecs: codecs(),
            ..Default::default()
        };
        self.send_on_link(link, Message::Join(join));
    }

    fn server_info(&self) -> lk::ServerInfo {
        lk::ServerInfo {
            version: self.config.version.clone(),
            protocol: PROTOCOL,
            node_id: self.config.node_id.clone(),
            ..Default::default()
        }
    }

    pub(super) fn broadcast_arrival(&mut self, id: MemberId) {
        let Some(member) = self.members.get(&id).filter(|m| !m.permission.hidden) else { return };
        let (room, info) = (member.room, member.info());
        let update = Message::Update(lk::ParticipantUpdate { participants: vec![info] });
        for other in self.others_in(room, id) {
            self.send(other, update.clone());
        }
    }

    /// A client resumes on a new link. It is refused if its session has ended.
    fn resume(&mut self, link: LinkId, admission: &Admission, mut request: lk::JoinRequest) {
        let is_owner = |m: &&Member| {
            m.base.sid == request.participant_sid
                && m.user == admission.user
                && self.names.get(&admission.room) == Some(&m.room)
        };
        let Some(member) = self.members.values().find(is_owner) else {
            return self.refuse_resume(link, admission, &request.participant_sid);
        };
        let (id, room, old) = (member.id, member.room, member.link);
        if let Some(old) = old {
            self.links.remove(&old);
            self.out.push_back(Output::CloseLink { link: old });
        }
        self.links.insert(link, id);
        let now = self.now;
        let Some(member) = self.members.get_mut(&id) else { return };
        member.link = Some(link);
        member.issued_at = member.issued_at.max(admission.issued_at);
        let unsure_since = member.presence.unsure_since();
        member.presence.link_back(now);
        match &mut member.downlink {
            Downlink::Single(downlink) => downlink.resume(now),
            Downlink::Dual { downlink, .. } => downlink.resume(),
        }
        let (user, session, last_message_seq) = (member.user.clone(), member.base.sid.clone(), member.last_sequence);
        let ice_servers = self.ice_servers(&user);
        self.emit(HubEvent::LinkResumed { room: admission.room.clone(), user, session });
        self.check_presence(id);
        let reconnect = lk::ReconnectResponse {
            ice_servers,
            server_info: Some(self.server_info()),
            last_message_seq,
            ..Default::default()
        };
        // Clients drop every message before `reconnect`.
        self.send(id, Message::Reconnect(reconnect));
        self.renew_token(id);
        self.resync(id, room, unsure_since);
        if let Some(state) = request.sync_state.take() {
            self.sync_state(id, state);
        }
        match request.publisher_offer.take() {
            Some(offer) => self.offer(id, offer),
            None => self.negotiate(id),
        }
    }

    fn refuse_resume(&mut self, link: LinkId, admission: &Admission, sid: &str) {
        let ended =
            self.find_ban(admission).map(|ban| if ban.dismissed { Why::RoomDeleted } else { Why::ParticipantRemoved });
        match ended.or(self.leave_log.reason(sid, &admission.user)) {
            Some(why @ (Why::ParticipantRemoved | Why::RoomDeleted | Why::DuplicateIdentity)) => {
                self.leave_and_close(link, Action::Disconnect, why);
            }
            _ => self.leave_and_close(link, Action::Reconnect, Why::StateMismatch),
        }
    }

    /// Sends the current state after a resume: members, room, members that left meanwhile, speakers, layers to send.
    pub(super) fn resync(&mut self, id: MemberId, room: RoomNo, unsure_since: Moment) {
        let Some(r) = self.rooms.get(&room) else { return };
        let waits = self.members.get(&id).is_some_and(|member| member.waiting.is_some());
        let members = r.members.iter().filter_map(|m| self.members.get(m));
        let visible = members.filter(|m| m.id == id || !(waits || m.permission.hidden));
        let participants: Vec<_> = visible.map(Member::info).collect();
        let present: BTreeSet<_> = participants.iter().map(|p| p.identity.clone()).collect();
        let info = self.room_info(r);
        let speakers = self.speakers_message(&r.speakers.current());
        self.send(id, Message::Update(lk::ParticipantUpdate { participants }));
        self.send(id, Message::RoomUpdate(lk::RoomUpdate { room: Some(info) }));
        if waits {
            return;
        }
        let mut missed = self.leave_log.shown_since(room, unsure_since);
        // Clients match by identity: a user that is back with a new sid must not be shown leaving.
        missed.retain(|p| !present.contains(&p.identity));
        if !missed.is_empty() {
            self.send(id, Message::Update(lk::ParticipantUpdate { participants: missed }));
        }
        self.send(id, speakers);
        self.repeat_dynacast(id);
    }
}

/// The `leave` message that ends a session.
pub(super) fn leave_message(action: Action, why: Why) -> Message {
    Message::Leave(lk::LeaveRequest {
        can_reconnect: action != Action::Disconnect,
        reason: why as i32,
        action: action as i32,
        regions: None,
    })
}

/// The size of all attributes together, in bytes.
pub(super) fn attributes_bytes(attributes: &HashMap<String, String>) -> usize {
    attributes.iter().map(|(key, value)| key.len() + value.len()).sum()
}
