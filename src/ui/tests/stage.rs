//! The stage: places that stay, several pins, the own picture, people without a camera, the full screen.

use super::{Gallery, LARGE, asked, press};
use crate::base::TrackRole;
use crate::store::{SelfView, Settings};
use crate::ui::App;
use crate::ui::testing::{World, ada, ada_with, guest, in_call, mute};
use egui::{Event, Key, Modifiers, Rect, ViewportCommand, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

fn with_crowd(world: &World, size: [f32; 2], count: usize, settings: Settings) -> Harness<'static, App> {
    world.call(in_call());
    world.with_call(|call| call.people = (0..count).map(guest).collect());
    let mut window = world.window(size, settings);
    window.run_steps(12);
    world.commands();
    window
}

fn is_tile(role: Role, label: Option<String>, name: &str) -> bool {
    role == Role::Group && label.is_some_and(|label| label.starts_with(name))
}

fn tile(window: &Harness<'static, App>, name: &str) -> Rect {
    window.get_by(|node| is_tile(node.role(), node.label(), name)).rect()
}

fn has_tile(window: &Harness<'static, App>, name: &str) -> bool {
    window.query_by(|node| is_tile(node.role(), node.label(), name)).is_some()
}

fn pin(window: &mut Harness<'static, App>, name: &str) {
    window.get_by(|node| is_tile(node.role(), node.label(), name)).click_secondary();
    window.run_steps(3);
    window.get_by_role_and_label(Role::MenuItem, "Pin for me").click();
    window.run_steps(12);
}

/// Opens the View menu by its key and chooses.
fn choose(window: &mut Harness<'static, App>, name: &str) {
    window.key_press_modifiers(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::G);
    window.run_steps(3);
    window
        .get_by(|node| node.label().is_some_and(|label| label.starts_with(name)) && node.role() != Role::Label)
        .click();
    window.run_steps(12);
}

#[test]
fn forty_nine_people_fit_on_one_page_of_a_large_window() {
    let mut gallery = Gallery::default();
    let world = World::new();
    let mut window = with_crowd(&world, [1920.0, 1080.0], 48, ada());
    assert!(window.query_by_label_contains("Page ").is_none());
    assert!(has_tile(&window, "Guest 48, ") && has_tile(&window, "Ada Okafor, you"));
    gallery.compare(&mut window, "grid-49");
}

#[test]
fn nobody_moves_when_somebody_leaves_another_page() {
    let world = World::new();
    let mut window = with_crowd(&world, LARGE, 60, ada());
    press(&mut window, "Next page");
    window.run_steps(12);
    let first = (2..60).find(|n| has_tile(&window, &format!("Guest {n}, "))).expect("somebody");
    let names = [first, first + 3].map(|n| format!("Guest {n}, "));
    let places = |window: &Harness<'static, App>| names.clone().map(|name| tile(window, &name));
    let before = (places(&window), tile(&window, "Ada Okafor, you"));
    world.with_call(|call| drop(call.people.remove(0)));
    window.run_steps(12);
    assert_eq!((places(&window), tile(&window, "Ada Okafor, you")), before);
    world.with_call(|call| call.people.push(guest(70)));
    window.run_steps(12);
    assert_eq!(places(&window), before.0, "newcomers come last");
    press(&mut window, "Next page");
    window.run_steps(12);
    assert_eq!(tile(&window, "Ada Okafor, you"), before.1, "yours has one place on every page");
}

#[test]
fn several_people_are_pinned_side_by_side() {
    let mut gallery = Gallery::default();
    let world = World::new();
    let mut window = with_crowd(&world, LARGE, 5, ada());
    pin(&mut window, "Guest 2, ");
    pin(&mut window, "Guest 4, ");
    let [two, four, one] = ["Guest 2, pinned", "Guest 4, pinned", "Guest 1, "].map(|name| tile(&window, name));
    assert!(!two.intersects(four) && (two.width() - four.width()).abs() < 1.0);
    assert!(two.width() > 1.5 * one.width(), "{two:?} {one:?}");
    let watched = world.watched();
    assert!(watched["TR_VC1-1"].0 > watched["TR_VC0-0"].0, "large ones are asked for in their size: {watched:?}");
    gallery.compare(&mut window, "pinned-two");
    choose(&mut window, "Unpin all");
    assert!(window.query_by_label_contains("pinned").is_none());
}

