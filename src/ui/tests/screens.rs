//! Screenshots of every screen, compared with references; screens without a reference are checked by their labels.

use super::{Gallery, LARGE, SMALL};
use crate::base::{DeviceProblemKind, ExitReason, StepName, StepState, TrackRole};
use crate::call::view::{CallPhase, DeviceProblem, DeviceState, ExitProgress, Notice};
use crate::store::{Settings, Theme};
use crate::ui::testing::{World, ada, ada_with, call, done, ending, in_call, mute, person, room_state};
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use std::time::Duration;

fn light() -> Settings {
    ada_with(|s| s.theme = Theme::Light)
}

#[test]
fn the_lobby_looks_as_designed_in_both_themes() {
    let mut gallery = Gallery::default();
    for (name, settings) in [("lobby-dark", ada()), ("lobby-light", light())] {
        let world = World::new();
        let mut window = world.window(LARGE, settings);
        world.answer_lookup(room_state(true, 3, true));
        window.run_steps(2);
        gallery.compare(&mut window, name);
    }
}

#[test]
fn devices_that_fail_are_named_in_the_lobby_with_what_to_do() {
    let gallery = Gallery::default();
    let world = World::new();
    let problem = |kind, message: &str| DeviceState::Failed(DeviceProblem { kind, message: message.into() });
    {
        let mut inner = world.lock();
        inner.snapshot.camera.state =
            problem(DeviceProblemKind::Busy, "/dev/video0: Device or resource busy (os error 16)");
        inner.snapshot.microphone.state = problem(DeviceProblemKind::Forbidden, "PulseAudio: access denied");
    }
    let mut window = world.window(LARGE, ada());
    gallery.keep(&mut window, "lobby-device-errors");
    for label in ["Another app is using your camera", "Visavis is not allowed to use the microphone"] {
        assert!(window.query_by_label(label).is_some(), "{label}");
    }
    let button = |name| window.get_by_role_and_label(Role::Button, name).rect();
    let (again, other) = (button("Try the camera again"), button("Choose another camera"));
    assert!(again.right() < other.left() && again.center().y == other.center().y, "{again:?} {other:?}");
    assert!(button("Try the microphone again").top() > again.bottom());
    assert!(window.query_by_label_contains("They get your name only.").is_some());
}

#[test]
fn a_camera_that_cannot_be_read_is_explained_once() {
    let world = World::new();
    let sentence = "This camera gives only H.264, which Visavis cannot read yet. Choose another camera.";
    let problem = DeviceProblem { kind: DeviceProblemKind::Unreadable, message: sentence.into() };
    world.lock().snapshot.camera.state = DeviceState::Failed(problem);
    let window = world.window(LARGE, ada());
    assert!(window.query_by_label("This camera cannot be used").is_some());
    assert_eq!(window.query_all_by_label(sentence).count(), 1);
}

#[test]
fn in_a_narrow_window_the_lobby_has_one_column_with_the_form_first() {
    let gallery = Gallery::default();
    let world = World::new();
    let mut window = world.window([480.0, 900.0], ada());
    world.answer_lookup(room_state(false, 0, true));
    window.run_steps(2);
    gallery.keep(&mut window, "lobby-compact");
    let of = |label| window.get_by_label(label).rect();
    let column = [of("Link or room name"), of("Your name"), of("Join"), of("Start a call on this computer")];
    assert!(column.windows(2).all(|pair| pair[0].bottom() < pair[1].top()), "{column:?}");
    assert!(column.iter().all(|rect| rect.left() >= 24.0 && rect.right() <= 456.0), "{column:?}");
    assert!(of("Your picture, as only you see it").top() > column[3].bottom());
    assert!(window.query_by_label_contains("or start it by pressing Join.").is_some());
}

#[test]
fn a_grid_looks_as_designed_in_both_themes() {
    let mut gallery = Gallery::default();
    for (name, settings) in [("grid-4-dark", ada()), ("grid-4-light", light())] {
        let world = World::new();
        world.call(in_call());
        let mut window = world.window(LARGE, settings);
        window.run_steps(8);
        gallery.compare(&mut window, name);
    }
    let world = World::new();
    world.call(in_call());
    world.with_call(|call| {
        call.people = [4, 5, 8, 0, 6, 2, 1, 7].map(person).to_vec();
        call.people[4].speaking = true;
        mute(&mut call.people[2], TrackRole::Camera, true);
        mute(&mut call.people[2], TrackRole::Voice, true);
        call.people[1].quality = crate::base::ConnectionQuality::Poor;
    });
    let mut window = world.window(LARGE, ada());
    window.run_steps(8);
    gallery.keep(&mut window, "grid-9");
}

#[test]
fn one_other_person_fills_the_call_and_nobody_leaves_a_card() {
    let gallery = Gallery::default();
    let world = World::new();
    world.call(in_call());
    world.with_call(|call| call.people.truncate(1));
    let mut window = world.window(LARGE, ada());
    window.run_steps(8);
    gallery.keep(&mut window, "face-to-face");
    let mina = window.get_by_label_contains("Mina Park, ").rect();
    let own = window.get_by_label_contains("Ada Okafor, you").rect();
    assert!(mina.width() > 1200.0 && mina.contains_rect(own) && own.width() < 240.0, "{mina:?} {own:?}");

    world.with_call(|call| {
        call.people.clear();
        call.phase = CallPhase::InCall { elapsed: Duration::from_secs(24 * 60 + 16) };
    });
    world.lock().snapshot.camera.wanted = false;
    world.lock().snapshot.camera.state = DeviceState::Off;
    window.run_steps(8);
    gallery.keep(&mut window, "alone");
    assert!(window.query_by_label("You are the only one here").is_some());
    let sentence = "Your camera is off. Your microphone is on, and nobody is listening yet.";
    assert!(window.query_by_label(sentence).is_some());
    assert!(window.query_by_label_contains("Ada Okafor, you").is_none(), "no tile without a camera");
}

