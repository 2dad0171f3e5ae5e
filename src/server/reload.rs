//! New keys and certificates without a restart: watches files for changes, and the process for SIGHUP.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tokio::time::{MissedTickBehavior, interval};

/// Pause between two checks of the files.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// Modification time and size of a file; `None` if it does not exist.
type Stamp = Option<(SystemTime, u64)>;

/// A watch on files and on SIGHUP.
pub(crate) struct Reloader {
    files: Vec<PathBuf>,
    seen: Vec<Stamp>,
    hangup: HangupSignal,
}

impl Reloader {
    /// Starts watching. Create it before the first read of the files, so that no change is missed.
    pub(crate) fn new(files: Vec<PathBuf>) -> std::io::Result<Self> {
        Ok(Self { seen: stamps(&files), hangup: HangupSignal::catch()?, files })
    }

    /// Calls `reload` when a file has changed and on SIGHUP, for as long as it is polled.
    ///
    /// A file that is read half written is read again, because completing it is another change.
    pub(crate) async fn run(mut self, mut reload: impl FnMut()) {
        let mut checks = interval(CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                () = self.hangup.next() => true,
                _ = checks.tick() => false,
            };
            let now = stamps(&self.files);
            if asked || now != self.seen {
                self.seen = now;
                reload();
            }
        }
    }
}

/// Blocks, but only for the metadata of a few files.
fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(stamp).collect()
}

/// SIGHUP, on Unix. Uncaught it would end the process.
struct HangupSignal(#[cfg(unix)] tokio::signal::unix::Signal);

impl HangupSignal {
    #[cfg(unix)]
    fn catch() -> std::io::Result<Self> {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).map(Self)
    }

    #[cfg(not(unix))]
    fn catch() -> std::io::Result<Self> {
        Ok(Self())
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn a_file_that_changes_appears_or_disappears_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("keys.toml");
        let (said, mut heard) = mpsc::channel(8);
        let reloader = Reloader::new(vec![file.clone()]).unwrap();
        let watching = tokio::spawn(reloader.run(move || said.try_send(()).unwrap()));
        for change in [Some("a"), Some("longer"), None] {
            match change {
                Some(text) => std::fs::write(&file, text).expect("file access"),
                None => std::fs::remove_file(&file).expect("file access"),
            }
            tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.expect("a reload").expect("file access");
        }
        watching.abort();
    }
}
