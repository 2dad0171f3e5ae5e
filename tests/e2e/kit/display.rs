//! A virtual display with a window manager: real windows, real keys, real screenshots.

use super::{PATIENCE, Process, Stage, wait_until};
use std::path::PathBuf;
use std::process::Command;

/// Xvfb and openbox on a display number of their own.
pub(crate) struct Display {
    name: String,
    _manager: Process,
    _server: Process,
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
        Self { name, _manager: manager, _server: server }
    }

    /// What goes into `DISPLAY`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Waits for the window of process `pid` and gives it the keyboard.
    pub(crate) fn focus(&self, pid: u32) {
        let pid = pid.to_string();
        let find = ["search", "--onlyvisible", "--pid", &pid];
        let window = wait_until("a window on the display", || self.xdotool(&find)?.lines().last().map(str::to_owned));
        assert!(self.xdotool(&["windowactivate", "--sync", &window]).is_some(), "xdotool could not raise the window");
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
