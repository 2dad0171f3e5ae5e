//! The admin API: LiveKit's RoomService.

use super::config::{METADATA_BYTES, NAME_BYTES};
use super::member::{Member, RoomNo};
use super::subscribe::named_tracks;
use super::{AdminAnswer, AdminCall, AdminError, Hub, MemberId};
use crate::base::TrackSid;
use crate::proto::room_settings::RoomSettings;
use crate::proto::standing;
use livekit_protocol as lk;
use lk::signal_response::Message;

impl Hub {
    pub(super) fn admin(&mut self, call: AdminCall) -> Result<AdminAnswer, AdminError> {
        match call {
            AdminCall::CreateRoom(request) => self.create_room(request).map(AdminAnswer::Room),
            AdminCall::ListRooms(request) => Ok(AdminAnswer::Rooms(self.list_rooms(&request))),
            AdminCall::DeleteRoom(request) => {
                let found = self.dismiss(&request.room);
                found.then_some(AdminAnswer::Deleted(lk::DeleteRoomResponse {})).ok_or(AdminError::NoRoom)
            }
            AdminCall::ListParticipants(request) => {
                Ok(AdminAnswer::Participants(self.list_participants(&request.room)))
            }
            AdminCall::GetParticipant(who) => {
                self.find(&who.room, &who.identity).map(Member::info).map(AdminAnswer::Participant)
            }
            AdminCall::RemoveParticipant(who) => self.remove_participant(&who),
            AdminCall::MutePublishedTrack(request) => self.mute_published(&request).map(AdminAnswer::Muted),
            AdminCall::UpdateParticipant(request) => self.update_participant(request).map(AdminAnswer::Participant),
            AdminCall::UpdateSubscriptions(request) => self.update_subscriptions(request),
            AdminCall::SendData(request) => {
                let room = self.find_room(&request.room)?;
                let sent = self.send_data(room, request).map(|()| AdminAnswer::DataSent(lk::SendDataResponse {}));
                sent.map_err(|why| AdminError::Invalid(why.into()))
            }
            AdminCall::UpdateRoomMetadata(request) => self.update_room_metadata(request).map(AdminAnswer::Room),
        }
    }

    fn find_room(&self, name: &str) -> Result<RoomNo, AdminError> {
        self.names.get(name).copied().ok_or(AdminError::NoRoom)
    }

    fn find(&self, room: &str, identity: &str) -> Result<&Member, AdminError> {
        let room = self.names.get(room).and_then(|no| self.rooms.get(no)).ok_or(AdminError::NoParticipant)?;
        let mut members = room.members.iter().filter_map(|id| self.members.get(id));
        members.find(|m| m.user.as_str() == identity).ok_or(AdminError::NoParticipant)
    }

    fn create_room(&mut self, request: lk::CreateRoomRequest) -> Result<lk::Room, AdminError> {
        if request.name.is_empty() || request.name.len() > NAME_BYTES || request.metadata.len() > METADATA_BYTES {
            return Err(AdminError::Invalid("the name is missing, or name or metadata are too long".into()));
        }
        if request.egress.is_some() {
            return Err(AdminError::Unsupported("this server records and streams no rooms (egress)".into()));
        }
        if let Some(room) = self.names.get(&request.name).and_then(|no| self.rooms.get(no)) {
            return Ok(self.room_info(room));
        }
        if self.rooms.len() >= self.config.max_rooms || self.is_stopping {
            return Err(AdminError::Precondition("no more rooms are possible".into()));
        }
        let no = self.open_room(lk::Room {
            name: request.name,
            metadata: request.metadata,
            max_participants: request.max_participants,
            empty_timeout: request.empty_timeout,
            departure_timeout: request.departure_timeout,
            ..Default::default()
        });
        self.rooms.get(&no).map(|room| self.room_info(room)).ok_or(AdminError::NoRoom)
    }

    fn list_rooms(&self, request: &lk::ListRoomsRequest) -> lk::ListRoomsResponse {
        let named = |room: &&super::Room| request.names.is_empty() || request.names.contains(&room.info.name);
        lk::ListRoomsResponse { rooms: self.rooms.values().filter(named).map(|room| self.room_info(room)).collect() }
    }

    fn list_participants(&self, room: &str) -> lk::ListParticipantsResponse {
        let members = self.names.get(room).map(|no| self.members_in(*no)).unwrap_or_default();
        let participants = members.iter().filter_map(|id| self.members.get(id)).map(Member::info).collect();
        lk::ListParticipantsResponse { participants }
    }

    fn remove_participant(&mut self, who: &lk::RoomParticipantIdentity) -> Result<AdminAnswer, AdminError> {
        let user = who.identity.parse().map_err(|_| AdminError::NoParticipant)?;
        let removed = self.remove_user(&who.room, &user, who.revoke_token_ts);
        removed.then_some(AdminAnswer::Removed(lk::RemoveParticipantResponse {})).ok_or(AdminError::NoParticipant)
    }

