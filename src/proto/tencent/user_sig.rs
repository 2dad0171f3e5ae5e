//! UserSig: the credential of TRTC's clients. It proves a user id for every room of an application, and is signed with the
//! secret of the SdkAppId. Tencent's generators and [`UserSigKey::make`] make it; time is an argument.

use crate::base::{Secret, UserId};
use crate::proto::mac;
use base64::alphabet::{Alphabet, ParseAlphabetError};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::time::Duration;

/// The version of the format.
const FORMAT: &str = "2.0";
/// Longest JSON text of a UserSig in bytes, after decompression. Usual ones have 200.
const MAX_BYTES: u64 = 8 * 1024;

/// Why a UserSig was refused or not made. The sentences are for people and never repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserSigError {
    /// Not a UserSig of version 2.0.
    #[error("This is not a UserSig (version 2.0).")]
    Malformed,
    /// Signed for another application.
    #[error("The UserSig was made for another SdkAppId.")]
    SdkAppId,
    /// Signed with another secret, or changed afterwards.
    #[error("The UserSig's signature is wrong.")]
    Signature,
    /// Its validity is over.
    #[error("The UserSig has expired. Ask for a new one.")]
    Expired,
    /// A `privateMapKey`: a permission for one room, which clients send beside a UserSig, never alone.
    #[error("This is a privateMapKey, not a UserSig.")]
    PrivateMapKey,
    /// The UserSig could not be serialized.
    #[error("The UserSig could not be made.")]
    Encoding,
}

/// An application and its SDKSecretKey. It signs and verifies UserSigs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSigKey {
    /// The application's id.
    pub sdk_app_id: u32,
    /// TRTC's SDKSecretKey.
    pub secret: Secret<String>,
}

/// The claims of a verified UserSig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSigClaims {
    /// The user.
    pub user: UserId,
    /// The end of its validity in Unix seconds.
    pub(crate) expires_at: i64,
}

/// The JSON object inside a UserSig.
#[derive(Debug, Serialize, Deserialize)]
struct Parts {
    #[serde(rename = "TLS.ver")]
    version: String,
    #[serde(rename = "TLS.identifier")]
    user: String,
    #[serde(rename = "TLS.sdkappid")]
    sdk_app_id: u64,
    #[serde(rename = "TLS.expire")]
    valid_s: i64,
    #[serde(rename = "TLS.time")]
    time: i64,
    #[serde(rename = "TLS.userbuf", skip_serializing_if = "Option::is_none")]
    buffer: Option<String>,
    #[serde(rename = "TLS.sig")]
    signature: String,
}

impl Parts {
    /// The text under the signature.
    fn signed_text(&self) -> String {
        let Self { user, sdk_app_id, time, valid_s, .. } = self;
        let buffer = self.buffer.as_ref().map(|buffer| format!("TLS.userbuf:{buffer}\n")).unwrap_or_default();
        format!("TLS.identifier:{user}\nTLS.sdkappid:{sdk_app_id}\nTLS.time:{time}\nTLS.expire:{valid_s}\n{buffer}")
    }
}

impl UserSigKey {
    /// Checks format, application, signature and time. `now` is in Unix seconds.
    pub fn verify(&self, user_sig: &str, now: i64) -> Result<UserSigClaims, UserSigError> {
        let parts = parse(user_sig)?;
        if parts.sdk_app_id != u64::from(self.sdk_app_id) {
            return Err(UserSigError::SdkAppId);
        }
        let signature = BASE64_STANDARD.decode(&parts.signature).map_err(|_| UserSigError::Signature)?;
        if !mac::is_sha256(self.secret.expose().as_bytes(), &parts.signed_text(), &signature) {
            return Err(UserSigError::Signature);
        }
        if parts.buffer.is_some() {
            return Err(UserSigError::PrivateMapKey);
        }
        let expires_at = parts.time.saturating_add(parts.valid_s);
        if expires_at <= now {
            return Err(UserSigError::Expired);
        }
        let user = parts.user.parse().map_err(|_| UserSigError::Malformed)?;
        Ok(UserSigClaims { user, expires_at })
    }

    /// Makes a UserSig that is valid for `valid_for` from `now` (Unix seconds) on.
    pub(crate) fn make(&self, user: &UserId, valid_for: Duration, now: i64) -> Result<Secret<String>, UserSigError> {
        let failed = UserSigError::Encoding;
        let mut parts = Parts {
            version: FORMAT.into(),
            user: user.to_string(),
            sdk_app_id: self.sdk_app_id.into(),
            valid_s: i64::try_from(valid_for.as_secs()).map_err(|_| failed)?,
            time: now,
            buffer: None,
            signature: String::new(),
        };
        let mac = mac::sha256(self.secret.expose().as_bytes(), &parts.signed_text()).map_err(|_| failed)?;
        parts.signature = BASE64_STANDARD.encode(mac);
        let json = serde_json::to_vec(&parts).map_err(|_| failed)?;
        let mut compressed = Vec::new();
        ZlibEncoder::new(json.as_slice(), Compression::default()).read_to_end(&mut compressed).map_err(|_| failed)?;
        Ok(Secret::new(base64_engine().map_err(|_| failed)?.encode(compressed).replace('=', "_")))
    }
}

