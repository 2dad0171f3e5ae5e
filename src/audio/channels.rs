//! Between the channels of a device and the mono of a call.

/// Channels of a microphone that are listened to; further ones are ignored.
const MOST_CHANNELS: usize = 8;
/// How long the levels of the channels are averaged, in blocks of 10 ms.
const MEMORY: f32 = 10.0;
/// The mean square of silence: -90 dBFS.
const SILENCE: f32 = 1e-9;
/// A channel is turned over where its correlation with the loudest one is below the first, and back above the second.
const OPPOSITE: [f32; 2] = [-0.5, -0.2];
/// Another channel is compared with once its mean square is larger by this factor: 3 dB.
const LOUDER: f32 = 2.0;

/// A number for each pair of channels.
type Products = [[f32; MOST_CHANNELS]; MOST_CHANNELS];

/// Mixes a microphone's channels, so that the result is as loud as the loudest of them.
///
/// The mean alone would be 6 dB too low where only one of two channels has a signal, as with a microphone at one input of
/// a stereo interface, and silent where the two are opposite, as with a balanced cable at a stereo input. So channels that
/// are opposite to the loudest one are turned over, and the mean is amplified by what it lacks.
pub(super) struct Downmix {
    channels: usize,
    /// Frames in 10 ms.
    block: usize,
    /// The mean product of each pair of channels.
    products: Box<Products>,
    /// 1, or -1 for a channel that is turned over.
    signs: [f32; MOST_CHANNELS],
    /// The factor of each channel.
    weights: [f32; MOST_CHANNELS],
    loudest: usize,
    begun: bool,
}

impl Downmix {
    /// For interleaved samples of a device with this rate in Hz and this number of channels, 1 or more.
    pub(super) fn new(rate: u32, channels: u16) -> Self {
        let channels = if channels == 0 { 1 } else { channels as usize };
        let used = if channels < MOST_CHANNELS { channels } else { MOST_CHANNELS };
        Self {
            channels,
            block: if rate < 100 { 1 } else { rate as usize / 100 },
            products: Box::default(),
            signs: [1.0; MOST_CHANNELS],
            weights: [1.0 / used as f32; MOST_CHANNELS],
            loudest: 0,
            begun: false,
        }
    }

    /// Appends the mono of whole frames to `out`.
    pub(super) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        if self.channels == 1 {
            return out.extend_from_slice(samples);
        }
        for block in samples.chunks(self.block * self.channels) {
            self.mix(block, out);
        }
    }

    fn used(&self) -> usize {
        self.channels.min(MOST_CHANNELS)
    }

    fn mix(&mut self, block: &[f32], out: &mut Vec<f32>) {
        let frames = block.len() / self.channels;
        let before = self.weights;
        if self.measure(block, frames) {
            self.weigh();
        }
        // The first block has nothing to change from.
        let before = if std::mem::replace(&mut self.begun, true) { before } else { self.weights };
        for (n, frame) in block.chunks_exact(self.channels).enumerate() {
            let part = (n + 1) as f32 / frames as f32;
            let weights = before.iter().zip(&self.weights).map(|(from, to)| from + (to - from) * part);
            let mono: f32 = frame.iter().zip(weights).map(|(sample, weight)| sample * weight).sum();
            out.push(if mono.is_finite() { mono.clamp(-1.0, 1.0) } else { 0.0 });
        }
    }

    /// Takes a block into the mean products. Returns whether it has any sound.
    fn measure(&mut self, block: &[f32], frames: usize) -> bool {
        let used = self.used();
        let mut sums = Products::default();
        for frame in block.chunks_exact(self.channels) {
            for (sums, a) in sums.iter_mut().zip(frame) {
                for (sum, b) in sums.iter_mut().zip(frame) {
                    *sum += a * b;
                }
            }
        }
        let scale = 1.0 / frames.max(1) as f32;
        let sound = (0..used).map(|i| sums[i][i] * scale).fold(0.0, f32::max);
        if !sound.is_finite() || sound < SILENCE {
            return false;
        }
        let forget = if self.begun { (frames as f32 / self.block as f32 / MEMORY).min(1.0) } else { 1.0 };
        for (mean, sum) in self.products.iter_mut().flatten().zip(sums.iter().flatten()) {
            *mean += (sum * scale - *mean) * forget;
        }
        true
    }

    /// Chooses the factors by the mean products.
    fn weigh(&mut self) {
        let (used, products) = (self.used(), &self.products);
        let loudest = (0..used).max_by(|&a, &b| products[a][a].total_cmp(&products[b][b])).unwrap_or(0);
        if products[loudest][loudest] > products[self.loudest][self.loudest] * LOUDER {
            self.loudest = loudest;
        }
        let reference = self.loudest;
        for i in 0..used {
            let scale = (products[i][i] * products[reference][reference]).sqrt();
            let correlation = if scale > 0.0 { products[i][reference] / scale } else { 0.0 };
            if i == reference || correlation > OPPOSITE[1] {
                self.signs[i] = 1.0;
            } else if correlation < OPPOSITE[0] {
                self.signs[i] = -1.0;
            }
        }
        let count = used as f32;
        let pairs = (0..used).flat_map(|i| (0..used).map(move |j| (i, j)));
        let sum: f32 = pairs.map(|(i, j)| self.signs[i] * self.signs[j] * products[i][j]).sum();
        let mean = (sum / (count * count)).max(f32::MIN_POSITIVE);
        let gain = (products[loudest][loudest] / mean).sqrt().clamp(1.0, count);
        for i in 0..used {
            self.weights[i] = self.signs[i] * gain / count;
        }
    }
}

