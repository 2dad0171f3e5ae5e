//! The way in, its last part: the mix into the speaker's ring, as much as the device takes and a little ahead.

use super::{BLOCK, MONO};
use crate::base::{Moment, PcmFormat};
use crate::codec::{ResampleError, Resampler};
use std::time::Duration;

const BLOCK_US: u64 = 10_000;
/// How far ahead of the device the ring is filled before it is known how much the device takes at a time.
const FIRST_AHEAD_US: u64 = 40_000;
const AHEAD_US: std::ops::RangeInclusive<u64> = 25_000..=150_000;
/// What lies in the ring beyond what the device has lately taken between two of our turns.
const MARGIN_US: u64 = 15_000;
/// How long such a large bite is remembered for: one to two of these.
const WINDOW: Duration = Duration::from_secs(5);
/// A device that has taken nothing for so long stands still: the voices are then played to nobody.
const STANDSTILL: Duration = Duration::from_millis(300);
/// The most that is made up for at once after our thread was held up.
const MOST_BLOCKS: usize = 15;

/// What a speaker's callback reads from, and how much of it is wanted.
pub(super) struct SpeakerOutput {
    ring: rtrb::Producer<f32>,
    format: PcmFormat,
    resampler: Resampler,
    out: Vec<f32>,
    /// Microseconds in the ring when we last looked.
    left_us: u64,
    took: Option<Moment>,
    /// The largest bites, in this window and the one before.
    bites: [u64; 2],
    window_start: Moment,
}

impl SpeakerOutput {
    pub(super) fn new(ring: rtrb::Producer<f32>, format: PcmFormat) -> Result<Self, ResampleError> {
        Ok(Self {
            ring,
            format,
            resampler: Resampler::new(MONO, format)?,
            out: Vec::new(),
            left_us: 0,
            took: None,
            bites: [FIRST_AHEAD_US - MARGIN_US; 2],
            window_start: Moment::ZERO,
        })
    }

    /// How many blocks are to be played now; `None` if the device stands still.
    pub(super) fn wanted(&mut self, now: Moment) -> Option<usize> {
        let filled = self.filled_us();
        self.on_bite(self.left_us.saturating_sub(filled), filled, now);
        self.left_us = filled;
        if self.took.is_some_and(|took| now.since(took) > STANDSTILL) {
            return None;
        }
        let missing = self.ahead_us().saturating_sub(filled);
        Some((missing.div_ceil(BLOCK_US) as usize).min(MOST_BLOCKS))
    }

    /// Writes a block; what the ring has no room for is lost.
    pub(super) fn play(&mut self, block: &[f32; BLOCK]) {
        self.out.clear();
        self.resampler.push(block, &mut self.out);
        let channels = usize::from(self.format.channels);
        let room = self.ring.slots() / channels * channels;
        let fitting = self.out.len().min(room);
        if self.ring.push_entire_slice(&self.out[..fitting]).is_err() || fitting < self.out.len() {
            tracing::debug!("the speaker's ring is full");
        }
        self.left_us = self.filled_us();
    }

    /// Time from [`Self::play`] until the device takes the sample.
    pub(super) const fn delay(&self) -> Duration {
        Duration::from_micros(self.left_us)
    }

    fn filled_us(&self) -> u64 {
        let frames = (self.ring.buffer().capacity() - self.ring.slots()) / usize::from(self.format.channels);
        frames as u64 * 1_000_000 / u64::from(self.format.rate)
    }

    fn ahead_us(&self) -> u64 {
        let room = self.ring.buffer().capacity() as u64 * 1_000_000
            / u64::from(self.format.channels)
            / u64::from(self.format.rate);
        let wanted = self.bites[0].max(self.bites[1]) + MARGIN_US;
        wanted.clamp(*AHEAD_US.start(), *AHEAD_US.end()).min(room * 3 / 4)
    }

    fn on_bite(&mut self, bite: u64, filled: u64, now: Moment) {
        if self.took.is_none() || bite > 0 {
            self.took = Some(now);
        }
        if now.since(self.window_start) > WINDOW {
            self.bites = [0, self.bites[0]];
            self.window_start = now;
        }
        // An empty ring does not tell how much the device wanted.
        let hungry = if filled == 0 && bite > 0 { BLOCK_US } else { 0 };
        self.bites[0] = self.bites[0].max(bite + hungry);
    }
}

