//! Files that the user asked for, in the folder where they look for them.

use super::{Readers, write_atomically};
use directories::UserDirs;
use std::io;
use std::path::{Path, PathBuf};

/// Names that are tried when there are files of the same name: `report.json`, `report-2.json`, …
const NAMES: u32 = 100;

/// Why a file could not be saved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    /// The user has no home.
    #[error("There is no folder for it. Copy it instead.")]
    NoFolder,
    /// There are too many files of that name.
    #[error("{0} has too many files of this name. Delete some and try again.")]
    NoName(PathBuf),
    /// The system refused.
    #[error("{path}: {error}. Copy it instead, or make room there.")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

/// Writes a new file that only this user reads into their folder of downloads, or, without one, of documents, or their
/// home. `name` is that of a file with an ending, without a folder; a file that exists is not replaced. Returns its path.
pub(crate) fn save_download(name: &str, text: &str) -> Result<PathBuf, SaveError> {
    let folders = UserDirs::new().ok_or(SaveError::NoFolder)?;
    let existing = |folder: Option<&Path>| folder.filter(|folder| folder.is_dir()).map(Path::to_owned);
    let folder = existing(folders.download_dir()).or_else(|| existing(folders.document_dir()));
    save_in(&folder.unwrap_or_else(|| folders.home_dir().to_owned()), name, text)
}

fn save_in(folder: &Path, name: &str, text: &str) -> Result<PathBuf, SaveError> {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "txt"));
    let numbered = (2..=NAMES).map(|i| format!("{stem}-{i}.{ending}"));
    let mut names = std::iter::once(format!("{stem}.{ending}")).chain(numbered).map(|name| folder.join(name));
    let path = names.find(|path| !path.exists()).ok_or_else(|| SaveError::NoName(folder.to_owned()))?;
    match write_atomically(&path, text.as_bytes(), Readers::Owner) {
        Ok(()) => Ok(path),
        Err(error) => Err(SaveError::File { path, error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_exists_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let save = |text: &str| save_in(folder.path(), "call.json", text).expect("saved");
        let (first, second) = (save("one"), save("two"));
        assert_eq!((first, second.clone()), (folder.path().join("call.json"), folder.path().join("call-2.json")));
        assert_eq!(std::fs::read_to_string(folder.path().join("call.json")).expect("read"), "one");
        assert_eq!(std::fs::read_to_string(second).expect("read"), "two");
    }

    #[test]
    fn a_folder_that_is_gone_is_named() {
        let folder = tempfile::tempdir().expect("a folder").path().join("gone");
        let error = save_in(&folder, "call.json", "text").expect_err("nothing is written");
        assert!(error.to_string().starts_with(&folder.join("call.json").display().to_string()), "{error}");
    }
}
