//! Reports of panics: what, where, the backtrace and the last log lines, one file each, whole or not at all.

use super::journal_file::last_unfinished;
use super::log_ring::LogRing;
use super::redact::Redactor;
use crate::clock::{unix_ms, unix_s};
use crate::store::{Readers, write_atomically};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::backtrace::Backtrace;
use std::fs;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

/// The version of the format.
pub(super) const VERSION: u64 = 1;
/// Reports that are kept; the oldest is removed.
const KEPT: usize = 10;
/// Reports of one process: a part that panics again and again says nothing new.
const OF_ONE_PROCESS: u32 = 5;
/// Bytes that a report is read up to; ours are smaller.
const MAX_BYTES: u64 = 256 << 10;
/// Frames of a backtrace.
const FRAMES: usize = 80;
/// Log lines in a report.
const LOG_LINES: usize = 60;
/// What stands in place of a message that could not be redacted.
const LEFT_OUT: &str = "(left out: the panic came while the redaction was at work)";

/// The crash reports of this process. Dropping it, at the end of the program, waits for those that are being written.
pub(crate) struct CrashReports {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    redactor: Arc<Redactor>,
    process: &'static str,
    written: AtomicU32,
    writing: Mutex<Vec<JoinHandle<()>>>,
}

/// What is known in the thread that panics.
struct Panic {
    thread: String,
    message: String,
    place: String,
    backtrace: Backtrace,
}

impl CrashReports {
    /// Has every panic of this process leave a report in `folder`, besides what is printed. `process` is the subcommand.
    pub(crate) fn install(folder: PathBuf, redactor: Arc<Redactor>, process: &'static str) -> Self {
        let writing = Mutex::default();
        let shared = Arc::new(Shared { folder, redactor, process, written: AtomicU32::new(0), writing });
        let before = take_hook();
        let hook = shared.clone();
        set_hook(Box::new(move |info| {
            before(info);
            hook.panicked(info);
        }));
        Self { shared }
    }
}

impl Drop for CrashReports {
    fn drop(&mut self) {
        let writing = std::mem::take(&mut *self.shared.writing.lock());
        writing.into_iter().for_each(|thread| drop(thread.join()));
    }
}

impl Shared {
    fn panicked(self: &Arc<Self>, info: &PanicHookInfo<'_>) {
        if self.written.fetch_add(1, Ordering::Relaxed) >= OF_ONE_PROCESS {
            return;
        }
        let current = thread::current();
        let panic = Panic {
            thread: current.name().unwrap_or("unnamed").to_owned(),
            message: info.payload_as_str().unwrap_or("(no text)").to_owned(),
            place: info.location().map_or_else(String::new, |at| format!("{}:{}", source_path(at.file()), at.line())),
            backtrace: Backtrace::force_capture(),
        };
        // Looking names up takes a while: a media thread has to go on, and the main thread has to leave the call.
        let shared = self.clone();
        let spawned = thread::Builder::new().name("crash-report".into()).spawn(move || shared.write(&panic));
        if let Ok(thread) = spawned
            && let Some(mut writing) = self.writing.try_lock()
        {
            writing.push(thread);
        }
    }

    fn write(&self, panic: &Panic) {
        let redactor = &self.redactor;
        let message = redactor.text_after_panic(&panic.message);
        let report = json!({
            "crash": VERSION,
            "what": "panic",
            "visavis": env!("CARGO_PKG_VERSION"),
            "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            "process": self.process,
            "unix_s": unix_s(),
            "thread": panic.thread,
            "message": message.unwrap_or_else(|| LEFT_OUT.to_owned()),
            "place": panic.place,
            "backtrace": frames(&panic.backtrace.to_string()),
            "log": LogRing::of_process().after_panic(LOG_LINES, redactor),
        });
        let name = format!("crash-{:013}-{}-{}.json", unix_ms() as u64, std::process::id(), panic.thread_word());
        let path = self.folder.join(name);
        let text = report.to_string();
        let written =
            fs::create_dir_all(&self.folder).and_then(|()| write_atomically(&path, text.as_bytes(), Readers::Owner));
        if written.is_ok() {
            keep_newest(&self.folder);
        }
    }
}

