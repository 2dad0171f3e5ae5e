//! The lobby: what is known of a room before joining, and the recent rooms.

use super::{Gallery, LARGE, SMALL, press};
use crate::base::{ExitReason, Secret};
use crate::call::view::{CallCommand, CallPhase, RoomQuery, RoomStatus};
use crate::store::{RecentRoom, Settings};
use crate::ui::testing::{SERVER, World, ada, ada_with, ending, in_call, room_state};
use egui_kittest::kittest::Queryable as _;

fn with_past() -> Settings {
    ada_with(|s| {
        let past = [("Support triage 4417", 2, 3), ("1:1 with Lena", 0, 2), ("Weekly planning", 0, 1)];
        for (room, reason, days) in past {
            let left_at = 1_763_908_327 - days * 86_400;
            let server = "wss://meet.example".into();
            s.remember(RecentRoom { room: room.into(), server, invitation: None, left_at, reason, confirmed: true });
        }
    })
}

fn question(server: &str, room: &str) -> Option<RoomQuery> {
    Some(RoomQuery { server: server.into(), room: room.parse().expect("a room"), invitation: None })
}

#[test]
fn the_room_field_says_whether_there_is_such_a_call() {
    let world = World::new();
    let mut window = world.window(LARGE, ada());
    assert_eq!(world.lock().looked_up, [question("https://meet.example", "Design review")]);
    for word in ["Found", "Not found", "Checking…"] {
        assert!(window.query_by_label(word).is_none(), "a server that tells nothing: {word}");
    }
    for (news, word, before) in [
        (RoomStatus::Checking, "Checking…", "Nothing is sent until you join."),
        (room_state(true, 3, true), "Found", "3 people are in the call. Nothing is sent"),
        (room_state(true, 1, true), "Found", "1 person is in the call."),
        (room_state(true, 0, true), "Found", "Nobody is in the call yet."),
        (room_state(true, 9, false), "Found", "This call is full (9 people)."),
        (room_state(false, 0, true), "Not found", "or start it by pressing Join."),
        (room_state(false, 0, false), "Not found", "ask the host to start it."),
    ] {
        world.answer_lookup(news);
        window.run_steps(2);
        assert!(window.query_by_label(word).is_some(), "{word}");
        assert!(window.query_by_label_contains(before).is_some(), "{before}");
    }
    assert_eq!(world.lock().looked_up.len(), 1, "it is asked for once");
}

#[test]
fn the_answer_about_one_room_is_not_shown_for_another() {
    let world = World::new();
    let mut window = world.window(LARGE, ada_with(|s| s.room = "tea".into()));
    assert_eq!(world.lock().looked_up, [question(SERVER, "tea")]);
    world.answer_lookup(room_state(true, 3, true));
    window.run_steps(2);
    assert!(window.query_by_label("Found").is_some());
    window.get_by_label("Link or room name").click();
    window.run_steps(2);
    window.get_by_label("Link or room name").type_text("/");
    window.run_steps(2);
    assert!(window.query_by_label("Found").is_none());
    assert_eq!(world.lock().looked_up.last(), Some(&None), "what is no room is not asked for");
    world.call(CallPhase::Entering);
    window.run_steps(3);
    assert_eq!(world.lock().looked_up.len(), 2);
}

#[test]
fn a_room_that_is_joined_is_not_looked_up_any_more() {
    let world = World::new();
    let mut window = world.window(LARGE, ada());
    world.call(in_call());
    window.run_steps(3);
    assert_eq!(world.lock().looked_up.last(), Some(&None));
    world.lock().snapshot.call = None;
    window.run_steps(3);
    assert_eq!(world.lock().looked_up.last(), Some(&question("https://meet.example", "Design review")));
}

#[test]
fn recent_rooms_are_listed_and_fill_the_form_in() {
    let mut gallery = Gallery::default();
    let world = World::new();
    let mut window = world.window([1280.0, 900.0], with_past());
    gallery.compare(&mut window, "lobby-recent");
    press(&mut window, "1:1 with Lena: Left Fri 14:32, confirmed");
    assert!(window.get_by_label("Join").is_focused());
    world.commands();
    press(&mut window, "Join");
    let commands = world.commands();
    assert!(
        matches!(&commands[..], [CallCommand::Join(r)]
            if r.room.as_str() == "1:1 with Lena" && r.server.as_deref() == Some("wss://meet.example")),
        "{commands:?}"
    );
    press(&mut window, "Clear recent rooms");
    assert!(window.query_by_label("Recent rooms").is_none());
    assert!(world.lock().settings.as_ref().is_some_and(|s| s.recent.is_empty()));
}

#[test]
fn a_call_that_was_entered_is_remembered_with_how_it_ended() {
    let world = World::new();
    world.call(in_call());
    let mut window = world.window(LARGE, ada());
    world.end(ending(ExitReason::Kicked));
    window.run_steps(4);
    world.lock().snapshot.call = None;
    window.run_steps(4);
    assert!(window.query_by_label("Design review: Removed, 14:32").is_some());
    let saved = world.lock().settings.clone().expect("handed out");
    assert_eq!((saved.recent.len(), saved.recent[0].server.as_str()), (1, "wss://meet.example"));
}

#[test]
fn a_room_with_an_invitation_is_joined_with_it_again() {
    let invitation = || Some(Secret::new("devkey.guest.0.abc".to_owned()));
    let world = World::new();
    world.call(in_call());
    world.with_call(|call| call.invitation = invitation());
    let mut window = world.window([1280.0, 900.0], ada());
    world.end(ending(ExitReason::ConnectionLost));
    window.run_steps(4);
    world.lock().snapshot.call = None;
    window.run_steps(4);
    assert_eq!(world.lock().settings.as_ref().expect("handed out").recent[0].invitation, invitation());
    press(&mut window, "Design review: Connection lost, 14:32");
    world.commands();
    press(&mut window, "Join");
    let commands = world.commands();
    assert!(
        matches!(&commands[..], [CallCommand::Join(r)]
            if r.room.as_str() == "Design review" && r.invitation == invitation()),
        "{commands:?}"
    );
}

#[test]
fn a_call_that_could_not_be_entered_is_not_remembered() {
    let world = World::new();
    world.call(CallPhase::Entering);
    let mut window = world.window(SMALL, ada());
    world.end(ending(ExitReason::EntryFailed));
    window.run_steps(4);
    world.lock().snapshot.call = None;
    window.run_steps(4);
    assert!(window.query_by_label("Recent rooms").is_none());
}
