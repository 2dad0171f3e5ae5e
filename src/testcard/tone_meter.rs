//! Measures a test tone in streamed samples: its frequency, its level, and how long it was missing.
//!
//! A Hann window of 40 ms moves by 10 ms and is correlated with one frequency. Tones 100 Hz apart do not disturb each
//! other (the window's second zero), so one tone can be measured in a mix of several. The frequency follows from the
//! advance of the phase from window to window.

use super::SAMPLE_RATE;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::f64::consts::TAU;

const WINDOW: usize = SAMPLE_RATE as usize / 25;
const HOP: usize = SAMPLE_RATE as usize / 100;
const HOP_MS: f64 = 10.0;
/// A tone below this amplitude (-60 dBFS) is silence.
const QUIET: f64 = 1e-3;
/// Below this part of its mean amplitude the tone is missing.
const MISSING: f64 = 0.5;
/// The newest window's weight in the running means.
const NEWEST: f64 = 0.05;
/// Windows after which the amplitude of a new probe is steady, and after which its frequency is known.
const STEADY: u32 = 8;
const KNOWN: u32 = 20;
/// A probe that is off by more than this, in Hz, is replaced: the level would read too low.
const RETUNE_HZ: f64 = 1.0;
/// The frequencies that a meter without a frequency searches, in Hz.
const SEARCH: std::ops::Range<u32> = 100..4000;
/// Step of the search in Hz. The phase refines the result.
const SEARCH_STEP: usize = 20;

/// The measurement of a [`ToneMeter`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ToneReading {
    /// Frequency in Hz; 0 before the first tone.
    pub(crate) hz: f64,
    /// Level in dBFS, where 0 is a full-scale sine; -90 before the first tone.
    pub(crate) dbfs: f64,
    /// Total length of the gaps in the tone, in ms: multiples of 10; gaps under about 10 ms are not detected.
    pub(crate) gaps_ms: f64,
    /// The longest gap in ms.
    pub(crate) longest_gap_ms: f64,
    /// How long the tone has been missing, in ms; 0 while it is present.
    pub(crate) silent_ms: f64,
    /// How long the tone was present, in ms.
    pub(crate) heard_ms: f64,
}

impl ToneReading {
    /// The object `tone` of the event `Verified`.
    pub(crate) fn to_json(self) -> Value {
        let tenth = |v: f64| (v * 10.0).round() / 10.0;
        json!({ "hz": tenth(self.hz), "dbfs": tenth(self.dbfs), "gaps_ms": self.gaps_ms,
            "longest_gap_ms": self.longest_gap_ms, "silent_ms": self.silent_ms, "heard_ms": self.heard_ms })
    }
}

/// Measures one tone in 48 kHz mono samples.
#[derive(Clone, Debug)]
pub(crate) struct ToneMeter {
    probe: Option<Probe>,
    buffer: VecDeque<f32>,
    /// The phase of the last window, if the tone was present in it.
    phase: Option<f64>,
    /// Mean advance of the phase beyond the expected one, as a vector: single jumps have little weight.
    advance: (f64, f64),
    amplitude: f64,
    /// Windows with the tone since the probe was set.
    windows: u32,
    reading: ToneReading,
}

/// The window multiplied by cosine and sine of one frequency.
#[derive(Clone, Debug)]
struct Probe {
    hz: f64,
    cosine: Vec<f32>,
    sine: Vec<f32>,
}

impl ToneMeter {
    /// Measures a tone within 40 Hz of `hz`, also in a mix with other tones at least 100 Hz away.
    #[cfg(test)]
    pub(crate) fn at(hz: f64) -> Self {
        Self::with(Some(Probe::new(hz)))
    }

    /// Measures the first single tone from 100 to 4000 Hz.
    pub(crate) fn searching() -> Self {
        Self::with(None)
    }

    fn with(probe: Option<Probe>) -> Self {
        let reading = ToneReading { dbfs: -90.0, ..ToneReading::default() };
        Self {
            probe,
            buffer: VecDeque::with_capacity(WINDOW + HOP),
            phase: None,
            advance: (0.0, 0.0),
            amplitude: 0.0,
            windows: 0,
            reading,
        }
    }

