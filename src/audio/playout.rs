//! From the mixer into the speaker's ring: as much as the device takes, and a little ahead of it.

use super::channels::spread;
use super::{BLOCK, RATE};
use crate::base::{Moment, PcmFormat};
use crate::codec::{ResampleError, Resampler};
use std::time::Duration;

const BLOCK_US: u64 = 10_000;
/// How far ahead the ring is filled before it is known how much the device reads at once.
const FIRST_AHEAD_US: u64 = 40_000;
/// The limits of how far ahead the ring is filled.
const AHEAD_US: std::ops::RangeInclusive<u64> = 25_000..=150_000;
/// How much the ring holds beyond the largest recent read of the device.
const MARGIN_US: u64 = 15_000;
/// How long a large read is remembered: one to two of these.
const WINDOW: Duration = Duration::from_secs(5);
/// A device that has read nothing for this long is stalled: a clock paces the streams then.
const STALL: Duration = Duration::from_millis(300);
/// The most blocks that are played at once after the thread was delayed.
const MAX_BLOCKS: usize = 15;

/// The engine's end of the speaker's ring.
pub(super) struct SpeakerOutput {
    ring: rtrb::Producer<f32>,
    format: PcmFormat,
    resampler: Resampler,
    mono: Vec<f32>,
    out: Vec<f32>,
    /// Audio in the ring after the last tick or write, in µs.
    filled_us: u64,
    /// When the device last read.
    last_read: Option<Moment>,
    /// The device's largest reads between two ticks, in this window and in the one before, in µs.
    largest_reads: [u64; 2],
    window_start: Moment,
}

impl SpeakerOutput {
    pub(super) fn new(ring: rtrb::Producer<f32>, format: PcmFormat) -> Result<Self, ResampleError> {
        let format = PcmFormat { channels: format.channels.max(1), ..format };
        Ok(Self {
            ring,
            format,
            resampler: Resampler::new(RATE, format.rate)?,
            mono: Vec::new(),
            out: Vec::new(),
            filled_us: 0,
            last_read: None,
            largest_reads: [FIRST_AHEAD_US - MARGIN_US; 2],
            window_start: Moment::ZERO,
        })
    }

    /// The number of blocks to play now; `None` if the device is stalled.
    pub(super) fn due_blocks(&mut self, now: Moment) -> Option<usize> {
        let filled = self.measure_us();
        self.on_read(self.filled_us.saturating_sub(filled), filled, now);
        self.filled_us = filled;
        if self.last_read.is_some_and(|read| now.since(read) > STALL) {
            return None;
        }
        let missing = self.ahead_us().saturating_sub(filled);
        Some((missing.div_ceil(BLOCK_US) as usize).min(MAX_BLOCKS))
    }

    /// Writes a block. Samples for which the ring has no room are lost.
    pub(super) fn play(&mut self, block: &[f32; BLOCK]) {
        self.mono.clear();
        self.resampler.push(block, &mut self.mono);
        self.out.clear();
        spread(&self.mono, self.format.channels, &mut self.out);
        let channels = usize::from(self.format.channels);
        let room = self.ring.slots() / channels * channels;
        let fitting = self.out.len().min(room);
        if self.ring.push_entire_slice(&self.out[..fitting]).is_err() || fitting < self.out.len() {
            tracing::debug!("the speaker's ring is full");
        }
        self.filled_us = self.measure_us();
    }

    /// The time from [`Self::play`] until the device reads the sample.
    pub(super) const fn delay(&self) -> Duration {
        Duration::from_micros(self.filled_us)
    }

    fn measure_us(&self) -> u64 {
        let frames = (self.ring.buffer().capacity() - self.ring.slots()) / usize::from(self.format.channels);
        frames as u64 * 1_000_000 / u64::from(self.format.rate)
    }

    fn ahead_us(&self) -> u64 {
        let room = self.ring.buffer().capacity() as u64 * 1_000_000
            / u64::from(self.format.channels)
            / u64::from(self.format.rate);
        let wanted = self.largest_reads[0].max(self.largest_reads[1]) + MARGIN_US;
        wanted.clamp(*AHEAD_US.start(), *AHEAD_US.end()).min(room * 3 / 4)
    }