    fn mute_published(&mut self, request: &lk::MuteRoomTrackRequest) -> Result<lk::MuteRoomTrackResponse, AdminError> {
        let member = self.find(&request.room, &request.identity)?;
        let sid = TrackSid::from(request.track_sid.as_str());
        let (id, track) = (member.id, member.track(&sid).ok_or(AdminError::NoTrack)?);
        if track.info.muted && !request.muted {
            return Err(AdminError::Precondition("remote unmute not enabled".into()));
        }
        let muted = request.muted;
        self.send(id, Message::Mute(lk::MuteTrackRequest { sid: sid.to_string(), muted }));
        self.set_muted(id, &sid, muted);
        let track = self.members.get(&id).and_then(|m| m.track(&sid)).map(|t| t.info.clone());
        Ok(lk::MuteRoomTrackResponse { track })
    }

    fn update_participant(
        &mut self,
        mut request: lk::UpdateParticipantRequest,
    ) -> Result<lk::ParticipantInfo, AdminError> {
        let member = self.find(&request.room, &request.identity)?;
        let id = member.id;
        let is_let_in = member.waiting.is_some()
            && (standing::lets_in(&request.attributes) || request.permission.as_ref().is_some_and(|p| !p.hidden));
        if member.waiting.is_some() {
            // It gets the permission of its token when it is let in.
            request.permission = None;
        }
        request
            .attributes
            .retain(|key, value| !standing::is_reserved(key) || standing::host() == (key.clone(), value.clone()));
        let before = request.permission.as_ref().and_then(|_| self.members.get(&id)).map(|m| m.permission.clone());
        if let (Some(permission), Some(member)) = (request.permission, self.members.get_mut(&id)) {
            member.permission = permission;
        }
        if !self.set_metadata(id, request.name, request.metadata, request.attributes) {
            if let (Some(before), Some(member)) = (before, self.members.get_mut(&id)) {
                member.permission = before;
            }
            return Err(AdminError::Invalid("the name, metadata or attributes are too long".into()));
        }
        if let Some(before) = before {
            self.apply_permission(id, &before);
        }
        if is_let_in {
            self.admit(id);
        }
        self.renew_token(id);
        self.find(&request.room, &request.identity).map(Member::info)
    }

    /// Ends tracks and subscriptions that a new permission forbids, and starts subscriptions that it allows.
    pub(super) fn apply_permission(&mut self, id: MemberId, before: &lk::ParticipantPermission) {
        let Some(member) = self.members.get(&id) else { return };
        let permission = &member.permission;
        let may_send = |source: i32| {
            let sources = &permission.can_publish_sources;
            permission.can_publish && (sources.is_empty() || sources.contains(&source))
        };
        let cut: Vec<TrackSid> =
            member.tracks.iter().filter(|t| !may_send(t.info.source)).map(|t| t.sid.clone()).collect();
        let (could, can) = (before.can_subscribe, permission.can_subscribe);
        let subscriptions: Vec<TrackSid> = member.subscriptions.keys().cloned().collect();
        self.revoke_tracks(id, &cut);
        if could && !can {
            for track in &subscriptions {
                self.unsubscribe(id, track);
            }
        } else if can && !could {
            self.subscribe_to_all(id);
        }
        self.negotiate(id);
    }

    fn revoke_tracks(&mut self, id: MemberId, cut: &[TrackSid]) {
        if cut.is_empty() {
            return;
        }
        if let Some(member) = self.members.get_mut(&id) {
            for track in member.tracks.iter().filter(|track| cut.contains(&track.sid)) {
                member.uplink.end(track.announced());
            }
        }
        let gone = self.remove_tracks(id, cut);
        for track in &gone {
            let track_sid = track.info.sid.clone();
            self.send(id, Message::TrackUnpublished(lk::TrackUnpublishedResponse { track_sid }));
        }
        self.broadcast_info(id);
        for track in &gone {
            self.unpublish(track);
            for subscriber in &track.subscribers {
                self.negotiate(*subscriber);
            }
        }
    }

    fn update_subscriptions(&mut self, request: lk::UpdateSubscriptionsRequest) -> Result<AdminAnswer, AdminError> {
        let id = self.find(&request.room, &request.identity)?.id;
        let tracks = named_tracks(&request.track_sids, &request.participant_tracks);
        self.update_subscription(id, &tracks, request.subscribe);
        Ok(AdminAnswer::Subscriptions(lk::UpdateSubscriptionsResponse {}))
    }

    fn update_room_metadata(&mut self, request: lk::UpdateRoomMetadataRequest) -> Result<lk::Room, AdminError> {
        let no = self.find_room(&request.room)?;
        if request.metadata.len() > METADATA_BYTES {
            return Err(AdminError::Invalid("the metadata is too long".into()));
        }
        let Some(room) = self.rooms.get_mut(&no) else { return Err(AdminError::NoRoom) };
        room.info.metadata = request.metadata;
        let before = std::mem::replace(&mut room.settings, RoomSettings::read(&room.info.metadata));
        let Some(room) = self.rooms.get(&no) else { return Err(AdminError::NoRoom) };
        let info = self.room_info(room);
        self.broadcast(no, &Message::RoomUpdate(lk::RoomUpdate { room: Some(info.clone()) }));
        self.door_changed(no, &before);
        Ok(info)
    }
}
