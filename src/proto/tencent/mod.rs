//! Tencent Cloud's API 3.0 as the back ends of TRTC use it: signatures, parameters and error codes of requests; and UserSig,
//! the credential of TRTC's clients.
//!
//! A back end changes only its endpoint. The tests use signatures of the official SDKs. Where the documentation leaves a
//! choice, the comment of the type says which one was made.

mod error;
mod request;
mod signature;
mod user_sig;

pub use error::{ApiError, Parameter};
pub use request::{ApiAction, RoomOperation, RoomRequest, VERSION};
pub(crate) use signature::MAX_SKEW_S;
pub use signature::{HttpRequest, KeyPair, RequestFingerprint, SignedCall};
pub use user_sig::{UserSigClaims, UserSigError, UserSigKey};
