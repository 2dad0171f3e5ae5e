//! The client's peer connections: the only folder that names webrtc-rs.
//!
//! [`Peers`] are one session's connections: one for both directions, or one to send and one to receive. Frames and Opus
//! packets go in through [`VideoSender`] and [`AudioSender`]. What the server sends comes out as [`RemoteTrack`]s: Opus
//! packets as they arrive, video as whole frames in decoding order.
//!
//! | file | content |
//! |---|---|
//! | `peers`, `connection`, `engine` | the session's connections; one connection; how the stack is set up |
//! | `publication`, `sender` | a published track; frames to RTP packets |
//! | `receive`, `depacketizer`, `loss` | RTP packets to frames; lost packets |
//! | `vp8` | the RTP payload format of VP8 |
//! | `interceptors`, `transport` | workarounds inside the stack; the state they share with the rest |
//! | `ice_servers`, `remote_candidate`, `tunnel` | STUN and TURN servers; candidates; media over TCP and TLS |
//! | `m_lines`, `clock` | which m-line carries which track; lip sync |
//! | `stats`, `sent_loss`, `candidate_pair` | statistics; loss by receiver reports; the way that media takes |

mod address;
mod candidate_pair;
mod clock;
mod config;
mod connection;
mod depacketizer;
mod engine;
mod estimator;
mod event;
mod ice_servers;
mod interceptors;
mod loss;
mod m_lines;
mod peers;
mod plain_udp;
mod publication;
mod receive;
mod remote_candidate;
mod runtime;
mod sender;
mod sent_loss;
mod stats;
mod tasks;
#[cfg(test)]
mod tests;
mod transport;
mod tunnel;
mod vp8;

pub(crate) use clock::SenderClock;
pub(crate) use config::{Mode, PeerConfig, RtcError, SendRates};
pub(crate) use depacketizer::VideoMedia;
pub(crate) use event::{KeyframeRequester, RemoteMedia, RemoteTrack, RtcEvent};
pub(crate) use peers::Peers;
pub(crate) use sender::{AudioSender, SendOutcome, VideoSender};
pub(crate) use stats::{PeerStatistics, TrackStatistics};
