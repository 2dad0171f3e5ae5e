//! The settings: each is found by its accessible name, takes effect, and is saved.

use super::{Gallery, LARGE, SMALL, in_a_call, press};
use crate::base::{ExitReason, ExitRequestedBy};
use crate::call::view::{CallCommand, DeviceChoice, Notice};
use crate::store::{Settings, Theme};
use crate::ui::App;
use crate::ui::testing::{World, ada, ada_with, ending};
use egui::{Key, Modifiers, accesskit::Role, accesskit::Toggled};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

/// A window with the settings open, nobody in a call.
fn opened(world: &World, size: [f32; 2], settings: Settings) -> Harness<'static, App> {
    let mut window = world.window(size, settings);
    press(&mut window, "Settings");
    world.commands();
    window
}

fn flip(window: &mut Harness<'static, App>, name: &str) {
    window.get_by_role_and_label(Role::Switch, name).click();
    window.run_steps(2);
}

fn saved(world: &World) -> Settings {
    world.lock().settings.clone().expect("handed out")
}

const SWITCHES: [&str; 10] = [
    "Reduce background noise",
    "Join with microphone off",
    "Mirror my own picture",
    "Join with camera off",
    "Notify me about the call",
    "Show messages in notifications",
    "Sound when people come and go",
    "Reduce motion",
    "Show the exit receipt",
    "Ask before leaving",
];

#[test]
fn every_setting_is_kept_and_shown_again() {
    let world = World::new();
    let mut window = opened(&world, LARGE, ada());
    for name in SWITCHES {
        flip(&mut window, name);
    }
    window.get_by_label("Theme: Light").click();
    window.run_steps(2);
    window.get_by_label("Text size: 125%").click();
    window.run_steps(3);
    let commands = [CallCommand::ReduceNoise(false), CallCommand::SetMicrophone(false), CallCommand::SetCamera(false)];
    assert_eq!(world.commands(), commands);
    let kept = saved(&world);
    let expected = ada_with(|s| {
        s.reduce_noise = false;
        s.join_with_microphone = false;
        s.mirror = false;
        s.join_with_camera = false;
        s.notifications = false;
        s.notification_text = true;
        s.join_sounds = false;
        s.reduce_motion = true;
        s.show_receipt = false;
        s.ask_before_leaving = true;
        s.theme = Theme::Light;
        s.text_size = 125;
    });
    assert_eq!(kept, expected);

    let world = World::new();
    let window = opened(&world, LARGE, kept);
    for (name, on) in SWITCHES.into_iter().zip([false, true, false, true, false, true, false, true, false, true]) {
        let toggled = window.get_by_role_and_label(Role::Switch, name).accesskit_node().toggled();
        assert_eq!(toggled, Some(if on { Toggled::True } else { Toggled::False }), "{name}");
    }
    assert_eq!(window.ctx.zoom_factor(), 1.25);
    assert!(window.query_by_label("Text size: 125%").is_some());
}

#[test]
fn devices_are_chosen_here_too() {
    let world = World::new();
    let mut window = opened(&world, LARGE, ada());
    window.get_by_role_and_label(Role::ComboBox, "Speaker").click();
    window.run_steps(3);
    window.get_by_label("Screen speakers").click();
    window.run_steps(2);
    let speaker = Some("spk1".to_owned());
    assert_eq!(world.commands(), [CallCommand::UseDevices(DeviceChoice { speaker, ..DeviceChoice::default() })]);
    assert_eq!(saved(&world).speaker.as_deref(), Some("spk1"));
}

#[test]
fn esc_closes_the_menu_first_and_the_settings_then() {
    let world = World::new();
    let mut window = opened(&world, LARGE, ada());
    assert!(window.get_by_label("Close settings").is_focused());
    window.get_by_role_and_label(Role::ComboBox, "Camera").click();
    window.run_steps(3);
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("Test picture").is_none());
    assert!(window.query_by_label("Close settings").is_some(), "only the menu is closed");
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("Close settings").is_none());
    assert!(window.get_by_role_and_label(Role::Button, "Settings").is_focused(), "the focus is back");
}

