//! Subscriptions, the layer that each one gets, and dynacast: which layers a publisher needs to send.

use super::member::Subscription;
use super::publish::ALL_LAYERS;
use super::{Hub, MediaCommand, MemberId, Timer};
use crate::base::{Codec, MediaKind, TrackSid};
use crate::proto::sdp::MLine;
use livekit_protocol as lk;
use lk::SubscriptionError as Error;
use lk::signal_response::Message;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a layer stays on after its last subscriber: tiles appear and disappear.
const LOWER_AFTER: Duration = Duration::from_secs(1);
/// Tracks in one request at most; more are ignored.
const MAX_TRACKS: usize = 1000;
/// Grants in one `subscription_permission` at most; more are ignored.
const MAX_GRANTS: usize = 1000;

impl Hub {
    /// Subscribes a member to a track, without negotiating. Does nothing if it is subscribed.
    pub(super) fn subscribe(&mut self, id: MemberId, sid: &TrackSid) -> Result<(), Error> {
        let owner_id = *self.owners.get(sid).ok_or(Error::SeTrackNotfound)?;
        let (owner, member) = (self.members.get(&owner_id), self.members.get(&id));
        let (Some(owner), Some(member)) = (owner, member) else { return Err(Error::SeTrackNotfound) };
        let is_visible =
            owner_id != id && owner.room == member.room && owner.track(sid).is_some_and(|t| t.is_published);
        if !is_visible {
            return Err(Error::SeTrackNotfound);
        }
        if !member.permission.can_subscribe || member.declined.contains(sid) {
            return Err(Error::SeUnknown);
        }
        let participant_sid = owner.sid().to_owned();
        if !owner.shares(sid, member) {
            self.tell_sharing(id, participant_sid, sid, false);
            return Err(Error::SeUnknown);
        }
        if owner.track(sid).is_some_and(|t| !member.can_receive(t.kind, t.codec)) {
            return Err(self.refuse_subscription(id, sid, Error::SeCodecUnsupported));
        }
        let Some(track) = self.members.get_mut(&owner_id).and_then(|o| o.track_mut(sid)) else { return Ok(()) };
        if !track.subscribers.insert(id) {
            return Ok(());
        }
        let kind = track.kind;
        let is_first = !std::mem::replace(&mut track.sent_subscribed, true);
        if let Some(member) = self.members.get_mut(&id) {
            let layer = Subscription::BEST;
            let subscription = Subscription { owner: owner_id, layer, paused: false, told_active: false };
            member.subscriptions.insert(sid.clone(), subscription);
            member.downlink.want(sid.clone(), kind);
        }
        self.tell_sharing(id, participant_sid, sid, true);
        if is_first {
            self.send(owner_id, Message::TrackSubscribed(lk::TrackSubscribed { track_sid: sid.to_string() }));
        }
        self.dynacast(owner_id, sid);
        Ok(())
    }

    /// Subscribes a member to all tracks of the room, if it subscribes automatically.
    pub(super) fn subscribe_to_all(&mut self, id: MemberId) {
        let Some(member) = self.members.get(&id).filter(|m| m.auto_subscribe) else { return };
        let others = self.others_in(member.room, id);
        let tracks = others.iter().filter_map(|other| self.members.get(other)).flat_map(|m| &m.tracks);
        let all: Vec<TrackSid> = tracks.filter(|t| t.is_published).map(|t| t.sid.clone()).collect();
        for track in all {
            if let Err(error) = self.subscribe(id, &track) {
                tracing::debug!(?id, track = track.as_str(), ?error, "not subscribed");
            }
        }
    }

    /// Unsubscribes a member, without negotiating. Returns whether there was a subscription.
    pub(super) fn unsubscribe(&mut self, id: MemberId, sid: &TrackSid) -> bool {
        let owner = self.members.get(&id).and_then(|m| m.subscriptions.get(sid)).map(|s| s.owner);
        let Some(owner) = owner else { return false };
        self.end_subscription(id, sid);
        if let Some(track) = self.members.get_mut(&owner).and_then(|o| o.track_mut(sid)) {
            track.subscribers.remove(&id);
        }
        self.dynacast(owner, sid);
        true
    }