/// Paces the voices where no device does.
pub(super) struct PlayoutClock {
    next: Option<Moment>,
}

impl PlayoutClock {
    pub(super) const fn new() -> Self {
        Self { next: None }
    }

    /// How many blocks are to be played by `now`.
    pub(super) fn wanted(&mut self, now: Moment) -> usize {
        let next = self.next.unwrap_or(now);
        let blocks = if now < next { 0 } else { now.since(next).as_micros() as u64 / BLOCK_US + 1 };
        if blocks > MOST_BLOCKS as u64 {
            self.next = Some(now + Duration::from_micros(BLOCK_US));
            return MOST_BLOCKS;
        }
        self.next = Some(next + Duration::from_micros(blocks * BLOCK_US));
        blocks as usize
    }

    /// A device paces for now.
    pub(super) const fn rest(&mut self) {
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEREO: PcmFormat = PcmFormat { rate: 48_000, channels: 2 };

    /// A device that takes `period` frames at a time; returns how often it found too little, after the first second.
    fn underrun(format: PcmFormat, period: usize, drift: f64) -> usize {
        let (producer, mut consumer) = rtrb::RingBuffer::new(format.rate as usize * usize::from(format.channels));
        let mut speaker = SpeakerOutput::new(producer, format).expect("speaker");
        let (mut taken, mut underrun) = (0, 0);
        for tick in 0..1000u64 {
            let now = Moment::from_millis(tick * 10);
            for _ in 0..speaker.wanted(now).expect("it runs") {
                speaker.play(&[0.1; BLOCK]);
            }
            let due = (tick * 10) as f64 / 1000.0 * f64::from(format.rate) * drift;
            while (taken + period) as f64 <= due {
                taken += period;
                let mut bite = vec![0.0; period * usize::from(format.channels)];
                let (_, unfilled) = consumer.pop_partial_slice(&mut bite);
                underrun += usize::from(!unfilled.is_empty() && tick > 100);
            }
            assert!(
                consumer.slots() / usize::from(format.channels) <= format.rate as usize / 5,
                "no more than 200 ms ahead"
            );
        }
        underrun
    }

    #[test]
    fn devices_of_every_habit_are_kept_fed() {
        for (format, period) in [(MONO, 480), (STEREO, 960), (STEREO, 128), (STEREO, 4320)] {
            assert_eq!(underrun(format, period, 1.0), 0, "{format:?} {period}");
        }
        assert_eq!(underrun(PcmFormat { rate: 44_100, channels: 2 }, 441, 1.0), 0);
        assert_eq!(underrun(STEREO, 480, 1.002), 0);
        assert_eq!(underrun(STEREO, 480, 0.998), 0);
    }

    #[test]
    fn a_device_that_stands_still_is_noticed_and_comes_back() {
        let (producer, mut consumer) = rtrb::RingBuffer::new(48_000);
        let mut speaker = SpeakerOutput::new(producer, MONO).expect("speaker");
        for _ in 0..speaker.wanted(Moment::ZERO).expect("it runs") {
            speaker.play(&[0.1; BLOCK]);
        }
        assert_eq!(speaker.wanted(Moment::from_millis(100)), Some(0));
        assert_eq!(speaker.wanted(Moment::from_millis(400)), None);
        consumer.pop_entire_slice(&mut [0.0; 960]).expect("filled");
        assert_eq!(speaker.wanted(Moment::from_millis(410)), Some(2));
    }

    #[test]
    fn the_clock_keeps_time_and_forgives_a_long_pause() {
        let mut clock = PlayoutClock::new();
        let played: usize = (0..100).map(|n| clock.wanted(Moment::from_micros(n * 10_000 + n % 3 * 4_000))).sum();
        assert_eq!(played, 100);
        assert_eq!(clock.wanted(Moment::from_millis(1040)), 5);
        assert_eq!(clock.wanted(Moment::from_millis(60_000)), MOST_BLOCKS);
        assert_eq!(clock.wanted(Moment::from_millis(60_010)), 1);
    }
}
