//! Makes audio a little shorter or longer without changing its pitch: one pitch period is removed or repeated with a
//! cross-fade.
//!
//! This is one step of WSOLA (Verhelst and Roelands, 1993), and what NetEQ calls Accelerate and Preemptive Expand.

/// The pitch periods that are searched, in samples: 400 to 100 Hz.
const PERIODS: std::ops::RangeInclusive<usize> = 120..=480;
/// The least normalized correlation of a period with the next (1: identical).
const MIN_CORRELATION: f32 = 0.75;
/// Below this mean square (about -57 dBFS) a cross-fade is inaudible anywhere.
const QUIET: f32 = 1e-6;

/// Removes one period. Returns the number of samples removed, 0 if no period repeats; `fast` removes one in any case.
pub(super) fn accelerate(samples: &mut Vec<f32>, fast: bool) -> usize {
    let Some(period) = find_period(samples, fast) else { return 0 };
    for i in 0..period {
        samples[i] = fade(samples[i], samples[i + period], i, period);
    }
    samples.drain(period..2 * period);
    period
}

/// Repeats one period. Returns the number of samples inserted, 0 if no period repeats.
pub(super) fn preemptive_expand(samples: &mut Vec<f32>) -> usize {
    let Some(period) = find_period(samples, false) else { return 0 };
    let joint: Vec<f32> = (0..period).map(|i| fade(samples[period + i], samples[i], i, period)).collect();
    samples.splice(period..period, joint);
    period
}

fn fade(from: f32, to: f32, i: usize, length: usize) -> f32 {
    let part = i as f32 / length as f32;
    from * (1.0 - part) + to * part
}

fn find_period(samples: &[f32], any: bool) -> Option<usize> {
    let longest = (*PERIODS.end()).min(samples.len() / 2);
    if longest < *PERIODS.start() {
        return None;
    }
    let window = samples.len() - longest;
    let energy = |piece: &[f32]| piece.iter().map(|s| s * s).sum::<f32>();
    let first = &samples[..window];
    let power = energy(first);
    if power / (window as f32) < QUIET {
        return Some(longest);
    }
    let correlation = |period: usize| {
        let second = &samples[period..period + window];
        let product: f32 = first.iter().zip(second).map(|(a, b)| a * b).sum();
        product / (power * energy(second)).sqrt().max(f32::MIN_POSITIVE)
    };
    let periods = (*PERIODS.start()..=longest).map(|period| (correlation(period), period));
    let (best, period) = periods.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best >= MIN_CORRELATION || any).then_some(period)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{Noise, TestTone, ToneMeter};

    #[test]
    fn a_tone_keeps_its_pitch_and_has_no_gap() {
        for hz in [300.0, 440.0, 1300.0] {
            for longer in [false, true] {
                let (mut tone, mut meter) = (TestTone::new(hz, -20.0), ToneMeter::searching());
                let mut changed = 0;
                for _ in 0..100 {
                    let mut frame = vec![0.0; 960];
                    tone.fill(&mut frame);
                    let n = if longer { preemptive_expand(&mut frame) } else { accelerate(&mut frame, false) };
                    assert_eq!(frame.len(), if longer { 960 + n } else { 960 - n });
                    changed += n;
                    meter.push(&frame);
                }
                let heard = meter.reading();
                assert!(changed >= 12_000, "{changed}");
                assert!((heard.hz - hz).abs() < 4.0 && heard.gaps_ms == 0.0, "{hz} {longer} {heard:?}");
            }
        }
    }

    #[test]
    fn silence_gives_the_longest_period_and_noise_none_unless_fast() {
        assert_eq!(accelerate(&mut vec![0.0; 960], false), 480);
        let mut noise = vec![0.0; 960];
        Noise::new(3).fill(&mut noise, 1.0);
        assert_eq!(accelerate(&mut noise.clone(), false), 0);
        assert_eq!(preemptive_expand(&mut noise.clone()), 0);
        assert!(accelerate(&mut noise.clone(), true) >= 120);
    }

    #[test]
    fn short_audio_is_left_unchanged() {
        for length in [0, 1, 239] {
            assert_eq!(accelerate(&mut vec![0.0; length], true), 0);
            assert_eq!(preemptive_expand(&mut vec![0.0; length]), 0);
        }
    }
}
