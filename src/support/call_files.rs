//! The files of the journal: which belong to one call, and which are removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Calls that are kept.
pub(super) const CALLS: usize = 10;
/// Bytes of all calls together; the oldest are removed first.
pub(super) const TOTAL_BYTES: u64 = 7 << 20;

/// The part that is written; when it is full it becomes the older one, and that one's events go into the history.
pub(super) const NEWEST: &str = "jsonl";
pub(super) const OLDER: &str = "older.jsonl";
pub(super) const HISTORY: &str = "history.jsonl";

/// The files of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallFiles {
    /// Path without the extension: `call-1763850000123-4242-1`.
    stem: PathBuf,
    /// When the call began, in Unix ms; it is part of the name, so that the names are in the order of the calls.
    started_ms: u64,
    bytes: u64,
}

impl CallFiles {
    /// The files of a new call of this process; `number` counts them.
    pub(super) fn new(folder: &Path, started_ms: u64, number: u64) -> Self {
        let name = format!("call-{started_ms:013}-{}-{number}", std::process::id());
        Self { stem: folder.join(name), started_ms, bytes: 0 }
    }

    /// The file of a part.
    pub(super) fn part(&self, extension: &str) -> PathBuf {
        let mut path = self.stem.clone().into_os_string();
        path.push(".");
        path.push(extension);
        path.into()
    }

    /// The parts, oldest first.
    pub(super) fn parts(&self) -> [PathBuf; 3] {
        [HISTORY, OLDER, NEWEST].map(|extension| self.part(extension))
    }

    /// When the call began, in Unix ms.
    pub(super) const fn started_ms(&self) -> u64 {
        self.started_ms
    }

    /// Whether the process that wrote them is still there. Where the system does not tell, it counts as there.
    pub(super) fn is_running(&self) -> bool {
        let name = self.stem.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let pid = name.split('-').nth(2).and_then(|pid| pid.parse::<i32>().ok());
        pid.is_none_or(is_alive)
    }

    fn remove(&self) {
        for part in self.parts() {
            fs::remove_file(part).ok();
        }
    }
}

#[cfg(unix)]
fn is_alive(pid: i32) -> bool {
    let Some(pid) = rustix::process::Pid::from_raw(pid) else { return true };
    // Another user's process has the number now: ours is gone.
    rustix::process::test_kill_process(pid).is_ok()
}

#[cfg(not(unix))]
const fn is_alive(_: i32) -> bool {
    true
}

/// The calls in the folder, oldest first; none if there is no folder.
pub(super) fn calls_in(folder: &Path) -> io::Result<Vec<CallFiles>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut calls: Vec<CallFiles> = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((stem, started_ms)) = stem_of(&name) else { continue };
        let stem = folder.join(stem);
        let bytes = entry.metadata().map_or(0, |facts| facts.len());
        match calls.iter_mut().find(|call| call.stem == stem) {
            Some(call) => call.bytes += bytes,
            None => calls.push(CallFiles { stem, started_ms, bytes }),
        }
    }
    calls.sort_by(|a, b| (a.started_ms, &a.stem).cmp(&(b.started_ms, &b.stem)));
    Ok(calls)
}

/// The name of a call's part without its extension, and when the call began.
fn stem_of(name: &str) -> Option<(&str, u64)> {
    let stem = [HISTORY, OLDER, NEWEST].iter().find_map(|end| name.strip_suffix(end)?.strip_suffix('.'))?;
    let started_ms = stem.strip_prefix("call-")?.split('-').next()?.parse().ok()?;
    Some((stem, started_ms))
}

/// Removes the oldest calls, so that there is room for one more. That of `current` stays.
pub(super) fn make_room(folder: &Path, current: &CallFiles) {
    let Ok(calls) = calls_in(folder) else { return };
    let mut others: Vec<_> = calls.into_iter().filter(|call| call.stem != current.stem).collect();
    while others.len() >= CALLS || others.iter().map(|call| call.bytes).sum::<u64>() > TOTAL_BYTES {
        others.remove(0).remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_calls_are_removed_by_number_and_by_size() {
        let folder = tempfile::tempdir().expect("a folder");
        let call = |started| CallFiles::new(folder.path(), started, started);
        for started in 1..=20 {
            make_room(folder.path(), &call(started));
            for part in call(started).parts() {
                fs::write(part, "x").expect("written");
            }
        }
        let kept = |folder: &Path| calls_in(folder).expect("read").iter().map(|c| c.started_ms).collect::<Vec<_>>();
        assert_eq!(kept(folder.path()), (11..=20).collect::<Vec<_>>());
        fs::write(folder.path().join("key"), "not a call").expect("written");
        let large = fs::File::create(call(15).part(NEWEST)).expect("a file");
        large.set_len(TOTAL_BYTES).expect("a sparse file");
        make_room(folder.path(), &call(21));
        assert_eq!(kept(folder.path()), (16..=20).collect::<Vec<_>>());
        assert!(folder.path().join("key").exists());
        assert_eq!(kept(&folder.path().join("nowhere")), Vec::<u64>::new());
    }
}
