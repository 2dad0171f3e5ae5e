//! What hosts set for the room and ask of us: nothing is turned on by that.

use super::*;
use crate::base::Withheld;
use crate::proto::room_settings::RoomSettings;
use crate::proto::{device_request, standing};
use prost::Message as _;

fn described(settings: &RoomSettings) -> lk::Room {
    lk::Room { metadata: settings.write("").expect("metadata"), ..Default::default() }
}

impl World {
    /// A host's request to turn a device on, as the server passes it on.
    fn ask_for(&mut self, kind: DeviceKind, sender: &str) {
        let payload = device_request::encode(kind).expect("a request");
        let user = lk::UserPacket { payload, topic: Some(device_request::TOPIC.into()), ..Default::default() };
        let packet = lk::DataPacket {
            participant_identity: sender.into(),
            value: Some(lk::data_packet::Value::User(user)),
            ..Default::default()
        };
        let payload = packet.encode_to_vec().into();
        self.give(Input::Peers(self.epoch, PeerInput::Data { payload, unix_ms: 0 }));
    }

    fn asked(&self) -> usize {
        self.events.iter().filter(|e| matches!(e, EventKind::DeviceAsked { .. })).count()
    }
}

#[test]
fn a_request_to_turn_a_device_on_is_told_and_opens_nothing() {
    let mut w = World::entered();
    w.ask_for(DeviceKind::Microphone, "");
    assert_eq!(w.asked(), 0, "it is on");
    w.give(Input::SetDevice(DeviceKind::Microphone, false));
    w.run(200);
    w.ask_for(DeviceKind::Microphone, "mallory");
    assert_eq!(w.asked(), 0, "a participant is no host");
    w.ask_for(DeviceKind::Microphone, "");
    w.run(1000);
    assert_eq!(w.asked(), 1);
    assert!(!w.held.contains_key(&DeviceKind::Microphone) && !w.session.slot(DeviceKind::Microphone).is_wanted());
    w.give(Input::SetDevice(DeviceKind::Microphone, true));
    w.run(200);
    assert!(w.held.contains_key(&DeviceKind::Microphone), "the user turns it on");
}

#[test]
fn one_enters_muted_where_the_host_has_set_that() {
    for (host, open) in [(false, false), (true, true)] {
        let mut w = World::prepared(PROMPT, |w| {
            w.room = described(&RoomSettings { muted_on_entry: true, ..Default::default() });
            w.own_attributes = host.then(standing::host).into_iter().collect();
        });
        w.run(500);
        assert_eq!(w.held.contains_key(&DeviceKind::Microphone), open, "host: {host}");
        assert!(w.held.contains_key(&DeviceKind::Camera));
        let told = EventKind::DeviceWithheld { kind: DeviceKind::Microphone, reason: Withheld::Host };
        assert_eq!(w.events.contains(&told), !open);
        assert_eq!(w.session.is_host(), host);
        // One press opens it.
        w.give(Input::SetDevice(DeviceKind::Microphone, true));
        w.run(500);
        assert!(w.held.contains_key(&DeviceKind::Microphone));
    }
}

#[test]
fn settings_are_told_when_they_change() {
    let mut w = World::entered();
    let told = |w: &World| w.events.iter().filter(|e| matches!(e, EventKind::RoomSettingsChanged { .. })).count();
    assert_eq!(told(&w), 0, "nothing is set");
    let settings = RoomSettings { spotlight: "mina".parse().ok(), ..Default::default() };
    for _ in 0..2 {
        w.message(Response::RoomUpdate(lk::RoomUpdate { room: Some(described(&settings)) }));
    }
    assert_eq!((told(&w), w.session.room_settings()), (1, &settings));
    w.message(Response::RoomUpdate(lk::RoomUpdate { room: Some(lk::Room::default()) }));
    assert_eq!((told(&w), w.session.room_settings()), (2, &RoomSettings::default()));
}

impl World {
    /// Before a room with a waiting room, with the devices open for the user's own preview.
    fn at_the_door() -> Self {
        let mut w = Self::prepared(PROMPT, |w| {
            w.own_attributes = [standing::waiting()].into();
            w.permission = Some(lk::ParticipantPermission { hidden: true, ..Default::default() });
        });
        w.run(500);
        w
    }

