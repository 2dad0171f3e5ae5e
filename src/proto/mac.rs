//! HMAC (RFC 2104): computing, and comparing in constant time.

use hmac::digest::{InvalidLength, KeyInit};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// HMAC-SHA256 of `text`.
pub(super) fn sha256(key: &[u8], text: &str) -> Result<Vec<u8>, InvalidLength> {
    let mac = <Hmac<Sha256> as Mac>::new_from_slice(key)?;
    Ok(mac.chain_update(text).finalize().into_bytes().to_vec())
}

/// Whether `mac` is the HMAC-SHA256 of `text`.
pub(super) fn is_sha256(key: &[u8], text: &str, mac: &[u8]) -> bool {
    is_right::<Hmac<Sha256>>(key, text, mac)
}

/// Whether the HMAC-SHA256 of `text` begins with `start`. The caller checks the length of `start`.
pub(super) fn is_start_of_sha256(key: &[u8], text: &str, start: &[u8]) -> bool {
    let made = <Hmac<Sha256> as Mac>::new_from_slice(key).map(|m| m.chain_update(text));
    made.is_ok_and(|m| m.verify_truncated_left(start).is_ok())
}

/// HMAC-SHA1 of `text`.
pub(super) fn sha1(key: &[u8], text: &str) -> Result<Vec<u8>, InvalidLength> {
    let mac = <Hmac<Sha1> as Mac>::new_from_slice(key)?;
    Ok(mac.chain_update(text).finalize().into_bytes().to_vec())
}

/// Whether `mac` is the HMAC-SHA1 of `text`.
pub(super) fn is_sha1(key: &[u8], text: &str, mac: &[u8]) -> bool {
    is_right::<Hmac<Sha1>>(key, text, mac)
}

fn is_right<M: Mac + KeyInit>(key: &[u8], text: &str, mac: &[u8]) -> bool {
    let made = <M as KeyInit>::new_from_slice(key).map(|m| m.chain_update(text));
    made.is_ok_and(|m| m.verify_slice(mac).is_ok())
}
