//! Ticks in real time for synthetic devices, without drift.

use crate::devices::thread::Stop;
use std::time::{Duration, Instant};

/// A tick that is later than this starts the count anew: the ticks missed before it are left out.
const CATCH_UP_LIMIT: Duration = Duration::from_millis(200);

/// Ticks at a fixed interval.
pub(super) struct Ticker {
    interval: Duration,
    start: Instant,
    ticks: u32,
}

impl Ticker {
    /// The first tick is due now.
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, start: Instant::now(), ticks: 0 }
    }

    /// Waits for the next tick. Returns `false` when the device is to be closed instead.
    pub(super) fn tick(&mut self, stop: &Stop) -> bool {
        let due = self.start + self.interval * self.ticks;
        if due.elapsed() > CATCH_UP_LIMIT || self.ticks == u32::MAX {
            *self = Self::new(self.interval);
        }
        self.ticks += 1;
        !stop.wait_until(due)
    }
}
