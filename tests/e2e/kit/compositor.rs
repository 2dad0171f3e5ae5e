//! A Wayland compositor without a screen: weston, which leaves title bars to the windows.

use super::{Process, TestContext, wait_until};
use image::RgbImage;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// The colour behind all windows.
const BACKGROUND: [u8; 3] = [0, 255, 0];
const SETTINGS: &str = "[shell]\npanel-position=none\nbackground-color=0xff00ff00\nlocking=false\nanimation=none\n\
                        startup-animation=none\n";

/// A compositor with a socket of its own.
pub(crate) struct Compositor {
    folder: PathBuf,
    process: Process,
}

impl Compositor {
    /// Starts it, and waits until it answers.
    pub(crate) fn start(context: &TestContext) -> Self {
        let folder = context.artifact("compositor");
        fs::create_dir_all(&folder).expect("a folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("a folder of one's own");
        let settings = folder.join("weston.ini");
        fs::write(&settings, SETTINGS).expect("settings");
        let mut command = Command::new("weston");
        command.args(["--backend=headless-backend.so", "--use-pixman", "--width=1600", "--height=1000"]);
        // `--debug` lets anybody take screenshots.
        command.args(["--socket=display", "--idle-time=0", "--debug"]).arg(format!("--config={}", settings.display()));
        let process = Process::start(context, "weston", command.env("XDG_RUNTIME_DIR", &folder));
        let compositor = Self { folder, process };
        wait_until("the compositor to answer", || compositor.take_screenshot());
        compositor
    }

    /// The value for `WAYLAND_DISPLAY`.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("display")
    }

    /// Ends it while its windows are open, as the end of a login session does.
    pub(crate) fn end(&mut self) {
        self.process.signal("KILL");
        self.process.wait_exit();
    }

    /// Takes a screenshot and returns its path.
    #[track_caller]
    pub(crate) fn screenshot(&self) -> PathBuf {
        self.take_screenshot().expect("a screenshot")
    }

    fn take_screenshot(&self) -> Option<PathBuf> {
        let mut command = Command::new("weston-screenshooter");
        command.current_dir(&self.folder).env("XDG_RUNTIME_DIR", &self.folder).env("WAYLAND_DISPLAY", self.socket());
        let output = command.output().expect("weston is missing: run scripts/setup --tests");
        // It names its files by the second.
        let pictures = fs::read_dir(&self.folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let newest = pictures.filter(|path| path.extension().is_some_and(|e| e == "png")).max()?;
        output.status.success().then_some(newest)
    }
}

/// The pixels of the only window on a screenshot.
pub(crate) struct WindowPixels {
    picture: RgbImage,
    left: u32,
    top: u32,
    width: u32,
}

impl WindowPixels {
    /// Finds it by the background around it; `None` if there is no window.
    pub(crate) fn find(picture: &std::path::Path) -> Option<Self> {
        let picture = image::open(picture).ok()?.into_rgb8();
        let opaque =
            |x: u32, y: u32| picture.get_pixel(x, y).0[1] < BACKGROUND[1] / 2 || picture.get_pixel(x, y).0[0] > 0;
        let middle = picture.height() / 2;
        let columns: Vec<u32> = (0..picture.width()).filter(|x| opaque(*x, middle)).collect();
        let (left, right) = (*columns.first()?, *columns.last()?);
        let top = (0..picture.height()).find(|y| opaque(u32::midpoint(left, right), *y))?;
        Some(Self { left, top, width: right - left + 1, picture })
    }

    /// Its width in pixels.
    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    /// The colour at a place in it.
    pub(crate) fn at(&self, x: u32, y: u32) -> [u8; 3] {
        self.picture.get_pixel(self.left + x, self.top + y).0
    }
}
