//! Upright and very wide pictures, looked at as pixels: none loses its ends where it has a tile for itself.

use super::{LARGE, SMALL};
use crate::base::{FrameSlot, Plane, VideoFrame};
use crate::ui::App;
use crate::ui::testing::{World, ada, in_call};
use egui::{Rect, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use std::sync::Arc;

/// A grey picture of this size with one red and one blue end.
fn with_ends(width: usize, height: usize) -> FrameSlot {
    let [grey, red, blue] = [[126, 128, 128], [81, 90, 240], [41, 240, 110]];
    let along =
        |x: usize, y: usize| if width * 9 > height * 16 { x as f32 / width as f32 } else { y as f32 / height as f32 };
    let color = |x: usize, y: usize| match along(x, y) {
        at if at < 0.1 => red,
        at if at > 0.9 => blue,
        _ => grey,
    };
    let plane = |i: usize| {
        let step = if i == 0 { 1 } else { 2 };
        let samples = |y: usize| (0..width).step_by(step).map(move |x| (x, y));
        let data: Vec<u8> = (0..height).step_by(step).flat_map(samples).map(|(x, y)| color(x, y)[i]).collect();
        Plane { data, stride: width / step }
    };
    let slot = FrameSlot::default();
    let frame = VideoFrame::new(width as u32, height as u32, [plane(0), plane(1), plane(2)], 0);
    slot.put(Arc::new(frame.expect("a picture")));
    slot
}

/// Whether both ends of the picture are to be seen in a part of the window.
fn is_whole(window: &mut Harness<'static, App>, part: Rect) -> bool {
    let image = window.render().expect("a picture (needs a Vulkan driver: apt-get install mesa-vulkan-drivers)");
    // The lower edge of the lobby's picture is darkened.
    let seen = |end: usize| {
        let other = |pixel: &[u8; 4]| pixel[1].max(pixel[2 - end]);
        let is_end = |pixel: &[u8; 4]| pixel[end] > 40 && pixel[end] / 2 > other(pixel);
        let inside = |x: u32, y: u32| part.contains(egui::pos2(x as f32, y as f32));
        image.enumerate_pixels().filter(|(x, y, pixel)| inside(*x, *y) && is_end(&pixel.0)).count() > 100
    };
    seen(0) && seen(2)
}

fn tile(window: &Harness<'static, App>, name: &str) -> Rect {
    window.get_by(|node| node.role() == Role::Group && node.label().is_some_and(|l| l.starts_with(name))).rect()
}

/// A call in which everybody's picture has this shape, ours too; `others` are in it.
fn call(world: &World, others: usize, width: usize, height: usize) {
    world.call(in_call());
    world.with_call(|call| {
        call.people.truncate(others);
        for person in &mut call.people {
            person.speaking = false;
            person.tracks[0].frames = Some(with_ends(width, height));
        }
    });
    world.lock().snapshot.own_frames = with_ends(width, height);
}

#[test]
fn an_upright_or_very_wide_picture_is_whole_beside_one_other_in_the_grid_and_in_speaker_view() {
    for (width, height) in [(360, 640), (480, 640), (1280, 360)] {
        for size in [LARGE, SMALL] {
            let world = World::new();
            call(&world, 1, width, height);
            let mut window = world.window(size, ada());
            window.run_steps(12);
            for name in ["Mina Park", "Ada Okafor, you"] {
                let rect = tile(&window, name);
                assert!(is_whole(&mut window, rect), "{width}x{height} of {name} in {size:?}");
            }
        }
        let world = World::new();
        call(&world, 3, width, height);
        let mut window = world.window(LARGE, ada());
        window.run_steps(12);
        let rect = tile(&window, "Priya Nair");
        assert!(is_whole(&mut window, rect), "{width}x{height} in the grid");
        window.get_by_label("Layout: Speaker").click();
        window.run_steps(12);
        let rect = tile(&window, "Mina Park");
        assert!(rect.width() > 800.0 && is_whole(&mut window, rect), "{width}x{height} in speaker view");
    }
}

#[test]
fn a_usual_picture_fills_its_tile_and_our_own_upright_one_is_whole_in_the_lobby() {
    let world = World::new();
    call(&world, 1, 640, 480);
    let mut window = world.window(LARGE, ada());
    window.run_steps(12);
    let rect = tile(&window, "Mina Park");
    assert!(is_whole(&mut window, rect), "4:3 alone");
    world.with_call(|call| {
        let more = [1, 2].map(crate::ui::testing::person);
        call.people.extend(more);
        call.people[1].tracks[0].frames = Some(with_ends(640, 480));
    });
    window.run_steps(12);
    let rect = tile(&window, "Tomás Rivera");
    assert!(!is_whole(&mut window, rect), "4:3 loses a little in the grid, and no bars stand beside it");

    let world = World::new();
    world.lock().snapshot.own_frames = with_ends(360, 640);
    let mut window = world.window(LARGE, ada());
    window.run_steps(3);
    let rect = window.get_by_label("Your picture, as only you see it").rect();
    assert!(is_whole(&mut window, rect));
}

#[test]
fn drawn_people_fill_a_grid_of_nine() {
    let mut gallery = super::Gallery::default();
    let world = World::new();
    world.call(in_call());
    let drawn = |n: u32| {
        let painter = crate::testcard::PortraitPainter::new(640, 360, "guest", n).expect("painter");
        let slot = FrameSlot::default();
        slot.put(Arc::new(painter.paint(0, 1_763_908_327_900, Some(-20.0), 0).expect("picture")));
        slot
    };
    world.with_call(|call| {
        let others = (0..9).filter(|i| *i != 3).map(|i| {
            let mut person = crate::ui::testing::person(i);
            person.tracks[0].frames = Some(drawn(i as u32 + 1));
            person
        });
        call.people = others.collect();
    });
    world.lock().snapshot.own_frames = drawn(4);
    let mut window = world.window(LARGE, ada());
    window.run_steps(12);
    gallery.compare(&mut window, "portraits");
}
