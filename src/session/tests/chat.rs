//! The chat: what is sent, what arrives, and what an outage does to both.

use super::*;
use crate::base::{Delivery, UserId};
use crate::proto::chat::encode;
use lk::data_packet::Value;
use lk::participant_info::State;
use prost::Message as _;

/// In the room, with people of this client protocol.
fn room_with(people: &[(&str, i32)]) -> World {
    let mut w = World::entered();
    let info = |(name, client_protocol): &(&str, i32)| lk::ParticipantInfo {
        client_protocol: *client_protocol,
        ..person(name, State::Active, None)
    };
    w.message(update(people.iter().map(info).collect()));
    w.commands.clear();
    w.events.clear();
    w
}

impl World {
    fn say(&mut self, id: &str, to: Option<&str>, text: &str) {
        let to = to.map(|user| user.parse::<UserId>().expect("a user"));
        self.give(Input::SendMessage(Outgoing { id: id.into(), to, text: text.into(), unix_ms: 1 }));
    }

    /// The packets that were sent since the last call of this.
    fn packets(&mut self) -> Vec<lk::DataPacket> {
        let packet = |command| match command {
            PeerCommand::SendData { sequence, payload } => {
                let packet = lk::DataPacket::decode(payload).expect("a packet");
                assert_eq!(packet.sequence, sequence);
                Some(packet)
            }
            _ => None,
        };
        std::mem::take(&mut self.commands).into_iter().filter_map(packet).collect()
    }

    /// Sequence numbers and stream ids of the packets since the last call of this.
    fn sent_streams(&mut self) -> Vec<(u32, String)> {
        self.packets().into_iter().map(|p| (p.sequence, stream_id(&p).to_owned())).collect()
    }

    fn hear(&mut self, from: &str, to: &[&str], sequence: u32, value: Value) {
        let packet = lk::DataPacket {
            participant_identity: from.into(),
            participant_sid: format!("PA_{from}"),
            destination_identities: to.iter().map(|s| (*s).to_owned()).collect(),
            sequence,
            value: Some(value),
            ..Default::default()
        };
        let payload = packet.encode_to_vec().into();
        self.give(Input::Peers(self.epoch, PeerInput::Data { payload, unix_ms: 2 }));
    }

    fn acknowledge(&mut self, sequence: u32) {
        self.give(Input::Peers(self.epoch, PeerInput::DataAcknowledged(sequence)));
    }

    /// The texts of the chat with their delivery.
    fn chat(&self) -> Vec<(&str, Delivery)> {
        self.session.messages().iter().map(|m| (&*m.text, m.delivery)).collect()
    }

    fn heard(&self) -> Vec<(String, String, bool)> {
        let heard = |e: &EventKind| match e {
            EventKind::ChatMessage { user, text, private } => Some((user.to_string(), text.clone(), *private)),
            _ => None,
        };
        self.events.iter().filter_map(heard).collect()
    }
}

fn stream_id(packet: &lk::DataPacket) -> &str {
    match &packet.value {
        Some(Value::StreamHeader(h)) => &h.stream_id,
        Some(Value::StreamChunk(c)) => &c.stream_id,
        Some(Value::StreamTrailer(t)) => &t.stream_id,
        other => panic!("no stream: {other:?}"),
    }
}

/// A whole text in one packet.
fn text(id: &str, text: &str) -> Value {
    encode(id, 1, text, true).remove(0)
}

#[test]
fn a_message_has_the_form_that_its_receivers_read() {
    for (people, to, packets) in [
        (&[("mina", 2), ("tom", 2)][..], None, 1),
        (&[("mina", 2), ("tom", 0)], None, 3),
        (&[("mina", 2), ("tom", 0)], Some("mina"), 1),
        (&[], None, 3),
    ] {
        let mut w = room_with(people);
        w.say("1", to, " hello \n");
        let sent = w.packets();
        assert_eq!(sent.len() as u32, packets, "{people:?} to {to:?}");
        let named: Vec<&str> = sent[0].destination_identities.iter().map(String::as_str).collect();
        assert_eq!(named, to.into_iter().collect::<Vec<_>>());
        assert_eq!(w.chat(), [("hello", Delivery::UnderWay)], "shown at once");
        w.acknowledge(packets - 1);
        assert_eq!(w.chat(), [("hello", Delivery::UnderWay)], "its last packet is still on the way");
        w.acknowledge(packets);
        assert_eq!(w.chat(), [("hello", Delivery::Sent)]);
    }
}

