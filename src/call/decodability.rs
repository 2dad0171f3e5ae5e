//! Whether the frames of a received track can be decoded, judged by what arrives.

use crate::audio::AudioStreamStats;
use crate::base::{Moment, Undecodable};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A track without a decoded frame for this long after a failure counts as damaged, if at least [`FAILURES`] failed.
const DAMAGED_AFTER: Duration = Duration::from_secs(2);
/// Failures in a row that count as damage. A loss alone makes one or two.
const FAILURES: u32 = 5;
/// Decoded frames in a row after which a track is whole again.
const WHOLE: u32 = 3;

/// The state of one track.
#[derive(Debug, Default)]
pub(super) struct Decodability {
    why: Option<Undecodable>,
    /// Failures since the last decoded frame, and when the first was.
    failing: Option<(Moment, u32)>,
    /// Frames decoded in a row.
    decoded: u32,
}

impl Decodability {
    /// A frame was decoded.
    pub(super) const fn decoded(&mut self) {
        self.failing = None;
        self.decoded = self.decoded.saturating_add(1);
        if self.decoded >= WHOLE {
            self.why = None;
        }
    }

    /// A frame is encrypted: it was not decoded.
    pub(super) const fn sealed(&mut self) {
        (self.why, self.decoded) = (Some(Undecodable::Encrypted), 0);
    }

    /// A frame failed to decode.
    pub(super) fn failed(&mut self, now: Moment) {
        let (since, count) = self.failing.map_or((now, 1), |(since, count)| (since, count.saturating_add(1)));
        (self.failing, self.decoded) = (Some((since, count)), 0);
        if count >= FAILURES && now.since(since) >= DAMAGED_AFTER {
            self.why.get_or_insert(Undecodable::Damaged);
        }
    }

    /// Why it can be neither shown nor played; `None` if it can.
    pub(super) const fn why(&self) -> Option<Undecodable> {
        self.why
    }
}

/// Watches whether an audio track can be decoded.
#[derive(Default)]
pub(super) struct AudioWatch {
    /// Encrypted packets that were dropped instead of decoded.
    pub(super) sealed: Arc<AtomicU64>,
    /// Packets that were encrypted, decoded and invalid at the last look.
    last: (u64, u64, u64),
    state: Decodability,
}

impl AudioWatch {
    /// Compares the counts with those of the last look.
    pub(super) fn look(&mut self, counts: &AudioStreamStats, now: Moment) -> Option<Undecodable> {
        let now_counted = (self.sealed.load(Relaxed), counts.decoded, counts.invalid);
        let (sealed, decoded, invalid) = std::mem::replace(&mut self.last, now_counted);
        // The pauses of an encrypted voice are not encrypted.
        if now_counted.0 > sealed {
            self.state.sealed();
        } else if now_counted.1 > decoded {
            self.state.decoded();
        } else if now_counted.2 > invalid {
            self.state.failed(now);
        }
        self.state.why()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_counts_at_once_and_ends_with_three_plain_frames() {
        let mut track = Decodability::default();
        track.decoded();
        assert_eq!(track.why(), None);
        track.sealed();
        assert_eq!(track.why(), Some(Undecodable::Encrypted));
        track.decoded();
        track.decoded();
        assert_eq!(track.why(), Some(Undecodable::Encrypted), "the server mixes in frames of its own");
        track.sealed();
        (0..3).for_each(|_| track.decoded());
        assert_eq!(track.why(), None);
    }

    #[test]
    fn damage_is_many_failures_in_a_row_for_two_seconds() {
        let at = Moment::from_millis;
        let mut track = Decodability::default();
        for ms in [0, 300, 600, 900, 1200, 1500, 1800] {
            track.failed(at(ms));
            assert_eq!(track.why(), None, "it may still recover");
        }
        track.failed(at(2000));
        assert_eq!(track.why(), Some(Undecodable::Damaged));
        (0..3).for_each(|_| track.decoded());
        assert_eq!(track.why(), None);
        track.failed(at(2400));
        track.failed(at(9000));
        assert_eq!(track.why(), None, "two losses far apart");
    }
}
