//! Where the files of this user lie.

use directories::ProjectDirs;
use std::env;
use std::path::{Path, PathBuf};

/// The environment variable that names another folder for everything; tests set it.
const CONFIG_VARIABLE: &str = "VISAVIS_CONFIG_DIR";

/// The folders of this user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paths {
    config: PathBuf,
    runtime: PathBuf,
}

impl Paths {
    /// `VISAVIS_CONFIG_DIR` if that is set, else the system's place: `~/.config/visavis` on Linux,
    /// `~/Library/Application Support/visavis` on macOS, `%APPDATA%\visavis\config` on Windows. `None` when the user
    /// has no home.
    pub(crate) fn of_user() -> Option<Self> {
        if let Some(folder) = env::var_os(CONFIG_VARIABLE).filter(|folder| !folder.is_empty()) {
            return Some(Self::in_folder(folder));
        }
        let folders = ProjectDirs::from("", "", "visavis")?;
        let config = folders.config_dir().to_owned();
        Some(Self { runtime: folders.runtime_dir().unwrap_or(&config).to_owned(), config })
    }

    /// Everything in one folder.
    pub(crate) fn in_folder(folder: impl Into<PathBuf>) -> Self {
        let config = folder.into();
        Self { runtime: config.clone(), config }
    }

    /// The folder of the settings.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// The socket at which a running window takes links ([`SingleInstance`](super::SingleInstance)); on Windows a pipe
    /// is named after this path.
    pub(crate) fn instance_socket(&self) -> PathBuf {
        self.runtime.join("window.socket")
    }

    /// The file of the profiles.
    pub(crate) fn profiles(&self) -> PathBuf {
        self.config.join("profiles.toml")
    }

    /// The file of the last exits.
    pub(crate) fn exits(&self) -> PathBuf {
        self.config.join("exits.jsonl")
    }

    /// The folder of the journal of calls.
    pub(crate) fn journal(&self) -> PathBuf {
        self.config.join("journal")
    }

    /// The file of the settings.
    pub(crate) fn settings(&self) -> PathBuf {
        self.config.join("settings.toml")
    }
}
