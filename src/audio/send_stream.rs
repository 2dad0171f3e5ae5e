//! The stream that is sent: from the microphone's ring to Opus packets.

use super::channels::Downmix;
use super::level::{AudioLevel, LevelMeter, dbov};
use super::processor::AudioProcessor;
use super::{BLOCK, RATE};
use crate::base::{Moment, PcmFormat};
use crate::codec::{FRAME_SAMPLES, OpusEncodeError, OpusEncoder, ResampleError, Resampler};
use bytes::Bytes;
use std::time::Duration;

/// With more than this in the ring, the audio is outdated: the thread was delayed, or the device opened long before.
const OUTDATED_MS: usize = 200;
/// How much of outdated audio is kept: the newest.
const KEPT_MS: usize = 40;
/// After a pause of this length or more, the timestamps advance by the time that was not sent.
const PAUSE: Duration = Duration::from_millis(100);

/// 20 ms of the microphone's stream, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AudioPacket {
    /// One Opus packet.
    pub(crate) payload: Bytes,
    /// RTP timestamp of its first sample, 48 kHz. Timestamps advance over silence and pauses, which are not sent.
    pub(crate) timestamp: u32,
    /// Audio level for the header extension of RFC 6464: 0 (loudest) to 127 (silence) dB below overload.
    pub(crate) level: u8,
    /// Whether somebody speaks, for the same header extension.
    pub(crate) voice: bool,
}

/// The engine's end of the microphone's ring.
pub(super) struct MicrophoneInput {
    ring: rtrb::Consumer<f32>,
    format: PcmFormat,
    downmix: Downmix,
    resampler: Resampler,
    read: Vec<f32>,
    mono: Vec<f32>,
}

impl MicrophoneInput {
    pub(super) fn new(ring: rtrb::Consumer<f32>, format: PcmFormat) -> Result<Self, ResampleError> {
        let downmix = Downmix::new(format.rate, format.channels);
        let resampler = Resampler::new(format.rate, RATE)?;
        Ok(Self { ring, format, downmix, resampler, read: Vec::new(), mono: Vec::new() })
    }

    /// Appends what the ring holds, as 48 kHz mono.
    fn read(&mut self, out: &mut Vec<f32>) {
        let channels = usize::from(self.format.channels.max(1));
        let of_ms = |ms: usize| self.format.rate as usize * ms / 1000 * channels;
        let available = self.ring.slots() / channels * channels;
        self.read.resize(available, 0.0);
        let (read, _) = self.ring.pop_partial_slice(&mut self.read);
        let kept = if read.len() > of_ms(OUTDATED_MS) { of_ms(KEPT_MS) } else { read.len() };
        self.mono.clear();
        self.downmix.push(&read[read.len() - kept..], &mut self.mono);
        self.resampler.push(&self.mono, out);
    }
}

pub(super) struct SendStream {
    input: Option<MicrophoneInput>,
    /// 48 kHz mono samples of an incomplete block.
    waiting: Vec<f32>,
    /// Processed samples of an incomplete packet.
    frame: Vec<f32>,
    encoder: OpusEncoder,
    meter: LevelMeter,
    muted: bool,
    /// Timestamp of the next packet.
    timestamp: u32,
    /// When the last packet was complete.
    last: Option<Moment>,
}

impl SendStream {
    pub(super) fn new(kbps: u32) -> Result<Self, OpusEncodeError> {
        Ok(Self {
            input: None,
            waiting: Vec::new(),
            frame: Vec::with_capacity(FRAME_SAMPLES),
            encoder: OpusEncoder::new(kbps)?,
            meter: LevelMeter::new(),
            muted: false,
            timestamp: rand::random(),
            last: None,
        })
    }

    pub(super) fn set_input(&mut self, input: Option<MicrophoneInput>) {
        self.input = input;
        self.discard();
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        self.discard();
    }

    pub(super) fn set_expected_loss(&mut self, percent: u32) {
        if let Err(error) = self.encoder.set_expected_loss(percent) {
            tracing::warn!(%error, "the encoder keeps its error correction as it is");
        }
    }

    /// Level of the microphone after processing; silence while it is off or muted.
    pub(super) fn level(&self) -> AudioLevel {
        self.meter.level()
    }

    /// Reads and processes the microphone, and passes each complete packet to `on_packet`.
    pub(super) fn tick(
        &mut self,
        now: Moment,
        mut processor: Option<&mut AudioProcessor>,
        echo_delay_ms: u32,
        on_packet: &mut dyn FnMut(AudioPacket),
    ) {
        let Some(input) = &mut self.input else { return };
        input.read(&mut self.waiting);
        let mut used = 0;
        while let Some(block) = self.waiting.get(used..used + BLOCK) {
            let Ok(mut block) = <[f32; BLOCK]>::try_from(block) else { break };
            used += BLOCK;
            if let Some(processor) = &mut processor {
                processor.process_capture(&mut block, echo_delay_ms);
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
            Err(error) => tracing::warn!(%error, "20 ms of the microphone are lost"),
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

    /// Discards samples of incomplete blocks and packets, so that they are not sent later.
    fn discard(&mut self) {
        self.waiting.clear();
        self.frame.clear();
        self.meter = LevelMeter::new();
    }
}