    /// Ends a subscription on the subscriber's side.
    pub(super) fn end_subscription(&mut self, id: MemberId, sid: &TrackSid) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.subscriptions.remove(sid);
        let was_bound = member.downlink.drop_track(sid);
        let connection = member.down();
        if was_bound {
            self.command(MediaCommand::Unsubscribe { connection, track: sid.clone() });
        }
    }

    /// A client, or the admin API for it, subscribes to tracks or unsubscribes.
    pub(super) fn update_subscription(&mut self, id: MemberId, tracks: &[TrackSid], subscribe: bool) {
        for track in tracks.iter().take(MAX_TRACKS) {
            let Some(member) = self.members.get_mut(&id) else { return };
            if !subscribe {
                if self.owners.contains_key(track) {
                    member.declined.insert(track.clone());
                }
                self.unsubscribe(id, track);
                continue;
            }
            member.declined.remove(track);
            match self.subscribe(id, track) {
                // It has been told.
                Ok(()) | Err(Error::SeCodecUnsupported) => {}
                Err(error) => drop(self.refuse_subscription(id, track, error)),
            }
        }
        self.forget_declined(id);
        self.negotiate(id);
    }

    /// Tells a client that it does not get a track. Returns the reason.
    fn refuse_subscription(&mut self, id: MemberId, track: &TrackSid, error: Error) -> Error {
        let response = lk::SubscriptionResponse { track_sid: track.to_string(), err: error as i32 };
        self.send(id, Message::SubscriptionResponse(response));
        error
    }

    /// Takes the codecs that a client can receive from its description. Subscriptions to others end.
    pub(super) fn note_received_codecs(&mut self, id: MemberId, m_lines: &[MLine]) {
        let receiving = m_lines.iter().filter(|m| m.kind == MediaKind::Video && m.is_receiving());
        let codecs: BTreeSet<Codec> = receiving.flat_map(|m| m.codecs.iter().copied()).collect();
        let Some(member) = self.members.get_mut(&id).filter(|_| !codecs.is_empty()) else { return };
        member.receives = Some(codecs);
        self.end_unreceivable(id);
    }

    /// A track has another codec now: subscriptions of those who cannot receive it end.
    pub(super) fn refuse_those_without_its_codec(&mut self, publisher: MemberId, track: &TrackSid) {
        let track = self.members.get(&publisher).and_then(|member| member.track(track));
        let subscribers: Vec<MemberId> = track.iter().flat_map(|t| t.subscribers.iter().copied()).collect();
        for subscriber in subscribers {
            self.end_unreceivable(subscriber);
        }
    }

    /// Ends the subscriptions of a client to tracks in codecs that it cannot receive.
    fn end_unreceivable(&mut self, id: MemberId) {
        let Some(member) = self.members.get(&id) else { return };
        let cannot = |(sid, s): &(&TrackSid, &Subscription)| {
            let track = self.members.get(&s.owner).and_then(|owner| owner.track(sid));
            track.is_some_and(|t| !member.can_receive(t.kind, t.codec))
        };
        let refused: Vec<TrackSid> = member.subscriptions.iter().filter(cannot).map(|(sid, _)| sid.clone()).collect();
        for sid in refused {
            self.unsubscribe(id, &sid);
            self.refuse_subscription(id, &sid, Error::SeCodecUnsupported);
        }
    }

    /// Drops declined tracks that have ended.
    fn forget_declined(&mut self, id: MemberId) {
        if let Some(member) = self.members.get_mut(&id) {
            member.declined.retain(|track| self.owners.contains_key(track));
        }
    }

    /// A client reports the size or quality in which it shows tracks, or that it hides them.
    pub(super) fn track_settings(&mut self, id: MemberId, settings: &lk::UpdateTrackSettings) {
        for sid in settings.track_sids.iter().take(MAX_TRACKS).map(|sid| TrackSid::from(sid.as_str())) {
            let Some(subscription) = self.members.get(&id).and_then(|m| m.subscriptions.get(&sid)).copied() else {
                continue;
            };
            let track = self.members.get(&subscription.owner).and_then(|o| o.track(&sid));
            let wanted = Subscription {
                layer: wanted_layer(track.map_or(&[], |t| t.layers()), settings),
                paused: settings.disabled || (settings.width == 0 && settings.quality == lk::VideoQuality::Off as i32),
                ..subscription
            };
            if wanted != subscription {
                self.set_subscription(id, &sid, wanted);
            }
        }
    }

    /// Pauses a track and keeps its layer: `track_sids_disabled` of a resume has no sizes.
    pub(super) fn pause(&mut self, id: MemberId, sid: &TrackSid) {
        if let Some(subscription) = self.members.get(&id).and_then(|m| m.subscriptions.get(sid)).copied() {
            self.set_subscription(id, sid, Subscription { paused: true, ..subscription });
        }
    }

    fn set_subscription(&mut self, id: MemberId, sid: &TrackSid, wanted: Subscription) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.subscriptions.insert(sid.clone(), wanted);
        if member.downlink.is_bound(sid) {
            self.send_preference(id, sid, wanted);
        }
        self.dynacast(wanted.owner, sid);
    }

    fn send_preference(&mut self, id: MemberId, sid: &TrackSid, wanted: Subscription) {
        let Some(connection) = self.members.get(&id).map(|m| m.down()) else { return };
        let Subscription { layer, paused, .. } = wanted;
        self.command(MediaCommand::Prefer { connection, track: sid.clone(), layer, paused });
    }

    /// A track got its m-line: sends the layer that was chosen before, unless it is the default.
    pub(super) fn send_preference_if_set(&mut self, id: MemberId, sid: &TrackSid) {
        let wanted = self.members.get(&id).and_then(|m| m.subscriptions.get(sid)).copied();
        if let Some(wanted) = wanted.filter(|s| !s.is_default()) {
            self.send_preference(id, sid, wanted);
        }
    }

    /// A publisher sets who may subscribe to its tracks.
    pub(super) fn set_sharing(&mut self, id: MemberId, mut sharing: lk::SubscriptionPermission) {
        sharing.track_permissions.truncate(MAX_GRANTS);
        let Some(owner) = self.members.get_mut(&id) else { return };
        owner.sharing = sharing;
        let (room, participant_sid) = (owner.room, owner.sid().to_owned());
        let tracks: Vec<TrackSid> = owner.tracks.iter().filter(|t| t.is_published).map(|t| t.sid.clone()).collect();
        for other in self.others_in(room, id) {
            let before = self.members.get(&other).map(|m| m.subscriptions.len());
            for track in &tracks {
                self.apply_sharing(id, &participant_sid, other, track);
            }
            if before != self.members.get(&other).map(|m| m.subscriptions.len()) {
                self.negotiate(other);
            }
        }
    }

    fn apply_sharing(&mut self, owner: MemberId, participant_sid: &str, other: MemberId, track: &TrackSid) {
        let (Some(o), Some(m)) = (self.members.get(&owner), self.members.get(&other)) else { return };
        let allowed = o.shares(track, m);
        let has = m.subscriptions.contains_key(track);
        match (allowed, has) {
            (false, true) => {
                self.unsubscribe(other, track);
                self.tell_sharing(other, participant_sid.to_owned(), track, false);
            }
            (true, false) if m.auto_subscribe => drop(self.subscribe(other, track)),
            (true, false) => self.tell_sharing(other, participant_sid.to_owned(), track, true),
            _ => {}
        }
    }

    /// Tells a member whether a publisher lets it subscribe to a track.
    fn tell_sharing(&mut self, id: MemberId, participant_sid: String, track: &TrackSid, allowed: bool) {
        let update = lk::SubscriptionPermissionUpdate { participant_sid, track_sid: track.to_string(), allowed };
        self.send(id, Message::SubscriptionPermissionUpdate(update));
    }

    /// The client has the m-lines of its video tracks: tells it once of each that it is sent. The lowest layer always is,
    /// so no track is ever told to be paused.
    pub(super) fn tell_streams(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let mut stream_states = Vec::new();
        for (sid, subscription) in &mut member.subscriptions {
            if subscription.told_active || !member.downlink.is_bound(sid) {
                continue;
            }
            subscription.told_active = true;
            stream_states.push((subscription.owner, sid.clone()));
        }
        let state = |(owner, sid): (MemberId, TrackSid)| {
            let owner = self.members.get(&owner)?;
            let is_video = owner.track(&sid)?.kind == MediaKind::Video;
            let (participant_sid, track_sid) = (owner.sid().to_owned(), sid.to_string());
            is_video.then_some(lk::StreamStateInfo {
                participant_sid,
                track_sid,
                state: lk::StreamState::Active.into(),
            })
        };
        let stream_states: Vec<_> = stream_states.into_iter().filter_map(state).collect();
        if !stream_states.is_empty() {
            self.send(id, Message::StreamStateUpdate(lk::StreamStateUpdate { stream_states }));
        }
    }

    /// Asks a publisher for the layers that are subscribed to: more at once, fewer after [`LOWER_AFTER`]. A single picture
    /// is all of them or none.
    pub(super) fn dynacast(&mut self, owner: MemberId, sid: &TrackSid) {
        let Some(track) = self.members.get(&owner).and_then(|o| o.track(sid)) else { return };
        if track.kind != MediaKind::Video || !track.is_published {
            return;
        }
        let is_single = !is_simulcast(&track.info);
        let subscriptions =
            track.subscribers.iter().filter_map(|m| self.members.get(m)).filter_map(|m| m.subscriptions.get(sid));
        let wanted = subscriptions
            .filter(|s| !s.paused)
            .map(|s| if is_single { ALL_LAYERS } else { s.layer + 1 })
            .max()
            .unwrap_or(0);
        let now = self.now;
        let Some(track) = self.members.get_mut(&owner).and_then(|o| o.track_mut(sid)) else { return };
        let dynacast = &mut track.dynacast;
        if wanted >= dynacast.requested {
            dynacast.lower_at = None;
        } else if dynacast.lower_at.is_none() {
            dynacast.lower_at = Some(now + LOWER_AFTER);
        }
        let is_due = wanted > dynacast.requested || dynacast.lower_at.is_some_and(|at| at <= now);
        if is_due {
            dynacast.requested = wanted;
            dynacast.lower_at = None;
            let codec = track.codec;
            self.send(owner, qualities(sid, codec, wanted));
        }
        self.set_dynacast_timer(owner);
    }

    fn set_dynacast_timer(&mut self, owner: MemberId) {
        let tracks = self.members.get(&owner).map(|o| o.tracks.as_slice()).unwrap_or_default();
        match tracks.iter().filter_map(|t| t.dynacast.lower_at).min() {
            Some(at) => self.timers.set(Timer::Dynacast(owner), at),
            None => self.timers.stop(Timer::Dynacast(owner)),
        }
    }

    pub(super) fn dynacast_due(&mut self, owner: MemberId) {
        for track in self.track_sids(owner) {
            self.dynacast(owner, &track);
        }
    }

    /// Repeats the request for layers after a resume.
    pub(super) fn repeat_dynacast(&mut self, owner: MemberId) {
        for sid in self.track_sids(owner) {
            let sent = self.members.get(&owner).and_then(|o| o.track(&sid)).filter(|t| t.kind == MediaKind::Video);
            if let Some((codec, requested)) = sent.filter(|t| t.is_published).map(|t| (t.codec, t.dynacast.requested)) {
                self.send(owner, qualities(&sid, codec, requested));
            }
        }
    }

    fn track_sids(&self, owner: MemberId) -> Vec<TrackSid> {
        self.members.get(&owner).map(|o| o.tracks.iter().map(|t| t.sid.clone()).collect()).unwrap_or_default()
    }

    /// Compares the client's state with the hub's after a resume.
    pub(super) fn sync_state(&mut self, id: MemberId, state: lk::SyncState) {
        let Some(member) = self.members.get(&id) else { return };
        let published = state.publish_tracks.iter().filter_map(|p| p.track.as_ref());
        let is_unknown = |t: &&lk::TrackInfo| member.track(&TrackSid::from(t.sid.as_str())).is_none();
        if let Some(lost) = published.filter(|t| !t.sid.is_empty()).find(is_unknown) {
            tracing::info!(user = %member.user, track = lost.sid, "a resumed client publishes an unknown track");
            return self.require_rejoin(id);
        }
        // The list contains the exceptions from `auto_subscribe`.
        if let Some(subscription) = state.subscription.filter(|s| s.subscribe != member.auto_subscribe) {
            let tracks = named_tracks(&subscription.track_sids, &subscription.participant_tracks);
            self.update_subscription(id, &tracks, subscription.subscribe);
        }
        for track in state.track_sids_disabled.iter().take(MAX_TRACKS) {
            self.pause(id, &TrackSid::from(track.as_str()));
        }
    }
}

