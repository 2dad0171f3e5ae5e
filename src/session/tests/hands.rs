//! Raised hands and reactions: what is sent, what others show, and what an outage does to both.

use super::*;
use crate::base::{Reaction, UserId, Withheld};
use crate::proto::{hand, reaction};
use lk::data_packet::Value;
use lk::participant_info::State;
use lk::request_response::Reason;
use lk::signal_request::Message as Request;
use prost::Message as _;

const RAISED: &str = "2025-11-23T14:32:07.312Z";
const RAISED_MS: i64 = 1_763_908_327_312;

fn with_hand(info: lk::ParticipantInfo, raised_at_ms: Option<i64>) -> lk::ParticipantInfo {
    let attributes = hand::attributes(raised_at_ms).into_iter().filter(|(_, value)| !value.is_empty()).collect();
    lk::ParticipantInfo { attributes, ..info }
}

fn me(raised_at_ms: Option<i64>) -> lk::ParticipantInfo {
    with_hand(lk::ParticipantInfo { sid: ME.into(), identity: "me".into(), ..Default::default() }, raised_at_ms)
}

fn somebody(name: &str, raised_at_ms: Option<i64>) -> lk::ParticipantInfo {
    with_hand(person(name, State::Active, None), raised_at_ms)
}

impl World {
    fn raise(&mut self, at_ms: Option<i64>) {
        self.give(Input::RaiseHand(at_ms));
    }

    /// The server shows our own participant.
    fn show(&mut self, raised_at_ms: Option<i64>) {
        self.message(update(vec![me(raised_at_ms)]));
    }

    /// The requests to change our hand since the last call of this: their ids, and the time that they write.
    fn hand_requests(&mut self) -> Vec<(u32, String)> {
        let request = |message| match message {
            Request::UpdateMetadata(mut update) => {
                assert!(update.name.is_empty() && update.metadata.is_empty(), "{update:?}");
                Some((update.request_id, update.attributes.remove("handRaisedAt").expect("the attribute")))
            }
            _ => None,
        };
        std::mem::take(&mut self.sent).into_iter().filter_map(request).collect()
    }

    fn is_up(&self) -> bool {
        self.session.raised_hands().contains(&None)
    }

    fn lowered(&mut self) -> Vec<Withheld> {
        let lowered = |event| if let EventKind::HandLowered { reason } = event { Some(reason) } else { None };
        std::mem::take(&mut self.events).into_iter().filter_map(lowered).collect()
    }

    /// Who is told to have raised or lowered a hand.
    fn told(&mut self) -> Vec<(String, bool)> {
        let told = |event| match event {
            EventKind::HandRaised { user, raised, .. } => Some((user.to_string(), raised)),
            _ => None,
        };
        std::mem::take(&mut self.events).into_iter().filter_map(told).collect()
    }

    fn refuse(&mut self, request_id: u32, reason: Reason) {
        let response = lk::RequestResponse { request_id, reason: reason as i32, ..Default::default() };
        self.message(Response::RequestResponse(response));
    }

    /// The reactions that were sent since the last call of this.
    fn reactions(&mut self) -> Vec<Reaction> {
        let sent = |command| match command {
            PeerCommand::SendData { payload, .. } => {
                let packet = lk::DataPacket::decode(payload).expect("a packet");
                assert!(packet.destination_identities.is_empty(), "it is for everybody");
                packet.value.as_ref().and_then(reaction::decode)
            }
            _ => None,
        };
        std::mem::take(&mut self.commands).into_iter().filter_map(sent).collect()
    }

    fn hear_reaction(&mut self, from: &str, value: Value) {
        let packet = lk::DataPacket { participant_identity: from.into(), value: Some(value), ..Default::default() };
        let payload = packet.encode_to_vec().into();
        self.give(Input::Peers(self.epoch, PeerInput::Data { payload, unix_ms: 2 }));
    }
}

#[test]
fn our_hand_is_an_attribute_of_ours_and_a_host_may_lower_it() {
    let mut w = World::entered();
    w.hand_requests();
    w.raise(Some(RAISED_MS));
    assert_eq!(w.hand_requests(), [(1, RAISED.to_owned())]);
    assert!(w.is_up(), "shown at once");
    w.raise(Some(RAISED_MS + 5000));
    assert_eq!(w.hand_requests(), [], "it is up");
    w.show(None);
    assert!(w.is_up(), "an update from before the request");
    w.show(Some(RAISED_MS));
    w.raise(None);
    assert_eq!(w.hand_requests(), [(2, String::new())]);
    w.show(Some(RAISED_MS));
    assert!(!w.is_up(), "an update from before the request");
    w.show(None);
    w.raise(Some(RAISED_MS + 1));
    w.show(Some(RAISED_MS + 1));
    assert_eq!(w.lowered(), [], "all that was our own doing");
    w.show(None);
    assert_eq!((w.is_up(), w.lowered()), (false, vec![Withheld::Host]));
    w.show(None);
    assert_eq!(w.lowered(), []);
}

