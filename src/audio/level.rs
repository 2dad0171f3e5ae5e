//! The level of audio, for meters, and voice activity, for the active speaker.

/// Level of silence in dBFS, the lowest that is reported.
pub(crate) const SILENCE_DBFS: f32 = -90.0;

const ATTACK_MS: f32 = 20.0;
const RELEASE_MS: f32 = 300.0;
/// The range of the noise floor.
const NOISE_DBFS: std::ops::RangeInclusive<f32> = -75.0..=-48.0;
/// A voice is this much louder than the noise floor.
const ABOVE_NOISE_DB: f32 = 9.0;
/// The noise floor falls at once and rises at this rate per second.
const NOISE_RISE_DB: f32 = 2.0;
/// A voice lasts at least this long; a click is shorter.
const ONSET_MS: f32 = 40.0;
/// Voice activity lasts this long after the last loud block, to bridge syllables and words.
const HOLD_MS: f32 = 500.0;

/// The level at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AudioLevel {
    /// Smoothed level in dBFS, -90 to 0; a full-scale sine is 0.
    pub(crate) dbfs: f32,
    /// Whether somebody speaks.
    pub(crate) active: bool,
}

impl Default for AudioLevel {
    fn default() -> Self {
        Self { dbfs: SILENCE_DBFS, active: false }
    }
}

/// Measures the level of 48 kHz mono samples.
#[derive(Clone, Debug)]
pub(crate) struct LevelMeter {
    /// Smoothed mean square.
    power: f32,
    noise: f32,
    loud_ms: f32,
    hold_ms: f32,
}

impl Default for LevelMeter {
    fn default() -> Self {
        Self::new()
    }
}

impl LevelMeter {
    /// A meter at silence.
    pub(crate) const fn new() -> Self {
        Self { power: 0.0, noise: *NOISE_DBFS.start(), loud_ms: 0.0, hold_ms: 0.0 }
    }

    /// Measures the next samples, 5 to 20 ms at a time.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        if samples.is_empty() {
            return;
        }
        let ms = samples.len() as f32 / 48.0;
        let power = mean_square(samples);
        let time = if power > self.power { ATTACK_MS } else { RELEASE_MS };
        self.power += (power - self.power) * (1.0 - (-ms / time).exp());
        self.detect(to_dbfs(power), ms);
    }

    /// The level now.
    pub(crate) fn level(&self) -> AudioLevel {
        AudioLevel { dbfs: to_dbfs(self.power), active: self.hold_ms > 0.0 }
    }

    fn detect(&mut self, dbfs: f32, ms: f32) {
        let threshold = self.noise + ABOVE_NOISE_DB;
        self.noise = dbfs.min(self.noise + NOISE_RISE_DB * ms / 1000.0).clamp(*NOISE_DBFS.start(), *NOISE_DBFS.end());
        if dbfs < threshold {
            self.loud_ms = 0.0;
            self.hold_ms -= ms;
            return;
        }
        self.loud_ms += ms;
        if self.loud_ms >= ONSET_MS || self.hold_ms > 0.0 {
            self.hold_ms = HOLD_MS;
        }
    }
}

/// The level for the header extension of RFC 6464: 0 (loudest) to 127 (silence) dB below overload.
pub(super) fn dbov(samples: &[f32]) -> u8 {
    let db = 10.0 * mean_square(samples).max(1e-13).log10();
    (-db).clamp(0.0, 127.0).round() as u8
}

fn mean_square(samples: &[f32]) -> f32 {
    samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32
}

/// dBFS as AES17 defines it: a full-scale sine, whose mean square is one half, is 0.
fn to_dbfs(mean_square: f32) -> f32 {
    (10.0 * (2.0 * mean_square).max(1e-9).log10()).clamp(SILENCE_DBFS, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{Noise, TestTone, TestVoice};

    fn push_ms(meter: &mut LevelMeter, samples: &mut dyn FnMut(&mut [f32]), ms: usize) {
        for _ in 0..ms / 10 {
            let mut block = [0.0; 480];
            samples(&mut block);
            meter.push(&block);
        }
    }

    #[test]
    fn a_tone_rises_quickly_and_falls_slowly() {
        let mut meter = LevelMeter::new();
        let mut tone = TestTone::new(440.0, -20.0);
        push_ms(&mut meter, &mut |b| tone.fill(b), 100);
        assert!((meter.level().dbfs + 20.0).abs() < 0.3, "{:?}", meter.level());
        push_ms(&mut meter, &mut |b| b.fill(0.0), 300);
        let after = meter.level().dbfs;
        assert!((-26.0..-22.0).contains(&after), "{after}");
        push_ms(&mut meter, &mut |b| b.fill(0.0), 6000);
        assert!(meter.level().dbfs < -80.0);
    }

    #[test]
    fn a_voice_is_active_through_its_words_and_not_in_long_pauses() {
        let mut meter = LevelMeter::new();
        let mut voice = TestVoice::new(5, -22.0);
        let (mut active, mut heard) = (0, 0);
        for _ in 0..3000 {
            let mut block = [0.0; 480];
            voice.fill(&mut block);
            meter.push(&block);
            heard += i32::from(mean_square(&block) > 0.0);
            active += i32::from(meter.level().active);
        }
        assert!(active >= heard * 9 / 10 && active < 2900, "{active} of {heard}");
    }

    #[test]
    fn steady_noise_and_clicks_are_no_voice_but_a_steady_tone_is() {
        let mut generator = Noise::new(3);
        let mut noise = |block: &mut [f32]| generator.fill(block, 0.002);
        let mut meter = LevelMeter::new();
        push_ms(&mut meter, &mut noise, 20_000);
        assert!(!meter.level().active);
        meter.push(&[0.3; 480]);
        push_ms(&mut meter, &mut noise, 50);
        assert!(!meter.level().active);
        let mut tone = TestTone::new(300.0, -20.0);
        push_ms(&mut meter, &mut |b| tone.fill(b), 60_000);
        assert!(meter.level().active);
    }

    #[test]
    fn the_header_counts_down_from_overload() {
        assert_eq!(dbov(&[1.0; 480]), 0);
        assert_eq!(dbov(&[0.1; 480]), 20);
        assert_eq!(dbov(&[0.0; 480]), 127);
        assert_eq!(dbov(&[]), 127);
    }
}