/// Joins the two lists of tracks in a request.
pub(super) fn named_tracks(tracks: &[String], by_participant: &[lk::ParticipantTracks]) -> Vec<TrackSid> {
    let of_participants = by_participant.iter().flat_map(|p| &p.track_sids);
    tracks.iter().chain(of_participants).map(|sid| TrackSid::from(sid.as_str())).collect()
}

#[allow(deprecated)] // `set_simulcast` sets it
const fn is_simulcast(info: &lk::TrackInfo) -> bool {
    info.simulcast
}

/// The smallest layer that fills the size shown, else the requested quality, else the best.
fn wanted_layer(layers: &[lk::VideoLayer], settings: &lk::UpdateTrackSettings) -> u8 {
    let quality = if settings.width > 0 {
        let fills = layers.iter().filter(|l| l.width >= settings.width || l.height >= settings.height);
        fills.map(|l| l.quality).min().unwrap_or(Subscription::BEST.into())
    } else {
        settings.quality
    };
    u8::try_from(quality).unwrap_or(0).min(Subscription::BEST)
}

#[allow(deprecated)] // older clients read it
fn qualities(sid: &TrackSid, codec: Codec, layers: u8) -> Message {
    let qualities: Vec<_> =
        (0..3u8).map(|q| lk::SubscribedQuality { quality: q.into(), enabled: q < layers }).collect();
    Message::SubscribedQualityUpdate(lk::SubscribedQualityUpdate {
        track_sid: sid.to_string(),
        subscribed_qualities: qualities.clone(),
        subscribed_codecs: vec![lk::SubscribedCodec { codec: codec.as_str().into(), qualities }],
    })
}