impl Panic {
    /// The thread's name as part of a file's name.
    fn thread_word(&self) -> String {
        self.thread.chars().filter(char::is_ascii_alphanumeric).take(16).collect()
    }
}

/// The frames of a printed backtrace, `function at path:line` each, from the panic outwards.
fn frames(printed: &str) -> Vec<String> {
    let mut frames: Vec<String> = Vec::new();
    for line in printed.lines().map(str::trim) {
        match (line.strip_prefix("at "), frames.last_mut()) {
            (Some(place), Some(frame)) => {
                let place = place.rsplit_once(':').map_or(place, |(place, _column)| place);
                frame.push_str(&format!(" at {}", source_path(place)));
            }
            _ => {
                let function = line.split_once(": ").map_or(line, |(_number, function)| function);
                frames.push(function.to_owned());
            }
        }
    }
    // The hook itself is above the panic.
    let begin =
        frames.iter().position(|frame| frame.contains("rust_begin_unwind") || frame.contains("begin_panic_handler"));
    frames.into_iter().skip(begin.map_or(0, |at| at + 1)).take(FRAMES).collect()
}

/// The path of a source file from its crate on: where it was built is nobody's business.
fn source_path(path: &str) -> String {
    let path = path.replace('\\', "/");
    let root = format!("{}/", env!("CARGO_MANIFEST_DIR").replace('\\', "/"));
    if let Some(ours) = path.strip_prefix(&root) {
        return ours.to_owned();
    }
    if let Some((_, crates)) = path.split_once("/registry/src/") {
        return crates.split_once('/').map_or(crates, |(_, from_crate)| from_crate).to_owned();
    }
    match path.split_once("/library/") {
        Some((_, library)) => format!("library/{library}"),
        None if path.starts_with('/') || path.contains(":/") => path.rsplit('/').next().unwrap_or_default().to_owned(),
        None => path,
    }
}

/// The reports in the folder, oldest first: when each was written (Unix ms), and its file.
fn files(folder: &Path) -> Vec<(u64, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let unix_ms = name.strip_suffix(".json")?.strip_prefix("crash-")?.split('-').next()?.parse().ok()?;
            Some((unix_ms, entry.path()))
        })
        .collect();
    found.sort();
    found
}

fn keep_newest(folder: &Path) {
    let files = files(folder);
    for (_, path) in &files[..files.len().saturating_sub(KEPT)] {
        fs::remove_file(path).ok();
    }
}

/// The reports in the folder, oldest first. Files that are no reports are left out.
pub(crate) fn crash_reports(folder: &Path) -> Vec<Value> {
    let read = |(_, path): (u64, PathBuf)| {
        let facts = fs::metadata(&path).ok()?;
        let text = (facts.is_file() && facts.len() <= MAX_BYTES).then(|| fs::read_to_string(&path).ok()).flatten()?;
        serde_json::from_str::<Value>(&text).ok().filter(|report| report["crash"].is_u64())
    };
    files(folder).into_iter().filter_map(read).collect()
}

/// The file with the time (Unix ms) of the last report of which the user was told.
const TOLD: &str = "crashes-told";

/// Whether there is a report of which the user was not told, or a call of a window that ended without ExitRoom: a fault
/// in native code leaves no report, but the journal up to it.
pub(crate) fn has_new_crash(folder: &Path) -> bool {
    let told = fs::read_to_string(folder.join(TOLD)).ok().and_then(|text| text.trim().parse::<u64>().ok());
    newest(folder).is_some_and(|newest| told.is_none_or(|told| newest > told))
}

/// When the newest report was written, or the newest call without an end began (Unix ms).
fn newest(folder: &Path) -> Option<u64> {
    files(folder).last().map(|(unix_ms, _)| *unix_ms).max(last_unfinished(folder))
}