/// Appends mono samples as frames of a speaker with this number of channels: left and right, which are the first two in
/// every system's order. The others (centre, bass, surround) stay silent.
pub(super) fn spread(mono: &[f32], channels: u16, out: &mut Vec<f32>) {
    match channels {
        0 | 1 => out.extend_from_slice(mono),
        channels => {
            for sample in mono {
                out.extend([*sample, *sample]);
                out.extend(std::iter::repeat_n(0.0, usize::from(channels) - 2));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::RATE;
    use crate::testcard::{TestTone, ToneMeter, ToneReading};

    /// The mono of 2 s with these channels, by the sample of a tone of 440 Hz at -20 dBFS and one of 1000 Hz at -20 dBFS.
    fn mixed<const N: usize>(rate: u32, channels: impl Fn(f32, f32) -> [f32; N]) -> Vec<f32> {
        let mut downmix = Downmix::new(rate, N as u16);
        let tone = |hz: f64| {
            let mut samples = vec![0.0; rate as usize * 2];
            // The test tone is made for 48 kHz.
            TestTone::new(hz * f64::from(RATE) / f64::from(rate), -20.0).fill(&mut samples);
            samples
        };
        let frames: Vec<f32> = tone(440.0).into_iter().zip(tone(1000.0)).flat_map(|(a, b)| channels(a, b)).collect();
        let mut out = Vec::new();
        // In pieces as devices give them.
        for piece in frames.chunks(N * 441) {
            downmix.push(piece, &mut out);
        }
        assert_eq!(out.len(), rate as usize * 2);
        out
    }

    fn heard(rate: u32, mono: &[f32]) -> ToneReading {
        let mut meter = ToneMeter::at(440.0 * f64::from(RATE) / f64::from(rate));
        meter.push(mono);
        meter.reading()
    }

    #[test]
    fn the_mix_is_as_loud_as_the_loudest_channel() {
        for rate in [16_000, 44_100, 48_000, 96_000] {
            let cases = [
                ("both", mixed(rate, |a, _| [a, a])),
                ("left", mixed(rate, |a, _| [a, 0.0])),
                ("right", mixed(rate, |a, _| [0.0, a])),
                ("opposite", mixed(rate, |a, _| [a, -a])),
                ("opposite and quieter", mixed(rate, |a, _| [a, -0.7 * a])),
                ("the third of four", mixed(rate, |a, _| [0.0, 0.0, a, 0.0])),
                ("5.1", mixed(rate, |a, _| [a, a, 0.0, 0.0, -a, a])),
                ("the last of eight", mixed(rate, |a, _| [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, a])),
            ];
            for (name, mono) in cases {
                let level = heard(rate, &mono).dbfs;
                assert!((level + 20.0).abs() < 1.0, "{name} at {rate} Hz: {level} dBFS");
            }
        }
    }

    #[test]
    fn two_voices_on_two_sides_are_both_heard() {
        let mono = mixed(48_000, |a, b| [a, b]);
        let level = |hz: f64| {
            let mut meter = ToneMeter::at(hz);
            meter.push(&mono);
            meter.reading().dbfs
        };
        for hz in [440.0, 1000.0] {
            assert!((level(hz) + 23.0).abs() < 1.0, "{hz} Hz: {} dBFS", level(hz));
        }
    }

    #[test]
    fn a_voice_that_moves_to_the_other_side_stays_as_loud() {
        let n = std::cell::Cell::new(0);
        let mono = mixed(48_000, |a, _| {
            n.set(n.get() + 1);
            if n.get() > 48_000 { [0.0, a] } else { [a, 0.0] }
        });
        let peaks: Vec<f32> =
            mono.chunks(4800).map(|part| part.iter().fold(0f32, |peak, s| peak.max(s.abs()))).collect();
        // Within 1 dB; a moment lower while the levels are compared anew.
        assert!(peaks.iter().all(|peak| (0.07..0.112).contains(peak)), "{peaks:?}");
        assert!(peaks.iter().filter(|peak| **peak < 0.089).count() <= 2, "{peaks:?}");
    }

    #[test]
    fn noise_and_broken_samples_stay_within_full_scale() {
        let mut downmix = Downmix::new(48_000, 2);
        let mut out = Vec::new();
        for level in [f32::NAN, 1.0, 0.0] {
            downmix.push(&[level; 960], &mut out);
        }
        assert!(out.iter().all(|s| s.is_finite() && s.abs() <= 1.0));
        assert!(out[480..960].iter().all(|s| *s > 0.9));
    }

    #[test]
    fn a_speaker_gets_left_and_right_and_nothing_elsewhere() {
        let spread_to = |channels| {
            let mut out = Vec::new();
            spread(&[0.5, -0.25], channels, &mut out);
            out
        };
        assert_eq!(spread_to(1), [0.5, -0.25]);
        assert_eq!(spread_to(2), [0.5, 0.5, -0.25, -0.25]);
        assert_eq!(spread_to(6), [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, -0.25, -0.25, 0.0, 0.0, 0.0, 0.0]);
    }
}
