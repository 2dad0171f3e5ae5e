//! How a person moves: they breathe, sway, blink, look aside, and speak. All of it follows from the time.

use std::f32::consts::TAU;

/// The loudness from which on the mouth moves, and that at which it is widest, in dBFS.
const QUIET: f32 = -48.0;
const LOUD: f32 = -18.0;

/// How a person is at one time; lengths are in heights of the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pose {
    /// How far the shoulders are lifted by breath.
    pub(super) breath: f32,
    /// Where the head is.
    pub(super) head: [f32; 2],
    /// How far it leans, in radians.
    pub(super) lean: f32,
    /// How far the eyes are closed, from 0 to 1.
    pub(super) lid: f32,
    /// How far the eyes look to the right.
    pub(super) gaze: f32,
    /// How far the brows are lifted.
    pub(super) brow: f32,
    /// How far the mouth is open, from 0 to 1.
    pub(super) mouth: f32,
}

/// What moves together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Body,
    /// Between head and body.
    Neck,
    Head,
}

impl Pose {
    /// That of person `n` after `seconds`; `voice` is how loud they speak in dBFS, `None` if nobody knows.
    pub(super) fn at(n: u32, seconds: f64, voice: Option<f32>) -> Self {
        // Two people do not move together.
        let t = (seconds % 3600.0) as f32 + n as f32 * 7.3;
        let wave = |period: f32| (t / period * TAU).sin();
        let breath = 0.006 * wave(4.3);
        let mouth = voice.map_or_else(|| speech(t), |dbfs| ((dbfs - QUIET) / (LOUD - QUIET)).clamp(0.0, 1.0));
        // Consonants close it: loudness alone would keep it open.
        let mouth = mouth * (0.55 + 0.45 * wave(0.21));
        Self {
            breath,
            head: [0.009 * wave(7.7), 0.7 * breath + 0.004 * wave(5.3) - 0.004 * mouth],
            lean: 0.028 * wave(9.1) + 0.012 * wave(3.7),
            lid: blink(t),
            gaze: 0.005 * wave(6.1).clamp(-0.6, 0.6),
            brow: 0.006 * mouth + 0.004 * wave(11.0).max(0.0),
            mouth,
        }
    }
}

/// How far the eyes are closed: for a sixth of a second about every four.
fn blink(t: f32) -> f32 {
    const LASTS: f32 = 0.17;
    let since = t % 3.9;
    // Every third one is double.
    let again = if ((t / 3.9) as u32).is_multiple_of(3) { since - 0.3 } else { since };
    let lid = |since: f32| if (0.0..LASTS).contains(&since) { (since / LASTS * TAU / 2.0).sin() } else { 0.0 };
    lid(since).max(lid(again))
}

/// The rhythm of speech, where the voice is not known: phrases of syllables, and pauses.
fn speech(t: f32) -> f32 {
    let phrase = (t * 0.83).sin() + (t * 0.31 + 1.0).sin();
    if phrase < 0.35 { 0.0 } else { (t * 13.0).sin().abs() * (0.7 + 0.3 * (t * 4.1).sin()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mouth_follows_the_voice() {
        let widest = |voice| (0..100).map(|i| Pose::at(1, f64::from(i) * 0.033, voice).mouth).fold(0.0, f32::max);
        assert_eq!(widest(Some(-90.0)), 0.0, "silence");
        assert!(widest(Some(-18.0)) > 0.9);
        assert!(widest(Some(-33.0)) < 0.6);
        let rhythm: Vec<f32> = (0..900).map(|i| Pose::at(1, f64::from(i) * 0.033, None).mouth).collect();
        assert!(rhythm.iter().any(|m| *m > 0.5) && rhythm.contains(&0.0), "phrases and pauses");
    }

    #[test]
    fn people_blink_a_few_times_in_half_a_minute_and_not_together() {
        let closed =
            |n: u32| -> Vec<bool> { (0..900).map(|i| Pose::at(n, f64::from(i) / 30.0, None).lid > 0.75).collect() };
        let blinks = closed(1).windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert!((6..16).contains(&blinks), "{blinks}");
        assert_ne!(closed(1), closed(2));
    }
}
