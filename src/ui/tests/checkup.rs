//! "Check my set-up": found by its name, it shows what is found, can be stopped, and gives the devices back.

use super::{Gallery, LARGE, SMALL, copied, press};
use crate::base::{CheckName, Finding};
use crate::call::view::{CallCommand, DeviceState};
use crate::store::Theme;
use crate::ui::testing::{World, ada, ada_with};
use crate::ui::{App, CheckProgress};
use egui::{Key, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

fn world() -> World {
    let world = World::new();
    let mut inner = world.lock();
    inner.check = Some(CheckProgress::default());
    drop(inner);
    world
}

/// Opens the page from the settings.
fn open(window: &mut Harness<'static, App>) {
    press(window, "Settings");
    window.get_by_role_and_label(Role::Tab, "About").click();
    window.run_steps(8);
    press(window, "Check my set-up");
}

/// The preview closes its devices.
fn close_preview(world: &World, window: &mut Harness<'static, App>) {
    let mut inner = world.lock();
    inner.snapshot.camera.state = DeviceState::Off;
    inner.snapshot.microphone.state = DeviceState::Off;
    drop(inner);
    window.run_steps(3);
}

fn findings() -> Vec<Finding> {
    vec![
        Finding::ok(CheckName::Program, "Visavis 0.1.0 on Debian GNU/Linux 13 (x86_64), 8 processors."),
        Finding::warning(
            CheckName::Graphics,
            "The processor draws the window (“llvmpipe”): no graphics card is used.",
            "Install the driver of the graphics card. In a virtual machine, turn 3D acceleration on.",
        ),
        Finding::failed(
            CheckName::Camera,
            "Another program uses the camera /dev/video0.",
            "Close the other program (a browser or another call, for example) that has the camera open.",
        ),
        Finding::ok(CheckName::Microphone, "“Headset” delivers 48000 Hz, 1 channel, with a peak of -31 dBFS."),
        Finding::ok(CheckName::MediaUdp, "Media gets through by UDP, after 240 ms."),
        Finding::skipped(CheckName::MediaRelay, "The server names no relay (TURN)."),
    ]
}

#[test]
fn the_check_waits_for_the_preview_and_gives_the_devices_back() {
    let world = world();
    let mut window = world.window(LARGE, ada());
    world.commands();
    open(&mut window);
    assert_eq!(world.commands(), [CallCommand::HidePreview]);
    assert!(world.lock().checks.is_empty(), "the preview has the devices open");
    close_preview(&world, &mut window);
    let request = world.lock().checks.pop().expect("a check");
    assert!(request.server.is_some_and(|server| server.contains("meet.example")));
    world.lock().check = Some(CheckProgress {
        running: true,
        current: Some(CheckName::Microphone),
        findings: findings().drain(..3).collect(),
    });
    window.run_steps(3);
    assert!(window.query_by_label("Checking: Microphone…").is_some());
    assert!(window.query_by_label("Camera: does not work").is_some(), "findings are shown as they come in");
    press(&mut window, "Stop the check");
    assert!(window.query_by_label("The check was stopped.").is_some());
    window.key_press(Key::Escape);
    window.run_steps(4);
    assert!(window.query_by_label("Close the check").is_none());
    assert!(matches!(world.commands()[..], [CallCommand::UseDevices(_)]), "the preview opens them again");
}

#[test]
fn a_finished_check_is_copied_and_repeated() {
    let world = world();
    let mut window = world.window(LARGE, ada());
    open(&mut window);
    close_preview(&world, &mut window);
    world.lock().check = Some(CheckProgress { running: false, current: None, findings: findings() });
    window.run_steps(3);
    assert!(window.query_by_label("One thing does not work.").is_some());
    window.get_by_role_and_label(Role::Button, "Copy the findings").click();
    let text = copied(&mut window).expect("a text");
    assert!(text.contains("failed Camera: Another program uses the camera /dev/video0.\n  > Close"), "{text}");
    press(&mut window, "Check again");
    window.run_steps(2);
    assert_eq!(world.lock().checks.len(), 2);
}

#[test]
fn the_check_looks_as_designed() {
    let mut gallery = Gallery::default();
    for (name, settings) in [("checkup-dark", ada()), ("checkup-light", ada_with(|s| s.theme = Theme::Light))] {
        let world = world();
        let mut window = world.window(LARGE, settings);
        open(&mut window);
        close_preview(&world, &mut window);
        world.lock().check = Some(CheckProgress { running: false, current: None, findings: findings() });
        window.run_steps(8);
        gallery.compare(&mut window, name);
    }
    let world = world();
    let mut window = world.window(LARGE, ada_with(|s| s.text_size = 150));
    open(&mut window);
    window.set_size(SMALL.into());
    close_preview(&world, &mut window);
    world.lock().check = Some(CheckProgress { running: true, current: Some(CheckName::Camera), findings: findings() });
    window.run_steps(6);
    gallery.keep(&mut window, "checkup-compact");
    let stop = window.get_by_label("Stop the check").rect();
    assert!(stop.left() >= 0.0 && stop.right() <= SMALL[0], "{stop:?}");
}
