//! Where files of Visavis lie.

use directories::ProjectDirs;
use std::env;
use std::path::{Path, PathBuf};

/// Set to a folder to have settings there, for example by tests.
const CONFIG_VARIABLE: &str = "VISAVIS_CONFIG_DIR";

/// The folders of this user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    config: PathBuf,
}

impl Paths {
    /// `VISAVIS_CONFIG_DIR` if that is set, else the system's place: `~/.config/visavis` on Linux,
    /// `~/Library/Application Support/visavis` on macOS, `%APPDATA%\visavis\config` on Windows. `None` when the user
    /// has no home.
    pub fn of_user() -> Option<Self> {
        let config = match env::var_os(CONFIG_VARIABLE).filter(|folder| !folder.is_empty()) {
            Some(folder) => folder.into(),
            None => ProjectDirs::from("", "", "visavis")?.config_dir().to_owned(),
        };
        Some(Self { config })
    }

    /// Everything in one folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { config: folder.into() }
    }

    /// The folder of the settings.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The file of the settings.
    pub fn settings(&self) -> PathBuf {
        self.config.join("settings.toml")
    }
}
