//! What outlives the server: who was removed, in a folder of its own.
//!
//! `bars.json` holds everybody whose older tokens are worthless. A thread of its own writes it, all of it each time, into
//! a file beside it that then takes its place: a crash or a full disk leaves the old one whole. An admin call that
//! removes somebody is answered when that is on the disk ([`StateFolder::written`]), so that what was answered holds.

use crate::hub::{Ban, BanList};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// The file in the folder.
const FILE: &str = "bars.json";
/// Held locked by the server that uses the folder.
const LOCK: &str = "lock";
/// A file of 100,000 bans with the longest names has 60 MB; a larger one is not ours.
const MAX_BYTES: u64 = 100 << 20;
/// The form of the file. A newer one is refused, not guessed at.
const VERSION: u32 = 1;
/// After a failure it is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Why a state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// It cannot be made, read or written.
    #[error("The state folder {} cannot be used: {error}. Give the server one that it may write to.", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// Two servers would overwrite each other's file.
    #[error("The state folder {} is in use by another server. Give each server a folder of its own.", .0.display())]
    InUse(PathBuf),
    /// A newer version wrote it.
    #[error("{} was written by a newer Visavis. Start that version, or give the server another folder.", .0.display())]
    Newer(PathBuf),
}

/// `bars.json`.
#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    #[serde(rename = "bars")]
    bans: Vec<SavedBan>,
}

#[derive(Serialize, Deserialize)]
struct SavedBan {
    room: String,
    user: String,
    removed_at: i64,
    dismissed: bool,
}

/// A state folder in use.
pub(super) struct StateFolder {
    queue: Arc<WriteQueue>,
    written: watch::Receiver<u64>,
    writer: Option<JoinHandle<()>>,
}

/// Where the driver lays down what the writer takes up.
#[derive(Default)]
struct WriteQueue {
    pending: Mutex<PendingWrites>,
    changed: Condvar,
}

#[derive(Default)]
struct PendingWrites {
    /// Bounded as all bans are.
    bans: BanList,
    /// How many were noted since the start.
    noted: u64,
    is_closing: bool,
}

impl StateFolder {
    /// Opens a folder, made if it is missing, and reads who is banned. A file that cannot be understood is put aside
    /// under another name, with a warning in the log.
    pub(super) fn open(folder: &Path) -> Result<(Self, BanList), StateError> {
        let failed = |error| StateError::Folder { folder: folder.to_owned(), error };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = lock(folder)?;
        let mut bans = read(&folder.join(FILE), folder)?;
        bans.remove_expired(unix_s());
        let (sender, written) = watch::channel(0);
        let queue = Arc::new(WriteQueue::default());
        let writer =
            Writer { folder: folder.to_owned(), bans: bans.clone(), queue: queue.clone(), written: sender, lock };
        let writer = std::thread::Builder::new().name("state".into()).spawn(|| writer.run()).map_err(failed)?;
        Ok((Self { queue, written, writer: Some(writer) }, bans))
    }

    /// Has a ban written. The number is the one to wait for.
    pub(super) fn note(&self, ban: Ban) -> u64 {
        let mut pending = self.queue.lock();
        pending.bans.add(ban);
        pending.noted += 1;
        self.queue.changed.notify_one();
        pending.noted
    }

    /// The number up to which everything is on the disk, or has been tried.
    pub(super) fn written(&self) -> watch::Receiver<u64> {
        self.written.clone()
    }

    /// Writes what is pending and lets go of the folder. Blocks for as long as the disk takes.
    pub(super) fn close(mut self) {
        let writer = self.writer.take();
        drop(self);
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the thread that writes the state has failed");
        }
    }
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        self.queue.lock().is_closing = true;
        self.queue.changed.notify_one();
    }
}