/// Base64 that fits into URLs: `*` and `-` stand for `+` and `/`. Padding is `_`.
fn base64_engine() -> Result<GeneralPurpose, ParseAlphabetError> {
    let alphabet = Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-")?;
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    Ok(GeneralPurpose::new(&alphabet, config))
}

fn parse(user_sig: &str) -> Result<Parts, UserSigError> {
    let malformed = UserSigError::Malformed;
    let base64 = base64_engine().map_err(|_| UserSigError::Encoding)?;
    let compressed = base64.decode(user_sig.trim_end_matches('_')).map_err(|_| malformed)?;
    let mut json = Vec::new();
    ZlibDecoder::new(compressed.as_slice()).take(MAX_BYTES).read_to_end(&mut json).map_err(|_| malformed)?;
    let parts: Parts = serde_json::from_slice(&json).map_err(|_| malformed)?;
    if parts.version == FORMAT { Ok(parts) } else { Err(malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Tencent's generator (PyPI tls-sig-api-v2 1.1) at 1795586184, valid for a day.
    const THEIRS: &str = "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkcjPzEmEyxSnZiQUFmSlAcUMTAwgwhMqlVhRkFqUCZSzMgFJQwZLMXJCQobmlqamFmaGFCcygzHSQ2fpljtl5RQF5bhFZxeFOPnlV3p7Z6VnOKa5JZb6*psahfqYm2n5ZBoUBYSa2SrUA1icxoQ__";
    const THEIR_PRIVATE_MAP_KEY: &str = "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkcjPzEmEyxSnZiQUFmSlAcUMTAwgwhMqlVhRkFqUCZSzMgFJQwZLMXJCQobmlqamFmaGFCVS8tDi1KKk0DWR*ZLhXFtz8zHSQUKBHgL6zW3JZpJ9ber5xuoufvkliQVZxpGOKsbd3uFuRU6FJkmdIUblhYaStUi0AZ7g4Mw__";
    const MADE_AT: i64 = 1_795_586_184;
    const DAY_S: i64 = 86_400;

    fn key() -> UserSigKey {
        let secret = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
        UserSigKey { sdk_app_id: 1_400_000_001, secret: Secret::new(secret.into()) }
    }

    #[test]
    fn a_user_sig_of_tencents_generator_is_valid_for_its_time() {
        let claims = key().verify(THEIRS, MADE_AT + DAY_S - 1).expect("a good UserSig");
        assert_eq!((claims.user.as_str(), claims.expires_at), ("mina", MADE_AT + DAY_S));
        assert_eq!(key().verify(THEIRS, MADE_AT + DAY_S), Err(UserSigError::Expired));
    }

    #[test]
    fn another_application_or_secret_or_purpose_is_refused() {
        let other = UserSigKey { sdk_app_id: 1, ..key() };
        assert_eq!(other.verify(THEIRS, MADE_AT), Err(UserSigError::SdkAppId));
        let guessed = UserSigKey { secret: Secret::new("guess".into()), ..key() };
        assert_eq!(guessed.verify(THEIRS, MADE_AT), Err(UserSigError::Signature));
        assert_eq!(key().verify(THEIR_PRIVATE_MAP_KEY, MADE_AT), Err(UserSigError::PrivateMapKey));
    }

    #[test]
    fn our_user_sig_equals_tencents() {
        let user = "mina".parse().expect("a user");
        let ours = key().make(&user, Duration::from_secs(DAY_S as u64), MADE_AT).expect("a UserSig");
        assert_eq!(parse(ours.expose()).expect("a UserSig").signature, parse(THEIRS).expect("a UserSig").signature);
        assert_eq!(key().verify(ours.expose(), MADE_AT), key().verify(THEIRS, MADE_AT));
        assert!(ours.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b"*-_".contains(&b)));
    }

    #[test]
    fn other_texts_are_malformed() {
        let bomb = {
            let mut compressed = Vec::new();
            let zeros = vec![b' '; 1 << 20];
            ZlibEncoder::new(zeros.as_slice(), Compression::best()).read_to_end(&mut compressed).expect("room");
            base64_engine().expect("an alphabet").encode(compressed)
        };
        for text in ["", "_", "é", "eJy", &THEIRS[..40], &bomb, "a.b.c"] {
            assert_eq!(key().verify(text, MADE_AT), Err(UserSigError::Malformed), "{text}");
        }
    }
}
