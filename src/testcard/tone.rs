//! The test tone: a continuous sine.

use super::SAMPLE_RATE;
use std::f64::consts::TAU;

/// Generates 48 kHz mono samples of a sine. 0 dBFS is a full-scale sine (AES17).
#[derive(Clone, Debug)]
pub(crate) struct TestTone {
    amplitude: f32,
    /// Periods per sample.
    step: f64,
    /// The phase, in periods.
    phase: f64,
}

impl TestTone {
    /// The default level in dBFS.
    pub(crate) const DBFS: f32 = -20.0;

    /// A tone of `hz` (0 to 24000) at `dbfs` (at most 0).
    pub(crate) fn new(hz: f64, dbfs: f32) -> Self {
        let hz = hz.clamp(0.0, f64::from(SAMPLE_RATE) / 2.0);
        Self { amplitude: 10f32.powf(dbfs.min(0.0) / 20.0), step: hz / f64::from(SAMPLE_RATE), phase: 0.0 }
    }

    /// Writes the next samples.
    pub(crate) fn fill(&mut self, samples: &mut [f32]) {
        for sample in samples {
            *sample = self.amplitude * (self.phase * TAU).sin() as f32;
            self.phase = (self.phase + self.step).fract();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_pieces_are_continuous() {
        let mut whole = [0.0; 1000];
        TestTone::new(440.0, -20.0).fill(&mut whole);
        let mut tone = TestTone::new(440.0, -20.0);
        let mut pieces = Vec::new();
        for n in [1, 479, 480, 40] {
            let mut piece = vec![0.0; n];
            tone.fill(&mut piece);
            pieces.extend(piece);
        }
        assert_eq!(pieces, whole);
        let peak = whole.iter().fold(0f32, |peak, s| peak.max(s.abs()));
        assert!((peak - 0.1).abs() < 1e-4, "{peak}");
    }
}