#[test]
fn a_hand_that_the_server_refuses_is_down_again() {
    for (reason, why) in [(Reason::NotAllowed, Withheld::NotAllowed), (Reason::LimitExceeded, Withheld::Refused)] {
        let mut w = World::entered();
        w.raise(Some(RAISED_MS));
        w.refuse(7, reason);
        w.refuse(1, Reason::Ok);
        assert!(w.is_up(), "an answer to something else, and one that agrees");
        w.refuse(1, reason);
        assert_eq!((w.is_up(), w.lowered()), (false, vec![why]));
    }
}

#[test]
fn a_request_that_got_lost_with_the_link_is_repeated() {
    let mut w = World::entered();
    w.hand_requests();
    w.raise(Some(RAISED_MS));
    assert_eq!(w.hand_requests().len(), 1);
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(100);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)));
    assert_eq!(w.hand_requests(), [(2, RAISED.to_owned())]);
    w.show(Some(RAISED_MS));
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.raise(None);
    assert_eq!(w.hand_requests(), [], "not before the connection is back");
    w.run(1000);
    assert_eq!(w.hand_requests(), [(3, String::new())]);
    assert!(!w.is_up());
}

#[test]
fn a_hand_that_a_host_lowers_during_an_outage_is_down() {
    let mut w = World::entered();
    w.raise(Some(RAISED_MS));
    w.show(Some(RAISED_MS));
    w.hand_requests();
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(20);
    w.show(None);
    w.run(1000);
    assert_eq!((w.is_up(), w.lowered(), w.hand_requests()), (false, vec![Withheld::Host], vec![]));
}

#[test]
fn a_fresh_join_takes_the_hand_along() {
    let mut w = World::entered();
    w.raise(Some(RAISED_MS));
    w.show(Some(RAISED_MS));
    w.hand_requests();
    w.message(leave(lk::DisconnectReason::ConnectionTimeout));
    w.run(200);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)));
    assert_eq!(w.hand_requests(), [(2, RAISED.to_owned())]);
    assert_eq!((w.is_up(), w.lowered()), (true, vec![]));
    w.give(Input::Exit(ExitRequestedBy::User));
    w.raise(Some(RAISED_MS));
    assert!(!w.is_up(), "nothing is left of it");
    w.exit();
    assert_eq!(w.hand_requests(), []);
}

#[test]
fn hands_are_told_once_and_stand_in_the_order_of_raising() {
    let mut w = World::entered();
    w.message(update(vec![somebody("mina", None), somebody("tom", Some(30))]));
    assert_eq!(w.told(), [("tom".to_owned(), true)], "it was up before");
    w.message(update(vec![somebody("mina", Some(20)), somebody("tom", Some(30))]));
    assert_eq!(w.told(), [("mina".to_owned(), true)]);
    w.raise(Some(25));
    let raised = |name: &str| lk::ParticipantInfo {
        attributes: [("handRaised".to_owned(), "true".to_owned())].into(),
        ..person(name, State::Active, None)
    };
    w.message(update(vec![raised("ana")]));
    let hands: Vec<Option<String>> = w.session.raised_hands().into_iter().map(|u| u.map(UserId::to_string)).collect();
    let expected = [Some("mina"), None, Some("tom"), Some("ana")].map(|name| name.map(str::to_owned));
    assert_eq!(hands, expected, "one without a time is the last");
    w.told();
    w.message(update(vec![somebody("tom", None)]));
    w.message(update(vec![person("mina", State::Disconnected, None)]));
    assert_eq!(w.told(), [("tom".to_owned(), false)], "that somebody has left says enough");
    assert_eq!(w.session.raised_hands().len(), 2);
}

#[test]
fn reactions_of_people_in_the_room_are_told() {
    let mut w = World::entered();
    w.message(update(vec![person("mina", State::Active, None)]));
    w.events.clear();
    w.hear_reaction("mina", reaction::encode(Reaction::Party));
    w.hear_reaction("ghost", reaction::encode(Reaction::Heart));
    w.hear_reaction("me", reaction::encode(Reaction::Heart));
    let told =
        EventKind::Reaction { user: "mina".parse().expect("a user"), name: "mina".into(), reaction: Reaction::Party };
    assert_eq!(w.events, [told]);
}

#[test]
fn a_reaction_is_for_now() {
    let mut w = World::entered();
    w.give(Input::React(Reaction::ThumbsUp));
    assert_eq!(w.reactions(), [Reaction::ThumbsUp]);
    // What is not acknowledged would be repeated after the resume.
    w.give(Input::Peers(w.epoch, PeerInput::DataAcknowledged(1)));
    w.give(Input::Peers(w.epoch, PeerInput::Down(SignalTarget::Publisher)));
    w.give(Input::React(Reaction::Heart));
    w.give(Input::Peers(w.epoch, PeerInput::Up(SignalTarget::Publisher)));
    assert_eq!(w.reactions(), [], "the moment is over");
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.give(Input::React(Reaction::Heart));
    w.run(1000);
    assert_eq!(w.reactions(), []);
    w.give(Input::React(Reaction::Heart));
    assert_eq!(w.reactions(), [Reaction::Heart]);
}
