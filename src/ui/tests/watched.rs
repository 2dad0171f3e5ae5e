//! Which videos of others the window shows, and how large: the server sends no more.

use super::{LARGE, in_a_call, press};
use crate::base::{FrameSlot, TrackRole};
use crate::ui::App;
use crate::ui::testing::{World, ada, guest, in_call, mute, share};
use egui::{ViewportId, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

fn tile(window: &Harness<'static, App>, name: &str) -> (u32, u32) {
    let rect =
        window.get_by(|node| node.role() == Role::Group && node.label().is_some_and(|l| l.starts_with(name))).rect();
    (rect.width().round() as u32, rect.height().round() as u32)
}

fn with_crowd(world: &World, count: usize) -> Harness<'static, App> {
    world.call(in_call());
    world.with_call(|call| call.people = (0..count).map(guest).collect());
    let mut window = world.window(LARGE, ada());
    window.run_steps(12);
    window
}

#[test]
fn each_video_is_watched_in_the_size_of_its_tile() {
    let world = World::new();
    let mut window = with_crowd(&world, 3);
    let watched = world.watched();
    assert_eq!(watched.keys().collect::<Vec<_>>(), ["TR_VC0-0", "TR_VC1-1", "TR_VC2-2"]);
    assert_eq!(watched["TR_VC1-1"], tile(&window, "Guest 2, "));
    world.with_call(|call| share(&mut call.people[0], "TR_VS"));
    window.run_steps(2);
    window.get_by_label("Layout: Speaker").click();
    window.run_steps(12);
    let watched = world.watched();
    assert_eq!(watched["TR_VS"], tile(&window, "Guest 1's screen"));
    assert!(watched["TR_VS"].0 > 2 * watched["TR_VC1-1"].0, "beside a screen the others are small: {watched:?}");
    world.with_call(|call| mute(&mut call.people[1], TrackRole::Camera, true));
    window.run_steps(2);
    assert!(!world.watched().contains_key("TR_VC1-1"), "an avatar is no video");
}

#[test]
fn a_video_that_the_server_pauses_says_why_and_is_still_watched() {
    let world = World::new();
    let mut window = in_a_call(&world);
    window.run_steps(3);
    let before: Vec<_> = world.watched().into_keys().collect();
    world.with_call(|call| {
        let camera = &mut call.people[0].tracks[0];
        (camera.paused, camera.frames) = (true, Some(FrameSlot::default()));
    });
    window.run_steps(12);
    let says = "microphone on, Your connection is too weak for Mina Park's video right now, good connection";
    assert!(window.query_by_label_contains(says).is_some());
    assert_eq!(world.watched().into_keys().collect::<Vec<_>>(), before, "the server would not send it again");
}

#[test]
fn people_on_other_pages_are_not_watched() {
    let world = World::new();
    let mut window = with_crowd(&world, 40);
    let first = world.watched();
    press(&mut window, "Next page");
    window.run_steps(12);
    let second = world.watched();
    assert!(!first.is_empty() && !second.is_empty() && first.len() + second.len() <= 40);
    assert!(first.keys().all(|sid| !second.contains_key(sid)));
}

#[test]
fn a_minimised_window_watches_nothing() {
    let world = World::new();
    let mut window = in_a_call(&world);
    window.run_steps(3);
    assert_eq!(world.watched().len(), 3);
    let set = |window: &mut Harness<'static, App>, minimised| {
        let viewport = window.input_mut().viewports.get_mut(&ViewportId::ROOT).expect("the window");
        (viewport.minimized, viewport.occluded) = (Some(minimised), Some(false));
        window.run_steps(2);
    };
    set(&mut window, true);
    assert!(world.watched().is_empty());
    set(&mut window, false);
    assert_eq!(world.watched().len(), 3);
}
