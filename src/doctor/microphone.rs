//! The microphone: it opens, delivers samples at the rate that it names, they are no silence, and it closes.

use super::trouble::{CLOSE_LIMIT, closed, failures, opened, unusable, used};
use crate::base::{CheckName, Finding, PcmFormat};
use crate::devices::{AudioLease, DeviceError, MicrophoneChoice};
use rtrb::Consumer;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long it is listened to.
const LISTEN: Duration = Duration::from_millis(2500);
/// What comes before is not counted: the first period of a card may be late.
const SETTLE: Duration = Duration::from_millis(500);
/// How often the ring, which holds 500 ms, is read.
const READ: Duration = Duration::from_millis(20);
/// Part by which the rate may differ from the one that is named: 44100 Hz in place of 48000 are 0.08, and a period of 40 ms
/// more or less in two seconds 0.02.
const RATE_TOLERANCE: f64 = 0.06;
/// Peak in dBFS below which a microphone counts as silent: the noise of an open one is louder.
const QUIET_DBFS: f64 = -75.0;
/// Part of the samples at full scale from which on it is too loud.
const CLIPPED: f64 = 0.01;

/// What a microphone delivered.
#[derive(Clone, Copy, Debug, Default)]
struct Take {
    /// Frames (one sample of each channel) a second.
    rate: f64,
    samples: u64,
    peak: f32,
    sum_of_squares: f64,
    clipped: u64,
}

impl Take {
    fn add(&mut self, sample: f32) {
        let size = sample.abs();
        self.samples += 1;
        self.peak = self.peak.max(size);
        self.sum_of_squares += f64::from(sample) * f64::from(sample);
        self.clipped += u64::from(size >= 0.999);
    }
}

/// Checks the microphone; `None` after a stop.
pub(super) async fn check(choice: &MicrophoneChoice, stop: &CancellationToken) -> Option<Finding> {
    if *choice == MicrophoneChoice::None {
        return Some(Finding::skipped(CheckName::Microphone, "No microphone is chosen."));
    }
    let id = choice.to_string();
    let (failed, mut failure) = failures();
    let opening = AudioLease::open_microphone(choice, failed);
    let (lease, ring, format) = match opened(opening, stop).await? {
        Ok(opened) => opened,
        Err(error) => return Some(unusable(CheckName::Microphone, "microphone", &id, &error)),
    };
    let label = lease.label().to_owned();
    let heard = used(listen(ring, format), &mut failure, stop).await;
    let released = lease.release(CLOSE_LIMIT).await;
    let finding = match heard? {
        Err(error) => unusable(CheckName::Microphone, "microphone", &id, &error),
        Ok(take) => judge(&id, &label, format, &take),
    };
    Some(closed(finding, "microphone", &released))
}

async fn listen(mut ring: Consumer<f32>, format: PcmFormat) -> Take {
    let begun = Instant::now();
    let mut take = Take::default();
    let mut settled = (begun, 0);
    let mut last = begun;
    while last - begun < LISTEN {
        tokio::time::sleep(READ).await;
        last = Instant::now();
        while let Ok(sample) = ring.pop() {
            take.add(sample);
        }
        if last - begun < SETTLE {
            settled = (last, take.samples);
        }
    }
    let (since, before) = settled;
    let frames = (take.samples - before) as f64 / f64::from(format.channels.max(1));
    take.rate = frames / (last - since).as_secs_f64().max(0.001);
    take
}

