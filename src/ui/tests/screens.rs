//! Every screen as a picture, beside the design's.

use super::{Gallery, LARGE, SMALL};
use crate::base::{DeviceProblemKind, ExitReason, StepName, StepState, TrackRole};
use crate::call::view::{CallPhase, DeviceProblem, DeviceState, ExitProgress, Notice};
use crate::store::{Settings, Theme};
use crate::ui::testing::{World, ada, ada_with, call, done, ending, in_call, mute, person, room_state};
use std::time::Duration;

fn light() -> Settings {
    ada_with(|s| s.theme = Theme::Light)
}

#[test]
fn lobby() {
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
fn lobby_with_device_errors() {
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
}

#[test]
fn lobby_in_a_narrow_window() {
    let gallery = Gallery::default();
    let world = World::new();
    let mut window = world.window([480.0, 900.0], ada());
    world.answer_lookup(room_state(false, 0, true));
    window.run_steps(2);
    gallery.keep(&mut window, "lobby-compact");
}

#[test]
fn grids() {
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
fn one_other_person_and_nobody() {
    let gallery = Gallery::default();
    let world = World::new();
    world.call(in_call());
    world.with_call(|call| call.people.truncate(1));
    let mut window = world.window(LARGE, ada());
    window.run_steps(8);
    gallery.keep(&mut window, "face-to-face");

    world.with_call(|call| {
        call.people.clear();
        call.phase = CallPhase::InCall { elapsed: Duration::from_secs(24 * 60 + 16) };
    });
    world.lock().snapshot.camera.wanted = false;
    world.lock().snapshot.camera.state = DeviceState::Off;
    window.run_steps(8);
    gallery.keep(&mut window, "alone");
}

#[test]
fn compact_call() {
    let mut gallery = Gallery::default();
    let world = World::new();
    world.call(in_call());
    world.with_call(|call| call.people.truncate(2));
    let mut window = world.window(SMALL, ada());
    window.run_steps(8);
    gallery.compare(&mut window, "call-compact");
}

#[test]
fn reconnecting() {
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
fn avatars_and_a_toast() {
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
}

#[test]
fn leaving_with_its_steps() {
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
}

#[test]
fn receipts() {
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
}

#[test]
fn ends_by_others() {
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
