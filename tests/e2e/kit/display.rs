//! A virtual display with a window manager: real windows, real keys, real screenshots.

use super::{PATIENCE, Process, Stage, wait_until};
use std::path::PathBuf;
use std::process::Command;

/// Xvfb and openbox on a display number of their own.
pub(crate) struct Display {
    name: String,
    _manager: Process,
    server: Process,
}

impl Display {
    /// Starts both; `label` tells several displays of one test apart.
    pub(crate) fn start(stage: &Stage, label: &str) -> Self {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp"]);
        let server = Process::start(stage, &format!("xvfb-{label}"), &mut command);
        let number = server.wait_for_line("its number", PATIENCE, |lines| lines.first().cloned());
        let name = format!(":{}", number.trim());
        let mut command = Command::new("openbox");
        let manager = Process::start(stage, &format!("openbox-{label}"), command.env("DISPLAY", &name));
        Self { name, _manager: manager, server }
    }

    /// What goes into `DISPLAY`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Ends it under its windows, as the end of a login session does.
    pub(crate) fn end(&mut self) {
        self.server.signal("TERM");
        self.server.wait_exit();
    }

    /// Waits for the window of process `pid` and gives it the keyboard.
    pub(crate) fn focus(&self, pid: u32) {
        let window = self.window(pid);
        assert!(self.xdotool(&["windowactivate", "--sync", &window]).is_some(), "xdotool could not raise the window");
    }

    /// Presses a mouse button (1 left, 3 right) in the window of process `pid`, so many pixels right of the middle of
    /// its lower edge and above it.
    pub(crate) fn click(&self, pid: u32, button: u8, right: i32, above: i32) {
        let window = self.window(pid);
        let size = self.xdotool(&["getwindowgeometry", "--shell", &window]).expect("the window's size");
        let side = |name: &str| -> i32 {
            let value = size.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
            value.unwrap_or_else(|| panic!("no {name} in {size}"))
        };
        let (x, y) = (side("WIDTH=") / 2 + right, side("HEIGHT=") - above);
        let [x, y, button] = [x, y, button.into()].map(|n| n.to_string());
        let clicked = self.xdotool(&["mousemove", "--window", &window, &x, &y, "click", &button]);
        assert!(clicked.is_some(), "xdotool could not press the mouse");
    }

    fn window(&self, pid: u32) -> String {
        let pid = pid.to_string();
        let find = ["search", "--onlyvisible", "--pid", &pid];
        wait_until("a window on the display", || self.xdotool(&find)?.lines().last().map(str::to_owned))
    }

    /// Presses a key, for example `ctrl+shift+l`, in the window that has the keyboard.
    pub(crate) fn press(&self, key: &str) {
        assert!(self.xdotool(&["key", "--clearmodifiers", key]).is_some(), "xdotool could not press {key}");
    }

    /// Keeps a picture of the whole display as `NAME.png` and says where.
    pub(crate) fn screenshot(&self, stage: &Stage, name: &str) -> PathBuf {
        let path = stage.artifact(&format!("{name}.png"));
        let mut command = Command::new("import");
        let status = command.args(["-display", &self.name, "-window", "root"]).arg(&path).status();
        assert!(
            status.is_ok_and(|s| s.success()),
            "import (of imagemagick) took no picture; run scripts/setup --tests"
        );
        path
    }

    fn xdotool(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("xdotool").env("DISPLAY", &self.name).args(arguments).output();
        let output = output.expect("xdotool is missing: run scripts/setup --tests");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
