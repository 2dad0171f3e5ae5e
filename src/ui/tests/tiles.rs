//! The tile area: pages, layouts, the menu of a tile, and the keyboard.

use super::{Gallery, LARGE, SMALL, in_a_call, press};
use crate::base::TrackRole;
use crate::call::view::{CallPhase, Person};
use crate::ui::App;
use crate::ui::testing::{World, ada, cover, guest, in_call, mute, second_camera, share};
use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use std::time::Duration;

/// `count` people, with numbered names.
fn crowd(count: usize) -> Vec<Person> {
    (0..count).map(guest).collect()
}

fn with_crowd(world: &World, size: [f32; 2], count: usize) -> Harness<'static, App> {
    world.call(in_call());
    world.with_call(|call| call.people = crowd(count));
    let window = world.window(size, ada());
    world.commands();
    window
}

fn shown(window: &Harness<'static, App>, guest: usize) -> bool {
    window.query_by_label_contains(&format!("Guest {guest}, ")).is_some()
}

fn tile(window: &Harness<'static, App>, name: &str) -> egui::Rect {
    window.get_by(|node| node.role() == Role::Group && node.label().is_some_and(|l| l.starts_with(name))).rect()
}

fn focused(window: &Harness<'static, App>, name: &str) -> bool {
    window.query_by(|node| node.is_focused() && node.label().is_some_and(|label| label.starts_with(name))).is_some()
}

fn key(window: &mut Harness<'static, App>, key: Key) {
    window.key_press(key);
    window.run_steps(3);
}

/// Goes from region to region until the focus is on a tile.
fn to_tiles(window: &mut Harness<'static, App>) {
    for _ in 0..4 {
        key(window, Key::F6);
        if window.query_by(|node| node.is_focused() && node.role() == Role::Group).is_some() {
            return;
        }
    }
    panic!("F6 does not reach the tiles");
}

#[test]
fn a_large_call_comes_in_pages() {
    let mut gallery = Gallery::default();
    let world = World::new();
    let mut window = with_crowd(&world, LARGE, 40);
    window.run_steps(8);
    assert!(window.query_by_label("Page 1 of 3").is_some());
    assert!(shown(&window, 1) && !shown(&window, 40));
    assert!(window.query_by_label_contains("Ada Okafor, you").is_some(), "you are on every page");
    gallery.compare(&mut window, "grid-pages");
    press(&mut window, "Next page");
    assert!(!shown(&window, 1) && window.query_by_label("Page 2 of 3").is_some());
    key(&mut window, Key::PageDown);
    assert!(shown(&window, 40) && window.query_by_label_contains("Ada Okafor, you").is_some());
    key(&mut window, Key::PageDown);
    assert!(window.query_by_label("Page 3 of 3").is_some(), "there is no fourth");
    world.with_call(|call| call.people[0].speaking = true);
    window.run_steps(10);
    assert!(!shown(&window, 1), "not at once");
    window.run_steps(40);
    assert!(shown(&window, 1), "the main speaker is on every page");
    world.with_call(|call| call.people[0].speaking = false);
    window.run_steps(100);
    assert!(!shown(&window, 1));
    key(&mut window, Key::PageUp);
    assert!(window.query_by_label("Page 2 of 3").is_some());
    world.with_call(|call| call.people.truncate(3));
    window.run_steps(2);
    assert!(window.query_by_label_contains("Page ").is_none() && shown(&window, 3));
}

#[test]
fn tiles_keep_their_least_width() {
    for (size, count, least) in [(LARGE, 40, 208.0), ([760.0, 560.0], 12, 208.0), (SMALL, 12, 150.0)] {
        let world = World::new();
        let mut window = with_crowd(&world, size, count);
        window.run_steps(8);
        assert!(window.query_by_label_contains("Page 1 of").is_some());
        let width = tile(&window, "Guest 1, ").width();
        assert!(width >= least, "{size:?}: {width}");
        let leave = window.get_by_label("Leave call").rect();
        let next = window.get_by_label("Next page").rect();
        assert!(next.bottom() <= leave.top() && tile(&window, "Ada Okafor, you").bottom() <= next.top());
    }
}

