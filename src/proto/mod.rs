//! LiveKit messages and access tokens: encode, decode, verify; nothing else.

#[cfg(feature = "server")]
pub mod join_request;
pub mod sdp;
pub mod token;