#[test]
fn a_compact_call_looks_as_designed() {
    let mut gallery = Gallery::default();
    let world = World::new();
    world.call(in_call());
    world.with_call(|call| call.people.truncate(2));
    let mut window = world.window(SMALL, ada());
    window.run_steps(8);
    gallery.compare(&mut window, "call-compact");
}

#[test]
fn the_reconnecting_banner_looks_as_designed() {
    let mut gallery = Gallery::default();
    let world = World::new();
    world.call(in_call());
    let mut window = world.window(LARGE, ada());
    world.with_call(|call| {
        let limit = Duration::from_secs(60);
        call.phase = CallPhase::Reconnecting { attempt: 2, elapsed: Duration::from_secs(6), limit };
    });
    window.run_steps(8);
    gallery.compare(&mut window, "reconnecting");
}

#[test]
fn people_without_video_have_avatars_and_who_leaves_is_told_in_a_toast() {
    let gallery = Gallery::default();
    let world = World::new();
    world.call(in_call());
    world.with_call(|call| {
        call.people = [0, 8, 1, 7].map(person).to_vec();
        call.people[1].speaking = true;
        for i in [1, 2] {
            mute(&mut call.people[i], TrackRole::Camera, true);
        }
    });
    world.lock().snapshot.camera.state = DeviceState::Off;
    world.lock().snapshot.camera.wanted = false;
    let mut window = world.window(LARGE, ada());
    world.lock().notices.push(Notice::Left("Priya Nair".into()));
    window.run_steps(8);
    gallery.keep(&mut window, "avatars-toast");
    for label in ["李雪, speaking, microphone on, camera off", "Tomás Rivera, microphone on, camera off"] {
        assert!(window.query_by_label_contains(label).is_some(), "{label}");
    }
    assert!(window.query_by_label("Ada Okafor, you, microphone on, camera off").is_some());
    let toast = window.get_by_label("Priya Nair left").rect();
    let leave = window.get_by_label("Leave call").rect();
    assert!(toast.bottom() < leave.top() && (toast.center().x - 640.0).abs() < 40.0, "{toast:?}");
}

#[test]
fn a_slow_exit_lists_its_steps_as_designed() {
    let mut gallery = Gallery::default();
    let world = World::new();
    world.call(in_call());
    let mut window = world.window(LARGE, ada());
    {
        let mut inner = world.lock();
        inner.snapshot.camera.state = DeviceState::Off;
        inner.snapshot.microphone.state = DeviceState::Off;
    }
    let leaving = |ms, count| {
        let elapsed = Duration::from_millis(ms);
        let running = vec![StepName::OthersTold];
        CallPhase::Leaving(ExitProgress { reason: ExitReason::Left, elapsed, done: done(count), running })
    };
    world.with_call(|call| call.phase = leaving(200, 2));
    window.run_steps(6);
    gallery.compare(&mut window, "leaving");
    world.with_call(|call| call.phase = leaving(1300, 2));
    window.run_steps(6);
    gallery.keep(&mut window, "leaving-slow");
    assert!(window.query_by_role_and_label(Role::AlertDialog, "Still telling everyone").is_some());
}

#[test]
fn the_receipt_looks_as_designed_and_says_what_was_not_confirmed() {
    let mut gallery = Gallery::default();
    for (name, size, settings) in
        [("end-dark", LARGE, ada()), ("end-light", LARGE, light()), ("end-compact", SMALL, ada())]
    {
        let world = World::new();
        world.call(in_call());
        let mut window = world.window(size, settings);
        world.end(ending(ExitReason::Left));
        window.run_steps(14);
        gallery.compare(&mut window, name);
    }
    let world = World::new();
    world.call(in_call());
    let mut window = world.window(LARGE, ada());
    let mut unconfirmed = ending(ExitReason::Left);
    unconfirmed.receipt.steps[3].state = StepState::Unconfirmed;
    unconfirmed.receipt.steps[3].ms = 2000.0;
    unconfirmed.total_ms = 2001.0;
    world.end(unconfirmed);
    window.run_steps(14);
    gallery.keep(&mut window, "end-unconfirmed");
    for label in ["You left. The server did not confirm.", "Not confirmed", "The server did not confirm", "2001 ms"] {
        assert!(window.query_by_label(label).is_some(), "{label}");
    }
}

#[test]
fn the_dialogs_of_an_end_by_others_look_as_designed() {
    let mut gallery = Gallery::default();
    for (name, reason) in [
        ("kicked", ExitReason::Kicked),
        ("dismissed", ExitReason::Dismissed),
        ("joined-elsewhere", ExitReason::JoinedElsewhere),
        ("server-stopped", ExitReason::ServerStopped),
        ("connection-lost", ExitReason::ConnectionLost),
    ] {
        let world = World::new();
        world.lock().snapshot.call = Some(call(in_call()));
        let mut window = world.window(LARGE, ada());
        world.end(ending(reason));
        window.run_steps(8);
        gallery.compare(&mut window, name);
    }
}
