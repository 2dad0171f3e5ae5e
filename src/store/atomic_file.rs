//! Replacing a file at one stroke: after a crash or on a full disk it has its old content or the new one, whole.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Links that are followed to a file; Linux follows as many.
const LINKS: usize = 40;

/// The readers of a file that is written for the first time. A file that exists keeps its permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner alone.
    Owner,
    /// Everybody whom the process's umask allows.
    Umask,
}

/// Writes `content` into a new file beside `path`, flushes it to the disk, and renames it to `path`.
///
/// A symbolic link stays one: the file that it names is replaced, or made. The new file is called `NAME.XXXXXX.new`, so
/// two processes that write at the same time do not mix; the later rename wins. On an error it is removed. Where no file
/// can be made or renamed in the folder, but the old one can be written, that is overwritten; if this fails, its old
/// content is written back.
///
/// A file that may not be written is not replaced. After a power failure the rename may be undone.
pub(crate) fn write_atomically(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    replace(&resolved(path)?, content, readers)
}

/// The same, and the rename is on the disk too.
pub(crate) fn write_durably(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let path = resolved(path)?;
    replace(&path, content, readers)?;
    path.parent().map_or(Ok(()), sync_folder)
}

fn replace(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let old = old_permissions(path)?;
    let mut prefix = name.to_owned();
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".new");
    if let Some(permissions) = permissions(readers) {
        builder.permissions(permissions);
    }
    let mut new = match builder.tempfile_in(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }) {
        Ok(new) => new,
        Err(error) => return overwrite_after(error, path, content),
    };
    new.write_all(content)?;
    if let Some(old) = old.filter(|_| cfg!(unix)) {
        // Elsewhere a file has the permissions of its folder.
        new.as_file().set_permissions(old)?;
    }
    new.as_file().sync_all()?;
    match new.persist(path) {
        Ok(_) => Ok(()),
        Err(failed) => overwrite_after(failed.error, path, content),
    }
}

/// The path at the end of a chain of symbolic links; it need not exist.
pub(super) fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::symlink_metadata(&path) {
            Ok(facts) if facts.is_symlink() => {
                let target = fs::read_link(&path)?;
                // A relative target begins at the folder of the link; `join` takes an absolute one as it is.
                path = path.parent().map_or_else(|| target.clone(), |folder| folder.join(&target));
            }
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("the symbolic links lead in a circle"))
}

