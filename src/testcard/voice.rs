//! The test voice: synthetic speech in syllables, phrases and pauses, a pulse train through formants. It drives level
//! meters and active speaker detection as a tone cannot.

use super::SAMPLE_RATE;
use std::f32::consts::TAU;

const RATE: f32 = SAMPLE_RATE as f32;

/// The first three formants of the vowels a, e, i, o, u of an adult speaker, in Hz.
const VOWELS: [[f32; 3]; 5] = [
    [730.0, 1090.0, 2440.0],
    [530.0, 1840.0, 2480.0],
    [300.0, 2290.0, 3010.0],
    [570.0, 840.0, 2410.0],
    [320.0, 870.0, 2240.0],
];
const BANDWIDTHS: [f32; 3] = [80.0, 100.0, 140.0];
const WEIGHTS: [f32; 3] = [1.0, 0.5, 0.25];

/// Generates 48 kHz mono samples of synthetic speech.
#[derive(Clone, Debug)]
pub(crate) struct TestVoice {
    random: Random,
    amplitude: f32,
    pitch: f32,
    phase: f32,
    formants: [Resonator; 3],
    /// Mean square of the formants' sum; it keeps the level of all vowels equal.
    power: f32,
    part: Part,
    left: u32,
    length: u32,
    syllables: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Pause,
    Syllable { hiss: bool, fall: f32 },
}

impl TestVoice {
    /// Each `seed` is another speaker; `dbfs` is the level while it speaks (a full-scale sine is 0).
    pub(crate) fn new(seed: u32, dbfs: f32) -> Self {
        let mut random = Random(seed.wrapping_mul(2_654_435_761) | 1);
        let pitch = random.between(95.0, 210.0);
        let mut voice = Self {
            amplitude: 10f32.powf(dbfs.min(0.0) / 20.0) / std::f32::consts::SQRT_2,
            pitch,
            phase: 0.0,
            formants: [Resonator::default(); 3],
            power: 1e-3,
            part: Part::Pause,
            left: 0,
            length: 1,
            syllables: 0,
            random,
        };
        voice.pause(0.1, 1.0);
        voice
    }

    /// Writes the next samples.
    pub(crate) fn fill(&mut self, samples: &mut [f32]) {
        for sample in samples {
            if self.left == 0 {
                self.next_part();
            }
            self.left -= 1;
            *sample = match self.part {
                Part::Pause => 0.0,
                Part::Syllable { hiss, fall } => self.syllable(hiss, fall),
            };
        }
    }

    fn next_part(&mut self) {
        match self.syllables {
            0 => {
                // A pause between phrases, or a longer one as if another participant spoke.
                if self.random.between(0.0, 1.0) < 0.3 {
                    self.pause(1.5, 4.0)
                } else {
                    self.pause(0.25, 0.7)
                }
                self.syllables = self.random.between(5.0, 18.0) as u32;
            }
            _ => {
                self.syllables -= 1;
                let hiss = self.random.between(0.0, 1.0) < 0.3;
                self.part = Part::Syllable { hiss, fall: self.random.between(-0.12, 0.06) };
                self.take(0.11, 0.24);
                let vowel = VOWELS[self.random.between(0.0, 4.999) as usize];
                for (i, resonator) in self.formants.iter_mut().enumerate() {
                    resonator.tune(vowel[i], BANDWIDTHS[i]);
                }
            }
        }
    }

    fn pause(&mut self, from: f32, to: f32) {
        self.part = Part::Pause;
        self.take(from, to);
    }

    fn take(&mut self, from: f32, to: f32) {
        self.left = (self.random.between(from, to) * RATE) as u32 + 1;
        self.length = self.left;
    }

    fn syllable(&mut self, hiss: bool, fall: f32) -> f32 {
        let at = 1.0 - self.left as f32 / self.length as f32;
        let noise = self.random.between(-1.0, 1.0);
        if hiss && at < 0.25 {
            return self.amplitude * 0.4 * noise * (at * 4.0 * std::f32::consts::PI).sin();
        }
        self.phase += self.pitch * (1.0 + fall * at) / RATE;
        // Glottal source: one pulse per period, and some noise.
        let pulse = if self.phase >= 1.0 { 12.0 } else { -0.05 };
        self.phase = self.phase.fract();
        let source = pulse + 0.15 * noise;
        let sum: f32 = self.formants.iter_mut().zip(WEIGHTS).map(|(f, weight)| weight * f.next(source)).sum();
        self.power += (sum * sum - self.power) / (0.05 * RATE);
        let envelope = (at * std::f32::consts::PI).sin().max(0.0).sqrt();
        (self.amplitude * envelope * sum / self.power.max(1e-6).sqrt()).clamp(-1.0, 1.0)
    }
}

/// A formant: the two-pole resonator of Klatt's synthesizer (J. Acoust. Soc. Am. 67, 1980).
#[derive(Clone, Copy, Debug, Default)]
struct Resonator {
    a: f32,
    b: f32,
    c: f32,
    last: [f32; 2],
}

impl Resonator {
    fn tune(&mut self, hz: f32, bandwidth: f32) {
        let r = (-std::f32::consts::PI * bandwidth / RATE).exp();
        self.c = -r * r;
        self.b = 2.0 * r * (TAU * hz / RATE).cos();
        self.a = 1.0 - self.b - self.c;
    }

    fn next(&mut self, x: f32) -> f32 {
        let y = self.a * x + self.b * self.last[0] + self.c * self.last[1];
        self.last = [y, self.last[0]];
        y
    }
}

/// Marsaglia's xorshift generator: a seed always gives the same voice.
#[derive(Clone, Copy, Debug)]
struct Random(u32);

impl Random {
    fn between(&mut self, from: f32, to: f32) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        from + (to - from) * (self.0 >> 8) as f32 / 16_777_216.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voice_speaks_at_its_level_and_pauses() {
        for seed in [1, 2, 77] {
            let mut samples = vec![0.0; 48_000 * 20];
            TestVoice::new(seed, -20.0).fill(&mut samples);
            let level = |piece: &[f32]| {
                let mean = piece.iter().map(|s| s * s).sum::<f32>() / piece.len() as f32;
                10.0 * (2.0 * mean).max(1e-9).log10()
            };
            let spoken: Vec<f32> = samples.iter().copied().filter(|s| *s != 0.0).collect();
            let part = spoken.len() as f32 / samples.len() as f32;
            assert!((0.4..0.95).contains(&part), "{part}");
            assert!((level(&spoken) + 20.0).abs() < 3.0, "{}", level(&spoken));
            assert!(samples.chunks(4800).any(|tenth| level(tenth) < -80.0));
            assert!(samples.iter().all(|s| s.abs() <= 1.0));
        }
    }

    #[test]
    fn a_seed_determines_the_voice_however_it_is_read() {
        let speak = |seed, piece: usize| {
            let mut samples = vec![0.0; 96_000];
            let mut voice = TestVoice::new(seed, -20.0);
            samples.chunks_mut(piece).for_each(|piece| voice.fill(piece));
            samples
        };
        assert!(speak(3, 480) == speak(3, 1001), "the size of the pieces changes the samples");
        assert!(speak(3, 480) != speak(4, 480), "two seeds have the same voice");
    }
}
