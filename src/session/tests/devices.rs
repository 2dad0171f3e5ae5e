//! Devices that fail in a call are opened again.

use super::*;

/// The last opening of the camera.
fn camera(w: &World) -> Generation {
    w.session.slot(DeviceKind::Camera).generation()
}

fn fail(w: &mut World, message: &str) {
    let failed = DeviceInput::Failed { id: "x".into(), message: message.into() };
    w.give(Input::Device(DeviceKind::Camera, camera(w), failed));
}

fn is_open(w: &World) -> bool {
    matches!(w.session.slot(DeviceKind::Camera).state(), SlotState::Open { .. })
}

#[test]
fn a_camera_that_fails_in_the_call_comes_back_with_its_track() {
    let mut w = World::entered();
    let mutes = |w: &World| w.outputs.iter().filter(|o| o.contains("Mute(")).count();
    fail(&mut w, "unplugged");
    assert!(!is_open(&w) && mutes(&w) == 1);
    w.run(990);
    assert!(!w.held.contains_key(&DeviceKind::Camera));
    w.run(20);
    assert!(w.held.contains_key(&DeviceKind::Camera) && mutes(&w) == 1, "it is being opened, and muted");
    w.run(20);
    assert!(is_open(&w) && mutes(&w) == 2);
}

#[test]
fn the_pauses_between_the_attempts_grow() {
    let mut w = World::entered();
    w.behaviour.devices = false;
    let (mut pauses, mut failed_at) = (Vec::new(), w.now);
    fail(&mut w, "unplugged");
    while pauses.len() < 7 {
        w.run(100);
        if w.held.contains_key(&DeviceKind::Camera) {
            pauses.push(w.now.since(failed_at).as_secs());
            fail(&mut w, "no such device");
            failed_at = w.now;
        }
    }
    assert_eq!(pauses, [1, 2, 5, 10, 30, 30, 30]);
    let told = w.events.iter().filter(|e| matches!(e, EventKind::DeviceFailed { .. })).count();
    assert_eq!(told, 2, "each problem once");
}

#[test]
fn a_user_or_waking_tries_a_failed_device_at_once() {
    for input in [Input::SetDevice(DeviceKind::Camera, true), Input::Woke(Duration::from_secs(35))] {
        let mut w = World::entered();
        fail(&mut w, "unplugged");
        w.give(input);
        assert!(w.held.contains_key(&DeviceKind::Camera));
        w.run(5000);
        assert!(is_open(&w));
    }
}

#[test]
fn a_failed_device_that_is_switched_off_stays_off() {
    let mut w = World::entered();
    fail(&mut w, "unplugged");
    w.give(Input::SetDevice(DeviceKind::Camera, false));
    w.give(Input::Woke(Duration::from_secs(35)));
    w.run(60_000);
    assert!(!w.held.contains_key(&DeviceKind::Camera) && !is_open(&w));
}

/// A camera that opens and gives no picture fails again a few seconds later.
#[test]
fn a_camera_that_opens_and_fails_soon_is_tried_less_and_less() {
    let mut w = World::entered();
    let opened = |w: &World| {
        w.events.iter().filter(|e| matches!(e, EventKind::DeviceOpened { kind: DeviceKind::Camera, .. })).count()
    };
    for _ in 0..120 {
        w.run(1000);
        if is_open(&w) {
            fail(&mut w, "no picture");
        }
    }
    assert!((5..9).contains(&opened(&w)), "{} openings in two minutes", opened(&w));
    w.run(31_000);
    assert!(is_open(&w));
    w.run(31_000);
    fail(&mut w, "no picture");
    w.run(1100);
    assert!(is_open(&w), "after a steady time the pauses begin anew");
}
