//! The clock of a received stream, for lip sync.

use crate::base::SenderReport;
use parking_lot::Mutex;
use std::sync::Arc;

/// Converts RTP timestamps of one stream to its sender's wall clock, which all streams of that sender share.
#[derive(Clone, Debug)]
pub(crate) struct SenderClock {
    rate: u32,
    report: Arc<Mutex<Option<SenderReport>>>,
}

impl SenderClock {
    /// A clock of `rate` ticks a second, before the first sender report.
    pub(super) fn new(rate: u32) -> Self {
        Self { rate, report: Arc::default() }
    }

    /// Takes a sender report: at `ntp` (32.32 fixed point seconds) the RTP timestamp was `timestamp`.
    pub(super) fn set(&self, ntp: u64, timestamp: u32) {
        *self.report.lock() = Some(SenderReport::from_ntp(ntp, timestamp));
    }

    /// The sender's time at `timestamp` in microseconds; only differences between streams of one sender mean anything.
    /// `None` before its first report.
    pub(crate) fn sender_micros(&self, timestamp: u32) -> Option<i64> {
        let report = *self.report.lock();
        report.map(|report| report.wall_us_at(timestamp, self.rate))
    }
}
