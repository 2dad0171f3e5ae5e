//! The cookie of PulseAudio's clients: 256 random bytes in a file.
//!
//! A sound server of one user does not compare the cookie, but PulseAudio and PipeWire refuse clients that send none.
//! PulseAudio's own library creates the file; our client library does not.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// `PA_NATIVE_COOKIE_LENGTH` of PulseAudio's protocol.
const LENGTH: usize = 256;

/// Creates a cookie unless there is one where clients look for it.
pub(super) fn ensure() {
    let Some(home) = std::env::home_dir() else { return };
    let named = std::env::var_os("PULSE_COOKIE").is_some_and(|path| Path::new(&path).exists());
    if !named && let Err(error) = ensure_in(&home) {
        tracing::warn!(%error, "no cookie for the sound server could be made");
    }
}

fn ensure_in(home: &Path) -> Result<()> {
    let folder = home.join(".config/pulse");
    let path = folder.join("cookie");
    if path.exists() || home.join(".pulse-cookie").exists() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => file.write_all(&rand::random::<[u8; LENGTH]>()),
        // Another program has just created it.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{metadata, read};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_cookie_is_made_once_for_its_owner_alone() {
        let home = tempfile::tempdir().expect("a folder");
        ensure_in(home.path()).expect("a cookie");
        let path = home.path().join(".config/pulse/cookie");
        let first = read(&path).expect("the cookie");
        assert_eq!(first.len(), LENGTH);
        assert_eq!(metadata(&path).expect("it").permissions().mode() & 0o777, 0o600);
        ensure_in(home.path()).expect("the same cookie");
        assert_eq!(read(&path).expect("the cookie"), first);
    }

    #[test]
    fn an_old_cookie_is_enough() {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join(".pulse-cookie"), [7; LENGTH]).expect("an old cookie");
        ensure_in(home.path()).expect("nothing to do");
        assert!(!home.path().join(".config").exists());
    }
}
