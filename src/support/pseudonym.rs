//! Pseudonyms: the same person, room, server or device has the same one within one installation, and nobody without its
//! key can tell whose it is. The key is random, lies beside the settings, and is in no bundle.

use crate::store::{Readers, write_atomically};
use hmac::{Hmac, Mac};
use rand::RngCore;
use sha2::Sha256;
use std::fs;
use std::path::Path;

/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// Bytes of the hash that a pseudonym shows: 8 hexadecimal digits.
const SHOWN_BYTES: usize = 4;

/// Makes pseudonyms with the key of an installation.
pub(super) struct Pseudonyms {
    key: [u8; KEY_BYTES],
}

impl Pseudonyms {
    /// Those of the installation whose key lies in `folder`; it is made if there is none. Where it can be neither read
    /// nor written, the pseudonyms are those of this process alone.
    pub(super) fn of_installation(folder: &Path) -> Self {
        let path = folder.join("key");
        if let Some(key) = read(&path) {
            return Self { key };
        }
        let made = Self::of_process();
        let text: String = made.key.iter().map(|byte| format!("{byte:02x}")).collect();
        let written =
            fs::create_dir_all(folder).and_then(|()| write_atomically(&path, text.as_bytes(), Readers::Owner));
        if let Err(error) = written {
            tracing::info!(kind = ?error.kind(), "the key of pseudonyms cannot be kept: they change with each start");
        }
        // Of two processes that make one at the same time, the later rename wins for both.
        read(&path).map_or(made, |key| Self { key })
    }

    /// Those of this process alone.
    pub(super) fn of_process() -> Self {
        let mut key = [0; KEY_BYTES];
        rand::rng().fill_bytes(&mut key);
        Self { key }
    }

    /// Eight hexadecimal digits for a value of a kind.
    pub(super) fn digits(&self, kind: &str, value: &str) -> String {
        // HMAC takes keys of any length (RFC 2104, section 2).
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return "00000000".to_owned() };
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        mac.finalize().into_bytes()[..SHOWN_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The key in a file; `None` if it is no key.
fn read(path: &Path) -> Option<[u8; KEY_BYTES]> {
    let facts = fs::metadata(path).ok()?;
    if !facts.is_file() || facts.len() > 4 * KEY_BYTES as u64 {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim();
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_has_the_same_pseudonym_within_one_installation_only() {
        let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let of = |folder: &tempfile::TempDir| Pseudonyms::of_installation(folder.path()).digits("user", "mina");
        assert_eq!(of(&one), of(&one));
        assert_ne!(of(&one), of(&other));
        assert_ne!(of(&one), Pseudonyms::of_installation(one.path()).digits("room", "mina"));
        assert_eq!(of(&one).len(), 8);
    }

    #[test]
    fn a_damaged_key_is_made_anew_and_a_folder_that_cannot_be_written_costs_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("key");
        for damaged in ["", "0123", "zz", "é".repeat(32).as_str()] {
            fs::write(&key, damaged).expect("written");
            Pseudonyms::of_installation(folder.path());
            assert!(read(&key).is_some(), "{damaged:?} stayed");
        }
        let file = folder.path().join("file");
        fs::write(&file, "").expect("a file in the way");
        assert_eq!(Pseudonyms::of_installation(&file.join("journal")).digits("user", "mina").len(), 8);
    }
}
