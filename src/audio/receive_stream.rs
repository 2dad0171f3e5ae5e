//! One received stream: its jitter buffer, its decoder, and the samples that are ready to be played.

use super::jitter_buffer::{DelayAdjustment, JitterBuffer, PlayoutAction};
use super::{BLOCK, RATE, micros, time_stretch};
use crate::base::{MediaPacket, Moment};
use crate::codec::{MAX_FRAME_SAMPLES, OpusDecodeError, OpusDecoder};
use std::collections::VecDeque;
use std::time::Duration;

/// Samples between two time stretches, and between two fast ones.
const STRETCH_PAUSE: usize = 10 * BLOCK;
const FAST_STRETCH_PAUSE: usize = 3 * BLOCK;
/// The newest packet's weight in the smoothed delay.
const NEWEST: f64 = 0.05;

/// Statistics of a received stream since it was added.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct AudioStreamStats {
    /// Packets received, without duplicates.
    pub(crate) received: u64,
    /// Packets that were missing at their playout time.
    pub(crate) lost: u64,
    /// Lost packets that were recovered from the next packet's in-band FEC.
    pub(crate) recovered: u64,
    /// Packets received after their playout time, including duplicates of played ones.
    pub(crate) late: u64,
    /// Packets received twice.
    pub(crate) duplicates: u64,
    /// Packets dropped because the delay or the buffer was too large.
    pub(crate) dropped: u64,
    /// Packets decoded.
    pub(crate) decoded: u64,
    /// Packets that are no Opus packets or could not be decoded.
    pub(crate) invalid: u64,
    /// Audio that was concealed, in ms.
    pub(crate) concealed_ms: f64,
    /// Audio that was removed or inserted to reach the target delay, in ms.
    pub(crate) stretched_ms: f64,
    /// Audio that was lost because the tap's ring was full, in ms.
    pub(crate) untapped_ms: f64,
    /// Smoothed time from a packet's arrival to the mixer, in ms.
    pub(crate) delay_ms: f64,
    /// Target of the jitter buffer: time from the fastest packets' arrival to the mixer, in ms, 20 to 200.
    pub(crate) target_ms: f64,
    /// Interarrival jitter in ms (RFC 3550, section 6.4.1).
    pub(crate) jitter_ms: f64,
}

/// The position that is being heard, for lip sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlayoutPosition {
    /// RTP timestamp (48 kHz) of a sample.
    pub(crate) timestamp: u32,
    /// When that sample is heard.
    pub(crate) at: std::time::Instant,
}

pub(super) struct ReceiveStream {
    jitter: JitterBuffer,
    decoder: OpusDecoder,
    ready: VecDeque<f32>,
    frame: Vec<f32>,
    tap: Option<rtrb::Producer<f32>>,
    statistics: AudioStreamStats,
    /// Samples since the last time stretch.
    since_stretch: usize,
    /// Whether the last action was silence.
    silent: bool,
    /// The factor of the last sample, and that of the end of the next block.
    volume: [f32; 2],
}

impl ReceiveStream {
    pub(super) fn new() -> Result<Self, OpusDecodeError> {
        Ok(Self {
            jitter: JitterBuffer::new(),
            decoder: OpusDecoder::new()?,
            ready: VecDeque::with_capacity(2 * MAX_FRAME_SAMPLES),
            frame: Vec::with_capacity(MAX_FRAME_SAMPLES),
            tap: None,
            statistics: AudioStreamStats::default(),
            since_stretch: 0,
            silent: true,
            volume: [1.0; 2],
        })
    }

    /// Copies every sample that is played into a ring, too.
    pub(super) fn set_tap(&mut self, tap: Option<rtrb::Producer<f32>>) {
        self.tap = tap;
    }

    /// Plays louder or quieter from now on: by a factor of 0 or more.
    pub(super) fn set_volume(&mut self, factor: f32) {
        self.volume[1] = factor;
    }

    pub(super) fn on_packet(&mut self, packet: &MediaPacket, arrived: Moment) {
        self.jitter.insert(packet, arrived);
    }

