//! A sender's clock, as its sender reports tell it (RFC 3550, section 6.4.1): what lip sync goes by.

use std::sync::{Arc, Mutex, PoisonError};

/// One sender report: this RTP timestamp was this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Report {
    /// NTP time, 32.32 fixed point seconds.
    ntp: u64,
    rtp: u32,
}

/// Converts RTP timestamps of one stream to its sender's time. Streams of one sender share that time.
#[derive(Clone, Debug)]
pub(crate) struct SenderClock {
    rate: u32,
    report: Arc<Mutex<Option<Report>>>,
}

impl SenderClock {
    /// A clock of `rate` ticks a second that has not been told the time yet.
    pub(super) fn new(rate: u32) -> Self {
        Self { rate, report: Arc::default() }
    }

    pub(super) fn set(&self, ntp: u64, rtp: u32) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(Report { ntp, rtp });
    }

    /// The sender's time at `rtp_timestamp`, in microseconds since the sender's epoch (1900 for NTP; only differences
    /// between streams of one sender mean anything). `None` before its first report.
    pub(crate) fn sender_micros(&self, rtp_timestamp: u32) -> Option<i64> {
        let report = (*self.report.lock().unwrap_or_else(PoisonError::into_inner))?;
        let seconds = (report.ntp >> 32) as i64;
        let fraction = ((report.ntp & 0xFFFF_FFFF) * 1_000_000) >> 32;
        let ticks = i64::from(rtp_timestamp.wrapping_sub(report.rtp) as i32);
        Some(seconds * 1_000_000 + fraction as i64 + ticks * 1_000_000 / i64::from(self.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_before_and_after_the_report_are_converted() {
        let clock = SenderClock::new(90_000);
        assert_eq!(clock.sender_micros(0), None);
        clock.set((1000 << 32) | (1 << 31), 45_000);
        assert_eq!(clock.sender_micros(45_000), Some(1_000_500_000));
        assert_eq!(clock.sender_micros(90_000), Some(1_001_000_000));
        assert_eq!(clock.sender_micros(0), Some(1_000_000_000));
        assert_eq!(clock.sender_micros(0u32.wrapping_sub(90_000)), Some(999_000_000));
    }
}
