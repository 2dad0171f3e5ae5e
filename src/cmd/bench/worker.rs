//! A process under measurement: its events, CPU time and memory.

use anyhow::{Context, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// How long an event is waited for.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Capacity of the queue of output lines. When it is full, the process blocks on its output.
const MAX_LINES: usize = 1024;

/// Clock ticks per second in /proc (USER_HZ): 100 on all architectures that we build for.
const USER_HZ: u64 = 100;

/// A running process. Dropping it kills the process.
pub(super) struct BenchProcess {
    name: String,
    child: Child,
    lines: Receiver<String>,
}

impl BenchProcess {
    /// Starts this program with `arguments`.
    pub(super) fn start(name: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("This program cannot be found")?;
        let mut command = Command::new(program);
        command.args(arguments);
        Self::run(name, command)
    }

    /// Starts another program.
    pub(super) fn run(name: &str, mut command: Command) -> anyhow::Result<Self> {
        // Measured participants use their own server.
        for variable in ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"] {
            command.env_remove(variable);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("The {name} cannot be started"))?;
        let out = child.stdout.take().context("It has no output")?;
        let (sender, lines) = sync_channel(MAX_LINES);
        let reader = std::thread::Builder::new().name(format!("output of {name}"));
        reader.spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { name: name.to_owned(), child, lines })
    }

    /// Starts a server; returns it with its URL.
    pub(super) fn server() -> anyhow::Result<(Self, String)> {
        let server = Self::start("server", &["serve", "--dev", "--listen", "127.0.0.1:0", "--udp", "0"])?;
        let ready = server.line(Instant::now() + TIMEOUT)?;
        let url = ready.split_whitespace().find_map(|word| word.strip_prefix("ws://"));
        let url = url.with_context(|| format!("The server is not ready: {ready}"))?;
        let url = format!("ws://{}", url.trim_end_matches(','));
        Ok((server, url))
    }

    fn line(&self, until: Instant) -> anyhow::Result<String> {
        match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => bail!("The {} says nothing for too long", self.name),
            Err(RecvTimeoutError::Disconnected) => bail!("The {} has ended too early", self.name),
        }
    }

    /// The next event with this name for which `wanted` holds. Events before it are discarded.
    pub(super) fn event(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let until = Instant::now() + TIMEOUT;
        loop {
            let line = self.line(until).with_context(|| format!("No {what} came"))?;
            match serde_json::from_str::<Value>(&line) {
                Ok(event) if event["event"] == what && wanted(&event) => return Ok(event),
                _ => {}
            }
        }
    }

    /// The next event before `until`.
    pub(super) fn next(&self, until: Instant) -> anyhow::Result<Value> {
        loop {
            if let Ok(event) = serde_json::from_str(&self.line(until)?) {
                return Ok(event);
            }
        }
    }

    /// Sends the process a signal by name, for example `TERM`.
    pub(super) fn signal(&self, name: &str) -> anyhow::Result<()> {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        let sent = status.context("The command kill is needed")?.success();
        anyhow::ensure!(sent, "The {} could not be sent {name}", self.name);
        Ok(())
    }

    /// Kills the process (SIGKILL).
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().with_context(|| format!("The {} could not be killed", self.name))
    }

    /// All events that have arrived since the last read.
    pub(super) fn waiting(&self) -> Vec<Value> {
        self.lines.try_iter().filter_map(|line| serde_json::from_str(&line).ok()).collect()
    }

    /// CPU time so far. `None` on systems without /proc.
    pub(super) fn cpu(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name may hold spaces; user and system time are the 14th and 15th field, in clock ticks.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
        Some(Duration::from_millis(ticks * 1000 / USER_HZ))
    }

    /// Resident memory in MiB. `None` on systems without /proc.
    pub(super) fn memory_mib(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
    }
}

impl Drop for BenchProcess {
    fn drop(&mut self) {
        if self.child.kill().and_then(|()| self.child.wait()).is_err() {
            tracing::warn!(name = self.name, "the process could not be killed");
        }
    }
}