#[test]
fn somebody_can_be_pinned_from_their_tile() {
    let mut gallery = Gallery::default();
    let world = World::new();
    let mut window = in_a_call(&world);
    window.run_steps(8);
    let before = tile(&window, "Priya Nair").width();
    window.get_by(|n| n.role() == Role::Group && n.label().is_some_and(|l| l.starts_with("Priya"))).click_secondary();
    window.run_steps(3);
    gallery.keep(&mut window, "tile-menu");
    window.get_by_role_and_label(Role::MenuItem, "Pin for me").click();
    window.run_steps(12);
    assert!(window.query_by_label_contains("Priya Nair, pinned").is_some());
    assert!(tile(&window, "Priya Nair").width() > before * 1.5);
    assert!(tile(&window, "Mina Park").width() < before);
    gallery.compare(&mut window, "pinned");
    // By keyboard: Enter on the tile opens the same menu.
    assert!(focused(&window, "Priya Nair"));
    key(&mut window, Key::Enter);
    window.get_by_role_and_label(Role::MenuItem, "Unpin").click();
    window.run_steps(12);
    assert!((tile(&window, "Priya Nair").width() - before).abs() < 1.0, "the grid is back");
}

#[test]
fn a_pinned_person_who_leaves_gives_the_grid_back() {
    let world = World::new();
    let mut window = in_a_call(&world);
    window.get_by(|n| n.role() == Role::Group && n.label().is_some_and(|l| l.starts_with("Mina"))).click_secondary();
    window.run_steps(3);
    world.with_call(|call| {
        call.people.remove(0);
    });
    window.run_steps(3);
    assert!(window.query_by_label("Pin for me").is_none(), "the menu goes with its tile");
    assert!(window.query_by_label_contains("pinned").is_none());
}

#[test]
fn the_speaker_layout_follows_the_main_speaker() {
    let mut gallery = Gallery::default();
    let world = World::new();
    let mut window = in_a_call(&world);
    window.key_press_modifiers(Modifiers::COMMAND, Key::G);
    window.run_steps(40);
    assert!(tile(&window, "Mina Park").width() > 900.0, "she speaks");
    gallery.compare(&mut window, "speaker");
    world.with_call(|call| {
        call.people[0].speaking = false;
        call.people[2].speaking = true;
    });
    window.run_steps(20);
    assert!(tile(&window, "Mina Park").width() > 900.0, "not at once");
    window.run_steps(60);
    assert!(tile(&window, "Priya Nair").width() > 900.0);
    window.get_by_label("Layout: Grid").click();
    window.run_steps(12);
    assert!(tile(&window, "Priya Nair").width() < 600.0);
}

#[test]
fn a_long_strip_scrolls_and_a_narrow_one_lies_below() {
    let world = World::new();
    let mut window = with_crowd(&world, LARGE, 14);
    window.get_by_label("Layout: Speaker").click();
    window.run_steps(10);
    assert!(tile(&window, "Guest 1, ").width() > 900.0);
    assert!(shown(&window, 2) && !shown(&window, 14), "what is out of sight is not drawn");
    to_tiles(&mut window);
    assert!(focused(&window, "Guest 1, "));
    key(&mut window, Key::End);
    window.run_steps(12);
    assert!(focused(&window, "Ada Okafor, you"), "the arrows reach what is out of sight");
    let own = tile(&window, "Ada Okafor, you");
    assert!(own.bottom() <= 716.0 && own.top() >= 44.0, "{own:?}");

    let mut window = with_crowd(&World::new(), [800.0, 640.0], 3);
    window.get_by_label("Layout: Speaker").click();
    window.run_steps(10);
    let (main, small) = (tile(&window, "Guest 1, "), tile(&window, "Guest 2, "));
    assert!(small.top() > main.bottom() && (small.height() - 110.0).abs() < 1.0, "{main:?} {small:?}");
}