impl WriteQueue {
    fn lock(&self) -> MutexGuard<'_, PendingWrites> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that writes.
struct Writer {
    folder: PathBuf,
    bans: BanList,
    queue: Arc<WriteQueue>,
    written: watch::Sender<u64>,
    /// Unlocked when the thread ends.
    lock: File,
}

impl Writer {
    fn run(mut self) {
        let mut is_unsaved = false;
        loop {
            let PendingWrites { bans, noted, is_closing } = self.take(is_unsaved);
            for ban in bans.iter() {
                self.bans.add(ban.clone());
                is_unsaved = true;
            }
            if is_unsaved {
                self.bans.remove_expired(unix_s());
                match self.save() {
                    Ok(()) => is_unsaved = false,
                    Err(e) => tracing::warn!(
                        "Removals cannot be written to {}: {e}. They hold until the server stops. Make room there.",
                        self.folder.display()
                    ),
                }
            }
            self.written.send_replace(noted);
            if is_closing {
                break;
            }
        }
        if let Err(e) = self.lock.unlock() {
            tracing::debug!("the state folder's lock: {e}");
        }
    }

    /// Waits for something to write, for the end, or for the time to try again.
    fn take(&self, is_unsaved: bool) -> PendingWrites {
        let mut pending = self.queue.lock();
        let done = *self.written.borrow();
        while pending.noted == done && !pending.is_closing {
            if is_unsaved {
                pending = self.queue.changed.wait_timeout(pending, RETRY).unwrap_or_else(PoisonError::into_inner).0;
                break;
            }
            pending = self.queue.changed.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        PendingWrites { bans: std::mem::take(&mut pending.bans), ..*pending }
    }

    fn save(&self) -> io::Result<()> {
        let ban = |b: &Ban| SavedBan {
            room: b.room.clone(),
            user: b.user.to_string(),
            removed_at: b.removed_at,
            dismissed: b.dismissed,
        };
        let saved = Saved { version: VERSION, bans: self.bans.iter().map(ban).collect() };
        let text = serde_json::to_vec(&saved)?;
        let (path, beside) = (self.folder.join(FILE), self.folder.join(format!("{FILE}.new")));
        let mut file = private_file(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        sync_folder(&self.folder)
    }
}

fn lock(folder: &Path) -> Result<File, StateError> {
    let failed = |error| StateError::Folder { folder: folder.to_owned(), error };
    let file = private_file(&folder.join(LOCK)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Reads `bars.json`. Without one nobody is banned; a broken one is put aside.
fn read(path: &Path, folder: &Path) -> Result<BanList, StateError> {
    let failed = |error| StateError::Folder { folder: folder.to_owned(), error };
    let mut text = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(MAX_BYTES).read_to_end(&mut text).map_err(failed)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BanList::default()),
        Err(error) => return Err(failed(error)),
    };
    match parse(&text) {
        Ok(bans) => Ok(bans),
        Err(Unreadable::Newer) => Err(StateError::Newer(path.to_owned())),
        Err(Unreadable::Broken(why)) => {
            let aside = folder.join(format!("{FILE}.broken-{}", unix_s()));
            fs::rename(path, &aside).map_err(failed)?;
            let (path, aside) = (path.display(), aside.display());
            tracing::warn!("{path} is broken ({why}), so nobody is banned any more. It is kept as {aside}.");
            Ok(BanList::default())
        }
    }
}

enum Unreadable {
    Newer,
    Broken(String),
}

fn parse(text: &[u8]) -> Result<BanList, Unreadable> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let broken = |e: serde_json::Error| Unreadable::Broken(e.to_string());
    let head: Head = serde_json::from_slice(text).map_err(broken)?;
    if head.version > VERSION {
        return Err(Unreadable::Newer);
    }
    let saved: Saved = serde_json::from_slice(text).map_err(broken)?;
    let mut bans = BanList::default();
    for SavedBan { room, user, removed_at, dismissed } in saved.bans {
        let user = user.parse().map_err(|e| Unreadable::Broken(format!("a user id: {e}")))?;
        bans.add(Ban { room, user, removed_at, dismissed });
    }
    Ok(bans)
}

/// A file that nobody else may read: it says who was in which room.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A rename is on the disk when its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn unix_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(user: &str, removed_at: i64) -> Ban {
        Ban { room: "r".into(), user: user.parse().unwrap(), removed_at, dismissed: user == "tom" }
    }