#[test]
fn what_was_written_during_an_outage_is_sent_once_after_the_resume() {
    for server_has in 0..=3 {
        let mut w = room_with(&[("mina", 2)]);
        for id in ["a", "b", "c"] {
            w.say(id, None, id);
        }
        w.acknowledge(1);
        w.packets();
        w.give(Input::Link(w.epoch, LinkInput::Lost));
        w.say("d", None, "d");
        let waits =
            [("a", Delivery::Sent), ("b", Delivery::Waiting), ("c", Delivery::Waiting), ("d", Delivery::Waiting)];
        assert_eq!(w.chat(), waits);
        w.run(5);
        let response = lk::ReconnectResponse { last_message_seq: server_has, ..Default::default() };
        w.give(Input::Link(w.epoch, LinkInput::Resumed(Box::new(response))));
        assert_eq!(w.packets(), [], "not before the media path is there");
        w.give(Input::Peers(w.epoch, PeerInput::Up(SignalTarget::Publisher)));
        let again = [(2, "b"), (3, "c")].into_iter().filter(|(sequence, _)| *sequence > server_has);
        let expected: Vec<(u32, String)> = again.chain([(4, "d")]).map(|(n, id)| (n, id.to_owned())).collect();
        assert_eq!(w.sent_streams(), expected, "the server has {server_has}");
        w.acknowledge(4);
        assert!(w.chat().iter().all(|(_, delivery)| *delivery == Delivery::Sent));
    }
}

#[test]
fn after_a_fresh_join_what_was_not_acknowledged_is_sent_again_under_its_id() {
    let mut w = room_with(&[("mina", 2)]);
    for id in ["a", "b"] {
        w.say(id, None, id);
    }
    w.acknowledge(1);
    w.packets();
    w.message(leave(lk::DisconnectReason::ConnectionTimeout));
    w.say("c", None, "c");
    w.run(200);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)));
    let streams: Vec<_> = w.packets().iter().map(|p| (p.sequence, stream_id(p).to_owned())).collect();
    let starts: Vec<&str> = streams.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(starts, ["b", "b", "b", "c", "c", "c"], "as nobody is there, in the form that all read");
    assert_eq!(streams[0].0, 1, "the server counts anew");
}

#[test]
fn a_lost_media_path_holds_messages_back_until_it_returns() {
    let mut w = room_with(&[("mina", 2)]);
    w.say("a", None, "a");
    w.give(Input::Peers(w.epoch, PeerInput::Down(SignalTarget::Publisher)));
    w.say("b", None, "b");
    assert_eq!(w.chat(), [("a", Delivery::Waiting), ("b", Delivery::Waiting)]);
    w.packets();
    w.give(Input::Peers(w.epoch, PeerInput::Up(SignalTarget::Publisher)));
    assert_eq!(w.sent_streams(), [(2, "b".to_owned())], "SCTP repeats the first one by itself");
    assert_eq!(w.chat(), [("a", Delivery::UnderWay), ("b", Delivery::UnderWay)]);
}

#[test]
fn nothing_is_shown_twice() {
    let mut w = room_with(&[("mina", 2), ("tom", 0)]);
    w.hear("mina", &[], 1, text("1", "hello"));
    w.hear("mina", &[], 1, text("1", "hello"));
    w.hear("mina", &[], 2, text("1", "hello"));
    let older = lk::ChatMessage { id: "1".into(), message: "hello".into(), ..Default::default() };
    w.hear("mina", &[], 3, Value::ChatMessage(older));
    w.hear("tom", &["me"], 1, text("1", "for you"));
    w.hear("me", &[], 9, text("2", "an echo"));
    assert_eq!(w.heard(), [("mina".into(), "hello".into(), false), ("tom".into(), "for you".into(), true)]);
    assert_eq!(w.chat().len(), 2);
    let private: Vec<bool> = w.session.messages().iter().map(|m| m.private).collect();
    assert_eq!(private, [false, true]);
    // The server is told after a resume what has arrived.
    let states = w.session.data.receive_states();
    assert_eq!(
        states.iter().map(|s| (s.publisher_sid.as_str(), s.last_seq)).collect::<Vec<_>>(),
        [("PA_mina", 3), ("PA_tom", 1)]
    );
}

#[test]
fn its_author_alone_changes_a_message_or_takes_it_back() {
    let mut w = room_with(&[("mina", 2), ("tom", 2)]);
    let message = |text: &str, edit: bool, deleted: bool| {
        let edit_timestamp = edit.then_some(2);
        Value::ChatMessage(lk::ChatMessage {
            id: "1".into(),
            message: text.into(),
            edit_timestamp,
            deleted,
            ..Default::default()
        })
    };
    w.hear("mina", &[], 1, message("first", false, false));
    w.hear("tom", &[], 1, message("forged", true, false));
    assert_eq!(w.chat()[0].0, "first");
    w.hear("mina", &[], 2, message("second", true, false));
    assert!(w.chat()[0].0 == "second" && w.session.messages()[0].edited);
    w.hear("mina", &[], 3, text("1", "third"));
    assert_eq!(w.chat()[0].0, "third", "the same id again, as LiveKit's components edit");
    w.hear("mina", &[], 4, message("", false, true));
    w.hear("mina", &[], 5, message("back", true, false));
    assert_eq!(w.chat(), [("", Delivery::Sent)]);
    assert_eq!(w.heard().len(), 1);
}

