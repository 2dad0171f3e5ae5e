//! Converts between the formats of devices and 48 kHz: sample rates by rubato, channels by mixing or copying.

use crate::base::PcmFormat;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// Why samples cannot be converted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResampleError {
    /// A rate outside 1 to 768 kHz, or no channel.
    #[error("sound with {} Hz and {} channels is not possible", .0.rate, .0.channels)]
    Format(PcmFormat),
    /// rubato cannot convert between these rates.
    #[error("cannot convert sound from {from} to {to} Hz: {message}")]
    Rates {
        /// Input rate in Hz.
        from: u32,
        /// Output rate in Hz.
        to: u32,
        /// rubato's message.
        message: String,
    },
}

/// Converts one stream of interleaved samples, in pieces of any length.
pub(crate) struct Resampler {
    from: PcmFormat,
    to: PcmFormat,
    rates: Option<Rates>,
    /// Input that does not fill a chunk yet, in the inner channels.
    waiting: Vec<f32>,
    converted: Vec<f32>,
}

struct Rates {
    inner: Fft<f32>,
    out: Vec<f32>,
}

impl Resampler {
    /// A converter from one format to the other. Adds a few ms of delay if the rates differ, none otherwise.
    pub(crate) fn new(from: PcmFormat, to: PcmFormat) -> Result<Self, ResampleError> {
        for format in [from, to] {
            if format.channels == 0 || !(1000..=768_000).contains(&format.rate) {
                return Err(ResampleError::Format(format));
            }
        }
        let rates = (from.rate != to.rate).then(|| Rates::new(from, to)).transpose()?;
        Ok(Self { from, to, rates, waiting: Vec::new(), converted: Vec::new() })
    }

    /// Converts samples and appends the result to `out`. An incomplete frame at the end is dropped.
    pub(crate) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        mix(samples, self.from.channels.into(), inner_channels(self.from, self.to), &mut self.waiting);
        let Some(rates) = &mut self.rates else {
            mix(&self.waiting, inner_channels(self.from, self.to), self.to.channels.into(), out);
            self.waiting.clear();
            return;
        };
        self.converted.clear();
        let used = rates.run(&self.waiting, inner_channels(self.from, self.to), &mut self.converted);
        self.waiting.drain(..used);
        mix(&self.converted, inner_channels(self.from, self.to), self.to.channels.into(), out);
    }
}

impl Rates {
    fn new(from: PcmFormat, to: PcmFormat) -> Result<Self, ResampleError> {
        let (rate_in, rate_out) = (from.rate as usize, to.rate as usize);
        let channels = inner_channels(from, to);
        let inner = Fft::new(rate_in, rate_out, rate_in / 100, channels, FixedSync::Input)
            .map_err(|e| ResampleError::Rates { from: from.rate, to: to.rate, message: e.to_string() })?;
        let out = vec![0.0; inner.output_frames_max() * channels];
        Ok(Self { inner, out })
    }

    /// Converts whole chunks of `input` and appends them to `converted`. Returns the number of samples used.
    fn run(&mut self, input: &[f32], channels: usize, converted: &mut Vec<f32>) -> usize {
        let mut used = 0;
        loop {
            let needed = self.inner.input_frames_next();
            let Some(chunk) = input.get(used..used + needed * channels) else { return used };
            used += chunk.len();
            let room = self.out.len() / channels;
            let buffers = InterleavedSlice::new(chunk, channels, needed)
                .and_then(|input| Ok((input, InterleavedSlice::new_mut(&mut self.out, channels, room)?)));
            let Ok((input, mut output)) = buffers else { return used };
            // rubato refuses only buffers of wrong length.
            let Ok((_, frames)) = self.inner.process_into_buffer(&input, &mut output, None) else { return used };
            converted.extend_from_slice(&self.out[..frames * channels]);
        }
    }
}

/// Channels while the rate is converted: as many as both formats have, else one.
fn inner_channels(from: PcmFormat, to: PcmFormat) -> usize {
    if from.channels == to.channels { from.channels.into() } else { 1 }
}

/// Appends frames of `from` channels as frames of `to` channels. One of the two is 1, or they are equal.
fn mix(samples: &[f32], from: usize, to: usize, out: &mut Vec<f32>) {
    if from == to {
        out.extend_from_slice(&samples[..samples.len() / from * from]);
    } else if to == 1 {
        out.extend(samples.chunks_exact(from).map(|frame| frame.iter().sum::<f32>() / from as f32));
    } else {
        out.extend(samples.iter().flat_map(|sample| std::iter::repeat_n(*sample, to)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{TestTone, ToneMeter};

    const MONO_48K: PcmFormat = PcmFormat { rate: 48_000, channels: 1 };

    #[test]
    fn a_tone_survives_conversion_to_a_device_format_and_back() {
        for (rate, channels) in [(48_000, 1), (48_000, 2), (44_100, 2), (16_000, 1), (96_000, 6), (8_000, 1)] {
            let device = PcmFormat { rate, channels };
            let mut there = Resampler::new(MONO_48K, device).expect("resampler");
            let mut back = Resampler::new(device, MONO_48K).expect("resampler");
            let (mut tone, mut meter) = (TestTone::new(440.0, -20.0), ToneMeter::searching());
            let mut total = 0;
            for n in [480, 100, 1, 960, 777].into_iter().cycle().take(200) {
                let (mut samples, mut at_device, mut returned) = (vec![0.0; n], Vec::new(), Vec::new());
                tone.fill(&mut samples);
                there.push(&samples, &mut at_device);
                back.push(&at_device, &mut returned);
                meter.push(&returned);
                total += n as i64 - returned.len() as i64;
            }
            let heard = meter.reading();
            assert!((heard.hz - 440.0).abs() < 0.5 && (heard.dbfs + 20.0).abs() < 0.3, "{device:?} {heard:?}");
            assert_eq!(heard.gaps_ms, 0.0, "{device:?}");
            assert!((0..3000).contains(&total), "{total} samples are held back at {device:?}");
        }
    }

    #[test]
    fn channels_are_averaged_or_copied() {
        let stereo = PcmFormat { rate: 48_000, channels: 2 };
        let mut out = Vec::new();
        Resampler::new(stereo, MONO_48K).expect("resampler").push(&[0.5, 0.1, -1.0, 1.0, 9.0], &mut out);
        assert_eq!(out, [0.3, 0.0]);
        out.clear();
        Resampler::new(MONO_48K, stereo).expect("resampler").push(&[0.5, 0.1], &mut out);
        assert_eq!(out, [0.5, 0.5, 0.1, 0.1]);
    }

    #[test]
    fn impossible_formats_are_refused() {
        let none = PcmFormat { rate: 48_000, channels: 0 };
        assert!(matches!(Resampler::new(none, MONO_48K), Err(ResampleError::Format(f)) if f == none));
        assert!(Resampler::new(MONO_48K, PcmFormat { rate: 0, channels: 1 }).is_err());
    }
}
