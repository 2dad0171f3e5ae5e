//! LiveKit access tokens: JSON Web Tokens (RFC 7519) signed with HS256 (RFC 7518, section 3.2) by a key pair that the
//! server knows.
//!
//! The claims are LiveKit's: `iss` is the key's id, `sub` the identity, `video` the grants. The JWT crate reads the
//! system's clock for us. No error and no `Debug` in this folder repeats a token or a secret.

mod claims;
mod jwt;
mod keys;
mod lenient;
#[cfg(all(test, feature = "wire"))]
mod tests;

#[cfg(all(test, feature = "wire"))]
pub(crate) use tests::sign_claims;

pub use claims::{AdminGrant, JoinClaims, UnverifiedClaims, VerifiedClaims, unverified_claims};
pub use keys::{ApiKey, ApiKeys};

use std::time::Duration;

/// How long a token to join is valid unless told otherwise. LiveKit's SDKs use the same.
pub const JOIN_VALIDITY: Duration = Duration::from_secs(6 * 3600);
/// How long a token for one admin call is valid.
const ADMIN_VALIDITY: Duration = Duration::from_secs(10 * 60);

/// Why a token was refused. The sentences are for people and never repeat the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The request carried no token.
    #[error("An access token is needed.")]
    Missing,
    /// Not a JSON Web Token with LiveKit's claims, or not signed with HS256.
    #[error("This is not a LiveKit access token.")]
    Malformed,
    /// `iss` names no key pair of this server.
    #[error("The access token was made for another server: its key is not known here.")]
    ForeignKey,
    /// Signed with another secret, or changed afterwards.
    #[error("The access token's signature is wrong.")]
    Signature,
    /// `exp` is more than a minute ago.
    #[error("The access token has expired. Ask for a new one.")]
    Expired,
    /// `nbf` is more than a minute ahead.
    #[error("The access token is not valid yet. Are the clocks right?")]
    TooEarly,
}

/// Why a token could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The key's id or secret is empty.
    #[error("The API key and its secret must not be empty.")]
    EmptyKey,
    /// The claims could not be serialized.
    #[error("The access token could not be made.")]
    Encoding,
}
