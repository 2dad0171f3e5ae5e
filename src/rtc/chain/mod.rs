//! Interceptors: what a packet passes between the application and the wire.
//!
//! They cure faults of the stack; each file says which. A slot is a distance from the wire: reading goes from small
//! to large, writing the other way.

mod congestion;
#[cfg(test)]
mod lossy;
mod observer;
mod pacer;
mod repaired;
mod unwrap;

pub(super) use congestion::{Estimator, TransportCcOnly};
#[cfg(test)]
pub(super) use lossy::Lossy;
pub(super) use observer::{Observer, Wire};
pub(super) use pacer::VideoPacer;
pub(super) use repaired::RepairedStreamId;
pub(super) use unwrap::UnwrapRetransmissions;

use rtc::interceptor::TaggedPacket;
use std::collections::VecDeque;

/// The two belts of an interceptor that hands packets on at once.
#[derive(Default)]
struct Belts {
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}
