//! One remote voice: its jitter buffer, its decoder, and the samples that are ready to be played.

use super::jitter_buffer::{DelayAdjustment, JitterBuffer, PlayoutAction};
use super::level::{AudioLevel, LevelMeter};
use super::{BLOCK, RATE, micros, time_stretch};
use crate::base::{MediaPacket, Moment};
use crate::codec::{MAX_FRAME_SAMPLES, OpusDecodeError, OpusDecoder};
use std::collections::VecDeque;
use std::time::Duration;

/// Samples between two gentle changes of the delay, and between two in a hurry.
const GENTLE: usize = 10 * BLOCK;
const HURRY: usize = 3 * BLOCK;
/// What the newest packet counts in the delay that is shown.
const NEWEST: f64 = 0.05;

/// Figures of one voice since it was added.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct AudioStreamStats {
    /// Packets that came, duplicates not counted.
    pub(crate) received: u64,
    /// Packets that were not there when it was their turn.
    pub(crate) lost: u64,
    /// Of these, the ones that were repaired by the error correction in the next packet.
    pub(crate) recovered: u64,
    /// Packets that came after their turn, copies of played ones among them.
    pub(crate) late: u64,
    /// Packets that came twice.
    pub(crate) duplicates: u64,
    /// Packets that were left out to catch up, or for want of room.
    pub(crate) dropped: u64,
    /// Packets that were not Opus, or could not be decoded.
    pub(crate) invalid: u64,
    /// Sound that was made up, in ms.
    pub(crate) concealed_ms: f64,
    /// Sound that was left out or inserted to follow the target delay, in ms.
    pub(crate) stretched_ms: f64,
    /// Sound that found no room in the tap's ring, in ms.
    pub(crate) untapped_ms: f64,
    /// Time from arrival to the mixer in ms, smoothed.
    pub(crate) delay_ms: f64,
    /// What the jitter buffer aims at: time from the fastest packets' arrival to the mixer in ms, 20 to 200.
    pub(crate) target_ms: f64,
    /// Interarrival jitter in ms (RFC 3550, section 6.4.1).
    pub(crate) jitter_ms: f64,
}

/// What is being heard of a voice, for holding a picture back until its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlayoutPosition {
    /// RTP timestamp (48 kHz) of the sample that was heard ...
    pub(crate) timestamp: u32,
    /// ... at this time. The next ones follow at 48 a millisecond.
    pub(crate) at: std::time::Instant,
}

pub(super) struct ReceiveStream {
    jitter: JitterBuffer,
    decoder: OpusDecoder,
    ready: VecDeque<f32>,
    frame: Vec<f32>,
    meter: LevelMeter,
    tap: Option<rtrb::Producer<f32>>,
    statistics: AudioStreamStats,
    /// Samples since the delay was changed last.
    since_change: usize,
    /// Whether the last turn was silence.
    silent: bool,
}

impl ReceiveStream {
    pub(super) fn new() -> Result<Self, OpusDecodeError> {
        Ok(Self {
            jitter: JitterBuffer::new(),
            decoder: OpusDecoder::new()?,
            ready: VecDeque::with_capacity(2 * MAX_FRAME_SAMPLES),
            frame: Vec::with_capacity(MAX_FRAME_SAMPLES),
            meter: LevelMeter::new(),
            tap: None,
            statistics: AudioStreamStats::default(),
            since_change: 0,
            silent: true,
        })
    }

    /// Every sample that is played goes there too, as long as there is room.
    pub(super) fn set_tap(&mut self, tap: Option<rtrb::Producer<f32>>) {
        self.tap = tap;
    }

    pub(super) fn on_packet(&mut self, packet: &MediaPacket, arrived: Moment) {
        self.jitter.insert(packet, arrived);
    }

    /// The next 10 ms, which reach the mixer at `now`.
    pub(super) fn pull(&mut self, now: Moment) -> [f32; BLOCK] {
        while self.ready.len() < BLOCK {
            let at = now + Duration::from_micros(micros(self.ready.len()));
            let follow = self.jitter.follow(at);
            let turn = self.jitter.next(at);
            self.carry_out(turn);
            self.stretch(follow);
            self.ready.extend(&self.frame);
        }
        let mut block = [0.0; BLOCK];
        block.iter_mut().zip(self.ready.drain(..BLOCK)).for_each(|(to, from)| *to = from);
        self.since_change += BLOCK;
        self.meter.push(&block);
        if self.tap.as_mut().is_some_and(|tap| tap.push_entire_slice(&block).is_err()) {
            self.statistics.untapped_ms += 10.0;
        }
        block
    }

    pub(super) fn level(&self) -> AudioLevel {
        self.meter.level()
    }

    /// The RTP timestamp of the sample that [`Self::pull`] hands out next; `None` while the voice is silent.
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

    /// Fills `frame` with what the turn sounds like.
    fn carry_out(&mut self, turn: PlayoutAction) {
        self.frame.clear();
        let was_silent = std::mem::replace(&mut self.silent, matches!(turn, PlayoutAction::Silence { .. }));
        let decoded = match &turn {
            PlayoutAction::Decode { payload, .. } => self.decoder.decode(payload),
            PlayoutAction::Recover { next, samples } => self.decoder.recover(next, *samples),
            PlayoutAction::Conceal { samples } => self.decoder.conceal(*samples),
            PlayoutAction::Silence { samples } if was_silent => {
                self.frame.resize(*samples, 0.0);
                return;
            }
            PlayoutAction::Silence { samples } => self.decoder.conceal(*samples),
        };
        match decoded {
            Ok(samples) => self.frame.extend_from_slice(samples),
            Err(e) => {
                tracing::debug!("10 ms of silence instead of a packet: {e}");
                self.statistics.invalid += 1;
                self.frame.resize(BLOCK, 0.0);
            }
        }
        match turn {
            PlayoutAction::Decode { waited, .. } => {
                let waited = waited.as_secs_f64() * 1000.0;
                self.statistics.delay_ms += (waited - self.statistics.delay_ms) * NEWEST;
            }
            PlayoutAction::Silence { .. } => fade_out(&mut self.frame),
            _ => {}
        }
    }

    fn stretch(&mut self, follow: DelayAdjustment) {
        let pause = if follow == DelayAdjustment::ShortenNow { HURRY } else { GENTLE };
        if self.silent || self.since_change < pause {
            return;
        }
        let changed = match follow {
            DelayAdjustment::Keep => 0,
            DelayAdjustment::Shorten => time_stretch::shorten(&mut self.frame, false),
            DelayAdjustment::ShortenNow => time_stretch::shorten(&mut self.frame, true),
            DelayAdjustment::Lengthen => time_stretch::lengthen(&mut self.frame),
        };
        if changed > 0 {
            self.since_change = 0;
            self.statistics.stretched_ms += changed as f64 * 1000.0 / f64::from(RATE);
        }
    }
}

fn fade_out(samples: &mut [f32]) {
    let length = samples.len() as f32;
    samples.iter_mut().enumerate().for_each(|(i, sample)| *sample *= 1.0 - i as f32 / length);
}
