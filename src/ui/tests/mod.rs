//! The window driven by accessible names, as a screen reader sees it, and its screens as pictures.

mod flows;
mod hosting;
mod leaving;
mod lobby;
mod release;
mod screens;
mod settings;
mod tiles;

use crate::base::ExitReason;
use crate::call::view::{CallPhase, ExitProgress};
use crate::ui::App;
use crate::ui::testing::{World, ada, done, in_call};
use egui::{ViewportEvent, ViewportId, accesskit::Role};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use std::path::Path;
use std::time::Duration;

/// The size of the design's pictures.
const LARGE: [f32; 2] = [1280.0, 800.0];
/// The compact ones.
const SMALL: [f32; 2] = [480.0, 640.0];

fn leaving(ms: u64, steps: usize) -> CallPhase {
    let elapsed = Duration::from_millis(ms);
    CallPhase::Leaving(ExitProgress { reason: ExitReason::Left, elapsed, done: done(steps), running: vec![] })
}

fn press(window: &mut Harness<'static, App>, name: &str) {
    window.get_by_role_and_label(Role::Button, name).click();
    window.run_steps(3);
}

/// A window in Ada's call.
fn in_a_call(world: &World) -> Harness<'static, App> {
    world.call(in_call());
    let window = world.window(LARGE, ada());
    world.commands();
    window
}

fn close(window: &mut Harness<'static, App>) {
    let viewport = window.input_mut().viewports.get_mut(&ViewportId::ROOT).expect("the window");
    viewport.events.push(ViewportEvent::Close);
    window.step();
    let viewport = window.input_mut().viewports.get_mut(&ViewportId::ROOT).expect("the window");
    viewport.events.clear();
}

/// What the window puts on the clipboard in the next frames, if it does.
fn copied(window: &mut Harness<'static, App>) -> Option<String> {
    (0..3).find_map(|_| {
        window.step();
        window.output().platform_output.commands.iter().find_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        })
    })
}

/// Whether the window asked the system in the last frame to keep it open, or to close it.
fn asked(window: &Harness<'static, App>, command: &egui::ViewportCommand) -> bool {
    let output = &window.output().viewport_output[&ViewportId::ROOT];
    output.commands.contains(command)
}

/// The pictures of one test.
#[derive(Default)]
struct Gallery {
    results: SnapshotResults,
}

impl Gallery {
    /// Draws the window and keeps the picture in `artifacts/screens/`, to be looked at.
    fn keep(&self, window: &mut Harness<'static, App>, name: &str) {
        let image = window.render().expect("a picture (needs a Vulkan driver: apt-get install mesa-vulkan-drivers)");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts/screens");
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        image.save(folder.join(format!("{name}.png"))).expect("a picture on disk");
    }

    /// The same, and compares it with its reference in `tests/snapshots/window/` (made anew by `UPDATE_SNAPSHOTS=1`).
    ///
    /// The one place where tolerance is chosen: the same fonts and the same software renderer draw the same picture,
    /// but for the edges of round shapes and glyphs, which differ from one version of Mesa to the next.
    fn compare(&mut self, window: &mut Harness<'static, App>, name: &str) {
        self.keep(window, name);
        let options =
            SnapshotOptions::new().threshold(1.6).max_failed_pixels(600).output_path("tests/snapshots/window");
        window.snapshot_options(name, &options);
        self.results.extend_harness(window);
    }
}
