//! New keys and certificates without a restart: files that have changed are read again, and all are on SIGHUP.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What tells a changed file from an unchanged one; `None` while there is none.
type Stamp = Option<(SystemTime, u64)>;

/// Files that are looked at from now on, and SIGHUP.
pub(crate) struct Reloader {
    files: Vec<PathBuf>,
    seen: Vec<Stamp>,
    hangups: Hangups,
}

impl Reloader {
    /// Changes after this are noticed: make it before the files are read for the first time.
    pub(crate) fn new(files: Vec<PathBuf>) -> std::io::Result<Self> {
        Ok(Self { seen: stamps(&files), hangups: Hangups::catch()?, files })
    }

    /// Calls `reload` when one of the files has changed, and on SIGHUP, for as long as it is polled.
    ///
    /// It is called again after each further change, so that a file that is read while it is half written does no harm.
    pub(crate) async fn run(mut self, mut reload: impl FnMut()) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                () = self.hangups.next() => true,
                _ = looks.tick() => false,
            };
            let now = stamps(&self.files);
            if asked || now != self.seen {
                self.seen = now;
                reload();
            }
        }
    }
}

/// A handful of files, asked now and then: quicker done than handed to another thread.
fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(stamp).collect()
}

/// SIGHUP, where there is one. Without this it would end the process.
struct Hangups(#[cfg(unix)] tokio::signal::unix::Signal);

impl Hangups {
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
    async fn a_file_that_changes_or_comes_or_goes_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.toml");
        let (said, mut heard) = mpsc::channel(8);
        let reloader = Reloader::new(vec![file.clone()]).unwrap();
        let watching = tokio::spawn(reloader.run(move || said.try_send(()).unwrap()));
        for change in [Some("a"), Some("longer"), None] {
            match change {
                Some(text) => std::fs::write(&file, text).unwrap(),
                None => std::fs::remove_file(&file).unwrap(),
            }
            tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.expect("a reload").unwrap();
        }
        watching.abort();
    }
}
