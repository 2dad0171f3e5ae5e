//! When a packet arrives that goes into one direction of a way.

use super::super::Way;
use rand::Rng;
use tokio::time::{Duration, Instant};

/// TCP sends a lost segment again after so long (the least timeout of Linux).
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// One direction of a way. Packets arrive in their order.
pub(super) struct DelayLine {
    way: Way,
    /// When the last packet arrives.
    last: Instant,
}

impl DelayLine {
    /// A direction on which nothing goes yet.
    pub(super) fn new(way: Way) -> Self {
        Self { way, last: Instant::now() }
    }

    /// When a packet arrives that is sent now.
    pub(super) fn due(&mut self) -> Instant {
        let jitter = self.way.jitter.mul_f64(rand::rng().random_range(0.0..=1.0));
        self.last = self.last.max(Instant::now() + self.way.delay + jitter);
        self.last
    }

    /// When a segment of TCP arrives that is sent now, lost, and sent again.
    pub(super) fn due_again(&mut self) -> Instant {
        self.last = self.due() + RETRANSMISSION;
        self.last
    }
}
