//! One call in the journal: a header and one JSON object a line, in at most three files of bounded size.
//!
//! The newest lines are kept as they are. When their file is full it becomes the older part; of the part before that, the
//! events and one statistics a minute are kept in the history, until that is full too.

use super::call_files::{CallFiles, HISTORY, NEWEST, OLDER, calls_in, make_room};
use serde_json::{Map, Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The version of the format, in the header.
pub(super) const VERSION: u64 = 1;
/// Bytes of the newest part and of the older one.
const PART_BYTES: u64 = 192 << 10;
/// Bytes of the history.
const HISTORY_BYTES: u64 = 256 << 10;
/// Time between two attempts to write after one has failed.
const RETRY: Duration = Duration::from_secs(5);
/// Of old statistics, one in so many milliseconds is kept.
const THINNED_MS: u64 = 60_000;

/// The open journal of a call. Nothing here fails: what cannot be written is counted.
pub(super) struct JournalFile {
    files: CallFiles,
    header: Map<String, Value>,
    open: Option<Open>,
    /// When a failed write is tried again.
    retry_at: Option<Instant>,
    /// The number of the next line.
    next: u64,
    /// Lines that were lost since the last one that was written.
    lost: u64,
}

struct Open {
    file: File,
    bytes: u64,
}

impl JournalFile {
    /// A call that began at `started_ms` (Unix ms). The fields of `header` describe it.
    pub(super) fn new(folder: &Path, started_ms: u64, number: u64, header: Map<String, Value>) -> Self {
        let files = CallFiles::new(folder, started_ms, number);
        make_room(folder, &files);
        Self { files, header, open: None, retry_at: None, next: 1, lost: 0 }
    }

    /// Writes an entry: `at_ms` after the beginning, the event's name and its own fields. `lost` entries before it never came.
    pub(super) fn write(&mut self, at_ms: u64, event: &str, fields: Map<String, Value>, lost: u64) {
        self.lost += lost;
        let mut line = Map::new();
        line.insert("n".into(), json!(self.next));
        line.insert("at_ms".into(), json!(at_ms));
        line.insert("event".into(), json!(event));
        if self.lost > 0 {
            line.insert("lost".into(), json!(self.lost));
        }
        line.extend(fields);
        self.next += 1;
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            self.lost += 1;
            return;
        }
        match self.write_line(&Value::Object(line).to_string()) {
            Ok(()) => (self.retry_at, self.lost) = (None, 0),
            Err(error) => {
                if self.retry_at.is_none() {
                    tracing::info!(kind = ?error.kind(), "the journal of this call cannot be written");
                }
                // The half of a line may be in the file: the next attempt opens it anew and begins a new line.
                (self.open, self.retry_at) = (None, Some(Instant::now() + RETRY));
                self.lost += 1;
            }
        }
    }

    fn write_line(&mut self, line: &str) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|open| open.bytes + line.len() as u64 > PART_BYTES) {
            self.open = None;
            self.rotate()?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(Open::begin(&self.files.part(NEWEST), &self.header)?),
        };
        open.line(line)
    }

    /// Makes place for a new part.
    fn rotate(&self) -> io::Result<()> {
        let older = self.files.part(OLDER);
        if let Ok(text) = fs::read_to_string(&older) {
            self.keep_in_history(&text).ok();
        }
        fs::rename(self.files.part(NEWEST), older)
    }

    fn keep_in_history(&self, text: &str) -> io::Result<()> {
        let history = self.files.part(HISTORY);
        let mut room = HISTORY_BYTES.saturating_sub(fs::metadata(&history).map_or(0, |facts| facts.len()));
        let mut kept = String::new();
        for line in thinned(text) {
            room = room.saturating_sub(line.len() as u64 + 1);
            if room == 0 {
                break;
            }
            kept.push_str(line);
            kept.push('\n');
        }
        private_file(&history)?.write_all(kept.as_bytes())
    }
}

impl Open {
    /// Opens a part. A new one begins with the header; an old one goes on with a new line, whatever its last one is.
    fn begin(path: &Path, header: &Map<String, Value>) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = private_file(path)?;
        let bytes = file.metadata()?.len();
        let mut open = Self { file, bytes };
        match bytes {
            0 => open.line(&Value::Object(header.clone()).to_string())?,
            _ => open.line("")?,
        }
        Ok(open)
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.bytes += line.len() as u64 + 1;
        Ok(())
    }
}

/// A file to append to, for its owner alone.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The lines without most of their statistics.
fn thinned(text: &str) -> impl Iterator<Item = &str> {
    let mut minute = None;
    text.lines().filter(move |line| {
        if !line.contains("\"event\":\"Statistics\"") {
            return !line.is_empty();
        }
        let Ok(entry) = serde_json::from_str::<Value>(line) else { return false };
        let now = entry["at_ms"].as_u64().map(|ms| ms / THINNED_MS);
        std::mem::replace(&mut minute, now) != now
    })
}

/// A call as the journal has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordedCall {
    /// The fields of the header.
    pub(crate) header: Value,
    /// The entries, in their order.
    pub(crate) entries: Vec<Value>,
    /// Lines that cannot be read: the end of a file on a full disk, for example.
    pub(crate) unreadable: usize,
}

/// The calls whose journals lie in `folder`, oldest first. A call without a header has an empty one.
pub(crate) fn recorded_calls(folder: &Path) -> io::Result<Vec<RecordedCall>> {
    let read = |call: &CallFiles| {
        let mut recorded = RecordedCall { header: json!({}), entries: Vec::new(), unreadable: 0 };
        for part in call.parts() {
            let is_ours = fs::metadata(&part).is_ok_and(|facts| facts.is_file() && facts.len() <= 2 * HISTORY_BYTES);
            if let Some(bytes) = is_ours.then(|| fs::read(&part).ok()).flatten() {
                recorded.take(&String::from_utf8_lossy(&bytes));
            }
        }
        recorded.entries.sort_by_key(number);
        // A crash between two steps of a rotation leaves lines twice.
        recorded.entries.dedup_by_key(|entry| number(entry));
        recorded
    };
    Ok(calls_in(folder)?.iter().map(read).collect())
}