#[test]
fn texts_and_names_of_strangers_are_safe_to_show() {
    let mut w = room_with(&[]);
    w.hear("gh\u{202e}ost", &[], 1, text("1", "a\u{1b}[2J\u{202e}b\n\n\n c \u{200b}"));
    w.hear("ghost", &[], 1, text("2", " \u{2066} \n"));
    let messages = w.session.messages();
    assert_eq!(messages.len(), 1, "nothing of the second one can be seen");
    assert_eq!(
        (&*messages[0].text, messages[0].author.as_ref().map(|a| a.name.as_str())),
        ("a[2Jb\n\nc", Some("ghost"))
    );
}

#[test]
fn a_request_for_a_method_is_refused_at_once() {
    let mut w = room_with(&[("mina", 2)]);
    w.hear("mina", &["me"], 1, Value::RpcRequest(lk::RpcRequest { id: "r".into(), ..Default::default() }));
    let sent = w.packets();
    assert!(sent.iter().all(|p| p.destination_identities == ["mina"]));
    let [Some(Value::RpcAck(_)), Some(Value::RpcResponse(answer))] = [&sent[0].value, &sent[1].value] else {
        panic!("{sent:?}")
    };
    let Some(lk::rpc_response::Value::Error(error)) = &answer.value else { panic!("{answer:?}") };
    assert_eq!((answer.request_id.as_str(), error.code), ("r", 1400));
}

#[test]
fn without_the_right_nothing_is_sent_until_it_comes_back() {
    let mut w = room_with(&[("mina", 2)]);
    let may =
        |can_publish_data| lk::ParticipantPermission { can_publish: true, can_publish_data, ..Default::default() };
    let me = |permission| lk::ParticipantInfo {
        sid: ME.into(),
        identity: "me".into(),
        permission: Some(permission),
        ..Default::default()
    };
    w.give(Input::Peers(w.epoch, PeerInput::Down(SignalTarget::Publisher)));
    w.say("a", None, "a");
    w.message(update(vec![me(may(false))]));
    assert!(!w.session.may_write());
    w.say("b", None, "b");
    w.give(Input::Peers(w.epoch, PeerInput::Up(SignalTarget::Publisher)));
    assert_eq!(w.packets(), []);
    assert_eq!(w.chat(), [("a", Delivery::Waiting)], "the other one was not taken");
    w.message(update(vec![me(may(true))]));
    assert_eq!(w.sent_streams(), [(1, "a".to_owned())]);
}

#[test]
fn a_message_for_somebody_who_has_left_is_not_sent_to_others() {
    let mut w = room_with(&[("mina", 2), ("tom", 2)]);
    w.say("a", Some("nobody"), "a");
    w.give(Input::Peers(w.epoch, PeerInput::Down(SignalTarget::Publisher)));
    w.say("b", Some("tom"), "b");
    w.message(update(vec![person("tom", State::Disconnected, None)]));
    w.give(Input::Peers(w.epoch, PeerInput::Up(SignalTarget::Publisher)));
    assert_eq!(w.packets(), []);
    assert_eq!(w.chat(), [("b", Delivery::Undeliverable)]);
}

#[test]
fn after_the_exit_the_words_are_left_and_nothing_else() {
    let mut w = room_with(&[("mina", 2)]);
    w.hear("mina", &[], 1, text("1", "hello"));
    w.hear("mina", &[], 2, encode("2", 1, "half", false).remove(0));
    w.say("a", None, "goodbye");
    w.give(Input::Exit(ExitRequestedBy::User));
    w.commands.clear();
    w.say("b", None, "too late");
    w.hear("mina", &[], 3, text("3", "too late"));
    w.exit();
    assert_eq!(w.packets(), []);
    assert_eq!(w.chat(), [("hello", Delivery::Sent), ("goodbye", Delivery::Waiting)]);
    assert_eq!(format!("{:?}", w.session.data), format!("{:?}", super::super::data::DataPath::default()));
}

#[test]
fn what_is_kept_and_what_waits_is_bounded() {
    let mut w = room_with(&[("mina", 2)]);
    for n in 1..=1200 {
        w.hear("mina", &[], n, text(&n.to_string(), &n.to_string()));
    }
    let messages = w.session.messages();
    assert_eq!((messages.len(), &*messages[0].text, messages[999].number), (1000, "201", 1200));
    for n in 1201..=1300 {
        w.hear("mina", &[], n, text(&n.to_string(), &"x".repeat(70_000)));
    }
    let kept: usize = w.session.messages().iter().map(|m| m.text.len()).sum();
    assert!(kept <= 4 * 1024 * 1024, "{kept}");
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    for n in 0..200 {
        w.say(&n.to_string(), None, &"y".repeat(10_000));
    }
    let ours = w.session.messages().iter().filter(|m| m.author.is_none());
    assert_eq!(ours.clone().count(), 100);
    assert!(ours.clone().all(|m| m.text.len() == 4096) && w.session.is_chat_full());
}