    /// Takes the next samples, any number of them.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        for sample in samples {
            self.buffer.push_back(*sample);
            if self.buffer.len() == WINDOW {
                self.on_window();
                self.buffer.drain(..HOP);
            }
        }
    }

    /// The measurement so far.
    pub(crate) fn reading(&self) -> ToneReading {
        if self.amplitude == 0.0 {
            return self.reading;
        }
        ToneReading { hz: self.hz(), dbfs: 20.0 * self.amplitude.log10(), ..self.reading }
    }

    fn hz(&self) -> f64 {
        let turns = self.advance.1.atan2(self.advance.0) / TAU;
        self.probe.as_ref().map_or(0.0, |probe| probe.hz + turns * 1000.0 / HOP_MS)
    }

    fn on_window(&mut self) {
        let window = self.buffer.make_contiguous();
        if self.probe.is_none() {
            self.probe = search(window);
        }
        let Some(probe) = &self.probe else { return };
        let (re, im) = probe.correlate(window);
        let amplitude = re.hypot(im);
        if amplitude >= QUIET.max(self.amplitude * MISSING) {
            self.on_tone(amplitude, im.atan2(re));
        } else if self.amplitude > 0.0 {
            self.reading.silent_ms += HOP_MS;
            self.phase = None;
        }
    }

    fn on_tone(&mut self, amplitude: f64, phase: f64) {
        let Some(probe) = &self.probe else { return };
        if let Some(last) = self.phase {
            let extra = phase - last - TAU * probe.hz * HOP_MS / 1000.0;
            self.advance.0 += NEWEST * (extra.cos() - self.advance.0);
            self.advance.1 += NEWEST * (extra.sin() - self.advance.1);
        }
        self.phase = Some(phase);
        self.windows += 1;
        // The first windows overlap the beginning of the tone: the largest counts until it is steady.
        self.amplitude = match self.windows {
            1 => amplitude,
            ..=STEADY => self.amplitude.max(amplitude),
            _ => self.amplitude + NEWEST * (amplitude - self.amplitude),
        };
        if self.windows == KNOWN && (self.hz() - probe.hz).abs() > RETUNE_HZ {
            (self.probe, self.phase, self.advance, self.windows) = (Some(Probe::new(self.hz())), None, (0.0, 0.0), 0);
        }
        self.reading.heard_ms += HOP_MS;
        self.reading.gaps_ms += self.reading.silent_ms;
        self.reading.longest_gap_ms = self.reading.longest_gap_ms.max(self.reading.silent_ms);
        self.reading.silent_ms = 0.0;
    }
}

impl Probe {
    fn new(hz: f64) -> Self {
        let wave = |shift: f64| {
            let point = |i: usize| (weight(i) * (TAU * (hz * i as f64 / f64::from(SAMPLE_RATE) + shift)).cos()) as f32;
            (0..WINDOW).map(point).collect()
        };
        Self { hz, cosine: wave(0.0), sine: wave(0.25) }
    }

    /// Amplitude and phase as a vector; the phase increases with time.
    fn correlate(&self, window: &[f32]) -> (f64, f64) {
        let dot = |wave: &[f32]| window.iter().zip(wave).map(|(s, w)| f64::from(s * w)).sum();
        (dot(&self.cosine), dot(&self.sine))
    }
}

/// The weight of a sample of the window.
fn weight(i: usize) -> f64 {
    let hann = 0.5 - 0.5 * (TAU * i as f64 / WINDOW as f64).cos();
    // One factor of 2 for the window's mean of one half, one for the correlation of a sine with itself.
    4.0 / WINDOW as f64 * hann
}

/// The amplitude of a frequency in weighted samples, by Goertzel's algorithm.
fn amplitude(weighted: &[f64], hz: f64) -> f64 {
    let twice = 2.0 * (TAU * hz / f64::from(SAMPLE_RATE)).cos();
    let (one, two) = weighted.iter().fold((0.0, 0.0), |(one, two), sample| (sample + twice * one - two, one));
    (one * one + two * two - twice * one * two).max(0.0).sqrt()
}

