//! The capture program, started and ended.

use crate::base::StepState;
use crate::devices::DeviceError;
use crate::devices::thread::Closed;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long before the deadline a process that does not end is killed.
pub(super) const KILL_RESERVE: Duration = Duration::from_millis(250);

/// The program that captures.
#[derive(Clone, Debug)]
pub(in crate::devices) struct CaptureProgram {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl CaptureProgram {
    /// This program's hidden subcommand for cameras.
    pub(in crate::devices) fn of_cameras() -> Self {
        Self::ours("capture-camera")
    }

    /// This program's hidden subcommand for screens.
    pub(in crate::devices) fn of_screens() -> Self {
        Self::ours("capture-screen")
    }

    fn ours(subcommand: &str) -> Self {
        let path = std::env::current_exe().ok().filter(|path| path.exists());
        // An update may have replaced the file that we were started from; the link leads to the one that runs.
        Self { path: path.unwrap_or_else(|| "/proc/self/exe".into()), arguments: vec![subcommand.into()] }
    }

    /// Another program, for tests.
    #[cfg(all(test, unix))]
    pub(super) fn other(path: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        Self { path: path.into(), arguments: arguments.iter().map(Into::into).collect() }
    }

    /// Starts it with pipes for standard input and output.
    pub(in crate::devices) fn start(&self, arguments: &[&str]) -> Result<Child, DeviceError> {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        #[cfg(windows)]
        {
            /// `CREATE_NO_WINDOW`: no console window flashes up.
            const NO_WINDOW: u32 = 0x0800_0000;
            std::os::windows::process::CommandExt::creation_flags(&mut command, NO_WINDOW);
        }
        command.spawn().map_err(|e| DeviceError::Other(format!("the capture process cannot be started: {e}")))
    }
}

/// Closes the process's standard input, which asks it to end; waits; kills it; waits. The camera is closed when the
/// process has ended. The deadline may come nearer meanwhile.
pub(in crate::devices) fn end_process(mut child: Child, deadline: impl Fn() -> Instant) -> Closed {
    drop(child.stdin.take());
    let began = Instant::now();
    let kill_at = || {
        let left = deadline().saturating_duration_since(began);
        began + left.saturating_sub(KILL_RESERVE.min(left / 2))
    };
    if let Some(status) = poll_until(kill_at, || exit_status(&mut child)) {
        if status.contains("signal") {
            // A fault in a driver or a library: nothing else tells which.
            tracing::warn!(%status, "the capture process broke down");
        } else {
            tracing::debug!(%status, "the capture process ended");
        }
        return Closed::confirmed();
    }
    let pid = child.id();
    tracing::warn!(pid, "the capture process does not end and is killed");
    let killed = child.kill();
    let last = Instant::now() + KILL_RESERVE / 2;
    if poll_until(|| deadline().max(last), || exit_status(&mut child)).is_some() {
        let detail = "its driver did not let go and had to be stopped".into();
        return Closed { state: StepState::Confirmed, detail };
    }
    // A thread waits for its end, so that it does not stay a zombie.
    let reaper = thread::Builder::new().name("camera-reaper".into()).spawn(move || child.wait());
    let why = killed.err().or(reaper.err()).map(|e| format!(": {e}")).unwrap_or_default();
    Closed { state: StepState::Unconfirmed, detail: format!("the capture process {pid} could not be stopped{why}") }
}

/// The exit status of a process that has ended; this removes it from the system's table.
fn exit_status(child: &mut Child) -> Option<String> {
    match child.try_wait() {
        Ok(status) => status.map(|s| s.to_string()),
        Err(e) => Some(e.to_string()),
    }
}

/// Calls `look` each millisecond until it has a result, or until `deadline`, which may change.
pub(super) fn poll_until<T>(deadline: impl Fn() -> Instant, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= deadline() {
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
