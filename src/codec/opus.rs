//! Opus for calls: 48 kHz, mono, 20 ms a packet, with in-band forward error correction (FEC) and discontinuous transmission
//! (DTX).

use ::opus::{Application, Bitrate, Channels, Decoder, Encoder};
use bytes::Bytes;

const RATE: u32 = 48_000;
/// Samples of one packet that we send: 20 ms.
pub(crate) const FRAME_SAMPLES: usize = 960;
/// Samples of a received packet at most: 120 ms (RFC 6716, section 2.1.4).
pub(crate) const MAX_FRAME_SAMPLES: usize = 5760;
/// Size of the packet buffer that libopus recommends.
const MAX_PACKET: usize = 4000;
/// Packets up to this length hold no audio: they start a pause of discontinuous transmission.
const DTX_BYTES: usize = 2;

/// Why audio was not encoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpusEncodeError {
    /// The input is not 20 ms long.
    #[error("an Opus packet takes {needed} samples, not {given}")]
    Length {
        /// Samples given.
        given: usize,
        /// Samples of 20 ms.
        needed: usize,
    },
    /// libopus refused.
    #[error("libopus could not {0}")]
    Codec(#[from] ::opus::Error),
}

/// Encodes one stream, 20 ms at a time.
pub(crate) struct OpusEncoder {
    raw: Encoder,
    /// Whether the packet that starts the pause has been sent.
    silent: bool,
}

impl OpusEncoder {
    /// An encoder for speech at `kbps` (6 to 510) that expects 5 % of its packets to be lost.
    pub(crate) fn new(kbps: u32) -> Result<Self, OpusEncodeError> {
        let mut raw = Encoder::new(RATE, Channels::Mono, Application::Voip)?;
        raw.set_inband_fec(true)?;
        raw.set_dtx(true)?;
        let mut encoder = Self { raw, silent: false };
        encoder.set_kbps(kbps)?;
        encoder.set_expected_loss(5)?;
        Ok(encoder)
    }

    /// Changes the rate in kilobits a second (6 to 510).
    pub(crate) fn set_kbps(&mut self, kbps: u32) -> Result<(), OpusEncodeError> {
        Ok(self.raw.set_bitrate(Bitrate::Bits(kbps.clamp(6, 510) as i32 * 1000))?)
    }

    /// Sets the expected packet loss in percent: the higher, the more bits go into error correction.
    pub(crate) fn set_expected_loss(&mut self, percent: u32) -> Result<(), OpusEncodeError> {
        Ok(self.raw.set_packet_loss_perc(percent.min(100) as i32)?)
    }

    /// Turns discontinuous transmission on or off.
    #[cfg(test)]
    pub(crate) fn set_dtx(&mut self, on: bool) -> Result<(), OpusEncodeError> {
        Ok(self.raw.set_dtx(on)?)
    }

    /// Encodes 20 ms of samples within ±1. `None`: nothing is to be sent, because of silence. The first packet of a silence
    /// is returned, so that the receiver does not take it for a loss.
    pub(crate) fn encode(&mut self, samples: &[f32]) -> Result<Option<Bytes>, OpusEncodeError> {
        if samples.len() != FRAME_SAMPLES {
            return Err(OpusEncodeError::Length { given: samples.len(), needed: FRAME_SAMPLES });
        }
        let mut packet = [0; MAX_PACKET];
        let length = self.raw.encode_float(samples, &mut packet)?;
        let silent = length <= DTX_BYTES;
        let skipped = silent && self.silent;
        self.silent = silent;
        Ok((!skipped).then(|| Bytes::copy_from_slice(&packet[..length])))
    }
}

/// Why a packet was not decoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpusDecodeError {
    /// Not an Opus packet.
    #[error("libopus could not {0}")]
    Codec(#[from] ::opus::Error),
}

/// Decodes one stream to 48 kHz, mono. Its packets may have any length; stereo is mixed down.
pub(crate) struct OpusDecoder {
    raw: Decoder,
    buffer: Vec<f32>,
}

impl OpusDecoder {
    /// A decoder before the first packet.
    pub(crate) fn new() -> Result<Self, OpusDecodeError> {
        Ok(Self { raw: Decoder::new(RATE, Channels::Mono)?, buffer: vec![0.0; MAX_FRAME_SAMPLES] })
    }

    /// The samples of a packet.
    pub(crate) fn decode(&mut self, packet: &[u8]) -> Result<&[f32], OpusDecodeError> {
        let samples = self.raw.decode_float(packet, &mut self.buffer, false)?;
        Ok(&self.buffer[..samples])
    }

    /// `samples` for a lost packet, from the FEC copy in `next`, the packet that follows it; without such a copy
    /// the same as [`Self::conceal`]. `next` itself must be decoded afterwards.
    pub(crate) fn recover(&mut self, next: &[u8], samples: usize) -> Result<&[f32], OpusDecodeError> {
        self.fill(next, samples, true)
    }

    /// `samples` for a lost packet, extrapolated from the packets before it; fades out when repeated.
    pub(crate) fn conceal(&mut self, samples: usize) -> Result<&[f32], OpusDecodeError> {
        self.fill(&[], samples, false)
    }

