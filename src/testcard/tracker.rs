//! Tracks the test pictures of one sender and keeps the statistics that `--verify` reports.

use super::blocks::{self, MODULUS};
use super::{FrameReadError, FrameReading};
use serde_json::{Value, json};

/// Delays are counted in bins of 1 ms up to this; longer ones count as this long.
const LONGEST_MS: usize = 10_000;
/// A frame number up to this far back is a late frame; one farther back means that the sender restarted.
const MAX_LATE: i64 = 60;

/// Statistics so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct VideoReading {
    /// Frames that were read, each number once.
    pub(crate) frames: u64,
    /// Frame numbers that were skipped.
    pub(crate) missing: u64,
    /// Frames whose number was already read or skipped.
    pub(crate) repeated: u64,
    /// Frames that could not be read, or carry another identity.
    pub(crate) wrong: u64,
    /// Median of the time from drawing to reading in ms; 0 before the first frame.
    pub(crate) delay_ms_p50: f64,
    /// 95th percentile of the same.
    pub(crate) delay_ms_p95: f64,
}

impl VideoReading {
    /// The object `picture` of the event `Verified`.
    pub(crate) fn to_json(self) -> Value {
        json!({ "frames": self.frames, "missing": self.missing, "repeated": self.repeated,
            "delay_ms_p50": self.delay_ms_p50, "delay_ms_p95": self.delay_ms_p95, "wrong": self.wrong })
    }
}

/// Counts the frames of one sender.
#[derive(Clone, Debug)]
pub(crate) struct FrameTracker {
    identity: u32,
    last: Option<FrameReading>,
    counts: VideoReading,
    delays: Vec<u32>,
}

impl FrameTracker {
    /// Tracks the frames of `identity`.
    pub(crate) fn new(identity: &str) -> Self {
        Self {
            identity: super::identity_code(identity),
            last: None,
            counts: VideoReading::default(),
            delays: vec![0; LONGEST_MS + 1],
        }
    }

    /// Counts a frame that was read, or could not be, and was shown at `unix_ms`.
    pub(crate) fn on_frame(&mut self, result: Result<FrameReading, FrameReadError>, unix_ms: u64) {
        let reading = match result {
            Ok(reading) if reading.identity == self.identity => reading,
            // A server sends such frames while a camera is muted.
            Err(FrameReadError::Black | FrameReadError::TooSmall { .. }) => return,
            _ => {
                self.counts.wrong += 1;
                return;
            }
        };
        match self.last.map(|last| blocks::distance(last.frame, reading.frame)) {
            Some(step) if step <= 0 && step > -MAX_LATE => {
                self.counts.repeated += 1;
                return;
            }
            Some(step) if step > 0 => self.counts.missing += (step - 1).unsigned_abs(),
            _ => {}
        }
        self.last = Some(reading);
        self.counts.frames += 1;
        let now = (unix_ms % u64::from(MODULUS)) as u32;
        // Clocks of two computers may differ: a time in the future counts as a delay of 0 ms.
        let delay = usize::try_from(blocks::distance(reading.time_ms24, now)).unwrap_or(0);
        self.delays[delay.min(LONGEST_MS)] += 1;
    }

    /// The statistics so far.
    pub(crate) fn reading(&self) -> VideoReading {
        VideoReading { delay_ms_p50: self.percentile(0.5), delay_ms_p95: self.percentile(0.95), ..self.counts }
    }

    fn percentile(&self, part: f64) -> f64 {
        let wanted = (self.counts.frames as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.delays.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        found.unwrap_or(0) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(frame: u32, time_ms24: u32) -> Result<FrameReading, FrameReadError> {
        let wrap = |n| n % MODULUS;
        Ok(FrameReading {
            frame: wrap(frame),
            time_ms24: wrap(time_ms24),
            identity: super::super::identity_code("mina"),
        })
    }

    #[test]
    fn missing_repeated_and_wrong_frames_are_counted() {
        let mut tracker = FrameTracker::new("mina");
        for n in [5, 6, 6, 9, 8, 10] {
            tracker.on_frame(reading(n, 1000), 1000);
        }
        tracker.on_frame(Ok(FrameReading { frame: 11, time_ms24: 0, identity: 1 }), 0);
        tracker.on_frame(Err(FrameReadError::CheckSum { row: crate::testcard::read::BlockRow::Frame }), 0);
        tracker.on_frame(Err(FrameReadError::Black), 0);
        let r = tracker.reading();
        assert_eq!((r.frames, r.missing, r.repeated, r.wrong), (4, 2, 2, 2));
    }

    #[test]
    fn numbers_and_times_wrap() {
        let mut tracker = FrameTracker::new("mina");
        tracker.on_frame(reading(MODULUS - 1, MODULUS - 10), u64::from(MODULUS) * 7 - 4);
        tracker.on_frame(reading(0, MODULUS - 3), u64::from(MODULUS) * 7 + 5);
        let r = tracker.reading();
        assert_eq!((r.frames, r.missing), (2, 0));
        assert_eq!((r.delay_ms_p50, r.delay_ms_p95), (6.0, 8.0));
    }

    #[test]
    fn a_restarted_sender_has_lost_nothing() {
        let mut tracker = FrameTracker::new("mina");
        tracker.on_frame(reading(5000, 0), 0);
        tracker.on_frame(reading(0, 0), 0);
        tracker.on_frame(reading(1, 0), 0);
        let r = tracker.reading();
        assert_eq!((r.frames, r.missing, r.repeated), (3, 0, 0));
    }

    #[test]
    fn percentiles_are_those_of_all_frames() {
        let mut tracker = FrameTracker::new("mina");
        for n in 0..100 {
            tracker.on_frame(reading(n, 500), 500 + u64::from(n));
        }
        let r = tracker.reading();
        assert_eq!((r.delay_ms_p50, r.delay_ms_p95), (49.0, 94.0));
    }
}
