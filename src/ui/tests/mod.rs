//! The window, driven by accessible names as a screen reader sees them, and screenshots of its screens.

mod chat;
mod checkup;
mod details;
mod door;
mod flows;
mod hosting;
mod keys;
mod leaving;
mod lobby;
mod names;
mod notifications;
mod people;
mod reactions;
mod release;
mod report;
mod screens;
mod settings;
mod shapes;
mod share;
mod stage;
mod tiles;
mod watched;
mod withheld;

use crate::base::ExitReason;
use crate::call::view::{CallPhase, ExitProgress};
use crate::ui::App;
use crate::ui::testing::{World, ada, done, in_call};
use egui::{ViewportEvent, ViewportId, accesskit::Role};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use std::path::Path;
use std::time::Duration;

/// The size of the screenshots.
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

/// The text that the window copies within the next three frames.
fn copied(window: &mut Harness<'static, App>) -> Option<String> {
    (0..3).find_map(|_| {
        window.step();
        window.output().platform_output.commands.iter().find_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        })
    })
}

/// Whether the window sent that command to the system in the last frame.
fn asked(window: &Harness<'static, App>, command: &egui::ViewportCommand) -> bool {
    let output = &window.output().viewport_output[&ViewportId::ROOT];
    output.commands.contains(command)
}

/// The screenshots of one test.
#[derive(Default)]
struct Gallery {
    results: SnapshotResults,
}

impl Gallery {
    /// Renders the window to `artifacts/screens/`.
    fn keep(&self, window: &mut Harness<'static, App>, name: &str) {
        let image = window.render().expect("a picture (needs a Vulkan driver: apt-get install mesa-vulkan-drivers)");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts/screens");
        std::fs::create_dir_all(&folder).expect("create artifacts/screens");
        image.save(folder.join(format!("{name}.png"))).expect("save the picture");
    }

    /// Renders the window and compares it with `tests/snapshots/window/`; `UPDATE_SNAPSHOTS=1` replaces the reference.
    ///
    /// The tolerance is for the edges of round shapes and glyphs, which differ between versions of Mesa.
    fn compare(&mut self, window: &mut Harness<'static, App>, name: &str) {
        self.keep(window, name);
        let options =
            SnapshotOptions::new().threshold(1.6).max_failed_pixels(600).output_path("tests/snapshots/window");
        window.snapshot_options(name, &options);
        self.results.extend_harness(window);
    }
}
