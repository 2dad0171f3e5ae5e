//! Plain data of a participant's peer connections, shared by the session and the media stack.

use super::Secret;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// Which of a participant's peer connections: LiveKit's `SignalTarget`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
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

/// How an ICE candidate was obtained (RFC 8445, section 5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CandidateType {
    /// An address of the computer itself.
    Host,
    /// The address that a STUN server saw.
    Srflx,
    /// The address that the other side saw.
    Prflx,
    /// The address of a TURN server.
    Relay,
}

/// What carries datagrams of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// UDP.
    Udp,
    /// TCP (RFC 4571, or RFC 8656 to a TURN server).
    Tcp,
    /// TLS to a TURN server.
    Tls,
}

/// The candidate pair that a peer connection uses (RFC 8445, section 2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CandidatePair {
    /// The peer connection.
    pub connection: SignalTarget,
    /// Type of our candidate.
    pub local: CandidateType,
    /// Type of the server's candidate.
    pub remote: CandidateType,
    /// UDP or TCP, from us, or from the TURN server, to the server.
    pub protocol: Carrier,
    /// From us to the TURN server; `None` without one.
    pub relay_protocol: Option<Carrier>,
    /// Whether a proxy opened the TCP connection of this pair.
    pub proxied: bool,
    /// Address and port of our candidate; empty if the stack does not tell. It is shown in the window, and left out of
    /// events and bundles.
    #[serde(skip)]
    pub local_address: String,
    /// The same of the server's candidate.
    #[serde(skip)]
    pub remote_address: String,
}

/// How media may go between a participant and the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// The first way that works: UDP, TCP, a relay.
    #[default]
    Auto,
    /// By UDP alone, to the server or to a relay.
    Udp,
    /// By TCP and TLS alone, to the server or to a relay.
    Tcp,
    /// Through a relay (TURN) alone.
    Relay,
}

/// The word is none of the ways of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Write auto, udp, tcp or relay.")]
pub struct UnknownTransport;

impl Transport {
    const ALL: [(&'static str, Self); 4] =
        [("auto", Self::Auto), ("udp", Self::Udp), ("tcp", Self::Tcp), ("relay", Self::Relay)];
}

impl FromStr for Transport {
    type Err = UnknownTransport;

    fn from_str(word: &str) -> Result<Self, UnknownTransport> {
        let found = Self::ALL.iter().find(|(name, _)| *name == word);
        found.map(|(_, transport)| *transport).ok_or(UnknownTransport)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::ALL.iter().find(|(_, transport)| transport == self);
        f.write_str(found.map_or("auto", |(name, _)| name))
    }
}