/// The permissions of the file that is to be replaced; `None` if there is none. It must be one that may be written: a
/// rename would also replace another one, and a device.
fn old_permissions(path: &Path) -> io::Result<Option<Permissions>> {
    let facts = match fs::metadata(path) {
        Ok(facts) if facts.is_file() => facts,
        Ok(_) => return Err(io::Error::other("it is no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    OpenOptions::new().write(true).open(path)?;
    Ok(Some(facts.permissions()))
}

/// Overwrites the file where `error` came from its folder: one that may not be written, or the file is a mount of its
/// own.
fn overwrite_after(error: io::Error, path: &Path, content: &[u8]) -> io::Result<()> {
    use io::ErrorKind as Kind;
    if !matches!(error.kind(), Kind::PermissionDenied | Kind::ReadOnlyFilesystem | Kind::ResourceBusy) {
        return Err(error);
    }
    // Without a file there was no room for a new one, which `error` says.
    let Ok(mut file) = OpenOptions::new().read(true).write(true).open(path) else { return Err(error) };
    let mut before = Vec::new();
    file.read_to_end(&mut before)?;
    overwrite(&mut file, content).inspect_err(|_| {
        // The old content needs no more room than it had.
        if let Err(error) = overwrite(&mut file, &before) {
            tracing::warn!(%error, "the old content of a file could not be written back");
        }
    })
}

fn overwrite(file: &mut File, content: &[u8]) -> io::Result<()> {
    file.rewind()?;
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
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

/// On Unix a rename is on the disk when its folder is. Windows opens no folder as a file, and some file systems flush
/// none: there the file itself, which is flushed, has to do.
fn sync_folder(folder: &Path) -> io::Result<()> {
    use io::ErrorKind as Kind;
    if cfg!(not(unix)) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), Kind::InvalidInput | Kind::Unsupported) => {
            tracing::debug!(%error, "this file system flushes no folder");
            Ok(())
        }
        flushed => flushed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        fs::remove_file(&plain).expect("removed");
        write_atomically(&plain, b"", Readers::Umask).expect("written");
        assert_eq!(mode(&plain), usual);
        for own in [0o644, 0o600, 0o660] {
            fs::set_permissions(&plain, Permissions::from_mode(own)).expect("permissions");
            write_atomically(&plain, b"x", Readers::Owner).expect("written");
            assert_eq!(mode(&plain), own, "the file's own permissions are kept");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_and_the_file_behind_it_is_written() {
        use std::os::unix::fs::symlink;
        let (home, dotfiles) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (link, kept) = (home.path().join("settings.toml"), dotfiles.path().join("kept.toml"));
        let is_link = |path: &Path| fs::symlink_metadata(path).expect("the link").is_symlink();
        let written = |content: &str| {
            write_atomically(&link, content.as_bytes(), Readers::Owner).expect("written");
            assert!(is_link(&link), "{content}: the link became a file");
            assert_eq!(fs::read_to_string(&link).expect("the file"), content);
        };
        fs::write(&kept, "old").expect("a file");
        symlink(&kept, &link).expect("a link");
        written("absolute");
        assert_eq!(
            (files(home.path()), files(dotfiles.path())),
            (vec!["settings.toml".into()], vec!["kept.toml".into()])
        );
        // A chain, whose second link is relative to its own folder.
        fs::remove_file(&link).expect("removed");
        symlink("kept.toml", dotfiles.path().join("alias")).expect("a link");
        symlink(dotfiles.path().join("alias"), &link).expect("a link");
        written("chain");
        assert!(is_link(&dotfiles.path().join("alias")));
        // The file behind it is missing: it is made.
        fs::remove_file(&kept).expect("removed");
        written("dangling");
        assert_eq!(fs::read_to_string(&kept).expect("the file"), "dangling");
        // Its folder is missing, or the links lead in a circle: nothing changes.
        for target in [Path::new("nowhere/kept.toml"), &link] {
            fs::remove_file(&link).expect("removed");
            symlink(target, &link).expect("a link");
            write_atomically(&link, b"lost", Readers::Owner).expect_err("no place");
            assert!(is_link(&link), "{}", target.display());
        }
        assert_eq!(fs::read_to_string(&kept).expect("the file"), "dangling");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_in_a_folder_that_cannot_be_written_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "the old content").expect("written");
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        overwrite_after(denied(), &path, b"new").expect("overwritten");
        assert_eq!(fs::read_to_string(&path).expect("the file"), "new");
        let full = overwrite_after(io::ErrorKind::StorageFull.into(), &path, b"newer").expect_err("not this error");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).expect("the file"), "new");
        overwrite_after(denied(), &folder.path().join("none"), b"").expect_err("there is no file");
        assert_eq!(files(folder.path()), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_device_replaces_no_device() {
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("exits.jsonl");
        std::os::unix::fs::symlink("/dev/null", &link).expect("a link");
        write_atomically(&link, b"text", Readers::Owner).expect_err("no file");
        assert!(!fs::metadata("/dev/null").expect("the device").is_file());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_link_to_another_file_system_is_followed() {
        let (home, other) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir_in("/dev/shm").expect("a folder"));
        let (link, kept) = (home.path().join("settings.toml"), other.path().join("kept.toml"));
        std::os::unix::fs::symlink(&kept, &link).expect("a link");
        write_atomically(&link, b"there", Readers::Owner).expect("written");
        assert_eq!(fs::read_to_string(&kept).expect("the file"), "there");
        assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
    }
}