/// The finding about a microphone that has opened.
fn judge(id: &str, label: &str, format: PcmFormat, take: &Take) -> Finding {
    const CHECK: CheckName = CheckName::Microphone;
    if take.samples == 0 {
        let error = DeviceError::Other("it opened, but no sample came".into());
        return unusable(CHECK, "microphone", id, &error).fact("label", label).fact("samples", 0);
    }
    let named = f64::from(format.rate);
    let peak = dbfs(f64::from(take.peak));
    let level = dbfs((take.sum_of_squares / take.samples as f64).sqrt());
    let wrong_rate = (take.rate - named).abs() > named * RATE_TOLERANCE;
    let problem = if take.peak == 0.0 {
        Some("silent")
    } else if wrong_rate {
        Some("wrong_rate")
    } else if peak < QUIET_DBFS {
        Some("quiet")
    } else if take.clipped as f64 > take.samples as f64 * CLIPPED {
        Some("clipped")
    } else {
        None
    };
    let finding = match problem {
        Some("silent") => Finding::failed(
            CHECK,
            format!("“{label}” is open, but delivers nothing but silence."),
            "Look for a mute key on the microphone or headset, raise its level in the sound settings of the system, or \
             choose another one.",
        ),
        Some("wrong_rate") => Finding::failed(
            CHECK,
            format!(
                "“{label}” has the wrong sample rate: {:.0} samples a second come, and it names {}. Others hear gaps, or a \
                 voice of another pitch.",
                take.rate, format.rate
            ),
            "Set the sample rate of the microphone to 48000 Hz in the sound settings of the system, plug it in elsewhere, \
             or choose another one.",
        ),
        Some("quiet") => Finding::warning(
            CHECK,
            format!("“{label}” delivers almost nothing: its peak is {peak:.0} dBFS."),
            "Speak while it is checked. If that changes nothing, raise its level in the sound settings of the system.",
        ),
        Some(_) => Finding::warning(
            CHECK,
            format!("“{label}” is too loud: its sound is cut off at full scale."),
            "Lower its level in the sound settings of the system.",
        ),
        None => Finding::ok(
            CHECK,
            format!(
                "“{label}” delivers {} Hz, {}, with a peak of {peak:.0} dBFS.",
                format.rate,
                channels(format.channels)
            ),
        ),
    };
    finding
        .fact("id", id)
        .fact("label", label)
        .fact("rate_hz", format.rate)
        .fact("measured_rate_hz", take.rate.round())
        .fact("channels", format.channels)
        .fact("peak_dbfs", peak.round())
        .fact("level_dbfs", level.round())
        .fact("reason", problem)
}

fn channels(number: u16) -> String {
    if number == 1 { "1 channel".into() } else { format!("{number} channels") }
}

/// A level in decibels below full scale, -120 at least.
fn dbfs(amplitude: f64) -> f64 {
    (20.0 * amplitude.log10()).max(-120.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Verdict;

    const FORMAT: PcmFormat = PcmFormat { rate: 48_000, channels: 1 };

    fn take(rate: f64, amplitude: f32) -> Take {
        let mut take = Take { rate, ..Take::default() };
        (0..4800_u16).for_each(|n| take.add(amplitude * (f32::from(n) * 0.1).sin()));
        take
    }

    fn judged(take: &Take) -> (Verdict, serde_json::Value) {
        let finding = judge("mic", "Mic", FORMAT, take);
        assert_eq!(finding.verdict == Verdict::Ok, finding.advice.is_none());
        (finding.verdict, finding.facts["reason"].clone())
    }

    #[test]
    fn silence_a_wrong_rate_and_levels_are_told_apart() {
        assert_eq!(judged(&take(48_010.0, 0.1)), (Verdict::Ok, serde_json::Value::Null));
        assert_eq!(judged(&take(48_000.0, 0.0)), (Verdict::Failed, "silent".into()));
        assert_eq!(judged(&take(24_100.0, 0.1)), (Verdict::Failed, "wrong_rate".into()));
        assert_eq!(judged(&take(96_000.0, 0.1)), (Verdict::Failed, "wrong_rate".into()));
        assert_eq!(judged(&take(48_000.0, 0.000_05)), (Verdict::Warning, "quiet".into()));
        assert_eq!(judged(&take(48_000.0, 20.0)), (Verdict::Warning, "clipped".into()));
        let nothing = judge("mic", "Mic", FORMAT, &Take::default());
        assert_eq!((nothing.verdict, &nothing.facts["samples"]), (Verdict::Failed, &0.into()));
    }

    #[test]
    fn the_wrong_rate_is_named_with_both_numbers() {
        let found = judge("mic", "Mic", FORMAT, &take(24_000.0, 0.1)).found;
        assert!(found.contains("wrong sample rate: 24000 samples a second come, and it names 48000"), "{found}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_test_tone_is_heard_and_closed() {
        let choice = "test-tone".parse().expect("a microphone");
        let finding = check(&choice, &CancellationToken::new()).await.expect("a finding");
        assert_eq!(finding.verdict, Verdict::Ok, "{finding:?}");
        assert_eq!((&finding.facts["peak_dbfs"], &finding.facts["level_dbfs"]), (&(-20.0).into(), &(-23.0).into()));
        assert_eq!(finding.facts["closed"], "confirmed");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_silent_file_is_a_silent_microphone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("silence.wav");
        let spec = hound_spec();
        let mut file = hound::WavWriter::create(&path, spec).expect("a file");
        (0..48_000).for_each(|_| file.write_sample(0_i16).expect("a sample"));
        file.finalize().expect("written");
        let choice = format!("file:{}", path.display()).parse().expect("a microphone");
        let finding = check(&choice, &CancellationToken::new()).await.expect("a finding");
        assert_eq!((finding.verdict, &finding.facts["reason"]), (Verdict::Failed, &"silent".into()), "{finding:?}");
    }

    fn hound_spec() -> hound::WavSpec {
        hound::WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        }
    }
}