    fn on_read(&mut self, read: u64, filled: u64, now: Moment) {
        if self.last_read.is_none() || read > 0 {
            self.last_read = Some(now);
        }
        if now.since(self.window_start) > WINDOW {
            self.largest_reads = [0, self.largest_reads[0]];
            self.window_start = now;
        }
        // A read that empties the ring may have been short of samples.
        let short = if filled == 0 && read > 0 { BLOCK_US } else { 0 };
        self.largest_reads[0] = self.largest_reads[0].max(read + short);
    }
}

/// Paces the streams while no device does.
pub(super) struct PlayoutClock {
    next: Option<Moment>,
}

impl PlayoutClock {
    pub(super) const fn new() -> Self {
        Self { next: None }
    }

    /// The number of blocks to play by `now`.
    pub(super) fn due_blocks(&mut self, now: Moment) -> usize {
        let next = self.next.unwrap_or(now);
        let blocks = if now < next { 0 } else { now.since(next).as_micros() as u64 / BLOCK_US + 1 };
        if blocks > MAX_BLOCKS as u64 {
            self.next = Some(now + Duration::from_micros(BLOCK_US));
            return MAX_BLOCKS;
        }
        self.next = Some(next + Duration::from_micros(blocks * BLOCK_US));
        blocks as usize
    }

    /// Stops the clock while a device paces the streams.
    pub(super) const fn pause(&mut self) {
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::MONO;

    const STEREO: PcmFormat = PcmFormat { rate: 48_000, channels: 2 };

    /// Plays to a device that reads `period` frames at a time. Returns its underruns after the first second.
    fn underruns(format: PcmFormat, period: usize, drift: f64) -> usize {
        let (producer, mut consumer) = rtrb::RingBuffer::new(format.rate as usize * usize::from(format.channels));
        let mut speaker = SpeakerOutput::new(producer, format).expect("speaker");
        let (mut taken, mut underruns) = (0, 0);
        for tick in 0..1000u64 {
            let now = Moment::from_millis(tick * 10);
            for _ in 0..speaker.due_blocks(now).expect("it runs") {
                speaker.play(&[0.1; BLOCK]);
            }
            let due = (tick * 10) as f64 / 1000.0 * f64::from(format.rate) * drift;
            while (taken + period) as f64 <= due {
                taken += period;
                let mut buffer = vec![0.0; period * usize::from(format.channels)];
                let (_, unfilled) = consumer.pop_partial_slice(&mut buffer);
                underruns += usize::from(!unfilled.is_empty() && tick > 100);
            }
            assert!(
                consumer.slots() / usize::from(format.channels) <= format.rate as usize / 5,
                "no more than 200 ms ahead"
            );
        }
        underruns
    }

    #[test]
    fn devices_of_any_period_and_drift_have_no_underrun() {
        for (format, period) in [(MONO, 480), (STEREO, 960), (STEREO, 128), (STEREO, 4320)] {
            assert_eq!(underruns(format, period, 1.0), 0, "{format:?} {period}");
        }
        assert_eq!(underruns(PcmFormat { rate: 44_100, channels: 2 }, 441, 1.0), 0);
        assert_eq!(underruns(STEREO, 480, 1.002), 0);
        assert_eq!(underruns(STEREO, 480, 0.998), 0);
    }

    #[test]
    fn a_stalled_device_is_detected_and_may_resume() {
        let (producer, mut consumer) = rtrb::RingBuffer::new(48_000);
        let mut speaker = SpeakerOutput::new(producer, MONO).expect("speaker");
        for _ in 0..speaker.due_blocks(Moment::ZERO).expect("it runs") {
            speaker.play(&[0.1; BLOCK]);
        }
        assert_eq!(speaker.due_blocks(Moment::from_millis(100)), Some(0));
        assert_eq!(speaker.due_blocks(Moment::from_millis(400)), None);
        consumer.pop_entire_slice(&mut [0.0; 960]).expect("filled");
        assert_eq!(speaker.due_blocks(Moment::from_millis(410)), Some(2));
    }

    #[test]
    fn the_clock_keeps_time_and_skips_a_long_pause() {
        let mut clock = PlayoutClock::new();
        let played: usize = (0..100).map(|n| clock.due_blocks(Moment::from_micros(n * 10_000 + n % 3 * 4_000))).sum();
        assert_eq!(played, 100);
        assert_eq!(clock.due_blocks(Moment::from_millis(1040)), 5);
        assert_eq!(clock.due_blocks(Moment::from_millis(60_000)), MAX_BLOCKS);
        assert_eq!(clock.due_blocks(Moment::from_millis(60_010)), 1);
    }
}
