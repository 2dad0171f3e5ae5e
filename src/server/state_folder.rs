//! The state folder: bans on disk, so that they outlive the server.
//!
//! A thread of its own writes all bans to `bars.json` after each change, into a temporary file that then replaces the
//! old one: a crash or a full disk leaves the old file intact. An admin call that removes somebody is answered once its
//! ban is on disk ([`StateFolder::wait_written`]).

use super::webhooks;
use crate::clock::unix_s;
use crate::hub::{Ban, BanList};
use crate::store::{Readers, write_durably};
use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// The file with the bans.
const FILE: &str = "bars.json";
/// The file that the server using the folder holds locked.
const LOCK: &str = "lock";
/// Largest file that is read. 100,000 bans with the longest names take 60 MB.
const MAX_BYTES: u64 = 100 << 20;
/// The version of the file's format. A newer one is refused.
const VERSION: u32 = 1;
/// Pause after a failed write.
const RETRY: Duration = Duration::from_secs(5);
/// How long an answer waits for the disk.
const DISK_LIMIT: Duration = Duration::from_secs(2);

/// Why a state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// The folder cannot be made, read or written.
    #[error("The state folder {} cannot be used: {error}. Give the server one that it may write to.", folder.display())]
    Folder {
        /// The folder's path.
        folder: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// Another server uses the folder.
    #[error("The state folder {} is in use by another server. Give each server a folder of its own.", .0.display())]
    InUse(PathBuf),
    /// The file has a newer format.
    #[error("{} was written by a newer Visavis. Start that version, or give the server another folder.", .0.display())]
    Newer(PathBuf),
}

/// The contents of `bars.json`.
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

/// A state folder in use. Dropping it writes what is pending and releases the folder, without waiting.
pub(super) struct StateFolder {
    queue: Arc<WriteQueue>,
    written: watch::Receiver<u64>,
    writer: Option<JoinHandle<()>>,
}

/// The bans on their way to the writer.
#[derive(Default)]
struct WriteQueue {
    pending: Mutex<PendingWrites>,
    changed: Condvar,
}

#[derive(Default)]
struct PendingWrites {
    /// Bounded like every [`BanList`].
    bans: BanList,
    /// How many bans were recorded since the start.
    recorded: u64,
    is_closing: bool,
}

impl StateFolder {
    /// Opens a folder, makes it if it is missing, and reads its bans. A file that cannot be parsed is renamed, with a
    /// warning in the log.
    pub(super) fn open(folder: &Path) -> Result<(Self, BanList), StateError> {
        let failed = |error| StateError::Folder { folder: folder.to_owned(), error };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = lock(folder)?;
        if let Err(error) = remove_leftovers(folder) {
            tracing::debug!(%error, "an unfinished file in the state folder cannot be removed");
        }
        let mut bans = read(&folder.join(FILE), folder)?;
        bans.remove_expired(unix_s());
        let (sender, written) = watch::channel(0);
        let queue = Arc::new(WriteQueue::default());
        let writer =
            Writer { folder: folder.to_owned(), bans: bans.clone(), queue: queue.clone(), written: sender, lock };
        let writer = std::thread::Builder::new().name("state".into()).spawn(|| writer.run()).map_err(failed)?;
        Ok((Self { queue, written, writer: Some(writer) }, bans))
    }

    /// Queues a ban for the writer.
    pub(super) fn record(&self, ban: Ban) {
        let mut pending = self.queue.pending.lock();
        pending.bans.add(ban);
        pending.recorded += 1;
        self.queue.changed.notify_one();
    }

