//! Held keys, and push to talk.

use super::{LARGE, in_a_call, press};
use crate::base::ExitReason;
use crate::call::view::{CallCommand, CallPhase, KeyState, TalkKey};
use crate::ui::testing::{World, ada, ada_with, ending, guest, in_call};
use crate::ui::{App, TalkKeyProblem};
use egui::{Event, Key, Modifiers, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

const DOWN: CallCommand = CallCommand::Talk(TalkKey::Window, KeyState::Down);
const HELD: CallCommand = CallCommand::Talk(TalkKey::Window, KeyState::Held);
const UP: CallCommand = CallCommand::Talk(TalkKey::Window, KeyState::Up);
/// What Leave asks.
const QUESTION: &str = "Leave this call?";

/// Holds a key down for a while, with its repeats, and releases it.
fn hold(window: &mut Harness<'static, App>, modifiers: Modifiers, key: Key) {
    for _ in 0..8 {
        window.key_down_modifiers(modifiers, key);
        window.run_steps(2);
    }
    window.key_up_modifiers(modifiers, key);
    window.run_steps(2);
}

/// The beginning of the name of the control that has the focus.
fn focused(window: &Harness<'static, App>, name: &str) -> bool {
    window.query_by(|n| n.is_focused() && n.label().is_some_and(|label| label.starts_with(name))).is_some()
}

/// Whether the focus is on a tile, where Space talks.
fn on_stage(window: &Harness<'static, App>) -> bool {
    window.query_by(|n| n.is_focused() && n.role() == Role::Group).is_some()
}

/// A call with the microphone off and the focus on a tile.
fn muted(world: &World) -> Harness<'static, App> {
    let mut window = in_a_call(world);
    world.lock().snapshot.microphone.wanted = false;
    window.run_steps(2);
    assert!(on_stage(&window), "a call begins on the stage");
    window
}

/// A call in which Space is down, and the microphone is on for it.
fn talking(world: &World) -> Harness<'static, App> {
    let mut window = muted(world);
    hold_to_talk(world, &mut window);
    window
}

/// Space goes down, and the microphone is on for it.
fn hold_to_talk(world: &World, window: &mut Harness<'static, App>) {
    window.key_down(Key::Space);
    window.run_steps(2);
    talks(world, TalkKey::Window);
    window.run_steps(2);
}

/// The call service opens the microphone, as it was told.
fn talks(world: &World, key: TalkKey) {
    let mut inner = world.lock();
    inner.snapshot.microphone.wanted = true;
    inner.snapshot.talking = Some(key);
}

#[test]
fn a_held_shortcut_acts_once() {
    for (key, command) in [(Key::D, CallCommand::SetMicrophone(false)), (Key::E, CallCommand::SetCamera(false))] {
        let world = World::new();
        let mut window = in_a_call(&world);
        hold(&mut window, Modifiers::COMMAND, key);
        assert_eq!(world.commands(), [command]);
    }
    let world = World::new();
    let mut window = in_a_call(&world);
    for opened in [true, false] {
        hold(&mut window, Modifiers::COMMAND, Key::Comma);
        assert_eq!(window.query_by_label("Close settings").is_some(), opened);
    }
    hold(&mut window, Modifiers::COMMAND, Key::G);
    assert_eq!(window.get_by_label("Layout: Speaker").accesskit_node().toggled(), Some(egui::accesskit::Toggled::True));
    hold(&mut window, Modifiers::COMMAND, Key::Plus);
    assert_eq!(window.ctx.zoom_factor(), 1.1);
    hold(&mut window, Modifiers::NONE, Key::F6);
    assert!(focused(&window, "Microphone"), "one region further");
}

#[test]
fn a_held_page_key_turns_one_page() {
    let world = World::new();
    world.call(in_call());
    world.with_call(|call| call.people = (0..60).map(guest).collect());
    let mut window = world.window(LARGE, ada());
    hold(&mut window, Modifiers::NONE, Key::PageDown);
    assert!(window.query_by_label_contains("Page 2 of").is_some());
}

