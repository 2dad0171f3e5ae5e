//! Saves changed settings beside the window, which does not wait for the disk.

use crate::store::{Paths, Settings};
use std::time::Duration;
use tokio::sync::watch;

/// How long the end of the program waits for the disk.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// The settings on their way to the disk: the newest that are not written yet. `None` for a user without a folder.
#[derive(Clone)]
pub(super) struct SettingsFile(Option<watch::Sender<Option<Settings>>>);

impl SettingsFile {
    /// Starts the task that writes.
    pub(super) fn new(paths: Option<Paths>) -> Self {
        Self(paths.map(|paths| {
            let (unwritten, _) = watch::channel(None);
            tokio::spawn(write(paths, unwritten.clone()));
            unwritten
        }))
    }

    /// Saves these settings instead of older ones that are not written yet.
    pub(super) fn save(&self, settings: &Settings) {
        if let Some(unwritten) = &self.0 {
            unwritten.send_replace(Some(settings.clone()));
        }
    }

    /// Waits until the newest settings are on the disk, or writing them has failed.
    pub(super) async fn stored(&self) {
        let Some(unwritten) = &self.0 else { return };
        let mut unwritten = unwritten.subscribe();
        tokio::time::timeout(LAST_WRITE, unwritten.wait_for(Option::is_none)).await.ok();
    }
}

/// A failed write loses the change, with a warning.
async fn write(paths: Paths, unwritten: watch::Sender<Option<Settings>>) {
    let mut changes = unwritten.subscribe();
    loop {
        let newest = changes.wait_for(Option::is_some).await.ok().and_then(|settings| settings.clone());
        let Some(settings) = newest else { return };
        let (to, written) = (paths.clone(), settings.clone());
        let saved = tokio::task::spawn_blocking(move || settings.save(&to)).await;
        if let Ok(Err(error)) = saved {
            tracing::warn!(%error, "the settings were not stored");
        }
        unwritten.send_if_modified(|newest| newest.take_if(|newest| *newest == written).is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_settings_are_on_the_disk_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::in_folder(folder.path());
        let file = SettingsFile::new(Some(paths.clone()));
        for name in ["Mina", "Mina P", "Mina Park"] {
            let mut settings = Settings::default();
            settings.name = name.to_owned();
            file.save(&settings);
            tokio::task::yield_now().await;
        }
        file.stored().await;
        assert_eq!(Settings::load(&paths).settings.name, "Mina Park");
        file.stored().await;
    }
}
