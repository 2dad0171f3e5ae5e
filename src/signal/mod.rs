//! The client's signalling connection: LiveKit's WebSocket, and the endpoints for tokens and for the state of a room.
//!
//! [`SignalLink`] wraps `livekit-signaling` (pinned, since 0.1 releases may break): it tries `/rtc/v1` first and falls back
//! to `/rtc`, pings, keeps messages during an outage, and resumes. Errors are sentences for users and never contain a
//! token.

mod clocks;
mod error;
mod link;
mod room;
mod route;
mod sentence;
mod token;
mod transport;

pub(crate) use clocks::{AGREE_S as CLOCKS_AGREE_S, ahead_of_server, words as duration_in_words};
pub(crate) use error::{ConnectError, ResumeError};
pub(crate) use link::{ConnectOptions, SignalLink, SignalLinkEvent, SignalLinkEvents};
pub(crate) use room::{RoomProof, look_up_room};
pub(crate) use route::RouteWatch;
pub(crate) use token::{TokenFetchError, TokenRequest, fetch_token, token_endpoint};
