//! Leaving while something is open or fails: a question, a menu, a lost connection, a microphone that does not close.

use super::{Gallery, LARGE, asked, close, in_a_call, leaving, press};
use crate::base::{DeviceKind, DeviceProblemKind, ExitReason, ExitRequestedBy, StepState};
use crate::call::view::{CallCommand, CallPhase, CallSummary, DeviceProblem, DeviceState, Notice};
use crate::ui::App;
use crate::ui::testing::{World, ada, ada_with, ending, in_call};
use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use std::time::Duration;

const QUESTION: &str = "Leave this call?";
const STUCK: &str = "The microphone did not close";

/// A window in Ada's call that asks before it leaves.
fn that_asks(world: &World) -> Harness<'static, App> {
    world.call(in_call());
    let window = world.window(LARGE, ada_with(|s| s.ask_before_leaving = true));
    world.commands();
    window
}

fn shows(window: &Harness<'static, App>, dialog: &str) -> bool {
    window.query_by_role_and_label(Role::AlertDialog, dialog).is_some()
}

#[test]
fn leave_asks_first_where_that_was_chosen() {
    let mut gallery = Gallery::default();
    let world = World::new();
    let mut window = that_asks(&world);
    press(&mut window, "Leave call");
    assert!(shows(&window, QUESTION));
    assert!(window.get_by_label("Stay").is_focused(), "the safe button");
    gallery.compare(&mut window, "leave-question");
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(!shows(&window, QUESTION));
    assert!(!window.get_by_label("Leave call").is_focused(), "Space must not leave by accident");
    assert_eq!(world.commands(), []);

    press(&mut window, "Leave call");
    press(&mut window, "Leave");
    assert_eq!(world.commands(), [CallCommand::Leave(ExitRequestedBy::User)]);
    assert!(window.query_by_label("Leaving the call").is_some());
}

#[test]
fn a_second_press_of_the_key_is_the_answer() {
    let world = World::new();
    let mut window = that_asks(&world);
    for _ in 0..2 {
        assert_eq!(world.commands(), []);
        window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
        window.run_steps(2);
    }
    assert_eq!(world.commands(), [CallCommand::Leave(ExitRequestedBy::User)]);
}

#[test]
fn a_window_that_is_closed_asks_and_closes_after_the_call() {
    let world = World::new();
    let mut window = that_asks(&world);
    close(&mut window);
    assert!(asked(&window, &egui::ViewportCommand::CancelClose));
    window.run_steps(2);
    assert!(window.query_by_label_contains("Closing the window also leaves “Design review”").is_some());
    press(&mut window, "Stay");
    assert_eq!(world.commands(), []);
    close(&mut window);
    window.run_steps(2);
    press(&mut window, "Leave and close");
    assert_eq!(world.commands(), [CallCommand::Leave(ExitRequestedBy::Window)]);
    world.end(ending(ExitReason::Left));
    window.step();
    assert!(asked(&window, &egui::ViewportCommand::Close));
}

#[test]
fn closing_the_window_while_it_asks_leaves_and_once_more_goes_at_once() {
    let world = World::new();
    let mut window = that_asks(&world);
    close(&mut window);
    window.run_steps(2);
    close(&mut window);
    assert_eq!(world.commands(), [CallCommand::Leave(ExitRequestedBy::Window)]);
    world.with_call(|call| call.phase = leaving(20, 0));
    window.run_steps(2);
    assert!(!shows(&window, QUESTION));
    close(&mut window);
    assert_eq!(world.commands(), [CallCommand::CloseNow]);
}

#[test]
fn an_end_by_others_replaces_question_and_menu() {
    for open in ["Leave call", "Choose microphone and speaker", "Choose camera"] {
        let world = World::new();
        let mut window = that_asks(&world);
        press(&mut window, open);
        world.end(ending(ExitReason::Kicked));
        window.run_steps(4);
        assert!(!shows(&window, QUESTION));
        assert!(window.query_by_label("Screen speakers").is_none() && window.query_by_label("Test picture").is_none());
        assert!(shows(&window, "You were removed from this call"));
        assert!(window.get_by_label("Back to lobby").is_focused());
    }
}

