//! Tencent Cloud's API 3.0, as back ends that use TRTC speak it: what a request says, who has signed it, what is wrong
//! with it; and UserSig, with which TRTC's clients enter.
//!
//! A back end changes its endpoint and nothing else: the official SDKs are what this is tested with. Where the
//! documentation leaves a choice, it is written at the type that makes it.

mod error;
mod request;
mod signature;
mod user_sig;

pub use error::{ApiError, Parameter};
pub use request::{Action, RoomOperation, RoomRequest, VERSION};
pub use signature::{HttpRequest, KeyPair, MAX_SKEW_S, RequestFingerprint, SignedCall};
pub use user_sig::{UserSigClaims, UserSigError, UserSigKey};
