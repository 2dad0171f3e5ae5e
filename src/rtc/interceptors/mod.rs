//! Interceptors: what a packet passes between the application and the transport.
//!
//! They cure faults of the stack; each file says which. A slot is a distance from the transport: reading goes from small
//! to large, writing the other way.

mod congestion;
#[cfg(test)]
mod lossy;
mod observer;
mod pacer;
mod repaired_rid;
mod rtx;

pub(super) use congestion::{Estimator, TwccFilter};
#[cfg(test)]
pub(super) use lossy::LossyLink;
pub(super) use observer::{TransportObserver, TransportState};
pub(super) use pacer::VideoPacer;
pub(super) use repaired_rid::RepairedRid;
pub(super) use rtx::RtxReceiver;

use rtc::interceptor::TaggedPacket;
use std::collections::VecDeque;

/// The two queues of an interceptor that hands packets on at once.
#[derive(Default)]
struct Queues {
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}