#[test]
fn f6_goes_from_region_to_region() {
    let world = World::new();
    let limit = Duration::from_secs(60);
    world.call(CallPhase::Reconnecting { attempt: 2, elapsed: Duration::from_secs(6), limit });
    let mut window = world.window(LARGE, ada());
    assert!(focused(&window, "Mina Park"), "a call begins on the stage");
    for name in ["Microphone", "Settings", "Try now", "Mina Park", "Microphone"] {
        key(&mut window, Key::F6);
        assert!(focused(&window, name), "{name}");
    }
    window.key_press_modifiers(Modifiers::SHIFT, Key::F6);
    window.run_steps(3);
    assert!(focused(&window, "Mina Park"));
    key(&mut window, Key::F6);

    // Alone there is the link to copy; with the settings open, their way out.
    world.call(in_call());
    world.with_call(|call| call.people.clear());
    window.run_steps(3);
    window.key_press_modifiers(Modifiers::SHIFT, Key::F6);
    window.run_steps(3);
    assert!(focused(&window, "Copy link"));
    press(&mut window, "Settings");
    window.get_by_label("Leave call").focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::SHIFT, Key::F6);
    window.run_steps(3);
    assert!(focused(&window, "Close settings"));
}

#[test]
fn the_focus_stays_on_the_tiles_when_its_tile_goes() {
    let world = World::new();
    let mut window = in_a_call(&world);
    to_tiles(&mut window);
    assert!(focused(&window, "Mina Park"));
    world.with_call(|call| drop(call.people.remove(0)));
    window.run_steps(3);
    assert!(focused(&window, "Tomás Rivera"));
    key(&mut window, Key::F6);
    assert!(focused(&window, "Microphone"));
}

#[test]
fn the_tiles_are_one_stop_and_the_arrows_go_between_them() {
    let world = World::new();
    let mut window = in_a_call(&world);
    to_tiles(&mut window);
    assert!(focused(&window, "Mina Park"));
    for (arrow, name) in [
        (Key::ArrowRight, "Tomás Rivera"),
        (Key::ArrowDown, "Ada Okafor"),
        (Key::ArrowLeft, "Priya Nair"),
        (Key::ArrowUp, "Mina Park"),
        (Key::ArrowLeft, "Mina Park"),
        (Key::End, "Ada Okafor"),
    ] {
        key(&mut window, arrow);
        assert!(focused(&window, name), "{arrow:?}: {name}");
    }
    key(&mut window, Key::Tab);
    assert!(focused(&window, "Microphone"), "one stop");
    window.key_press_modifiers(Modifiers::SHIFT, Key::Tab);
    window.run_steps(3);
    assert!(focused(&window, "Ada Okafor"), "back where it was");
    assert_eq!(world.commands(), []);
}

#[test]
fn a_screen_takes_the_stage_and_has_a_tile_of_its_own_in_the_grid() {
    let mut gallery = Gallery::default();
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| share(&mut call.people[0], "TR_VS"));
    window.run_steps(60);
    assert!(tile(&window, "Mina Park's screen").width() > 900.0, "though Mina speaks");
    assert!(tile(&window, "Mina Park, speaking").width() < 240.0, "she keeps her tile");
    gallery.compare(&mut window, "screen-on-stage");
    window.key_press_modifiers(Modifiers::COMMAND, Key::G);
    window.run_steps(60);
    let (mina, screen) = (tile(&window, "Mina Park, "), tile(&window, "Mina Park's screen, good connection"));
    assert!((mina.width() - screen.width()).abs() < 1.0 && !mina.intersects(screen), "{mina:?} {screen:?}");
    gallery.compare(&mut window, "screen-in-grid");
    world.with_call(|call| drop(call.people[0].tracks.pop()));
    window.run_steps(12);
    assert!(window.query_by_label_contains("screen,").is_none());
    assert!(tile(&window, "Mina Park, speaking").width() < 700.0, "the grid that was chosen");
}

#[test]
fn a_screen_without_a_camera_leaves_the_avatar_beside_it() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| {
        call.people.truncate(1);
        mute(&mut call.people[0], TrackRole::Camera, true);
        share(&mut call.people[0], "TR_VS");
    });
    window.run_steps(12);
    let person = tile(&window, "Mina Park, speaking, microphone on, camera off");
    let screen = tile(&window, "Mina Park's screen");
    assert!(!person.intersects(screen), "{person:?} {screen:?}");
    window.get_by_label("Layout: Speaker").click();
    window.run_steps(12);
    assert!(tile(&window, "Mina Park's screen").width() > 900.0, "two tiles of one person are enough to choose");
    world.with_call(|call| mute(&mut call.people[0], TrackRole::Screen, true));
    window.run_steps(12);
    assert!(tile(&window, "Mina Park, ").width() > 900.0, "one other person fills the tile area again");
    assert!(window.query_by_label("Layout: Grid").is_none(), "nothing is left to choose");
}