/// The tone with most of a window's energy; `None` if no tone has half of it.
fn search(window: &[f32]) -> Option<Probe> {
    let energy = window.iter().map(|s| f64::from(s * s)).sum::<f64>() / WINDOW as f64;
    if energy < QUIET * QUIET / 2.0 {
        return None;
    }
    let weighted: Vec<f64> = window.iter().enumerate().map(|(i, s)| weight(i) * f64::from(*s)).collect();
    let candidates = SEARCH.step_by(SEARCH_STEP).map(|hz| (amplitude(&weighted, f64::from(hz)), hz));
    let (amplitude, hz) = candidates.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (amplitude * amplitude / 2.0 > energy / 2.0).then(|| Probe::new(f64::from(hz)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{Noise, TestTone, bot_tone_hz};

    fn tone(hz: f64, dbfs: f32, ms: usize) -> Vec<f32> {
        let mut samples = vec![0.0; ms * 48];
        TestTone::new(hz, dbfs).fill(&mut samples);
        samples
    }

    fn assert_close(actual: f64, wanted: f64, within: f64) {
        assert!((actual - wanted).abs() <= within, "{actual} is not {wanted}");
    }

    #[test]
    fn an_unknown_tone_is_found() {
        for hz in [151.0, 300.0, 440.0, 997.3, 3333.0] {
            let mut meter = ToneMeter::searching();
            meter.push(&[0.0; 5000]);
            for piece in tone(hz, -20.0, 1000).chunks(333) {
                meter.push(piece);
            }
            let r = meter.reading();
            assert_close(r.hz, hz, 0.5);
            assert_close(r.dbfs, -20.0, 0.2);
            assert_eq!((r.gaps_ms, r.silent_ms), (0.0, 0.0), "{hz}");
        }
    }

    #[test]
    fn one_tone_is_measured_in_a_mix() {
        let mut mix = tone(bot_tone_hz(0), -20.0, 1000);
        for n in [1, 2] {
            for (sum, s) in mix.iter_mut().zip(tone(bot_tone_hz(n), -14.0, 1000)) {
                *sum += s;
            }
        }
        for (n, dbfs) in [(0, -20.0), (1, -14.0), (2, -14.0)] {
            let mut meter = ToneMeter::at(bot_tone_hz(n) + 10.0);
            meter.push(&mix);
            assert_close(meter.reading().hz, bot_tone_hz(n), 0.5);
            assert_close(meter.reading().dbfs, dbfs, 1.0);
        }
        let mut absent = ToneMeter::at(bot_tone_hz(5));
        absent.push(&mix);
        assert!(absent.reading().dbfs < -50.0);
    }

    #[test]
    fn a_gap_is_counted_when_the_tone_returns() {
        for gap in [20, 60, 200] {
            let mut meter = ToneMeter::searching();
            meter.push(&tone(440.0, -20.0, 500));
            meter.push(&vec![0.0; gap * 48]);
            meter.push(&tone(440.0, -20.0, 505));
            let r = meter.reading();
            assert_close(r.gaps_ms, gap as f64, 10.0);
            assert_eq!(r.longest_gap_ms, r.gaps_ms);
        }
    }

    #[test]
    fn the_end_of_a_tone_is_no_gap() {
        let mut meter = ToneMeter::at(440.0);
        meter.push(&tone(440.0, -20.0, 500));
        meter.push(&[0.0; 48 * 300]);
        let r = meter.reading();
        assert_eq!(r.gaps_ms, 0.0);
        assert_close(r.silent_ms, 290.0, 20.0);
        assert_close(r.dbfs, -20.0, 2.0);
    }

    #[test]
    fn noise_is_no_tone() {
        let mut noise = vec![0.0; 9600];
        Noise::new(7).fill(&mut noise, 1.0);
        let mut meter = ToneMeter::searching();
        meter.push(&noise);
        assert_eq!(meter.reading().hz, 0.0);
    }
}
