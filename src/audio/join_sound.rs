//! The soft sounds of coming and going: two notes, upwards or downwards, computed as they are played.

use super::{BLOCK, RATE};
use std::f32::consts::TAU;

/// A sound that only the user hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinSound {
    /// Somebody came.
    Came,
    /// Somebody went.
    Went,
}

/// The two notes in Hz: C5 and G5.
const NOTES: [f32; 2] = [523.25, 783.99];
/// Samples from the beginning of the first note to that of the second: 120 ms.
const APART: usize = RATE as usize * 12 / 100;
/// Samples of a note: 350 ms.
const NOTE: usize = RATE as usize * 35 / 100;
/// Samples over which a note rises: 8 ms, without which it would click.
const RISE: f32 = RATE as f32 * 0.008;
/// Samples after which a note has fallen to 1/e: 70 ms.
const DECAY: f32 = RATE as f32 * 0.07;
/// The peak of a note: -24 dBFS, below a voice.
const PEAK: f32 = 0.063;

/// A sound that is being played.
#[derive(Clone, Debug)]
pub(super) struct PlayingSound {
    notes: [f32; 2],
    /// Samples that have been played.
    at: usize,
}

impl PlayingSound {
    pub(super) const fn new(sound: JoinSound) -> Self {
        let notes = match sound {
            JoinSound::Came => NOTES,
            JoinSound::Went => [NOTES[1], NOTES[0]],
        };
        Self { notes, at: 0 }
    }

    /// Adds the next 10 ms to `block`. Returns whether there is more.
    pub(super) fn fill(&mut self, block: &mut [f32; BLOCK]) -> bool {
        for sample in block.iter_mut() {
            *sample += note(self.notes[0], self.at);
            if let Some(at) = self.at.checked_sub(APART) {
                *sample += note(self.notes[1], at);
            }
            self.at += 1;
        }
        self.at < APART + NOTE
    }
}

/// The sample of a note, so many samples after its beginning.
fn note(hz: f32, at: usize) -> f32 {
    if at >= NOTE {
        return 0.0;
    }
    let (at, left) = (at as f32, (NOTE - at) as f32);
    let envelope = (at / RISE).min(1.0) * (-at / DECAY).exp() * (left / RISE).min(1.0);
    PEAK * envelope * (TAU * hz * at / RATE as f32).sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(sound: JoinSound) -> Vec<f32> {
        let (mut playing, mut all) = (PlayingSound::new(sound), Vec::new());
        loop {
            let mut block = [0.0; BLOCK];
            let goes_on = playing.fill(&mut block);
            all.extend(block);
            if !goes_on {
                return all;
            }
        }
    }

    #[test]
    fn the_sounds_are_short_soft_and_begin_and_end_without_a_click() {
        for sound in [JoinSound::Came, JoinSound::Went] {
            let samples = played(sound);
            let ms = samples.len() * 1000 / RATE as usize;
            assert!((400..600).contains(&ms), "{ms} ms");
            let peak = samples.iter().fold(0f32, |peak, s| peak.max(s.abs()));
            assert!((0.03..0.13).contains(&peak), "{peak}");
            let step = samples.windows(2).fold(0f32, |step, w| step.max((w[1] - w[0]).abs()));
            assert!(step < 0.01, "{step}");
            assert!(samples[0].abs() < 1e-3 && samples.last().is_some_and(|s| s.abs() < 1e-3));
        }
        assert_ne!(played(JoinSound::Came), played(JoinSound::Went));
    }
}
