//! Our interceptors: they see every RTP and RTCP packet between the application and the network.
//!
//! Each works around one fault of webrtc-rs, which its file names. A slot is a distance from the network: packets that
//! are read pass the slots upwards, packets that are written downwards.

mod adapter;
mod congestion;
#[cfg(test)]
mod lossy;
mod observer;
mod pacer;
mod repaired_rid;
mod rtx;
mod track_opener;

pub(super) use adapter::Adapter;
pub(super) use congestion::{Estimator, TwccFilter};
#[cfg(test)]
pub(super) use lossy::LossyLink;
pub(super) use observer::TransportObserver;
pub(super) use pacer::VideoPacer;
pub(super) use repaired_rid::RepairedRid;
pub(super) use rtx::RtxReceiver;
pub(super) use track_opener::TrackOpener;
