//! LiveKit messages and access tokens, Tencent's API 3.0 and UserSigs, links and invitations: encode, decode, verify;
//! nothing else.

#[cfg(feature = "server")]
pub mod invitation;
#[cfg(feature = "server")]
pub mod join_request;
#[cfg(test)]
#[cfg(feature = "server")]
mod junk;
pub mod link;
#[cfg(feature = "server")]
mod mac;
pub mod sdp;
#[cfg(feature = "server")]
pub mod tencent;
pub mod token;