/// Notes that the user was told of all reports.
pub(crate) fn close_crash_note(folder: &Path) {
    let Some(newest) = newest(folder) else { return };
    if let Err(error) = write_atomically(&folder.join(TOLD), newest.to_string().as_bytes(), Readers::Owner) {
        tracing::info!(kind = ?error.kind(), "the note about a crash comes again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::Hidden;

    fn shared(folder: &Path) -> Arc<Shared> {
        let redactor = Arc::new(Redactor::of_installation(None));
        redactor.learn(Hidden::User, "Mina Unmistakable");
        let (written, writing) = (AtomicU32::new(0), Mutex::default());
        Arc::new(Shared { folder: folder.to_owned(), redactor, process: "window", written, writing })
    }

    fn panic(message: &str) -> Panic {
        let backtrace = Backtrace::force_capture();
        Panic { thread: "audio".into(), message: message.into(), place: "src/a.rs:1".into(), backtrace }
    }

    #[test]
    fn a_report_says_what_and_where_and_nothing_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = shared(folder.path());
        shared.write(&panic("no frame of Mina Unmistakable from 10.1.2.3"));
        let reports = crash_reports(folder.path());
        assert_eq!(reports.len(), 1);
        assert_eq!((&reports[0]["thread"], &reports[0]["place"]), (&json!("audio"), &json!("src/a.rs:1")));
        let text = reports[0].to_string();
        assert!(reports[0]["message"].as_str().is_some_and(|m| m.starts_with("no frame of user-")), "{text}");
        assert!(!text.contains("Unmistakable") && !text.contains("10.1.2.3"), "{text}");
        assert!(!text.contains(env!("CARGO_MANIFEST_DIR")), "{text}");
        assert!(reports[0]["backtrace"].as_array().is_some_and(|frames| frames.len() > 1), "{text}");
    }

    #[test]
    fn the_newest_reports_are_kept_and_damaged_ones_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = shared(folder.path());
        for n in 0..KEPT + 5 {
            fs::write(folder.path().join(format!("crash-{n:013}-1-x.json")), "{\"crash\": 1").expect("written");
        }
        shared.write(&panic("once more"));
        assert_eq!(files(folder.path()).len(), KEPT);
        assert_eq!(crash_reports(folder.path()).len(), 1);
        assert!(crash_reports(&folder.path().join("nowhere")).is_empty());
    }

    #[test]
    fn a_crash_is_new_until_it_was_told() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!has_new_crash(folder.path()));
        shared(folder.path()).write(&panic("once"));
        assert!(has_new_crash(folder.path()));
        close_crash_note(folder.path());
        assert!(!has_new_crash(folder.path()));
        fs::write(folder.path().join("crash-9999999999997-1-x.json"), "{}").expect("a later one");
        assert!(has_new_crash(folder.path()));
        close_crash_note(folder.path());
        let call = |ms: u64, pid: u32, text: &str| {
            fs::write(folder.path().join(format!("call-{ms}-{pid}-1.jsonl")), text).expect("a call");
        };
        // No process has such a number.
        call(9_999_999_999_998, 999_999_999, "{\"program\":\"window\"}\n{\"event\":\"ExitRoom\"}\n");
        assert!(!has_new_crash(folder.path()), "that call has ended well");
        call(9_999_999_999_998, 999_999_999, "{\"program\":\"window\"}\n{\"event\":\"EnterRoom\"}\n");
        assert!(has_new_crash(folder.path()));
        call(9_999_999_999_999, std::process::id(), "{\"program\":\"window\"}\n");
        close_crash_note(folder.path());
        assert!(!has_new_crash(folder.path()), "it was told, and the later one goes on in this process");
    }

    #[test]
    fn a_folder_that_cannot_be_written_costs_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("file"), "").expect("a file in the way");
        shared(&folder.path().join("file/journal")).write(&panic("lost"));
    }

    #[test]
    fn source_paths_begin_at_their_crate() {
        let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/src/call/media.rs");
        assert_eq!(source_path(ours), "src/call/media.rs");
        assert_eq!(
            source_path("/home/mina/.cargo/registry/src/index.crates.io-1/webrtc-0.1/src/lib.rs"),
            "webrtc-0.1/src/lib.rs"
        );
        assert_eq!(source_path("/rustc/0123/library/core/src/panicking.rs"), "library/core/src/panicking.rs");
        assert_eq!(source_path("C:\\Users\\mina\\x\\y.rs"), "y.rs");
        assert_eq!(source_path("src/call/media.rs"), "src/call/media.rs");
    }
}
