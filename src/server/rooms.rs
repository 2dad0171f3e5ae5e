//! What the APIs do with rooms, in their own words: removing, ending, asking.

use super::engine::{Engine, Unavailable};
use crate::base::{RoomId, UserId};
use crate::hub::{AdminAnswer, AdminCall, AdminResult};
use livekit_protocol as lk;

/// The rooms of the server.
#[derive(Clone)]
pub(super) struct Rooms {
    pub(super) engine: Engine,
}

impl Rooms {
    /// Removes somebody, and makes the tokens they have useless. Whether they were there, or on their way back.
    pub(super) async fn remove(&self, room: &RoomId, user: &UserId) -> Result<bool, Unavailable> {
        let call =
            lk::RoomParticipantIdentity { room: room.wire_name(), identity: user.to_string(), ..Default::default() };
        Ok(is_done(&self.engine.admin(AdminCall::RemoveParticipant(call)).await?))
    }

    /// Ends a room for everybody in it. Whether there was one.
    pub(super) async fn dismiss(&self, room: &RoomId) -> Result<bool, Unavailable> {
        let call = lk::DeleteRoomRequest { room: room.wire_name() };
        Ok(is_done(&self.engine.admin(AdminCall::DeleteRoom(call)).await?))
    }

    /// Whether the room is open.
    pub(super) async fn exists(&self, room: &RoomId) -> Result<bool, Unavailable> {
        Ok(self.people(room).await?.is_some())
    }

    /// How many people are in the room; `None` if it is not open.
    pub(super) async fn people(&self, room: &RoomId) -> Result<Option<u32>, Unavailable> {
        let call = lk::ListRoomsRequest { names: vec![room.wire_name()] };
        let answer = self.engine.admin(AdminCall::ListRooms(call)).await?;
        let Ok(AdminAnswer::Rooms(list)) = answer.as_deref() else { return Ok(None) };
        Ok(list.rooms.first().map(|room| room.num_participants))
    }
}

/// The engine refuses these calls only because there is nobody of that name.
const fn is_done(answer: &AdminResult) -> bool {
    answer.is_ok()
}