#[test]
fn the_key_that_asks_does_not_answer() {
    let world = World::new();
    world.call(in_call());
    let mut window = world.window(LARGE, ada_with(|s| s.ask_before_leaving = true));
    world.commands();
    let question =
        |window: &Harness<'static, App>| window.query_by_role_and_label(Role::AlertDialog, QUESTION).is_some();
    hold(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    assert!(question(&window));
    // Nor does Escape close more than the question.
    hold(&mut window, Modifiers::NONE, Key::Escape);
    assert!(!question(&window));
    window.get_by_label("Leave call").focus();
    window.run_steps(2);
    for key in [Key::Enter, Key::Space] {
        window.get_by_label("Leave call").focus();
        window.run_steps(2);
        hold(&mut window, Modifiers::NONE, key);
        assert!(question(&window), "{key:?}");
        hold(&mut window, Modifiers::NONE, Key::Escape);
    }
    assert_eq!(world.commands(), []);
}

#[test]
fn held_escape_closes_one_thing() {
    let world = World::new();
    let mut window = in_a_call(&world);
    press(&mut window, "Settings");
    window.get_by_role_and_label(Role::ComboBox, "Camera").click();
    window.run_steps(3);
    hold(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("Test picture").is_none(), "the menu is closed");
    assert!(window.query_by_label("Close settings").is_some(), "the settings are not");
}

#[test]
fn a_held_key_presses_a_button_once() {
    for key in [Key::Space, Key::Enter] {
        let world = World::new();
        let mut window = in_a_call(&world);
        window.get_by_role_and_label(Role::Button, "Microphone").focus();
        window.run_steps(2);
        hold(&mut window, Modifiers::NONE, key);
        assert_eq!(world.commands(), [CallCommand::SetMicrophone(false)], "{key:?}");
    }
}

#[test]
fn return_held_in_the_lobby_joins_and_does_nothing_in_the_call() {
    let world = World::new();
    let mut window = world.window(LARGE, ada());
    window.get_by_label("Your name").click();
    window.run_steps(2);
    world.commands();
    window.key_down(Key::Enter);
    window.run_steps(2);
    for phase in [CallPhase::Entering, in_call()] {
        world.call(phase);
        for _ in 0..4 {
            window.key_down(Key::Enter);
            window.run_steps(2);
        }
    }
    let commands = world.commands();
    assert!(matches!(commands[..], [CallCommand::Join(_)]), "{commands:?}");
    assert!(window.query_by_label("Pin for me").is_none(), "nor does it open the menu of a tile");
}

#[test]
fn in_a_text_field_held_keys_edit() {
    let world = World::new();
    let mut window = world.window(LARGE, ada());
    window.get_by_label("Your name").click();
    window.run_steps(2);
    window.key_press(Key::End);
    window.run_steps(2);
    hold(&mut window, Modifiers::NONE, Key::Backspace);
    for _ in 0..3 {
        window.key_down(Key::Space);
        window.event(Event::Text(" ".into()));
        window.run_steps(2);
    }
    world.commands();
    window.key_press(Key::Enter);
    window.run_steps(2);
    let commands = world.commands();
    assert!(matches!(&commands[..], [CallCommand::Join(params)] if params.name == "Ad"), "{commands:?}");
}

#[test]
fn space_talks_while_it_is_held_and_only_where_it_may() {
    let world = World::new();
    let mut window = talking(&world);
    for _ in 0..10 {
        window.key_down(Key::Space);
        window.run_steps(1);
    }
    let commands = world.commands();
    assert!(commands.len() < 6 && commands[0] == DOWN && commands[1..].iter().all(|c| *c == HELD), "{commands:?}");
    assert!(commands.len() > 2, "the key is confirmed while it is down: {commands:?}");
    window.key_up(Key::Space);
    window.run_steps(1);
    assert_eq!(world.commands(), [UP]);

    // While the microphone is on otherwise, Space means nothing here; on a button it presses that.
    world.lock().snapshot.talking = None;
    hold(&mut window, Modifiers::NONE, Key::Space);
    assert_eq!(world.commands(), []);
    world.lock().snapshot.microphone.wanted = false;
    window.get_by_role_and_label(Role::Button, "Camera").focus();
    window.run_steps(2);
    hold(&mut window, Modifiers::NONE, Key::Space);
    assert_eq!(world.commands(), [CallCommand::SetCamera(false)]);
}

#[test]
fn talking_ends_when_the_stage_is_covered_or_the_keyboard_is_lost() {
    let ends: [fn(&mut Harness<'static, App>); 4] = [
        |window| press(window, "Settings"),
        |window| press(window, "Choose camera"),
        |window| {
            window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
            window.run_steps(3);
        },
        |window| {
            window.input_mut().focused = false;
            window.event(Event::WindowFocused(false));
            window.run_steps(3);
        },
    ];
    for (i, end) in ends.into_iter().enumerate() {
        let world = World::new();
        world.call(in_call());
        let mut window = world.window(LARGE, ada_with(|s| s.ask_before_leaving = true));
        world.lock().snapshot.microphone.wanted = false;
        hold_to_talk(&world, &mut window);
        world.commands();
        end(&mut window);
        assert!(world.commands().contains(&UP), "case {i}");
    }
}

#[test]
fn a_key_that_is_still_held_does_not_talk_again() {
    let world = World::new();
    let mut window = talking(&world);
    // The screen was locked, or a host muted us.
    let mut inner = world.lock();
    (inner.snapshot.microphone.wanted, inner.snapshot.talking) = (false, None);
    drop(inner);
    world.commands();
    hold(&mut window, Modifiers::NONE, Key::Space);
    assert_eq!(world.commands(), []);
    window.key_down(Key::Space);
    window.run_steps(2);
    assert_eq!(world.commands(), [DOWN], "another press does");
}

#[test]
fn other_keys_while_space_is_held() {
    let world = World::new();
    let mut window = talking(&world);
    world.commands();
    hold(&mut window, Modifiers::COMMAND, Key::D);
    let commands = world.commands();
    assert!(commands.contains(&CallCommand::SetMicrophone(false)) && !commands.contains(&DOWN), "{commands:?}");
    window.key_press(Key::ArrowRight);
    window.run_steps(2);
    assert!(!world.commands().contains(&UP), "the focus went to another tile, and Space is still down");
}

#[test]
fn the_window_leaves_the_key_of_the_system_alone() {
    let world = World::new();
    let mut window = muted(&world);
    talks(&world, TalkKey::Global);
    window.run_steps(4);
    hold(&mut window, Modifiers::NONE, Key::Space);
    assert_eq!(world.commands(), []);
}

#[test]
fn space_presses_nothing_by_accident() {
    let world = World::new();
    let mut window = in_a_call(&world);
    for button in ["Settings", "Choose camera"] {
        press(&mut window, button);
        window.key_press(Key::Escape);
        window.run_steps(3);
        assert!(
            on_stage(&window) || window.query_by(|n| n.is_focused() && n.role() == Role::Button).is_none(),
            "{button}"
        );
    }
    // Alone, the only button of the stage has not got the focus.
    world.with_call(|call| call.people.clear());
    window.run_steps(3);
    press(&mut window, "Settings");
    window.key_press(Key::Escape);
    window.run_steps(3);
    hold(&mut window, Modifiers::NONE, Key::Space);
    assert!(window.query_by_label("Link copied").is_none());
    assert_eq!(world.commands(), []);
    // An end in the middle of all this needs no key.
    window.key_down(Key::Space);
    world.end(ending(ExitReason::Kicked));
    window.run_steps(3);
    assert!(focused(&window, "Back to lobby"));
    hold(&mut window, Modifiers::NONE, Key::Space);
    assert_eq!(world.commands(), [], "a key that was down before the dialog does not answer it");
}

#[test]
fn a_key_for_all_programs_works_during_a_call() {
    let world = World::new();
    let mut window = world.window(LARGE, ada());
    window.key_press(Key::F1);
    window.run_steps(12);
    window.get_by_label("Talk from other programs: F9").click();
    window.run_steps(2);
    assert_eq!(world.lock().settings.as_ref().and_then(|s| s.talk_key.clone()).as_deref(), Some("F9"));
    assert_eq!(world.lock().talk_keys, [], "in the lobby other programs have it");
    window.key_press(Key::Escape);
    window.run_steps(2);
    world.lock().talk_key_problem = Some(TalkKeyProblem::Taken);
    world.call(in_call());
    window.run_steps(3);
    assert!(window.query_by_label("Another program uses F9. Choose another key in the settings.").is_some());
    world.end(ending(ExitReason::Left));
    window.run_steps(3);
    assert_eq!(world.lock().talk_keys, [Some("F9".to_owned()), None]);
}