    fn fill(&mut self, packet: &[u8], samples: usize, fec: bool) -> Result<&[f32], OpusDecodeError> {
        let samples = samples.min(MAX_FRAME_SAMPLES);
        let buffer = &mut self.buffer[..samples];
        let decoded = self.raw.decode_float(packet, buffer, fec)?;
        Ok(&self.buffer[..decoded])
    }

    /// Samples that a packet holds at 48 kHz; `None` if it is not an Opus packet.
    pub(crate) fn packet_samples(packet: &[u8]) -> Option<usize> {
        ::opus::packet::get_nb_samples(packet, RATE).ok().filter(|n| (1..=MAX_FRAME_SAMPLES).contains(n))
    }

    /// Whether a packet holds no audio, because the sender pauses (DTX).
    pub(crate) const fn is_silence(packet: &[u8]) -> bool {
        packet.len() <= DTX_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{TestTone, TestVoice, ToneMeter};

    fn speech(frames: usize) -> Vec<f32> {
        let mut samples = vec![0.0; FRAME_SAMPLES * frames];
        TestVoice::new(4, -16.0).fill(&mut samples);
        samples
    }

    /// Signal-to-noise ratio of `copy` in decibels.
    fn snr(original: &[f32], copy: &[f32]) -> f64 {
        let power = |s: &mut dyn Iterator<Item = f32>| s.map(|v| f64::from(v * v)).sum::<f64>();
        let signal = power(&mut original.iter().copied());
        let noise = power(&mut original.iter().zip(copy).map(|(a, b)| a - b));
        10.0 * (signal / noise.max(1e-12)).log10()
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_level() {
        let (mut encoder, mut decoder) = codecs();
        let (mut tone, mut meter) = (TestTone::new(440.0, -20.0), ToneMeter::searching());
        for _ in 0..50 {
            let mut frame = [0.0; FRAME_SAMPLES];
            tone.fill(&mut frame);
            let packet = encoder.encode(&frame).expect("encoded").expect("a packet");
            assert_eq!(OpusDecoder::packet_samples(&packet), Some(FRAME_SAMPLES));
            meter.push(decoder.decode(&packet).expect("decoded"));
        }
        let heard = meter.reading();
        assert!((heard.hz - 440.0).abs() < 1.0 && (heard.dbfs + 20.0).abs() < 1.0 && heard.gaps_ms == 0.0, "{heard:?}");
    }

    #[test]
    fn fec_restores_a_lost_packet_better_than_concealment() {
        let speech = speech(250);
        let (mut repaired, mut guessed, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        let mut packets = Vec::new();
        let mut encoder = OpusEncoder::new(32).expect("encoder");
        encoder.set_dtx(false).expect("set");
        encoder.set_expected_loss(20).expect("set");
        for frame in speech.chunks(FRAME_SAMPLES) {
            packets.push(encoder.encode(frame).expect("encoded").expect("packet"));
        }
        let decoder = || OpusDecoder::new().expect("decoder");
        let (mut one, mut two, mut three) = (decoder(), decoder(), decoder());
        for (i, packet) in packets.iter().enumerate() {
            whole.extend_from_slice(one.decode(packet).expect("decoded"));
            if i % 10 == 5 && i + 1 < packets.len() {
                repaired.extend_from_slice(two.recover(&packets[i + 1], FRAME_SAMPLES).expect("recovered"));
                guessed.extend_from_slice(three.conceal(FRAME_SAMPLES).expect("concealed"));
            } else {
                repaired.extend_from_slice(two.decode(packet).expect("decoded"));
                guessed.extend_from_slice(three.decode(packet).expect("decoded"));
            }
        }
        let (with, without) = (snr(&whole, &repaired), snr(&whole, &guessed));
        assert!(with > without + 3.0, "{with} dB with error correction, {without} dB without");
    }

    #[test]
    fn only_the_start_of_a_silence_is_sent() {
        let (mut encoder, mut decoder) = codecs();
        let silence = [0.0; FRAME_SAMPLES];
        let packets: Vec<_> = (0..60).filter_map(|_| encoder.encode(&silence).expect("encoded")).collect();
        assert!(packets.len() < 40, "{} packets", packets.len());
        let last = packets.last().expect("some");
        assert!(OpusDecoder::is_silence(last));
        assert_eq!(decoder.decode(last).expect("decoded").len(), FRAME_SAMPLES);
        let speech = speech(100);
        let resumed = speech.chunks(FRAME_SAMPLES).filter_map(|frame| encoder.encode(frame).expect("encoded")).count();
        assert!(resumed > 30, "{resumed}");
    }

    #[test]
    fn wrong_input_is_refused() {
        let (mut encoder, mut decoder) = codecs();
        assert!(matches!(encoder.encode(&[0.0; 480]), Err(OpusEncodeError::Length { given: 480, needed: 960 })));
        assert!(decoder.decode(&[0xFF; 3]).is_err());
        assert_eq!(OpusDecoder::packet_samples(&[]), None);
    }

    fn codecs() -> (OpusEncoder, OpusDecoder) {
        let encoder = OpusEncoder::new(32).expect("encoder");
        (encoder, OpusDecoder::new().expect("decoder"))
    }
}
