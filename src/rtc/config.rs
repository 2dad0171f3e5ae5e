//! How a session's connections are set up, and what can go wrong with them.

use crate::base::Secret;

/// How many connections a session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One that carries everything; the client offers (`/rtc/v1`).
    Single,
    /// One for what we send, which we offer, and one for what we receive, which the server offers (`/rtc`).
    Dual,
}

/// A STUN or TURN server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IceServer {
    /// `stun:`, `turn:` or `turns:`.
    pub(crate) urls: Vec<String>,
    /// For TURN.
    pub(crate) username: String,
    /// For TURN.
    pub(crate) credential: Secret<String>,
}

/// The bounds of what is sent, all tracks together, in bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SendRates {
    /// Before anything is known of the way.
    pub(crate) start_bps: u32,
    /// Never less, however bad the way.
    pub(crate) min_bps: u32,
    /// Never more: the sum of all layers and the sound.
    pub(crate) max_bps: u32,
}

impl Default for SendRates {
    /// 1.5 Mbit/s at first, 100 kbit/s to 4 Mbit/s.
    fn default() -> Self {
        Self { start_bps: 1_500_000, min_bps: 100_000, max_bps: 4_000_000 }
    }
}

/// How a session's connections are set up.
#[derive(Clone, Debug)]
pub(crate) struct PeerConfig {
    /// One connection or two.
    pub(crate) mode: Mode,
    /// For the way out of a private network; with a single connection usually told later, by
    /// [`Peers::set_ice_servers`](super::Peers::set_ice_servers).
    pub(crate) ice_servers: Vec<IceServer>,
    /// Whether the server may be on this computer: then the loopback interface is used too.
    pub(crate) loopback: bool,
    /// Bounds of what is sent.
    pub(crate) rates: SendRates,
    /// Part of the packets to lose in each direction, for tests of the repair.
    #[cfg(test)]
    pub(crate) loss: f64,
}

impl PeerConfig {
    /// The usual set-up.
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            ice_servers: Vec::new(),
            loopback: false,
            rates: SendRates::default(),
            #[cfg(test)]
            loss: 0.0,
        }
    }
}

/// Why a connection could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RtcError {
    /// No socket, or a set-up that the stack refuses.
    #[error("Could not open a media connection on this computer: {0}.")]
    Open(String),
    /// A description that cannot be applied.
    #[error("The media connection could not be negotiated while {doing}: {reason}.")]
    Negotiation {
        /// What was being done.
        doing: &'static str,
        /// The stack's words.
        reason: String,
    },
    /// An offer still waits for its answer.
    #[error("An offer is still waiting for its answer.")]
    OfferPending,
    /// A candidate that is none.
    #[error("The server sent a network candidate that cannot be read.")]
    Candidate,
    /// The session has no such connection.
    #[error("This session has no connection for what the server offers.")]
    NoSubscriber,
    /// Nothing is published under that id, or something is already.
    #[error("No track is published as {0}, or one is already.")]
    Track(String),
    /// The data channel is not open, or its queue is full.
    #[error("A message could not be sent to the others: {0}.")]
    Data(String),
    /// The connections have been closed.
    #[error("The media connections are closed.")]
    Closed,
}