    fn admit(&mut self) {
        self.own_attributes.clear();
        self.permission = Some(lk::ParticipantPermission {
            can_publish: true,
            can_subscribe: true,
            can_publish_data: true,
            ..Default::default()
        });
        let me = self.join().participant.expect("us");
        self.message(update(vec![me]));
        self.run(500);
    }

    fn times_told(&self, event: &EventKind) -> usize {
        self.events.iter().filter(|e| *e == event).count()
    }

    fn entered_room(&self) -> usize {
        self.events.iter().filter(|e| matches!(e, EventKind::EnterRoom { .. })).count()
    }
}

#[test]
fn nothing_is_sent_from_the_door_and_everything_after_it() {
    let mut w = World::at_the_door();
    assert!(w.session.is_waiting() && w.session.tracks.is_empty());
    assert_eq!((w.times_told(&EventKind::Waiting), w.entered_room()), (1, 0));
    assert!(w.held.contains_key(&DeviceKind::Camera), "the user's own preview");
    // What the user does with the devices is not sent either, and a hand is not raised.
    for on in [false, true] {
        w.give(Input::SetDevice(DeviceKind::Camera, on));
        w.run(300);
    }
    w.give(Input::RaiseHand(Some(1)));
    w.run(30_000);
    let sends = |m: &lk::signal_request::Message| {
        use lk::signal_request::Message as M;
        matches!(m, M::AddTrack(_) | M::UpdateMetadata(_) | M::Mute(_))
    };
    assert!(!w.sent.iter().any(sends) && !w.commands.iter().any(|c| matches!(c, PeerCommand::Publish { .. })));
    assert!(w.session.is_waiting(), "one waits as long as it takes");
    w.admit();
    assert!(!w.session.is_waiting());
    assert_eq!((w.times_told(&EventKind::Admitted), w.entered_room()), (1, 1));
    let sources: Vec<_> = w.session.tracks.iter().map(|t| t.source).collect();
    assert_eq!(sources, [TrackSource::Microphone, TrackSource::Camera]);
    assert!(!w.events.iter().any(|e| matches!(e, EventKind::DeviceWithheld { .. })));
}

#[test]
fn leaving_the_door_is_an_exit_like_any_other() {
    let mut w = World::at_the_door();
    w.give(Input::Exit(ExitRequestedBy::User));
    let (reason, _, receipt) = w.exit();
    assert_eq!(reason, ExitReason::Left);
    assert!(receipt.is_clean() && w.held.is_empty());
    assert_eq!(w.entered_room(), 0);
    for (why, reason) in [
        (lk::DisconnectReason::ParticipantRemoved, ExitReason::Kicked),
        (lk::DisconnectReason::RoomDeleted, ExitReason::Dismissed),
    ] {
        let mut w = World::at_the_door();
        let leave = lk::LeaveRequest { reason: why as i32, ..Default::default() };
        w.message(Response::Leave(leave));
        assert_eq!(w.exit().0, reason);
    }
}

#[test]
fn a_link_that_is_lost_at_the_door_comes_back_there() {
    let mut w = World::at_the_door();
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(20_000);
    assert!(w.session.is_waiting() && w.session.tracks.is_empty());
    assert_eq!((w.times_told(&EventKind::Waiting), w.entered_room()), (1, 0));
    w.admit();
    assert_eq!((w.entered_room(), w.session.tracks.len()), (1, 2));
}

#[test]
fn a_host_is_told_who_comes_and_goes_at_the_door() {
    let mut w = World::entered();
    let guest = |user: &str| (user.parse().expect("a user"), user.to_uppercase());
    let mut told = |guests: Vec<(crate::base::UserId, String)>| {
        w.events.clear();
        w.give(Input::GuestsWaiting(guests));
        let told = w.events.iter().map(|e| match e {
            EventKind::GuestWaiting { user, waiting, .. } => format!("{user} {waiting}"),
            other => format!("{other:?}"),
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(vec![guest("mina"), guest("tom")]), ["mina true", "tom true"]);
    assert_eq!(told(vec![guest("tom"), guest("jo")]), ["mina false", "jo true"]);
    assert_eq!(told(vec![guest("tom"), guest("jo")]), Vec::<String>::new());
}
