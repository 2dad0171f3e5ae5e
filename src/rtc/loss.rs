//! Extended sequence numbers, and how long a missing packet is worth waiting for.

use crate::base::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// LossTracker that are remembered; more than that is a stream that starts anew.
const HOLES: usize = 512;

/// SeqExtender numbers that never wrap (RFC 3550, appendix A.1).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SeqExtender {
    highest: Option<u64>,
}

impl SeqExtender {
    /// The extended number of `sequence`: the one closest to the highest so far.
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

    /// The highest number so far.
    pub(super) const fn highest(&self) -> Option<u64> {
        self.highest
    }
}

/// How long a repair takes, learnt from the packets that came late.
#[derive(Clone, Copy, Debug)]
struct RtxRtt {
    mean: f64,
    deviation: f64,
}

impl RtxRtt {
    /// Shortest wait: two NACK rounds of 20 ms and a short way.
    const FLOOR: Duration = Duration::from_millis(80);
    /// Longest wait: beyond this a key frame is quicker.
    const CEILING: Duration = Duration::from_millis(400);

    fn learn(&mut self, took: Duration) {
        let took = took.min(Self::CEILING).as_secs_f64();
        self.deviation += ((took - self.mean).abs() - self.deviation) / 8.0;
        self.mean += (took - self.mean) / 8.0;
    }

    fn nack_timeout(&self) -> Duration {
        Duration::from_secs_f64(2.0 * self.mean + 4.0 * self.deviation).clamp(Self::FLOOR, Self::CEILING)
    }
}

impl Default for RtxRtt {
    /// Patience starts at 200 ms.
    fn default() -> Self {
        Self { mean: 0.04, deviation: 0.03 }
    }
}

/// The sequence numbers that were skipped, and since when.
#[derive(Clone, Debug, Default)]
pub(super) struct LossTracker {
    since: BTreeMap<u64, Moment>,
    repair: RtxRtt,
}

impl LossTracker {
    /// Notes that `from..to` were skipped.
    pub(super) fn open(&mut self, from: u64, to: u64, now: Moment) {
        for sequence in from.max(to.saturating_sub(HOLES as u64))..to {
            self.since.insert(sequence, now);
        }
        while self.since.len() > HOLES {
            self.since.pop_first();
        }
    }

    /// Notes that `sequence` has come after all, even if nobody waits for it any more.
    pub(super) fn fill(&mut self, sequence: u64, now: Moment) {
        if let Some(since) = self.since.remove(&sequence) {
            self.repair.learn(now.since(since));
        }
    }

    /// When waiting for `sequence` ends. A hole that was never noted has no time left.
    pub(super) fn deadline(&self, sequence: u64) -> Moment {
        self.since.get(&sequence).map_or(Moment::ZERO, |&since| since + self.repair.nack_timeout())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_wrap_and_come_out_of_order() {
        let mut s = SeqExtender::default();
        let first = s.extend(65534);
        assert_eq!(s.extend(1), first + 3);
        assert_eq!(s.extend(65535), first + 1);
        assert_eq!(s.extend(0), first + 2);
        assert_eq!(s.highest(), Some(first + 3));
    }

    #[test]
    fn patience_follows_the_repairs_within_its_bounds() {
        let mut holes = LossTracker::default();
        assert_eq!(holes.repair.nack_timeout(), Duration::from_millis(200));
        for n in 0..100 {
            holes.open(n, n + 1, Moment::from_millis(n * 1000));
            holes.fill(n, Moment::from_millis(n * 1000 + 10));
        }
        assert_eq!(holes.repair.nack_timeout(), RtxRtt::FLOOR);
        for n in 100..200 {
            holes.open(n, n + 1, Moment::from_millis(n * 10_000));
            holes.fill(n, Moment::from_millis(n * 10_000 + 9_000));
        }
        assert_eq!(holes.repair.nack_timeout(), RtxRtt::CEILING);
    }
}