/// When the newest call of a window began (Unix ms), if it has no ExitRoom and its process is gone.
pub(super) fn last_unfinished(folder: &Path) -> Option<u64> {
    let gone = calls_in(folder).ok()?.into_iter().rev().find(|call| !call.is_running())?;
    let read = |part: &PathBuf| fs::read(part).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text: String = gone.parts().iter().filter_map(|part| read(part).ok()).collect();
    let is_window = text.contains("\"program\":\"window\"");
    (is_window && !text.contains("\"event\":\"ExitRoom\"")).then(|| gone.started_ms())
}

fn number(entry: &Value) -> u64 {
    entry["n"].as_u64().unwrap_or(u64::MAX)
}

impl RecordedCall {
    fn take(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.is_empty()) {
            match serde_json::from_str::<Value>(line) {
                Ok(header) if header["journal"].is_u64() => self.header = header,
                Ok(entry) if entry["n"].is_u64() && entry["event"].is_string() => self.entries.push(entry),
                _ => self.unreadable += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Map<String, Value> {
        [("journal".to_owned(), json!(VERSION)), ("program".to_owned(), json!("window"))].into_iter().collect()
    }

    fn fields(text: &str) -> Map<String, Value> {
        [("text".to_owned(), json!(text))].into_iter().collect()
    }

    fn only_call(folder: &Path) -> RecordedCall {
        let mut calls = recorded_calls(folder).expect("read");
        assert_eq!(calls.len(), 1);
        calls.remove(0)
    }

    #[test]
    fn a_long_call_keeps_its_events_and_its_newest_statistics_within_the_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = JournalFile::new(folder.path(), 1000, 1, header());
        let hours = 8 * 60 * 60 * 1000;
        for at in (0..hours).step_by(2000) {
            file.write(at, "Statistics", fields(&"x".repeat(600)), 0);
            if at % 300_000 == 0 {
                file.write(at, "RemoteUserEnterRoom", fields("someone"), 0);
            }
        }
        let bytes: u64 =
            fs::read_dir(folder.path()).expect("a folder").flatten().map(|e| e.metadata().expect("facts").len()).sum();
        assert!(bytes <= 2 * PART_BYTES + HISTORY_BYTES, "{bytes}");
        let call = only_call(folder.path());
        assert_eq!(call.header["program"], "window");
        assert_eq!(call.unreadable, 0);
        let at = |entry: &Value| entry["at_ms"].as_u64().expect("a time");
        assert!(call.entries.windows(2).all(|pair| number(&pair[0]) < number(&pair[1])));
        let recent = call.entries.iter().filter(|e| e["event"] == "Statistics" && at(e) > hours - 5 * 60_000).count();
        assert_eq!(recent, 149, "the last five minutes are complete");
        assert_eq!(at(&call.entries[0]), 0, "the beginning is kept");
        assert!(call.entries.len() > 500);
    }

    #[test]
    fn a_damaged_file_gives_what_can_be_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = JournalFile::new(folder.path(), 1000, 1, header());
        file.write(5, "EnterRoom", fields("a"), 0);
        drop(file);
        let path = CallFiles::new(folder.path(), 1000, 1).part(NEWEST);
        let mut text = fs::read(&path).expect("the file");
        text.extend(b"\xff\xfe garbage\n{\"n\":7,\"at_ms\":9,\"event\":\"ExitRoom\"}\n{\"n\":8,\"at_ms\":9,\"ev");
        fs::write(&path, text).expect("written");
        let call = only_call(folder.path());
        assert_eq!((call.entries.len(), call.unreadable), (2, 2));
        fs::write(&path, "").expect("emptied");
        assert_eq!(only_call(folder.path()).entries, Vec::<Value>::new());
    }

    #[cfg(unix)]
    #[test]
    fn a_journal_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        JournalFile::new(folder.path(), 1000, 1, header()).write(5, "EnterRoom", fields("a"), 0);
        let path = CallFiles::new(folder.path(), 1000, 1).part(NEWEST);
        assert_eq!(fs::metadata(path).expect("the file").permissions().mode() & 0o777, 0o600);
    }

    /// `/dev/full` is a disk without room: it can be opened, and no write succeeds.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_and_a_folder_that_cannot_be_made_lose_lines_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let full = CallFiles::new(folder.path(), 1000, 1).part(NEWEST);
        std::os::unix::fs::symlink("/dev/full", &full).expect("a link");
        let mut file = JournalFile::new(folder.path(), 1000, 1, header());
        file.write(1, "EnterRoom", fields("a"), 0);
        file.write(2, "ExitRoom", fields("a"), 3);
        assert_eq!(file.lost, 5);
        // There is room again.
        fs::remove_file(&full).expect("removed");
        file.retry_at = None;
        file.write(3, "EnterRoom", fields("b"), 0);
        let call = only_call(folder.path());
        assert_eq!((call.entries.len(), &call.entries[0]["lost"], &call.entries[0]["n"]), (1, &json!(5), &json!(3)));

        let taken = folder.path().join("file");
        fs::write(&taken, "").expect("a file in the way");
        let mut file = JournalFile::new(&taken.join("journal"), 1000, 2, header());
        file.write(1, "EnterRoom", fields("a"), 0);
        assert_eq!(file.lost, 1);
    }
}
