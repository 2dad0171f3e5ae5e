//! The client's signalling connection: LiveKit's WebSocket, and the token endpoint that opens its door.
//!
//! [`SignalLink`] wraps `livekit-signaling` (0.1, breakage likely, hence pinned): it speaks `/rtc/v1` first and falls back
//! to `/rtc`, pings, keeps what was sent during an outage, and resumes. Errors are sentences for people; none of them
//! ever holds a token.

mod address;
mod error;
mod link;
mod room;
mod token;
mod transport;

pub(crate) use error::{ConnectError, ResumeError};
pub(crate) use link::{ConnectOptions, SignalLink, SignalLinkEvent, SignalLinkEvents};
pub(crate) use room::{RoomProof, look_up_room};
pub(crate) use token::{TokenError, TokenRequest, fetch_token, token_endpoint};