#[test]
fn the_own_picture_is_among_the_others_in_a_corner_or_hidden_and_that_is_kept() {
    let mut gallery = Gallery::default();
    let world = World::new();
    let mut window = with_crowd(&world, LARGE, 4, ada());
    let among = tile(&window, "Ada Okafor, you").width();
    choose(&mut window, "In a corner");
    let corner = tile(&window, "Ada Okafor, you");
    assert!(corner.width() < among && corner.right() > 1200.0 && corner.bottom() > 650.0, "{corner:?}");
    gallery.compare(&mut window, "own-corner");
    choose(&mut window, "To the next corner");
    assert!(tile(&window, "Ada Okafor, you").left() < 60.0, "moved by keyboard");
    choose(&mut window, "Hidden for me");
    assert!(!has_tile(&window, "Ada Okafor, you") && has_tile(&window, "Guest 4, "));
    let kept = world.lock().settings.clone().expect("saved");
    assert_eq!(kept.self_view, SelfView::Hidden);
    assert_eq!(world.commands(), [], "the others see it as before");
    let window = with_crowd(&World::new(), LARGE, 1, kept);
    assert!(!has_tile(&window, "Ada Okafor, you"), "beside one other person too");
}

#[test]
fn people_without_a_camera_can_be_left_out_and_are_not_asked_for() {
    let world = World::new();
    let mut window = with_crowd(&world, LARGE, 5, ada());
    world.with_call(|call| {
        for i in [1, 3] {
            mute(&mut call.people[i], TrackRole::Camera, true);
        }
    });
    window.run_steps(12);
    assert!(has_tile(&window, "Guest 2, "));
    choose(&mut window, "Only people with a camera");
    assert!(!has_tile(&window, "Guest 2, ") && !has_tile(&window, "Guest 4, ") && has_tile(&window, "Guest 5, "));
    assert_eq!(world.watched().len(), 3);
    assert!(world.lock().settings.as_ref().is_some_and(|s| s.only_with_camera));
    world.with_call(|call| mute(&mut call.people[1], TrackRole::Camera, false));
    window.run_steps(12);
    assert!(has_tile(&window, "Guest 2, "), "back with the camera");
}

/// Presses a key; returns whether the window asked the system for the full screen, or for its end.
fn full_screen_by(window: &mut Harness<'static, App>, key: Key, on: bool) -> bool {
    let event = |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers: Modifiers::NONE };
    window.input_mut().events.push(event(true));
    window.step();
    let sent = asked(window, &ViewportCommand::Fullscreen(on));
    window.input_mut().events.push(event(false));
    window.run_steps(2);
    sent
}

#[test]
fn the_full_screen_begins_and_ends_by_key_and_by_menu() {
    let world = World::new();
    let mut window = with_crowd(&world, LARGE, 3, ada());
    let in_menu = |window: &Harness<'static, App>| window.query_all_by_label_contains("Leave full screen").count() > 0;
    assert!(full_screen_by(&mut window, Key::F11, true));
    assert!(window.query_by_label("Leave call").is_some(), "Leave stays");
    assert!(full_screen_by(&mut window, Key::Escape, false));
    assert!(!full_screen_by(&mut window, Key::Escape, false), "once");
    choose(&mut window, "Full screen");
    press(&mut window, "View");
    assert!(in_menu(&window));
    assert!(!full_screen_by(&mut window, Key::Escape, false), "Escape belongs to the menu first");
    assert!(!in_menu(&window));
    assert!(full_screen_by(&mut window, Key::Escape, false));
}

#[test]
fn every_tile_stays_in_sight_in_light_and_large_and_upright_windows() {
    for (size, percent) in [([480.0, 900.0], 100), ([900.0, 1400.0], 150), ([1600.0, 500.0], 90)] {
        for place in [SelfView::Tile, SelfView::Corner] {
            let world = World::new();
            let settings = ada_with(|s| {
                (s.text_size, s.self_view, s.theme) = (percent, place, crate::store::Theme::Light);
            });
            let window = with_crowd(&world, size, 6, settings);
            let leave = window.get_by_label("Leave call").rect();
            for name in ["Guest 1, ", "Ada Okafor, you"] {
                let rect = tile(&window, name);
                assert!(rect.left() >= 0.0 && rect.bottom() <= leave.top() && rect.width() > 80.0, "{size:?} {rect:?}");
            }
        }
    }
}
