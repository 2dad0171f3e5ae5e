//! Mixes streams and limits the sum to full scale.

use super::BLOCK;

/// The limiter keeps peaks below this; from here to full scale the curve is compressed.
const CEILING: f32 = 0.9;
/// Samples over which the limiter reduces its gain: 1 ms.
const ATTACK: usize = 48;
/// The part of the way back to full gain that the limiter takes per block.
const RELEASE: f32 = 0.05;

/// Mixes any number of 48 kHz mono streams, 10 ms at a time.
#[derive(Clone, Debug)]
pub(super) struct Mixer {
    sum: [f32; BLOCK],
    gain: f32,
}

impl Default for Mixer {
    fn default() -> Self {
        Self::new()
    }
}

impl Mixer {
    /// A mixer with nothing in it.
    pub(super) const fn new() -> Self {
        Self { sum: [0.0; BLOCK], gain: 1.0 }
    }

    /// Adds a stream to the block.
    pub(super) fn add(&mut self, stream: &[f32; BLOCK]) {
        for (sum, sample) in self.sum.iter_mut().zip(stream) {
            *sum += sample;
        }
    }

    /// Returns the block, within ±1, and starts the next one.
    pub(super) fn finish(&mut self) -> [f32; BLOCK] {
        let mut block = std::mem::replace(&mut self.sum, [0.0; BLOCK]);
        // A decoder's NaN would otherwise stay in the gain for the rest of the call.
        block.iter_mut().filter(|s| !s.is_finite()).for_each(|s| *s = 0.0);
        let peak = block.iter().fold(0f32, |peak, s| peak.max(s.abs()));
        let wanted = if peak > CEILING { CEILING / peak } else { 1.0 };
        let (from, to, over) = if wanted < self.gain {
            (self.gain, wanted, ATTACK)
        } else {
            (self.gain, wanted.min(self.gain + (1.0 - self.gain) * RELEASE + 1e-4), BLOCK)
        };
        for (i, sample) in block.iter_mut().enumerate() {
            let part = (i as f32 / over as f32).min(1.0);
            *sample = compress(*sample * (from + (to - from) * part));
        }
        self.gain = to;
        block
    }
}

/// Linear up to the ceiling, then compressed towards full scale.
fn compress(sample: f32) -> f32 {
    let over = sample.abs() - CEILING;
    if over <= 0.0 {
        return sample;
    }
    (CEILING + (1.0 - CEILING) * (over / (1.0 - CEILING)).tanh()).copysign(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{TestTone, ToneMeter, bot_tone_hz};

    #[test]
    fn quiet_streams_are_added_unchanged() {
        let mut mixer = Mixer::new();
        assert_eq!(mixer.finish(), [0.0; BLOCK]);
        mixer.add(&[0.25; BLOCK]);
        mixer.add(&[0.5; BLOCK]);
        assert_eq!(mixer.finish(), [0.75; BLOCK]);
        assert_eq!(mixer.finish(), [0.0; BLOCK]);
    }

    #[test]
    fn many_loud_streams_stay_within_full_scale_and_distinct() {
        let mut mixer = Mixer::new();
        let mut tones: Vec<_> = (0..8).map(|n| TestTone::new(bot_tone_hz(n), -6.0)).collect();
        let mut meters: Vec<_> = (0..8).map(|n| ToneMeter::at(bot_tone_hz(n))).collect();
        for _ in 0..200 {
            for tone in &mut tones {
                let mut block = [0.0; BLOCK];
                tone.fill(&mut block);
                mixer.add(&block);
            }
            let block = mixer.finish();
            assert!(block.iter().all(|s| s.abs() <= 1.0));
            meters.iter_mut().for_each(|meter| meter.push(&block));
        }
        for (n, meter) in meters.iter().enumerate() {
            let heard = meter.reading();
            assert!((heard.hz - bot_tone_hz(n as u32)).abs() < 1.0, "{heard:?}");
            assert_eq!(heard.gaps_ms, 0.0);
        }
    }

    #[test]
    fn a_stream_of_nans_is_left_out() {
        let mut mixer = Mixer::new();
        mixer.add(&[f32::NAN; BLOCK]);
        assert_eq!(mixer.finish(), [0.0; BLOCK]);
        mixer.add(&[0.5; BLOCK]);
        assert_eq!(mixer.finish(), [0.5; BLOCK]);
    }
}
