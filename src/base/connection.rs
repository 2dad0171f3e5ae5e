//! Plain data of a participant's peer connections, shared by the session and the media stack.

use super::Secret;

/// Which of a participant's peer connections: LiveKit's `SignalTarget`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignalTarget {
    /// The one that the client offers; the only one of protocol v1.
    Publisher,
    /// The one that the server offers (protocol v0).
    Subscriber,
}

/// A STUN or TURN server (RFC 8489, RFC 8656).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` URLs.
    pub urls: Vec<String>,
    /// For TURN; empty for STUN.
    pub username: String,
    /// For TURN; empty for STUN.
    pub credential: Secret<String>,
}
