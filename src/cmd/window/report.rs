//! Collects and saves the report of a problem, beside the window, which does not wait.

use crate::clock::unix_s;
use crate::cmd::devices::LIMIT;
use crate::cmd::recorder::Recorder;
use crate::devices::list;
use crate::store::Paths;
use crate::support::{Bundle, LogRing, bundle_text, close_crash_note};
use crate::ui::{ReportRequest, ReportState};
use directories::UserDirs;
use parking_lot::Mutex;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The report of this window.
pub(super) struct ReportDesk {
    recorder: Recorder,
    paths: Option<Paths>,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    state: ReportState,
    /// The text of the file, once it is collected.
    text: Arc<str>,
    /// The number of the last request: an answer to an older one is dropped.
    asked: u64,
}

impl ReportDesk {
    /// With the journal of this window.
    pub(super) fn new(recorder: Recorder, paths: Option<Paths>) -> Self {
        let shared = Shared { state: ReportState::Working, text: Arc::from(""), asked: 0 };
        Self { recorder, paths, shared: Arc::new(Mutex::new(shared)) }
    }

    /// Carries a request out and says how far the report is. Only on a thread that has entered the runtime.
    pub(super) fn handle(&self, request: ReportRequest) -> ReportState {
        match request {
            ReportRequest::Collect => self.collect(),
            ReportRequest::Save => self.save(),
            ReportRequest::Poll => {}
            ReportRequest::CloseCrashNote => self.close_crash_note(),
        }
        self.shared.lock().state.clone()
    }

    fn begin(&self) -> (u64, Arc<Mutex<Shared>>) {
        let mut shared = self.shared.lock();
        shared.state = ReportState::Working;
        shared.asked += 1;
        (shared.asked, self.shared.clone())
    }

    fn collect(&self) {
        let (number, shared) = self.begin();
        let (recorder, paths) = (self.recorder.clone(), self.paths.clone());
        tokio::spawn(async move {
            // What has happened until now is to be in it.
            recorder.clone().stored().await;
            let devices = list(LIMIT).await;
            let collected = tokio::task::spawn_blocking(move || {
                paths.iter().for_each(|paths| close_crash_note(&paths.journal()));
                let log = Some(LogRing::of_process());
                let bundle = Bundle::collect(paths.as_ref(), &devices, log, recorder.redactor());
                let lines: Vec<String> = bundle_text(&bundle).lines().map(str::to_owned).collect();
                (ReportState::Ready(lines.into()), Arc::<str>::from(bundle.render()))
            });
            let failed = || (ReportState::Failed("The report could not be collected.".to_owned()), Arc::from(""));
            let (state, text) = collected.await.unwrap_or_else(|_| failed());
            let mut shared = shared.lock();
            if shared.asked == number {
                (shared.state, shared.text) = (state, text);
            }
        });
    }

    fn save(&self) {
        let (number, shared) = self.begin();
        let text = shared.lock().text.clone();
        tokio::task::spawn_blocking(move || {
            let state = match save_in(&folders(), &text) {
                Ok(path) => ReportState::Saved(path.display().to_string()),
                Err(error) => ReportState::Failed(format!("The file could not be saved: {error}.")),
            };
            let mut shared = shared.lock();
            if shared.asked == number {
                shared.state = state;
            }
        });
    }

    fn close_crash_note(&self) {
        if let Some(journal) = self.paths.as_ref().map(Paths::journal) {
            tokio::task::spawn_blocking(move || close_crash_note(&journal));
        }
    }
}

/// Where a file is looked for, best place first.
fn folders() -> Vec<PathBuf> {
    let Some(folders) = UserDirs::new() else { return vec![std::env::temp_dir()] };
    let known = [folders.download_dir(), folders.document_dir(), folders.desktop_dir(), Some(folders.home_dir())];
    known.into_iter().flatten().map(Path::to_owned).collect()
}

/// Writes a new file into the first folder that takes it; the error is that of the last one.
fn save_in(folders: &[PathBuf], text: &str) -> io::Result<PathBuf> {
    let mut result = Err(io::Error::other("there is no folder for it"));
    for folder in folders {
        let path = folder.join(format!("visavis-support-{}.json", unix_s()));
        let written = OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        match written {
            Ok(()) => return Ok(path),
            Err(error) => result = Err(error),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_that_takes_it_has_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let nowhere = folder.path().join("nowhere");
        let path = save_in(&[nowhere.clone(), folder.path().to_owned()], "text").expect("saved");
        assert_eq!(path.parent(), Some(folder.path()));
        assert_eq!(std::fs::read_to_string(path).expect("the file"), "text");
        assert_eq!(save_in(&[nowhere], "text").expect_err("no folder").kind(), io::ErrorKind::NotFound);
        save_in(&[], "text").expect_err("no folder at all");
    }
}
