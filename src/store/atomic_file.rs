//! Replacing a file at one stroke: after a crash or on a full disk it has its old content or the new one, whole.

use std::fs::Permissions;
use std::io::{self, Write};
use std::path::Path;

/// The readers of a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner alone.
    Owner,
    /// Everybody whom the process's umask allows.
    Umask,
}

/// Writes `content` into a new file beside `path`, flushes it to the disk, and renames it to `path`.
///
/// The new file is called `NAME.XXXXXX.new`, so two processes that write at the same time do not mix; the later rename
/// wins. On an error it is removed.
pub(crate) fn write_atomically(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut prefix = name.to_owned();
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".new");
    if let Some(permissions) = permissions(readers) {
        builder.permissions(permissions);
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder)
}

/// The mode before the umask is applied; `None` keeps tempfile's, which is 0600.
#[cfg(unix)]
fn permissions(readers: Readers) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    match readers {
        Readers::Owner => None,
        Readers::Umask => Some(Permissions::from_mode(0o666)),
    }
}

/// Elsewhere a file has the permissions of its folder.
#[cfg(not(unix))]
fn permissions(_: Readers) -> Option<Permissions> {
    None
}

/// On Unix a rename is on the disk when its folder is. Windows opens no folder as a file.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn files(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").file_name());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file.json");
        for content in ["one", "another"] {
            write_atomically(&path, content.as_bytes(), Readers::Owner).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("the file"), content);
        }
        assert_eq!(files(folder.path()), ["file.json"]);
    }

    #[test]
    fn a_failure_leaves_no_file_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("taken");
        fs::create_dir(&path).expect("a folder in the way");
        write_atomically(&path, b"text", Readers::Owner).expect_err("a folder is no file");
        assert_eq!(files(folder.path()), ["taken"]);
        write_atomically(&folder.path().join("missing/file"), b"", Readers::Owner).expect_err("no such folder");
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_for_its_owner_and_another_follows_the_umask() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let mode = |path: &Path| fs::metadata(path).expect("the file").permissions().mode() & 0o777;
        let (private, plain) = (folder.path().join("private"), folder.path().join("plain"));
        write_atomically(&private, b"", Readers::Owner).expect("written");
        assert_eq!(mode(&private), 0o600);
        fs::write(&plain, "").expect("written");
        let usual = mode(&plain);
        write_atomically(&plain, b"", Readers::Umask).expect("written");
        assert_eq!(mode(&plain), usual);
    }
}
