//! What a host does with the door and with hands, and what everybody sees of the hands.

use super::{ROOM, Stage, UNIX_MS};
use crate::base::{Moment, UserId};
use crate::hub::AdminCall;
use crate::session::Input;
use livekit_protocol as lk;

impl Stage {
    /// A host sets the door of the room.
    pub fn set_door(&mut self, settings: &str) {
        let metadata = format!(r#"{{"visavis":{settings}}}"#);
        self.admin(AdminCall::UpdateRoomMetadata(lk::UpdateRoomMetadataRequest { room: ROOM.into(), metadata }));
    }

    /// A host lets a user in.
    pub fn let_in(&mut self, user: &str) {
        self.admin(AdminCall::UpdateParticipant(lk::UpdateParticipantRequest {
            room: ROOM.into(),
            identity: user.into(),
            attributes: [("visavis.waiting".to_owned(), String::new())].into(),
            ..Default::default()
        }));
    }

    /// The user raises the hand, or lowers it.
    pub fn raise_hand(&mut self, who: usize, up: bool) {
        let at_ms = UNIX_MS + self.now.millis_since(Moment::ZERO) as i64;
        self.input(who, Input::RaiseHand(up.then_some(at_ms)));
    }

    /// The host lowers a user's hand.
    pub fn lower_hand(&mut self, user: &str) {
        let attributes = [("handRaisedAt".to_owned(), String::new())].into();
        let (room, identity) = (ROOM.into(), user.into());
        self.admin(AdminCall::UpdateParticipant(lk::UpdateParticipantRequest {
            room,
            identity,
            attributes,
            ..Default::default()
        }));
    }

    /// Those whose hands are up, as a participant sees them, in order.
    pub fn hands(&self, who: usize) -> Vec<String> {
        let person = &self.people[who];
        let user = |hand: Option<&UserId>| hand.unwrap_or(&person.user).to_string();
        person.session.raised_hands().into_iter().map(user).collect()
    }

    /// Everybody who is in the room sees the same hands.
    pub fn check_hands(&self, here: &[usize]) {
        for who in here {
            assert_eq!(self.hands(*who), self.hands(here[0]), "hands that p{who} sees (left), p{} (right)", here[0]);
        }
    }
}
