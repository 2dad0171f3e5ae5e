//! A program that a test has started. Dropping the value kills it.

use super::{TIMEOUT, TestContext};
use parking_lot::{Condvar, Mutex};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A running program.
pub(crate) struct Process {
    name: String,
    child: Child,
    stderr: PathBuf,
    lines: Arc<Lines>,
}

/// The lines of its stdout so far.
#[derive(Default)]
struct Lines {
    state: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

impl Process {
    /// Starts `command`. Its output goes to the artifacts `NAME.out` and `NAME.err`.
    pub(crate) fn start(context: &TestContext, name: &str, command: &mut Command) -> Self {
        let stderr = context.artifact(&format!("{name}.err"));
        let program = command.get_program().to_string_lossy().into_owned();
        let log = File::create(&stderr).expect("a file for stderr");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap_or_else(|e| {
            panic!("{program} does not start ({e}); scripts/setup --tests installs what is missing")
        });
        let lines = Arc::new(Lines::default());
        let (out, kept) = (child.stdout.take().expect("its stdout"), lines.clone());
        let copy = context.artifact(&format!("{name}.out"));
        let reader = std::thread::Builder::new().name(format!("output of {name}"));
        reader.spawn(move || kept.read(out, copy)).expect("a thread");
        Self { name: name.to_owned(), child, stderr, lines }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its name in this test.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The lines of its stdout so far.
    pub(crate) fn stdout(&self) -> Vec<String> {
        self.lines.state.lock().0.clone()
    }

    /// Its stderr so far.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// The lines of its stdout from line `first` on.
    pub(crate) fn lines_from(&self, first: usize) -> Vec<String> {
        self.lines.state.lock().0.get(first..).unwrap_or_default().to_vec()
    }

    /// Waits until `find` returns a value for the lines of its stdout.
    #[track_caller]
    pub(crate) fn wait_for_line<T>(
        &self,
        what: &str,
        limit: Duration,
        mut find: impl FnMut(&[String]) -> Option<T>,
    ) -> T {
        let began = Instant::now();
        let mut state = self.lines.state.lock();
        loop {
            if let Some(found) = find(&state.0) {
                return found;
            }
            let (left, ended) = (limit.saturating_sub(began.elapsed()), state.1);
            if left.is_zero() || ended {
                let printed = state.0.iter().rev().take(12).rev().cloned().collect::<Vec<_>>().join("\n  ");
                drop(state);
                let how = if ended { "ended" } else { "was waited for" };
                panic!("{} {how} without {what}.\nIts last lines:\n  {printed}\nstderr:\n{}", self.name, self.stderr());
            }
            self.lines.changed.wait_for(&mut state, left);
        }
    }

    /// Sends it a signal by name, for example `TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        super::proc::signal(self.pid(), signal);
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub(crate) fn wait_exit(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return status;
            }
            assert!(began.elapsed() < TIMEOUT, "{} did not end.\nstderr:\n{}", self.name, self.stderr());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it ends by itself, and checks its exit code.
    #[track_caller]
    pub(crate) fn wait_exit_code(&mut self, code: i32) {
        let status = self.wait_exit();
        assert_eq!(status.code(), Some(code), "{} ended with {status}.\nstderr:\n{}", self.name, self.stderr());
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Lines {
    fn read(&self, out: impl std::io::Read, copy: PathBuf) {
        let mut copy = File::create(copy).expect("a file for stdout");
        for line in BufReader::new(out).lines() {
            let Ok(line) = line else { break };
            use std::io::Write;
            writeln!(copy, "{line}").expect("room for the log");
            self.state.lock().0.push(line);
            self.changed.notify_all();
        }
        self.state.lock().1 = true;
        self.changed.notify_all();
    }
}
