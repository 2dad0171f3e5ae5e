//! Writes tones into WAV files, and finds them there: 16-bit PCM or 32-bit float, any number of channels.

use std::f64::consts::TAU;
use std::path::Path;

/// Writes a tone of `hz` at the level of a test tone. It is on and off for `beat` seconds in turn.
pub(crate) fn write_tone(path: &Path, hz: f64, seconds: u32, beat: f64) {
    let count = seconds * 48_000;
    let mut wav = Vec::new();
    for piece in [b"RIFF".as_slice(), &(36 + count * 2).to_le_bytes(), b"WAVEfmt ", &16_u32.to_le_bytes()] {
        wav.extend_from_slice(piece);
    }
    for short in [1_u16, 1, 48_000, 0, 30_464, 1, 2, 16] {
        wav.extend_from_slice(&short.to_le_bytes());
    }
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&(count * 2).to_le_bytes());
    for i in 0..count {
        let time = f64::from(i) / 48_000.0;
        let on = ((time / beat) as u64).is_multiple_of(2);
        let sample = if on { (TAU * hz * time).sin() * 3276.7 } else { 0.0 };
        wav.extend_from_slice(&(sample as i16).to_le_bytes());
    }
    std::fs::write(path, wav).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// Recorded audio, mixed down to one channel, from -1 to 1.
pub(crate) struct Recorded {
    rate: f64,
    samples: Vec<f64>,
}

/// A tone in a recording.
#[derive(Debug)]
pub(crate) struct ToneFound {
    /// Level in dB relative to a full-scale sine, in the middle half of its time.
    pub(crate) dbfs: f64,
    /// Its start in seconds from the beginning of the recording.
    pub(crate) begins: f64,
    /// The time from its first to its last window, in seconds.
    pub(crate) seconds: f64,
    /// The part of that time in which it sounds, from 0 to 1.
    pub(crate) held: f64,
}

impl Recorded {
    /// The same for a file that is being written; `None` before its first sample.
    pub(crate) fn read_so_far(path: &Path) -> Option<Self> {
        let is_begun = std::fs::metadata(path).is_ok_and(|file| file.len() > 4096);
        is_begun.then(|| Self::read(path))
    }

    /// The greatest sample, from 0 to 1.
    pub(crate) fn peak(&self) -> f64 {
        self.samples.iter().fold(0.0, |peak, sample| sample.abs().max(peak))
    }

    /// The length in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / self.rate
    }

    /// Reads a file, also one without lengths in its header, whose writer has not ended.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(bytes.len() > 44 && &bytes[0..4] == b"RIFF", "{} is no WAV file", path.display());
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (mut at, mut format) = (12, None);
        while at + 8 <= bytes.len() {
            let (name, length) = (&bytes[at..at + 4], u32_at(at + 4) as usize);
            let body = at + 8;
            match name {
                b"fmt " => {
                    format = Some((usize::from(u16_at(body + 2)), f64::from(u32_at(body + 4)), u16_at(body + 14)))
                }
                b"data" => {
                    let (channels, rate, bits) = format.expect("a format before the samples");
                    let end = body.saturating_add(length).min(bytes.len());
                    let end = if length == 0 { bytes.len() } else { end };
                    return Self { rate, samples: mix(&bytes[body..end], channels, bits) };
                }
                _ => {}
            }
            at = body + length + length % 2;
        }
        panic!("{} holds no samples", path.display());
    }

    /// Measures a tone of `hz` in windows of 20 ms.
    pub(crate) fn tone(&self, hz: f64) -> ToneFound {
        self.tone_over(hz, 0.01)
    }

    /// The same with a minimum amplitude, for recordings with other sounds.
    pub(crate) fn tone_over(&self, hz: f64, least: f64) -> ToneFound {
        let window = (self.rate / 50.0) as usize;
        let levels: Vec<f64> = self.samples.chunks_exact(window).map(|w| amplitude(w, hz, self.rate)).collect();
        let loud = |level: &f64| *level > least;
        let (Some(first), Some(last)) = (levels.iter().position(loud), levels.iter().rposition(loud)) else {
            return ToneFound { dbfs: f64::NEG_INFINITY, begins: 0.0, seconds: 0.0, held: 0.0 };
        };
        let sounding = &levels[first..=last];
        let quarter = sounding.len() / 4;
        let middle = &sounding[quarter..sounding.len() - quarter];
        let mean = middle.iter().sum::<f64>() / middle.len() as f64;
        ToneFound {
            dbfs: 20.0 * mean.log10(),
            begins: first as f64 / 50.0,
            seconds: sounding.len() as f64 / 50.0,
            held: sounding.iter().filter(|l| loud(l)).count() as f64 / sounding.len() as f64,
        }
    }
}

impl ToneFound {
    /// The tone sounds for at least `seconds`, nearly without a gap, at the level of a test tone.
    #[track_caller]
    pub(crate) fn holds(&self, seconds: f64) {
        assert!(self.seconds >= seconds, "the tone sounds for less than {seconds} s: {self:?}");
        assert!(self.held > 0.95, "the tone has gaps: {self:?}");
        assert!((self.dbfs + 20.0).abs() < 3.0, "the tone is not at -20 dBFS: {self:?}");
    }
}

fn mix(data: &[u8], channels: usize, bits: u16) -> Vec<f64> {
    let sample = |s: &[u8]| match bits {
        16 => f64::from(i16::from_le_bytes([s[0], s[1]])) / 32768.0,
        32 => f64::from(f32::from_le_bytes([s[0], s[1], s[2], s[3]])),
        _ => panic!("{bits} bits a sample are not read here"),
    };
    let width = usize::from(bits / 8);
    let frames = data.chunks_exact(width * channels);
    frames.map(|frame| frame.chunks_exact(width).map(sample).sum::<f64>() / channels as f64).collect()
}

/// Amplitude of one frequency in a window (Goertzel).
fn amplitude(window: &[f64], hz: f64, rate: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (i, s) in window.iter().enumerate() {
        let angle = TAU * hz * i as f64 / rate;
        re += s * angle.cos();
        im += s * angle.sin();
    }
    2.0 * (re * re + im * im).sqrt() / window.len() as f64
}