    /// The next 10 ms, which reach the mixer at `now`.
    pub(super) fn pull(&mut self, now: Moment) -> [f32; BLOCK] {
        while self.ready.len() < BLOCK {
            let at = now + Duration::from_micros(micros(self.ready.len()));
            let adjustment = self.jitter.delay_adjustment(at);
            let action = self.jitter.next(at);
            self.execute(action);
            self.stretch(adjustment);
            self.ready.extend(&self.frame);
        }
        let mut block = [0.0; BLOCK];
        block.iter_mut().zip(self.ready.drain(..BLOCK)).for_each(|(to, from)| *to = from);
        self.since_stretch += BLOCK;
        if self.tap.as_mut().is_some_and(|tap| tap.push_entire_slice(&block).is_err()) {
            self.statistics.untapped_ms += 10.0;
        }
        self.amplify(&mut block);
        block
    }

    /// Applies the volume; a new one is reached by the end of the block, without a click.
    fn amplify(&mut self, block: &mut [f32; BLOCK]) {
        let [from, to] = self.volume;
        if self.volume != [1.0; 2] {
            let step = (to - from) / BLOCK as f32;
            block.iter_mut().enumerate().for_each(|(i, sample)| *sample *= from + step * (i + 1) as f32);
        }
        self.volume[0] = to;
    }

    /// The RTP timestamp of the next sample of [`Self::pull`]; `None` in silence.
    pub(super) fn position(&self) -> Option<u32> {
        self.jitter.position().map(|next| next.wrapping_sub(self.ready.len() as u32))
    }

    pub(super) fn statistics(&self) -> AudioStreamStats {
        let counts = self.jitter.counts();
        AudioStreamStats {
            received: counts.received,
            lost: counts.lost,
            recovered: counts.recovered,
            late: counts.late,
            duplicates: counts.duplicates,
            dropped: counts.dropped,
            invalid: counts.invalid + self.statistics.invalid,
            concealed_ms: counts.concealed as f64 * 1000.0 / f64::from(RATE),
            target_ms: self.jitter.target().as_secs_f64() * 1000.0,
            jitter_ms: self.jitter.jitter_ms(),
            ..self.statistics
        }
    }

    /// Fills `frame` with the samples of an action.
    fn execute(&mut self, action: PlayoutAction) {
        self.frame.clear();
        let was_silent = std::mem::replace(&mut self.silent, matches!(action, PlayoutAction::Silence { .. }));
        let decoded = match &action {
            PlayoutAction::Decode { payload, .. } => self.decoder.decode(payload),
            PlayoutAction::Recover { next, samples } => self.decoder.recover(next, *samples),
            PlayoutAction::Conceal { samples } => self.decoder.conceal(*samples),
            PlayoutAction::Silence { samples } if was_silent => {
                self.frame.resize(*samples, 0.0);
                return;
            }
            PlayoutAction::Silence { samples } => self.decoder.conceal(*samples),
        };
        let is_decoded = decoded.is_ok();
        match decoded {
            Ok(samples) => self.frame.extend_from_slice(samples),
            Err(error) => {
                tracing::debug!(%error, "10 ms of silence replace a packet");
                self.statistics.invalid += 1;
                self.frame.resize(BLOCK, 0.0);
            }
        }
        match action {
            PlayoutAction::Decode { waited, .. } => {
                self.statistics.decoded += u64::from(is_decoded);
                let waited = waited.as_secs_f64() * 1000.0;
                self.statistics.delay_ms += (waited - self.statistics.delay_ms) * NEWEST;
            }
            PlayoutAction::Silence { .. } => fade_out(&mut self.frame),
            _ => {}
        }
    }

    fn stretch(&mut self, adjustment: DelayAdjustment) {
        let fast = adjustment == DelayAdjustment::FastAccelerate;
        let pause = if fast { FAST_STRETCH_PAUSE } else { STRETCH_PAUSE };
        if self.silent || self.since_stretch < pause {
            return;
        }
        let changed = match adjustment {
            DelayAdjustment::Keep => 0,
            DelayAdjustment::Accelerate | DelayAdjustment::FastAccelerate => {
                time_stretch::accelerate(&mut self.frame, fast)
            }
            DelayAdjustment::PreemptiveExpand => time_stretch::preemptive_expand(&mut self.frame),
        };
        if changed > 0 {
            self.since_stretch = 0;
            self.statistics.stretched_ms += changed as f64 * 1000.0 / f64::from(RATE);
        }
    }
}

fn fade_out(samples: &mut [f32]) {
    let length = samples.len() as f32;
    samples.iter_mut().enumerate().for_each(|(i, sample)| *sample *= 1.0 - i as f32 / length);
}