#[test]
fn in_a_call_the_bars_stay_and_leave_works() {
    let gallery = Gallery::default();
    let world = World::new();
    let mut window = in_a_call(&world);
    let place = window.get_by_label("Leave call").rect();
    window.key_press_modifiers(Modifiers::COMMAND, Key::Comma);
    window.run_steps(3);
    assert_eq!(window.get_by_label("Leave call").rect(), place, "Leave never moves");
    assert!(window.query_by_label_contains("Mina Park").is_none());
    window.run_steps(8);
    gallery.keep(&mut window, "settings-call");
    flip(&mut window, "Join with camera off");
    assert_eq!(world.commands(), [], "this call's camera stays as it is");
    press(&mut window, "Leave call");
    assert_eq!(world.commands(), [CallCommand::Leave(ExitRequestedBy::User)]);
    world.end(ending(ExitReason::Left));
    window.run_steps(3);
    assert!(window.query_by_label("New call").is_some() && window.query_by_label("Close settings").is_none());
}

#[test]
fn an_end_by_others_closes_the_settings() {
    let world = World::new();
    let mut window = in_a_call(&world);
    press(&mut window, "Settings");
    world.end(ending(ExitReason::Dismissed));
    window.run_steps(3);
    assert!(window.query_by_role_and_label(Role::AlertDialog, "This call was ended for everyone").is_some());
    assert!(window.query_by_label("Close settings").is_none());
}

#[test]
fn a_link_that_is_opened_elsewhere_shows_the_lobby_that_it_fills_in() {
    let world = World::new();
    let mut window = opened(&world, LARGE, ada());
    let link = "visavis://join?server=wss://calls.example&room=Tea%20time";
    world.lock().notices.push(Notice::Link(link.into()));
    window.run_steps(3);
    assert!(window.query_by_label("Close settings").is_none(), "the settings hide the lobby");
    assert!(window.get_by_role_and_label(Role::Button, "Join").is_focused());
    assert_eq!(world.commands(), [], "the link entered by itself");

    let world = World::new();
    let mut window = in_a_call(&world);
    press(&mut window, "Settings");
    world.lock().notices.push(Notice::Link(link.into()));
    window.run_steps(3);
    assert!(window.query_by_label("Close settings").is_some(), "a call's settings stay as they are");
}

#[test]
fn the_keys_are_listed_and_sections_are_reached() {
    let world = World::new();
    let mut window = world.window([800.0, 480.0], ada());
    window.key_press(Key::F1);
    window.run_steps(8);
    let row = window.get_by_label("Leave: Ctrl Shift L").rect();
    assert!(row.top() > 0.0 && row.bottom() < 480.0, "scrolled into view: {row:?}");
    window.get_by_role_and_label(Role::Tab, "Audio").click();
    window.run_steps(8);
    let row = window.get_by_role_and_label(Role::Switch, "Reduce background noise").rect();
    assert!(row.top() > 0.0 && row.bottom() < 480.0, "{row:?}");
}

#[test]
fn the_settings_look_as_designed() {
    let mut gallery = Gallery::default();
    for (name, settings) in [("settings-dark", ada()), ("settings-light", ada_with(|s| s.theme = Theme::Light))] {
        let world = World::new();
        let mut window = opened(&world, LARGE, settings);
        window.run_steps(6);
        gallery.compare(&mut window, name);
    }
    let world = World::new();
    let mut window = opened(&world, SMALL, ada());
    gallery.keep(&mut window, "settings-compact");
    assert!(window.query_by_role_and_label(Role::Tab, "Audio").is_none(), "no list of sections");
    let switch = window.get_by_role_and_label(Role::Switch, "Reduce background noise").rect();
    assert!(switch.left() >= 16.0 && switch.right() <= 464.0, "{switch:?}");
}
