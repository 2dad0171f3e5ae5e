//! The clock of a sender, as its RTCP sender reports tell it.

/// One sender report (RFC 3550, section 6.4.1): the same moment on the sender's wall clock and on its RTP clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SenderReport {
    /// Wall clock in microseconds, of an epoch that all reports of this sender share.
    pub(crate) wall_us: i64,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
}

impl SenderReport {
    /// From an NTP timestamp: 32.32 fixed point seconds since 1900.
    pub(crate) const fn from_ntp(ntp: u64, timestamp: u32) -> Self {
        let micros = ((ntp & 0xFFFF_FFFF) * 1_000_000) >> 32;
        Self { wall_us: (ntp >> 32) as i64 * 1_000_000 + micros as i64, timestamp }
    }

    /// The wall clock at an RTP timestamp, by an RTP clock of `rate` ticks a second. The timestamp may lie up to 2^31
    /// ticks before or after the report.
    pub(crate) const fn wall_us_at(self, timestamp: u32, rate: u32) -> i64 {
        let ticks = timestamp.wrapping_sub(self.timestamp) as i32;
        self.wall_us.saturating_add(ticks as i64 * 1_000_000 / rate as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_before_and_after_the_report_are_converted() {
        let report = SenderReport::from_ntp((1000 << 32) | (1 << 31), 45_000);
        let at = |timestamp| report.wall_us_at(timestamp, 90_000);
        assert_eq!(at(45_000), 1_000_500_000);
        assert_eq!(at(90_000), 1_001_000_000);
        assert_eq!(at(0), 1_000_000_000);
        assert_eq!(at(0u32.wrapping_sub(90_000)), 999_000_000, "across the wrap");
    }

    #[test]
    fn absurd_times_saturate() {
        let report = SenderReport { wall_us: i64::MAX, timestamp: 0 };
        assert_eq!(report.wall_us_at(90_000, 90_000), i64::MAX);
    }
}