    /// Waits until all bans recorded so far are on disk, or writing them has failed; 2 s at most.
    pub(super) fn wait_written(&self) -> impl Future<Output = ()> + Send + 'static {
        let recorded = self.queue.pending.lock().recorded;
        let mut written = self.written.clone();
        async move {
            if tokio::time::timeout(DISK_LIMIT, written.wait_for(|w| *w >= recorded)).await.is_err() {
                tracing::warn!("A removal is not on the disk yet: the disk is slow.");
            }
        }
    }

    /// Writes what is pending and releases the folder. Blocks until then.
    pub(super) fn close(mut self) {
        let writer = self.writer.take();
        drop(self);
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the thread that writes the state folder panicked");
        }
    }
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        self.queue.pending.lock().is_closing = true;
        self.queue.changed.notify_one();
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
            let PendingWrites { bans, recorded, is_closing } = self.take(is_unsaved);
            for ban in bans.iter() {
                self.bans.add(ban.clone());
                is_unsaved = true;
            }
            if is_unsaved {
                self.bans.remove_expired(unix_s());
                match self.save() {
                    Ok(()) => is_unsaved = false,
                    Err(error) => tracing::warn!(
                        "Removals cannot be written to {}: {error}. They hold until the server stops. Make room there.",
                        self.folder.display()
                    ),
                }
            }
            self.written.send_replace(recorded);
            if is_closing {
                break;
            }
        }
        if let Err(error) = self.lock.unlock() {
            tracing::debug!(%error, "the state folder cannot be unlocked");
        }
    }

    /// Waits for a ban, for the end, or for the time of a retry.
    fn take(&self, is_unsaved: bool) -> PendingWrites {
        let mut pending = self.queue.pending.lock();
        let done = *self.written.borrow();
        while pending.recorded == done && !pending.is_closing {
            if is_unsaved {
                self.queue.changed.wait_for(&mut pending, RETRY);
                break;
            }
            self.queue.changed.wait(&mut pending);
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
        write_durably(&self.folder.join(FILE), &serde_json::to_vec(&saved)?, Readers::Owner)
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

/// Removes the temporary files of a server that was killed while it wrote: they name users and rooms for ever.
fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_ours = |name: &str| [FILE, webhooks::FILE].iter().any(|file| name.starts_with(file));
        if name.to_str().is_some_and(|name| is_ours(name) && name.ends_with(".new")) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Reads `bars.json`. A missing file has no bans; a broken one is renamed.
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

/// Opens a file for writing that other users of the computer cannot read: it says who was in which room.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(user: &str, removed_at: i64) -> Ban {
        Ban { room: "r".into(), user: user.parse().expect("a user id"), removed_at, dismissed: user == "tom" }
    }

    fn users(bans: &BanList) -> Vec<(&str, bool)> {
        bans.iter().map(|b| (b.user.as_str(), b.dismissed)).collect()
    }

    #[test]
    fn recorded_bans_outlive_a_restart_until_they_expire() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("made/for/it");
        let (state, bans) = StateFolder::open(&folder).expect("opened");
        assert!(users(&bans).is_empty());
        state.record(ban("mina", unix_s()));
        state.record(ban("tom", unix_s()));
        state.record(ban("long-ago", 1000));
        state.close();
        let (state, bans) = StateFolder::open(&folder).expect("opened");
        assert_eq!(users(&bans), [("mina", false), ("tom", true)]);
        state.record(ban("ana", unix_s()));
        state.close();
        fs::write(folder.join("bars.json.Xy12ab.new"), "unfinished").expect("written");
        assert_eq!(
            users(&StateFolder::open(&folder).expect("opened").1).len(),
            3,
            "the bans of the last run are written again"
        );
        let names = fs::read_dir(&folder).expect("listed").map(|e| e.expect("an entry").file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, [FILE, LOCK], "no temporary file is left, not even one of a killed server");
    }

    #[tokio::test]
    async fn a_ban_is_on_disk_when_the_wait_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, _) = StateFolder::open(folder.path()).expect("opened");
        for n in 0..20 {
            state.record(ban(&format!("u{n}"), unix_s()));
            state.wait_written().await;
            let bans = parse(&fs::read(folder.path().join(FILE)).expect("file access")).ok().unwrap();
            assert_eq!(bans.iter().count(), n + 1);
        }
    }

    #[test]
    fn a_broken_file_is_renamed_and_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        for text in [
            "",
            "{\"version\": 1, \"bars\": [{\"room\"",
            "{\"version\": 1, \"bars\": [{\"room\": \"r\", \"user\": \"\", \
            \"removed_at\": 1, \"dismissed\": false}]}",
        ] {
            fs::write(folder.path().join(FILE), text).expect("file access");
            let (state, bans) = StateFolder::open(folder.path()).expect("opened");
            state.close();
            assert!(users(&bans).is_empty());
            let is_kept = |e: &fs::DirEntry| e.file_name().to_string_lossy().starts_with("bars.json.broken-");
            let aside = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).find(is_kept).unwrap();
            assert_eq!(fs::read_to_string(aside.path()).expect("file access"), text);
            fs::remove_file(aside.path()).expect("file access");
        }
    }

    #[test]
    fn a_newer_file_and_a_folder_in_use_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, _) = StateFolder::open(folder.path()).expect("opened");
        let error = StateFolder::open(folder.path()).err().expect("an error").to_string();
        assert!(error.contains("in use by another server"), "{error}");
        state.close();
        fs::write(folder.path().join(FILE), "{\"version\": 2, \"something\": 1}").expect("file access");
        let error = StateFolder::open(folder.path()).err().expect("an error").to_string();
        assert!(error.contains("newer Visavis"), "{error}");
        assert!(folder.path().join(FILE).exists());
        let error = StateFolder::open(&folder.path().join(FILE)).err().expect("an error").to_string();
        assert!(error.contains("cannot be used"), "{error}");
    }

    #[tokio::test]
    async fn a_failing_disk_delays_no_answer() {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, _) = StateFolder::open(folder.path()).expect("opened");
        // A file cannot replace a folder.
        fs::create_dir(folder.path().join(FILE)).expect("made");
        state.record(ban("mina", unix_s()));
        let mut written = state.written.clone();
        tokio::time::timeout(DISK_LIMIT, written.wait_for(|w| *w == 1)).await.expect("in time").expect("tried");
        fs::remove_dir(folder.path().join(FILE)).expect("removed");
        state.close();
        let (_, bans) = StateFolder::open(folder.path()).expect("opened");
        assert_eq!(users(&bans), [("mina", false)], "the last try succeeded");
    }
}
