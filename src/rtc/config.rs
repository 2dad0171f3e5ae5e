//! Configuration and errors of a session's peer connections.

use crate::base::Transport;

/// How many peer connections a session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One for both directions; the client offers (`/rtc/v1`).
    Single,
    /// One to send, which the client offers, and one to receive, which the server offers (`/rtc`).
    Dual,
}

/// Bounds of the congestion controller, for all tracks together, in bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SendRates {
    /// Before the first estimate.
    pub(crate) start_bps: u32,
    /// Lowest estimate.
    pub(crate) min_bps: u32,
    /// Highest estimate: all layers of a camera and of a screen, and the audio.
    pub(crate) max_bps: u32,
}

impl Default for SendRates {
    /// 1.5 Mbit/s at the start, 100 kbit/s to 7 Mbit/s.
    fn default() -> Self {
        Self { start_bps: 1_500_000, min_bps: 100_000, max_bps: 7_000_000 }
    }
}

/// Configuration of a session's peer connections.
#[derive(Clone, Debug)]
pub(crate) struct PeerConfig {
    /// One connection or two.
    pub(crate) mode: Mode,
    /// Whether to use the loopback interface too, for a server on this computer.
    pub(crate) loopback: bool,
    /// How media may go.
    pub(crate) transport: Transport,
    /// Bounds of the send rate.
    pub(crate) rates: SendRates,
    /// Part of the RTP packets to lose in each direction (0.0 to 1.0), for tests.
    #[cfg(test)]
    pub(crate) loss: f64,
}

impl PeerConfig {
    /// The defaults for a session with one connection or two.
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            loopback: false,
            transport: Transport::Auto,
            rates: SendRates::default(),
            #[cfg(test)]
            loss: 0.0,
        }
    }
}

/// Why an operation on the peer connections failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RtcError {
    /// No socket could be bound, or the stack refused the configuration.
    #[error("Could not open a media connection on this computer: {0}.")]
    Open(String),
    /// The stack refused a description.
    #[error("The media connection could not be negotiated while {doing}: {reason}.")]
    Negotiation {
        /// The step that failed.
        doing: &'static str,
        /// The stack's message.
        reason: String,
    },
    /// The previous offer has not been answered.
    #[error("An offer is still waiting for its answer.")]
    OfferPending,
    /// The candidate is not a `RTCIceCandidateInit`.
    #[error("The server sent a network candidate that cannot be read.")]
    Candidate,
    /// The server sent an offer to a session with a single connection.
    #[error("This session has no connection for what the server offers.")]
    NoSubscriber,
    /// No track is published under this `cid`, or one is already.
    #[error("No track is published as {0}, or one is already.")]
    Track(String),
    /// The data channel is closed.
    #[error("A message could not be sent to the others: {0}.")]
    Data(String),
    /// The connections are closed.
    #[error("The media connections are closed.")]
    Closed,
}
