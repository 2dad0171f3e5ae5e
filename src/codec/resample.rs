//! Converts mono between the sample rates of devices and 48 kHz, by rubato.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// Why samples cannot be converted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResampleError {
    /// A rate outside 1 to 768 kHz.
    #[error("sound with {0} Hz is not possible")]
    Rate(u32),
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

/// Converts one mono stream, in pieces of any length.
pub(crate) struct Resampler {
    rates: Option<Rates>,
    /// Input that does not fill a chunk yet.
    waiting: Vec<f32>,
}

struct Rates {
    inner: Fft<f32>,
    out: Vec<f32>,
}

impl Resampler {
    /// A converter from one rate to the other, in Hz. Adds a few ms of delay if they differ, none otherwise.
    pub(crate) fn new(from: u32, to: u32) -> Result<Self, ResampleError> {
        for rate in [from, to] {
            if !(1000..=768_000).contains(&rate) {
                return Err(ResampleError::Rate(rate));
            }
        }
        let rates = (from != to).then(|| Rates::new(from, to)).transpose()?;
        Ok(Self { rates, waiting: Vec::new() })
    }

    /// Converts samples and appends the result to `out`.
    pub(crate) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let Some(rates) = &mut self.rates else { return out.extend_from_slice(samples) };
        self.waiting.extend_from_slice(samples);
        let used = rates.run(&self.waiting, out);
        self.waiting.drain(..used);
    }
}

impl Rates {
    fn new(from: u32, to: u32) -> Result<Self, ResampleError> {
        let (rate_in, rate_out) = (from as usize, to as usize);
        let inner = Fft::new(rate_in, rate_out, rate_in / 100, 1, FixedSync::Input)
            .map_err(|e| ResampleError::Rates { from, to, message: e.to_string() })?;
        let out = vec![0.0; inner.output_frames_max()];
        Ok(Self { inner, out })
    }

    /// Converts whole chunks of `input` and appends them to `converted`. Returns the number of samples used.
    fn run(&mut self, input: &[f32], converted: &mut Vec<f32>) -> usize {
        let mut used = 0;
        loop {
            let needed = self.inner.input_frames_next();
            let Some(chunk) = input.get(used..used + needed) else { return used };
            used += chunk.len();
            let room = self.out.len();
            let buffers = InterleavedSlice::new(chunk, 1, needed)
                .and_then(|input| Ok((input, InterleavedSlice::new_mut(&mut self.out, 1, room)?)));
            let Ok((input, mut output)) = buffers else { return used };
            // rubato refuses only buffers of wrong length.
            let Ok((_, frames)) = self.inner.process_into_buffer(&input, &mut output, None) else { return used };
            converted.extend_from_slice(&self.out[..frames]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{TestTone, ToneMeter};

    #[test]
    fn a_tone_survives_conversion_to_a_devices_rate_and_back() {
        for rate in [48_000, 44_100, 22_050, 16_000, 11_025, 8_000, 32_000, 88_200, 96_000, 176_400, 192_000] {
            let mut there = Resampler::new(48_000, rate).expect("resampler");
            let mut back = Resampler::new(rate, 48_000).expect("resampler");
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
            assert!((heard.hz - 440.0).abs() < 0.5 && (heard.dbfs + 20.0).abs() < 0.3, "{rate} Hz {heard:?}");
            assert_eq!(heard.gaps_ms, 0.0, "{rate} Hz");
            assert!((0..3000).contains(&total), "{total} samples are held back at {rate} Hz");
        }
    }

    #[test]
    fn impossible_rates_are_refused() {
        assert!(matches!(Resampler::new(48_000, 0), Err(ResampleError::Rate(0))));
        assert!(Resampler::new(1_000_000, 48_000).is_err());
    }
}
