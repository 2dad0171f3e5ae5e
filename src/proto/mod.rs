//! LiveKit messages and access tokens, Tencent's API 3.0 and UserSigs, links and
//! invitations, feeds of releases: encode, decode, verify;
//! nothing else.

#[cfg(feature = "wire")]
pub mod invitation;
#[cfg(feature = "wire")]
pub mod join_request;
pub mod link;
#[cfg(feature = "wire")]
mod mac;
#[cfg(test)]
#[cfg(feature = "wire")]
mod no_panic;
pub mod release;
pub mod sdp;
#[cfg(feature = "wire")]
pub mod tencent;
pub mod token;
