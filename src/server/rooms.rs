//! What the APIs do with rooms, in their own words: removing, ending, asking.

use super::driver::{HubHandle, Stopping};
use crate::base::{RoomId, UserId};
use crate::hub::{AdminAnswer, AdminCall, AdminError};
use livekit_protocol as lk;

/// The rooms of the server.
#[derive(Clone)]
pub(super) struct Rooms {
    pub(super) hub: HubHandle,
}

impl Rooms {
    /// Removes somebody, and makes the tokens they have useless. Whether they were there, or on their way back.
    pub(super) async fn remove(&self, room: &RoomId, user: &UserId) -> Result<bool, Stopping> {
        let call =
            lk::RoomParticipantIdentity { room: room.wire_name(), identity: user.to_string(), ..Default::default() };
        Ok(is_done(&self.hub.admin(AdminCall::RemoveParticipant(call)).await?))
    }

    /// Ends a room for everybody in it. Whether there was one.
    pub(super) async fn dismiss(&self, room: &RoomId) -> Result<bool, Stopping> {
        let call = lk::DeleteRoomRequest { room: room.wire_name() };
        Ok(is_done(&self.hub.admin(AdminCall::DeleteRoom(call)).await?))
    }

    /// Whether the room is open.
    pub(super) async fn exists(&self, room: &RoomId) -> Result<bool, Stopping> {
        let call = lk::ListRoomsRequest { names: vec![room.wire_name()] };
        let answer = self.hub.admin(AdminCall::ListRooms(call)).await?;
        Ok(matches!(answer.as_deref(), Ok(AdminAnswer::Rooms(list)) if !list.rooms.is_empty()))
    }
}

/// The hub refuses these calls only because there is nobody of that name.
const fn is_done(answer: &Result<Box<AdminAnswer>, AdminError>) -> bool {
    answer.is_ok()
}
