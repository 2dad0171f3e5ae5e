//! The journal: what happened in the last calls, on disk, without anything private. A thread of its own writes it, so a
//! slow, full or read-only disk costs the call nothing.

use super::entry;
use super::journal_file::{JournalFile, VERSION};
use super::log_ring::LogRing;
use super::redact::{Hidden, Redactor};
use crate::base::{CallPlace, Event, EventKind};
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Events that wait for the disk; further ones are dropped and counted.
const QUEUE: usize = 512;
/// Calls that are open at the same time at most: bots of one process. Further ones are not kept.
const OPEN: usize = 16;
/// The name of an entry that is a line of the log.
const LOG: &str = "Log";
/// Calls that have ended and are remembered, so that a late event begins no new journal.
const ENDED: usize = 64;

/// Which program writes; it stands in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JournalProgram {
    /// The window.
    Window,
    /// `visavis bot`.
    Bot,
}

/// Takes events for the journal.
pub(crate) struct Journal {
    notes: SyncSender<Note>,
    dropped: Arc<AtomicU64>,
}

enum Note {
    Event(Box<Event>),
    /// Everything before it is written.
    Flush(SyncSender<()>),
}

impl Journal {
    /// Starts a journal in `folder`, which need not exist. At the end of a call, the lines of `log` are added. `None` if
    /// there can be no thread.
    pub(crate) fn start(
        folder: PathBuf,
        redactor: Arc<Redactor>,
        program: JournalProgram,
        log: Option<&'static LogRing>,
    ) -> Option<Self> {
        let (notes, received) = sync_channel(QUEUE);
        let dropped = Arc::<AtomicU64>::default();
        let writer = Writer {
            folder,
            redactor,
            program,
            log,
            dropped: dropped.clone(),
            open: Vec::new(),
            ended: VecDeque::new(),
            begun: 0,
        };
        match thread::Builder::new().name("journal".into()).spawn(move || writer.run(&received)) {
            Ok(_) => Some(Self { notes, dropped }),
            Err(error) => {
                tracing::warn!(%error, "no thread for the journal");
                None
            }
        }
    }

    /// Takes an event. Never blocks; while the disk is slow, events are dropped and counted.
    pub(crate) fn take(&self, event: &Event) {
        if matches!(event.kind, EventKind::Focused { .. }) {
            return;
        }
        if self.notes.try_send(Note::Event(Box::new(event.clone()))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is on disk, for `limit` at most.
    pub(crate) fn flush(&self, limit: Duration) {
        let (done, is_done) = sync_channel(1);
        // With a full queue the disk is slower than the limit.
        if self.notes.try_send(Note::Flush(done)).is_ok() {
            is_done.recv_timeout(limit).ok();
        }
    }
}

/// The thread's state.
struct Writer {
    folder: PathBuf,
    redactor: Arc<Redactor>,
    program: JournalProgram,
    log: Option<&'static LogRing>,
    dropped: Arc<AtomicU64>,
    open: Vec<OpenCall>,
    ended: VecDeque<CallKey>,
    begun: u64,
}

/// The session and the user: the bots of one process count their sessions each for itself.
type CallKey = (u64, String);

struct OpenCall {
    key: CallKey,
    started_ms: f64,
    file: JournalFile,
}

impl Writer {
    fn run(mut self, notes: &Receiver<Note>) {
        while let Ok(note) = notes.recv() {
            match note {
                Note::Event(event) => self.take(&event),
                Note::Flush(done) => drop(done.send(())),
            }
        }
    }

    fn take(&mut self, event: &Event) {
        let Some(fields) = entry::fields(&event.kind, &self.redactor) else { return };
        let lost = self.dropped.swap(0, Ordering::Relaxed);
        // What the program tells of itself belongs to the calls that are open.
        if event.session.0 == 0 {
            self.open.iter_mut().for_each(|call| call.write(event, fields.clone(), lost));
            return;
        }
        let key = (event.session.0, event.user.clone());
        if self.ended.contains(&key) {
            return;
        }
        if !self.open.iter().any(|call| call.key == key) && !self.begin(&key, event) {
            return;
        }
        let Some(at) = self.open.iter().position(|call| call.key == key) else { return };
        self.open[at].write(event, fields, lost);
        if matches!(event.kind, EventKind::ExitRoom { .. }) {
            let call = self.open.remove(at);
            self.end(call);
            if self.ended.len() >= ENDED {
                self.ended.pop_front();
            }
            self.ended.push_back(key);
        }
    }

    /// Adds what was logged during the call.
    fn end(&self, mut call: OpenCall) {
        let lines = self.log.map(|log| log.lines(call.started_ms, &self.redactor)).unwrap_or_default();
        for line in lines {
            let Value::Object(mut fields) = line else { continue };
            let unix_ms = fields.remove("unix_ms").and_then(|at| at.as_f64()).unwrap_or(call.started_ms);
            call.file.write((unix_ms - call.started_ms).max(0.0) as u64, LOG, fields, 0);
        }
    }

    /// Begins the journal of a call, unless there are too many.
    fn begin(&mut self, key: &CallKey, event: &Event) -> bool {
        if self.open.len() >= OPEN {
            return false;
        }
        self.begun += 1;
        let header = self.header(event);
        let started_ms = event.unix_ms.max(0.0);
        let file = JournalFile::new(&self.folder, started_ms as u64, self.begun, header);
        self.open.push(OpenCall { key: key.clone(), started_ms, file });
        true
    }

    fn header(&self, event: &Event) -> Map<String, Value> {
        let mut header = Map::new();
        let mut put = |key: &str, value: Value| drop(header.insert(key.to_owned(), value));
        put("journal", json!(VERSION));
        put("visavis", json!(env!("CARGO_PKG_VERSION")));
        put("system", json!(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)));
        put(
            "program",
            json!(match self.program {
                JournalProgram::Window => "window",
                JournalProgram::Bot => "bot",
            }),
        );
        put("started_unix_s", json!(event.unix_ms as u64 / 1000));
        put("user", json!(self.redactor.hide(Hidden::User, &event.user)));
        if let Some(place) = &event.place {
            let CallPlace { room, server, name } = &**place;
            self.redactor.learn_server(server);
            self.redactor.learn(Hidden::Room, room.as_str());
            self.redactor.learn_user(&event.user, name);
            put("room", json!(self.redactor.hide(Hidden::Room, room.as_str())));
            put("server", json!(self.redactor.text(server)));
        }
        header
    }
}

impl OpenCall {
    fn write(&mut self, event: &Event, fields: Map<String, Value>, lost: u64) {
        let at_ms = (event.unix_ms - self.started_ms).max(0.0) as u64;
        self.file.write(at_ms, event.kind.name(), fields, lost);
    }
}