#[test]
fn a_second_camera_has_a_tile_and_either_can_end() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| second_camera(&mut call.people[0]));
    window.run_steps(12);
    assert!(!tile(&window, "Mina Park, ").intersects(tile(&window, "Mina Park's camera 2")));
    window.render().expect("a picture");
    window.run_steps(2);
    let painted = |world: &World| world.lock().first_frames.iter().filter(|(user, ..)| user == "mina").count();
    assert_eq!(painted(&world), 2, "each track is reported");
    world.with_call(|call| drop(call.people[0].tracks.remove(0)));
    window.run_steps(12);
    assert!(window.query_by_label_contains("camera 2").is_none());
    assert!(
        window.query_by_label_contains("Mina Park, speaking, microphone on, good").is_some(),
        "the other one is hers"
    );
    world.with_call(|call| drop(call.people[0].tracks.pop()));
    window.run_steps(12);
    assert!(window.query_by_label_contains("Mina Park, speaking, microphone on, camera off").is_some());
}

#[test]
fn a_screen_can_be_pinned_beside_its_person() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| share(&mut call.people[0], "TR_VS"));
    window.run_steps(12);
    let is_screen = |label: &str| label.starts_with("Mina Park's screen");
    window.get_by(|n| n.role() == Role::Group && n.label().is_some_and(|l| is_screen(&l))).click_secondary();
    window.run_steps(3);
    assert!(window.query_by_label("More about Mina Park's screen").is_some());
    window.get_by_role_and_label(Role::MenuItem, "Pin for me").click();
    window.run_steps(12);
    assert!(window.query_by_label_contains("Mina Park's screen, pinned").is_some());
    assert!(window.query_by_label_contains("Mina Park, pinned").is_none());
}

#[test]
fn a_tile_says_why_video_or_sound_cannot_be_shown() {
    use crate::base::{Codec, Undecodable};
    let gallery = Gallery::default();
    let world = World::new();
    world.call(in_call());
    world.with_call(|call| {
        cover(&mut call.people[0], TrackRole::Camera, Undecodable::Encrypted);
        cover(&mut call.people[0], TrackRole::Voice, Undecodable::Encrypted);
        call.people[0].speaking = false;
        cover(&mut call.people[1], TrackRole::Camera, Undecodable::Codec(Codec::H264));
        cover(&mut call.people[2], TrackRole::Voice, Undecodable::Encrypted);
    });
    let mut window = world.window(LARGE, ada());
    window.run_steps(8);
    let says = |window: &Harness<'static, App>, words: &str| {
        assert!(window.query_by_label_contains(words).is_some(), "no tile says {words:?}");
    };
    says(&window, "Mina Park, Mina Park's video and sound are encrypted and cannot be shown, good connection");
    says(&window, "Tomás Rivera's video uses H.264, which this version cannot show yet");
    says(&window, "Priya Nair, Priya Nair's sound is encrypted and cannot be played, good connection");
    gallery.keep(&mut window, "covered");
    let shown: Vec<String> = world.lock().first_frames.iter().map(|(user, ..)| user.clone()).collect();
    assert!(shown.iter().all(|user| user == "priya"), "the others have nothing to show: {shown:?}");
    // A screen that cannot be shown has a tile, but not the large one.
    world.with_call(|call| {
        share(&mut call.people[2], "TR_VS1");
        cover(&mut call.people[2], TrackRole::Screen, Undecodable::Damaged);
        cover(&mut call.people[0], TrackRole::Camera, Undecodable::Damaged);
        call.people[0].tracks[1].undecodable = None;
    });
    window.get_by_label("Layout: Speaker").click();
    window.run_steps(20);
    says(&window, "Priya Nair's screen, Priya Nair's screen arrives damaged and cannot be shown");
    says(&window, "Mina Park, microphone on, Mina Park's video arrives damaged and cannot be shown");
    assert!(tile(&window, "Mina Park").width() > tile(&window, "Priya Nair's screen").width());
    gallery.keep(&mut window, "covered-small");
}
