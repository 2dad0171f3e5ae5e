//! A virtual display (Xvfb) with a window manager (openbox).

use super::screenshot::Screen;
use super::{Process, TIMEOUT, TestContext, wait_until};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Longer than the animations of a screen.
const ANIMATION_LIMIT: Duration = Duration::from_secs(3);

/// A display with a number of its own.
pub(crate) struct Display {
    name: String,
    _manager: Process,
    server: Process,
}

impl Display {
    /// Starts it. `label` distinguishes several displays of one test.
    pub(crate) fn start(context: &TestContext, label: &str) -> Self {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp"]);
        let server = Process::start(context, &format!("xvfb-{label}"), &mut command);
        let number = server.wait_for_line("its number", TIMEOUT, |lines| lines.first().cloned());
        let name = format!(":{}", number.trim());
        let mut command = Command::new("openbox");
        let manager = Process::start(context, &format!("openbox-{label}"), command.env("DISPLAY", &name));
        Self { name, _manager: manager, server }
    }

    /// The value for `DISPLAY`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Ends the X server while its windows are open, as the end of a login session does.
    pub(crate) fn end(&mut self) {
        self.server.signal("TERM");
        self.server.wait_exit();
    }

    /// Waits for the window of process `pid` and gives it the keyboard focus.
    pub(crate) fn focus(&self, pid: u32) {
        let window = self.window(pid);
        self.activate(&window);
    }

    fn window(&self, pid: u32) -> String {
        let pid = pid.to_string();
        let find = ["search", "--onlyvisible", "--pid", &pid];
        wait_until("a window on the display", || self.xdotool(&find)?.lines().last().map(str::to_owned))
    }

    /// Presses a key, for example `ctrl+shift+l`, in the focused window.
    pub(crate) fn press(&self, key: &str) {
        self.act(&["key", "--clearmodifiers", key]);
    }

    /// Types a text into the focused window.
    pub(crate) fn write(&self, text: &str) {
        self.act(&["type", "--clearmodifiers", "--delay", "10", text]);
    }

    /// Holds a key down. The X server repeats it.
    pub(crate) fn key_down(&self, key: &str) {
        self.act(&["keydown", key]);
    }

    /// Releases a key.
    pub(crate) fn key_up(&self, key: &str) {
        self.act(&["keyup", key]);
    }

    /// Minimises the window of process `pid`. Returns the window for [`Display::activate`]: it cannot be searched for.
    pub(crate) fn minimise(&self, pid: u32) -> String {
        let window = self.window(pid);
        self.act(&["windowminimize", "--sync", &window]);
        window
    }

    /// Shows a window and gives it the keyboard focus.
    pub(crate) fn activate(&self, window: &str) {
        self.act(&["windowactivate", "--sync", window]);
    }

    /// Shows another workspace, counted from 0.
    pub(crate) fn show_desktop(&self, number: u32) {
        self.act(&["set_desktop", &number.to_string()]);
    }

    fn act(&self, arguments: &[&str]) {
        assert!(self.xdotool(arguments).is_some(), "xdotool {arguments:?} failed");
    }

    /// Writes a screenshot of the display to `NAME.png` and returns its path.
    pub(crate) fn screenshot(&self, context: &TestContext, name: &str) -> PathBuf {
        let path = context.artifact(&format!("{name}.png"));
        let mut command = Command::new("import");
        let status = command.args(["-display", &self.name, "-window", "root"]).arg(&path).status();
        assert!(
            status.is_ok_and(|s| s.success()),
            "import (of imagemagick) took no picture; run scripts/setup --tests"
        );
        path
    }

    /// The same once animations are over: when two screenshots are equal, or after [`ANIMATION_LIMIT`].
    pub(crate) fn settled_screenshot(&self, context: &TestContext, name: &str) -> PathBuf {
        let began = Instant::now();
        let mut path = self.screenshot(context, name);
        let mut last = Screen::read(&path);
        while began.elapsed() < ANIMATION_LIMIT {
            path = self.screenshot(context, name);
            let now = Screen::read(&path);
            if now == last {
                break;
            }
            last = now;
        }
        path
    }

    fn xdotool(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("xdotool").env("DISPLAY", &self.name).args(arguments).output();
        let output = output.expect("xdotool is missing: run scripts/setup --tests");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
