//! The client's peer connections: the only folder that names webrtc-rs.
//!
//! [`Peers`] is one session's set: one connection that carries everything, or one to send and one to receive. Frames
//! and Opus packets go in through [`VideoSender`] and [`AudioSender`]; what the server sends comes out as
//! [`RemoteTrack`]s with whole frames in decoding order, losses repaired where that was possible.

mod address;
mod clock;
mod config;
mod connection;
mod depacketizer;
mod engine;
mod event;
mod interceptors;
mod loss;
mod m_lines;
mod peers;
mod plain_udp;
mod publish;
mod receive;
mod runtime;
mod stats;
mod tasks;
#[cfg(test)]
mod tests;
mod vp8;

pub(crate) use clock::SenderClock;
pub(crate) use config::{Mode, PeerConfig, RtcError, SendRates};
pub(crate) use event::{KeyframeRequester, RemoteMedia, RemoteTrack, RtcEvent, Target, VideoMedia};
pub(crate) use peers::Peers;
pub(crate) use publish::{AudioSender, Layer, SendOutcome, VideoSender};
pub(crate) use stats::{PeerStatistics, TrackStatistics};
