//! Formats: LiveKit's messages and access tokens, Tencent's API 3.0 and UserSigs, links and invitations, SDP, release feeds,
//! TURN credentials, RTP payloads, datagrams on a TCP connection. This folder encodes, decodes and verifies; it opens no
//! socket and no file.

#[cfg(feature = "client")]
pub(crate) mod chat;
#[cfg(any(feature = "client", feature = "wire"))]
pub(crate) mod device_request;
#[cfg(any(feature = "client", feature = "wire"))]
pub(crate) mod hand;
#[cfg(feature = "wire")]
pub mod invitation;
#[cfg(feature = "wire")]
pub mod join_request;
pub mod link;
#[cfg(feature = "wire")]
mod mac;
#[cfg(all(test, feature = "wire"))]
mod no_panic;
pub(crate) mod payload;
#[cfg(feature = "client")]
pub(crate) mod reaction;
pub(crate) mod release;
#[cfg(any(feature = "client", feature = "wire"))]
pub mod room_settings;
pub mod sdp;
#[cfg(any(feature = "client", feature = "wire"))]
pub(crate) mod standing;
pub(crate) mod stream;
#[cfg(feature = "wire")]
pub mod tencent;
pub mod token;
#[cfg(feature = "wire")]
pub mod turn;

/// The livekit-server release whose protocol this program implements, and that its tests run against.
pub const LIVEKIT_SERVER_VERSION: &str = "1.13.5";