    fn users(bans: &BanList) -> Vec<(&str, bool)> {
        bans.iter().map(|b| (b.user.as_str(), b.dismissed)).collect()
    }

    #[test]
    fn what_was_noted_is_there_after_a_restart_unless_it_is_too_old() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("made/for/it");
        let (state, bans) = StateFolder::open(&folder).unwrap();
        assert!(users(&bans).is_empty());
        state.note(ban("mina", unix_s()));
        state.note(ban("tom", unix_s()));
        state.note(ban("long-ago", 1000));
        state.close();
        let (state, bans) = StateFolder::open(&folder).unwrap();
        assert_eq!(users(&bans), [("mina", false), ("tom", true)]);
        state.note(ban("ana", unix_s()));
        state.close();
        assert_eq!(users(&StateFolder::open(&folder).unwrap().1).len(), 3, "what was read is written again");
        assert!(!folder.join("bars.json.new").exists());
    }

    #[tokio::test]
    async fn it_is_on_the_disk_when_its_number_comes() {
        let folder = tempfile::tempdir().unwrap();
        let (state, _) = StateFolder::open(folder.path()).unwrap();
        for n in 0..20 {
            let number = state.note(ban(&format!("u{n}"), unix_s()));
            state.written().wait_for(|written| *written >= number).await.unwrap();
            let bans = parse(&fs::read(folder.path().join(FILE)).unwrap()).ok().unwrap();
            assert_eq!(bans.iter().count(), n + 1);
        }
    }

    #[test]
    fn a_broken_file_is_put_aside_whole() {
        let folder = tempfile::tempdir().unwrap();
        for text in [
            "",
            "{\"version\": 1, \"bars\": [{\"room\"",
            "{\"version\": 1, \"bars\": [{\"room\": \"r\", \"user\": \"\", \
            \"removed_at\": 1, \"dismissed\": false}]}",
        ] {
            fs::write(folder.path().join(FILE), text).unwrap();
            let (state, bans) = StateFolder::open(folder.path()).unwrap();
            state.close();
            assert!(users(&bans).is_empty());
            let is_kept = |e: &fs::DirEntry| e.file_name().to_string_lossy().starts_with("bars.json.broken-");
            let aside = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).find(is_kept).unwrap();
            assert_eq!(fs::read_to_string(aside.path()).unwrap(), text);
            fs::remove_file(aside.path()).unwrap();
        }
    }

    #[test]
    fn what_is_newer_or_in_use_is_refused_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let (state, _) = StateFolder::open(folder.path()).unwrap();
        let error = StateFolder::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("in use by another server"), "{error}");
        state.close();
        fs::write(folder.path().join(FILE), "{\"version\": 2, \"something\": 1}").unwrap();
        let error = StateFolder::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("newer Visavis"), "{error}");
        assert!(folder.path().join(FILE).exists());
        let error = StateFolder::open(&folder.path().join(FILE)).err().unwrap().to_string();
        assert!(error.contains("cannot be used"), "{error}");
    }

    #[test]
    fn a_disk_that_fails_does_not_hold_anybody_up() {
        let folder = tempfile::tempdir().unwrap();
        let (state, _) = StateFolder::open(folder.path()).unwrap();
        // A folder cannot be written into as a file, whoever asks.
        fs::create_dir(folder.path().join("bars.json.new")).unwrap();
        let number = state.note(ban("mina", unix_s()));
        let mut written = state.written();
        let waiting = tokio::runtime::Builder::new_current_thread().build().unwrap();
        waiting.block_on(written.wait_for(|w| *w >= number)).unwrap();
        fs::remove_dir(folder.path().join("bars.json.new")).unwrap();
        state.close();
        assert_eq!(users(&StateFolder::open(folder.path()).unwrap().1), [("mina", false)], "the last try succeeded");
    }
}
