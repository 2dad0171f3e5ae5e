//! Raised hands, and reactions.
//!
//! A hand is an attribute of its participant at the server. Ours is what the user wants until the server shows it: a
//! request that got lost with the connection is repeated after it. Once it is shown, the server's word counts: a host may lower it.

use super::{Output, Phase, Session};
use crate::base::{EventKind, RaisedHand, Reaction, UserId, Withheld};
use crate::proto::hand;
use livekit_protocol as lk;
use lk::request_response::Reason;
use lk::signal_request::Message as Request;

/// Our own hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct OwnHand {
    raised: Option<RaisedHand>,
    /// Whether the server has not shown it yet as it is.
    is_unanswered: bool,
    /// The id of the last request.
    request: u32,
}

impl Session {
    /// Everybody whose hand is up, in the order of raising, the same for all; `None` is us. Hands without a time come last.
    pub fn raised_hands(&self) -> Vec<Option<&UserId>> {
        let others = self.roster.people().iter().filter_map(|p| Some((p.hand?, Some(&p.user))));
        let mut hands: Vec<_> = others.chain(self.own_hand.raised.map(|hand| (hand, None))).collect();
        let order = |(hand, user): &(RaisedHand, Option<&UserId>)| {
            (hand.at_ms.unwrap_or(i64::MAX), user.map_or(self.roster.me(), UserId::as_str).to_owned())
        };
        hands.sort_by_cached_key(order);
        hands.into_iter().map(|(_, user)| user).collect()
    }

    /// The user raises the hand at this time (Unix ms), or lowers it.
    pub(super) fn raise_hand(&mut self, at_ms: Option<i64>) {
        let is_in_room = matches!(self.phase, Phase::InRoom(_) | Phase::Reconnecting(_)) && !self.room.is_waiting();
        if is_in_room && at_ms.is_some() != self.own_hand.raised.is_some() {
            self.own_hand.raised = at_ms.map(|at_ms| RaisedHand { at_ms: Some(at_ms) });
            self.own_hand.is_unanswered = true;
            self.send_hand();
        }
    }

    /// Sends what the server has not shown yet.
    pub(super) fn send_hand(&mut self) {
        if !self.own_hand.is_unanswered || !matches!(self.phase, Phase::InRoom(_)) {
            return;
        }
        self.own_hand.request += 1;
        let attributes = hand::attributes(self.own_hand.raised.and_then(|hand| hand.at_ms));
        let request_id = self.own_hand.request;
        self.send(Request::UpdateMetadata(lk::UpdateParticipantMetadata {
            attributes,
            request_id,
            ..Default::default()
        }));
    }

    /// Takes our own participant. `is_new_stay`: as the response to a join shows it.
    pub(super) fn own_hand_shown(&mut self, me: &lk::ParticipantInfo, is_new_stay: bool) {
        let shown = hand::read(&me.attributes);
        let own = &mut self.own_hand;
        if shown == own.raised {
            own.is_unanswered = false;
        } else if is_new_stay && matches!(self.phase, Phase::Reconnecting(_)) {
            // The server has forgotten the stay in which it was raised or lowered.
            own.is_unanswered = true;
        } else if !own.is_unanswered {
            let is_lowered = own.raised.is_some() && shown.is_none();
            own.raised = shown;
            if is_lowered {
                self.tell_lowered(Withheld::Host);
            }
        }
    }

    /// The server has refused a request of ours to change our hand.
    pub(super) fn hand_refused(&mut self, response: &lk::RequestResponse) {
        let why = match response.reason() {
            Reason::Ok | Reason::Queued => return,
            Reason::NotAllowed => Withheld::NotAllowed,
            _ => Withheld::Refused,
        };
        if self.own_hand.is_unanswered && response.request_id == self.own_hand.request {
            tracing::info!(reason = response.message, "the server does not let us raise a hand");
            let was_raised = self.own_hand.raised.take().is_some();
            self.own_hand.is_unanswered = false;
            if was_raised {
                self.tell_lowered(why);
            }
        }
    }

    fn tell_lowered(&mut self, reason: Withheld) {
        self.out.push_back(Output::Event(EventKind::HandLowered { reason }));
    }

    /// Somebody else reacts. Whoever is not in the room does not.
    pub(super) fn reacted(&mut self, sender: &str, reaction: Reaction) {
        let user = UserId::of_participant(sender);
        if let Some(name) = self.roster.person(&user).map(|p| p.name.clone()) {
            self.out.push_back(Output::Event(EventKind::Reaction { user, name, reaction }));
        }
    }
}
