//! Extended sequence numbers, and how long to wait for a lost packet.

use crate::base::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// Losses that are remembered at most; the oldest are forgotten first.
const LOSSES: usize = 512;

/// Extends 16-bit sequence numbers so that they do not wrap (RFC 3550, appendix A.1).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SeqExtender {
    highest: Option<u64>,
}

impl SeqExtender {
    /// The extended number of `sequence`: the one nearest to the highest so far.
    pub(super) fn extend(&mut self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else {
            let first = 0x1_0000 + u64::from(sequence);
            self.highest = Some(first);
            return first;
        };
        let ahead = sequence.wrapping_sub(highest as u16) as i16;
        let extended = highest.saturating_add_signed(i64::from(ahead));
        self.highest = Some(highest.max(extended));
        extended
    }

    /// The highest extended number so far.
    pub(super) const fn highest(&self) -> Option<u64> {
        self.highest
    }
}

/// Time from a loss to its retransmission, smoothed as RFC 6298 does for TCP: mean and mean deviation, in seconds.
#[derive(Clone, Copy, Debug)]
struct RtxRtt {
    mean: f64,
    deviation: f64,
}

impl RtxRtt {
    /// Shortest timeout: two NACK rounds of 20 ms and a short round trip.
    const MIN_TIMEOUT: Duration = Duration::from_millis(80);
    /// Longest timeout: a key frame arrives sooner.
    const MAX_TIMEOUT: Duration = Duration::from_millis(400);

    fn add(&mut self, took: Duration) {
        let took = took.min(Self::MAX_TIMEOUT).as_secs_f64();
        self.deviation += ((took - self.mean).abs() - self.deviation) / 8.0;
        self.mean += (took - self.mean) / 8.0;
    }

    /// Two attempts and four mean deviations.
    fn nack_timeout(&self) -> Duration {
        let timeout = Duration::from_secs_f64(2.0 * self.mean + 4.0 * self.deviation);
        timeout.clamp(Self::MIN_TIMEOUT, Self::MAX_TIMEOUT)
    }
}

impl Default for RtxRtt {
    /// A timeout of 200 ms.
    fn default() -> Self {
        Self { mean: 0.04, deviation: 0.03 }
    }
}

/// The lost packets of a stream, by extended sequence number, and since when each is missing.
#[derive(Clone, Debug, Default)]
pub(super) struct LossTracker {
    since: BTreeMap<u64, Moment>,
    rtt: RtxRtt,
}

impl LossTracker {
    /// Records that the packets `from..to` were skipped.
    pub(super) fn add_lost(&mut self, from: u64, to: u64, now: Moment) {
        for sequence in from.max(to.saturating_sub(LOSSES as u64))..to {
            self.since.insert(sequence, now);
        }
        while self.since.len() > LOSSES {
            self.since.pop_first();
        }
    }

    /// Records that a packet arrived. Late ones count too: they tell the round trip.
    pub(super) fn add_received(&mut self, sequence: u64, now: Moment) {
        if let Some(since) = self.since.remove(&sequence) {
            self.rtt.add(now.since(since));
        }
    }

    /// When to give up waiting for a lost packet. A loss that is not known has no time left.
    pub(super) fn deadline(&self, sequence: u64) -> Moment {
        self.since.get(&sequence).map_or(Moment::ZERO, |&since| since + self.rtt.nack_timeout())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_wrap_and_arrive_out_of_order() {
        let mut s = SeqExtender::default();
        let first = s.extend(65534);
        assert_eq!(s.extend(1), first + 3);
        assert_eq!(s.extend(65535), first + 1);
        assert_eq!(s.extend(0), first + 2);
        assert_eq!(s.highest(), Some(first + 3));
    }

    #[test]
    fn the_nack_timeout_follows_the_retransmissions_within_its_bounds() {
        let mut losses = LossTracker::default();
        assert_eq!(losses.rtt.nack_timeout(), Duration::from_millis(200));
        for n in 0..100 {
            losses.add_lost(n, n + 1, Moment::from_millis(n * 1000));
            losses.add_received(n, Moment::from_millis(n * 1000 + 10));
        }
        assert_eq!(losses.rtt.nack_timeout(), RtxRtt::MIN_TIMEOUT);
        for n in 100..200 {
            losses.add_lost(n, n + 1, Moment::from_millis(n * 10_000));
            losses.add_received(n, Moment::from_millis(n * 10_000 + 9_000));
        }
        assert_eq!(losses.rtt.nack_timeout(), RtxRtt::MAX_TIMEOUT);
    }
}
