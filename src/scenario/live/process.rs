//! A process of this program: the server or a participant, with the events that it writes.

use super::LiveError;
use crate::scenario::words::EVENTS;
use parking_lot::Mutex;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Events that are kept of one process. A scenario of a day has fewer.
const MOST: usize = 20_000;

/// A running process. Dropping it kills the process.
pub(super) struct Process {
    name: String,
    child: Child,
    events: Arc<Mutex<Vec<Value>>>,
    _reader: JoinSet<()>,
}

impl Process {
    /// Starts this program, and returns its first line with it.
    pub(super) fn start(
        program: &Path,
        name: &str,
        arguments: &[String],
    ) -> Result<(Self, oneshot::Receiver<String>), LiveError> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        // The scenario has a server and keys of its own.
        for variable in ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"] {
            command.env_remove(variable);
        }
        let failed = |error| LiveError::Start { name: name.to_owned(), error };
        let mut child = command.spawn().map_err(failed)?;
        let events = Arc::<Mutex<Vec<Value>>>::default();
        let (first, is_first) = oneshot::channel();
        let mut reader = JoinSet::new();
        if let Some(out) = child.stdout.take() {
            let events = events.clone();
            reader.spawn(async move {
                let (mut lines, mut first) = (BufReader::new(out).lines(), Some(first));
                while let Ok(Some(line)) = lines.next_line().await {
                    if let Ok(event) = serde_json::from_str::<Value>(&line) {
                        keep(&mut events.lock(), event);
                    }
                    first.take().map(|first| first.send(line));
                }
            });
        }
        Ok((Self { name: name.to_owned(), child, events, _reader: reader }, is_first))
    }

    /// The events so far.
    pub(super) fn events(&self) -> Vec<Value> {
        self.events.lock().clone()
    }

    /// Whether this event has come.
    pub(super) fn has(&self, event: &str) -> bool {
        self.events.lock().iter().any(|line| line["event"] == event)
    }

    /// Whether the process has not ended.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends the process a signal by name, for example `TERM`. One that has ended gets none.
    pub(super) async fn signal(&self, signal: &'static str) -> Result<(), LiveError> {
        let Some(id) = self.child.id() else { return Ok(()) };
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(id.to_string()).stderr(Stdio::null()).status();
        let failed = |error| LiveError::Signal { name: self.name.clone(), signal, error };
        sent.await.map(|_| ()).map_err(failed)
    }

    /// Kills the process, and waits for its end.
    pub(super) async fn kill(&mut self) {
        // It may have ended by itself.
        self.child.kill().await.ok();
    }

    /// Waits for the end of the process.
    pub(super) async fn ended(&mut self) {
        self.child.wait().await.ok();
    }
}

/// Keeps an event that scenarios know.
fn keep(events: &mut Vec<Value>, event: Value) {
    let is_known = event["event"].as_str().is_some_and(|name| EVENTS.contains(&name));
    if is_known && events.len() < MOST {
        events.push(event);
    }
}
