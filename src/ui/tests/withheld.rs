//! Devices that others keep off: what the buttons and notes say, and what a press asks for.

use super::{Gallery, LARGE, SMALL, in_a_call, press};
use crate::base::{DeviceKind, Withheld};
use crate::call::view::{CallCommand, DeviceState, LocalDevice, Notice};
use crate::ui::App;
use crate::ui::testing::{World, ada, in_call};
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

/// Others turn a device off.
fn withhold(world: &World, kind: DeviceKind, why: Withheld) {
    let mut inner = world.lock();
    let off = |device: &mut LocalDevice| {
        *device = LocalDevice { wanted: false, state: DeviceState::Off, withheld: Some(why), ..std::mem::take(device) };
    };
    match kind {
        DeviceKind::Camera => off(&mut inner.snapshot.camera),
        _ => off(&mut inner.snapshot.microphone),
    }
    inner.notices.push(Notice::Withheld(kind, why));
}

fn description(window: &Harness<'static, App>, button: &str) -> String {
    window.get_by_role_and_label(Role::Button, button).accesskit_node().description().unwrap_or_default()
}

#[test]
fn a_microphone_that_the_host_turned_off_is_turned_on_by_the_button_of_its_note() {
    let world = World::new();
    let mut window = in_a_call(&world);
    withhold(&world, DeviceKind::Microphone, Withheld::Host);
    window.run_steps(3);
    assert!(window.query_by_label("The host has turned your microphone off").is_some());
    let said = description(&window, "Microphone");
    assert_eq!(said, "Turn microphone on, Ctrl+D. The host has turned your microphone off");
    press(&mut window, "Turn on");
    assert_eq!(world.commands(), [CallCommand::SetMicrophone(true)]);

    withhold(&world, DeviceKind::Microphone, Withheld::Host);
    window.run_steps(3);
    world.lock().snapshot.microphone.wanted = true;
    window.run_steps(3);
    press(&mut window, "Turn on");
    assert_eq!(world.commands(), [], "it is on already");
}

#[test]
fn a_device_that_is_not_allowed_says_so() {
    let world = World::new();
    let mut window = in_a_call(&world);
    withhold(&world, DeviceKind::Camera, Withheld::NotAllowed);
    window.run_steps(3);
    assert!(window.query_by_label("You may not show your camera in this room").is_some());
    assert!(window.query_by_role_and_label(Role::Button, "Turn on").is_none());
    assert_eq!(description(&window, "Camera"), "You may not show your camera in this room");

    world.lock().snapshot.camera.withheld = None;
    world.lock().notices.push(Notice::Allowed(DeviceKind::Camera));
    window.run_steps(3);
    press(&mut window, "Turn on");
    assert_eq!(world.commands(), [CallCommand::SetCamera(true)]);
}

#[test]
fn the_buttons_of_devices_that_others_keep_off() {
    let mut gallery = Gallery::default();
    for (size, name) in [(LARGE, "call-withheld"), (SMALL, "call-withheld-small")] {
        let world = World::new();
        world.call(in_call());
        let mut window = world.window(size, ada());
        withhold(&world, DeviceKind::Microphone, Withheld::Host);
        withhold(&world, DeviceKind::Camera, Withheld::NotAllowed);
        window.run_steps(10);
        gallery.compare(&mut window, name);
    }
}
