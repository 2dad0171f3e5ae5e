//! Keeps the journal of a window or of bots, and tells the redactor what is private.

use crate::base::Event;
use crate::call::EventSink;
use crate::store::{Paths, Settings};
use crate::support::{CrashReports, Hidden, Journal, JournalProgram, LogRing, Redactor};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long the end of the program waits for the last entries: a disk that is slower loses them.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// The redactor of this process.
fn redactor(paths: Option<&Paths>) -> Arc<Redactor> {
    static OF_PROCESS: OnceLock<Arc<Redactor>> = OnceLock::new();
    let made = || Arc::new(Redactor::of_installation(paths.map(Paths::journal).as_deref()));
    OF_PROCESS.get_or_init(made).clone()
}

/// Has panics of this process leave reports for support bundles. `process` is the subcommand.
pub(super) fn report_crashes(process: &'static str) -> Option<CrashReports> {
    let paths = Paths::of_user()?;
    Some(CrashReports::install(paths.journal(), redactor(Some(&paths)), process))
}

/// The journal of this process, if the user has a home.
#[derive(Clone)]
pub(super) struct Recorder {
    redactor: Arc<Redactor>,
    journal: Option<Arc<Journal>>,
}

impl Recorder {
    /// Starts the journal in the folder of this user.
    pub(super) fn start(paths: Option<&Paths>, program: JournalProgram) -> Self {
        let folder = paths.map(Paths::journal);
        let redactor = redactor(paths);
        let journal =
            folder.and_then(|folder| Journal::start(folder, redactor.clone(), program, Some(LogRing::of_process())));
        let journal = journal.map(Arc::new);
        Self { redactor, journal }
    }

    /// Without a journal: for what only reads.
    pub(super) fn idle(paths: Option<&Paths>) -> Self {
        Self { redactor: redactor(paths), journal: None }
    }

    /// What hides names.
    pub(super) fn redactor(&self) -> &Arc<Redactor> {
        &self.redactor
    }

    /// Tells the redactor the names, rooms, servers and invitations in the settings.
    pub(super) fn learn(&self, settings: &Settings) {
        let redactor = &self.redactor;
        redactor.learn(Hidden::User, &settings.name);
        redactor.learn(Hidden::Room, &settings.room);
        redactor.learn_server(&settings.server);
        for recent in &settings.recent {
            redactor.learn(Hidden::Room, &recent.room);
            redactor.learn_server(&recent.server);
            recent.invitation.iter().for_each(|invitation| redactor.learn_secret(invitation.expose()));
        }
    }

    /// An event sink that also writes the journal.
    pub(super) fn sink(&self, events: EventSink) -> EventSink {
        let Some(journal) = self.journal.clone() else { return events };
        Arc::new(move |event: &Event| {
            journal.take(event);
            events(event);
        })
    }

    /// Waits until everything is on disk, half a second at most.
    pub(super) async fn stored(self) {
        if let Some(journal) = self.journal {
            tokio::task::spawn_blocking(move || journal.flush(FLUSH_LIMIT)).await.ok();
        }
    }
}
