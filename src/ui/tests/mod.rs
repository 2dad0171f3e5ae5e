//! The window driven by accessible names, as a screen reader sees it, and its screens as pictures.

mod flows;
mod screens;

use crate::ui::App;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use std::path::Path;

/// The size of the design's pictures.
const LARGE: [f32; 2] = [1280.0, 800.0];
/// The compact ones.
const SMALL: [f32; 2] = [480.0, 640.0];

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
