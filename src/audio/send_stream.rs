//! The way out: from the microphone's ring to Opus packets.

use super::level::{AudioLevel, LevelMeter, dbov};
use super::processor::AudioProcessor;
use super::{BLOCK, MONO};
use crate::base::{Moment, PcmFormat};
use crate::codec::{FRAME_SAMPLES, OpusEncodeError, OpusEncoder, ResampleError, Resampler};
use bytes::Bytes;
use std::time::Duration;

/// More than this in the ring is old: the thread was held up, or the device began long before.
const OLD_MS: usize = 200;
/// What is kept of it.
const KEPT_MS: usize = 40;
/// After a pause of this length, the timestamps go on as if the time had been sent.
const PAUSE: Duration = Duration::from_millis(100);

/// 20 ms of our own voice, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AudioPacket {
    /// One Opus packet.
    pub(crate) payload: Bytes,
    /// RTP timestamp of its first sample, 48 kHz. Silence and pauses are not sent, but counted.
    pub(crate) timestamp: u32,
    /// Level for the header of RFC 6464: 0 (loudest) to 127 (silence) decibels below overload.
    pub(crate) level: u8,
    /// Whether somebody speaks, for the same header.
    pub(crate) voice: bool,
}

/// What a microphone's callback writes into, and how.
pub(super) struct MicrophoneInput {
    ring: rtrb::Consumer<f32>,
    format: PcmFormat,
    resampler: Resampler,
    read: Vec<f32>,
}

impl MicrophoneInput {
    pub(super) fn new(ring: rtrb::Consumer<f32>, format: PcmFormat) -> Result<Self, ResampleError> {
        Ok(Self { ring, format, resampler: Resampler::new(format, MONO)?, read: Vec::new() })
    }

    /// Appends what has come since the last time, as 48 kHz mono.
    fn read(&mut self, out: &mut Vec<f32>) {
        let channels = usize::from(self.format.channels);
        let of_ms = |ms: usize| self.format.rate as usize * ms / 1000 * channels;
        let available = self.ring.slots() / channels * channels;
        self.read.resize(available, 0.0);
        let (read, _) = self.ring.pop_partial_slice(&mut self.read);
        let kept = if read.len() > of_ms(OLD_MS) { of_ms(KEPT_MS) } else { read.len() };
        self.resampler.push(&read[read.len() - kept..], out);
    }
}

pub(super) struct SendStream {
    source: Option<MicrophoneInput>,
    /// 48 kHz mono that is not a block yet.
    waiting: Vec<f32>,
    /// Processed samples that are not a packet yet.
    frame: Vec<f32>,
    encoder: OpusEncoder,
    meter: LevelMeter,
    muted: bool,
    /// Timestamp of the next packet, and when the last one was ready.
    timestamp: u32,
    last: Option<Moment>,
}

impl SendStream {
    pub(super) fn new(kbps: u32) -> Result<Self, OpusEncodeError> {
        Ok(Self {
            source: None,
            waiting: Vec::new(),
            frame: Vec::with_capacity(FRAME_SAMPLES),
            encoder: OpusEncoder::new(kbps)?,
            meter: LevelMeter::new(),
            muted: false,
            timestamp: rand::random(),
            last: None,
        })
    }

    pub(super) fn set_source(&mut self, source: Option<MicrophoneInput>) {
        self.source = source;
        self.forget();
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        self.forget();
    }

    pub(super) fn set_expected_loss(&mut self, percent: u32) {
        if let Err(e) = self.encoder.set_expected_loss(percent) {
            tracing::warn!("the encoder keeps its error correction as it is: {e}");
        }
    }

    /// What the microphone hears after processing; silence while it is off or muted.
    pub(super) fn level(&self) -> AudioLevel {
        self.meter.level()
    }

    /// Reads, processes, and hands out every packet that is full.
    pub(super) fn tick(
        &mut self,
        now: Moment,
        mut processing: Option<&mut AudioProcessor>,
        speaker_delay_ms: u32,
        on_packet: &mut dyn FnMut(AudioPacket),
    ) {
        let Some(source) = &mut self.source else { return };
        source.read(&mut self.waiting);
        let mut used = 0;
        while let Some(block) = self.waiting.get(used..used + BLOCK) {
            let Ok(mut block) = <[f32; BLOCK]>::try_from(block) else { break };
            used += BLOCK;
            if let Some(processing) = &mut processing {
                processing.on_microphone(&mut block, speaker_delay_ms);
            }
            self.on_block(&block, now, on_packet);
        }
        self.waiting.drain(..used);
    }

    fn on_block(&mut self, block: &[f32; BLOCK], now: Moment, on_packet: &mut dyn FnMut(AudioPacket)) {
        if self.muted {
            return;
        }
        self.meter.push(block);
        self.frame.extend_from_slice(block);
        if self.frame.len() < FRAME_SAMPLES {
            return;
        }
        let timestamp = self.next_timestamp(now);
        match self.encoder.encode(&self.frame) {
            Ok(Some(payload)) => {
                let (level, voice) = (dbov(&self.frame), self.meter.level().active);
                on_packet(AudioPacket { payload, timestamp, level, voice });
            }
            Ok(None) => {}
            Err(e) => tracing::warn!("20 ms of the microphone are left out: {e}"),
        }
        self.frame.clear();
    }

    fn next_timestamp(&mut self, now: Moment) -> u32 {
        if let Some(pause) = self.last.map(|last| now.since(last)).filter(|pause| *pause >= PAUSE) {
            let packets = (pause.as_millis() as u32 / 20).saturating_sub(1);
            self.timestamp = self.timestamp.wrapping_add(packets.wrapping_mul(FRAME_SAMPLES as u32));
        }
        self.last = Some(now);
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(FRAME_SAMPLES as u32);
        timestamp
    }

    /// Sound from before is not sent later.
    fn forget(&mut self) {
        self.waiting.clear();
        self.frame.clear();
        self.meter = LevelMeter::new();
    }
}
