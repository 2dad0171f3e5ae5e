//! LiveKit messages and access tokens, Tencent's API 3.0 and UserSigs: encode, decode, verify; nothing else.

#[cfg(feature = "server")]
pub mod join_request;
pub mod sdp;
#[cfg(feature = "server")]
pub mod tencent;
pub mod token;