#[test]
fn leaving_closes_an_open_menu() {
    for by in [ExitRequestedBy::User, ExitRequestedBy::Window] {
        let world = World::new();
        let mut window = in_a_call(&world);
        press(&mut window, "Choose microphone and speaker");
        assert!(window.query_by_label("Screen speakers").is_some());
        match by {
            ExitRequestedBy::Window => close(&mut window),
            _ => window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L),
        }
        window.run_steps(2);
        assert_eq!(world.commands(), [CallCommand::Leave(by)]);
        assert!(window.query_by_label("Screen speakers").is_none());
        assert!(window.query_by_label("Leaving the call").is_some());
    }
}

#[test]
fn try_now_reconnects_at_once() {
    for size in [LARGE, super::SMALL] {
        let world = World::new();
        let (elapsed, limit) = (Duration::from_secs(6), Duration::from_secs(60));
        world.call(CallPhase::Reconnecting { attempt: 2, elapsed, limit });
        let mut window = world.window(size, ada());
        world.commands();
        press(&mut window, "Try now");
        assert_eq!(world.commands(), [CallCommand::TryNow]);
    }
}

/// An end after which the microphone is still open.
fn with_open_microphone(world: &World, reason: ExitReason) {
    let mut end: CallSummary = ending(reason);
    end.receipt.steps[1].state = StepState::Failed;
    end.receipt.steps[1].detail = "it did not let go in time".into();
    world.end(end);
    world.lock().snapshot.microphone.state = DeviceState::Closing;
}

#[test]
fn a_microphone_that_does_not_close_is_named_and_ends_the_program() {
    let mut gallery = Gallery::default();
    let world = World::new();
    let mut window = in_a_call(&world);
    with_open_microphone(&world, ExitReason::Left);
    window.run_steps(12);
    assert!(shows(&window, STUCK));
    assert!(window.query_by_label_contains("“Headset microphone” was asked to close and is still open.").is_some());
    assert!(window.query_by_label("Microphone lamp lit").is_some(), "the lamp tells the truth");
    assert!(window.get_by_label("Keep waiting").is_focused());
    gallery.compare(&mut window, "microphone-open");
    press(&mut window, "Close Visavis");
    assert_eq!(world.commands(), [CallCommand::Quit]);
}

#[test]
fn a_microphone_that_closes_late_needs_no_answer() {
    let world = World::new();
    let mut window = in_a_call(&world);
    with_open_microphone(&world, ExitReason::Kicked);
    window.run_steps(4);
    assert!(shows(&window, STUCK));
    assert!(!shows(&window, "You were removed from this call"), "one dialog at a time");
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(!shows(&window, STUCK));
    assert!(shows(&window, "You were removed from this call"));
    // Five seconds later it is said again; then the driver lets go.
    window.run_steps(105);
    assert!(shows(&window, STUCK));
    world.lock().snapshot.microphone.state = DeviceState::Off;
    window.run_steps(2);
    assert!(!shows(&window, STUCK));
    assert_eq!(world.commands(), []);
}

#[test]
fn a_device_that_fails_in_a_call_is_named_and_can_be_exchanged() {
    let world = World::new();
    let mut window = in_a_call(&world);
    {
        let mut inner = world.lock();
        let message = "the camera is gone".to_owned();
        inner.snapshot.camera.state =
            DeviceState::Failed(DeviceProblem { kind: DeviceProblemKind::Unplugged, message });
        inner.notices.push(Notice::Device(DeviceKind::Camera));
    }
    window.run_steps(2);
    assert!(window.query_by_label("Your camera was unplugged").is_some());
    press(&mut window, "Choose another camera");
    assert!(window.query_by_label("Your camera was unplugged").is_none(), "it was answered");
    window.get_by_label("Test picture").click();
    window.run_steps(2);
    assert!(
        matches!(&world.commands()[..], [CallCommand::UseDevices(c)] if c.camera.as_deref() == Some("test-picture"))
    );
}
