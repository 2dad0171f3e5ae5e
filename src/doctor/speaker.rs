//! The speaker: it opens, takes sound at the rate that it names, and closes. What it is given is silence.

use super::trouble::{CLOSE_LIMIT, closed, failures, opened, unusable, used};
use crate::base::{CheckName, Finding, PcmFormat};
use crate::devices::{AudioLease, DeviceError, SpeakerChoice};
use rtrb::Producer;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long it plays at most: until it has taken [`ENOUGH`]. Some outputs of sound servers take sound every two seconds.
const PLAY: Duration = Duration::from_secs(5);
/// How often its ring, which holds 200 ms, is filled.
const WRITE: Duration = Duration::from_millis(20);
/// Sound that a speaker takes in any case, if it takes any.
const ENOUGH: Duration = Duration::from_millis(500);

/// Checks the speaker; `None` after a stop.
pub(super) async fn check(choice: &SpeakerChoice, stop: &CancellationToken) -> Option<Finding> {
    if *choice == SpeakerChoice::None {
        return Some(Finding::skipped(CheckName::Speaker, "No speaker is chosen."));
    }
    let id = choice.to_string();
    let (failed, mut failure) = failures();
    let opening = AudioLease::open_speaker(choice, failed);
    let (lease, ring, format) = match opened(opening, stop).await? {
        Ok(opened) => opened,
        Err(error) => return Some(unusable(CheckName::Speaker, "speaker", &id, &error)),
    };
    let label = lease.label().to_owned();
    let played = used(play(ring, format), &mut failure, stop).await;
    let released = lease.release(CLOSE_LIMIT).await;
    let finding = match played? {
        Err(error) => unusable(CheckName::Speaker, "speaker", &id, &error),
        Ok(taken) => judge(&id, &label, format, taken),
    };
    Some(closed(finding, "speaker", &released))
}

/// Plays silence. Returns the sound that the speaker took.
async fn play(mut ring: Producer<f32>, format: PcmFormat) -> Duration {
    let begun = Instant::now();
    let capacity = ring.slots();
    let mut written = 0_usize;
    loop {
        while ring.push(0.0).is_ok() {
            written += 1;
        }
        tokio::time::sleep(WRITE).await;
        let waiting = capacity.saturating_sub(ring.slots());
        let frames = written.saturating_sub(waiting) as f64 / f64::from(format.channels.max(1));
        let taken = Duration::from_secs_f64(frames / f64::from(format.rate.max(1)));
        if taken >= ENOUGH || begun.elapsed() >= PLAY {
            return taken;
        }
    }
}

/// The finding about a speaker that has opened and took so much sound.
fn judge(id: &str, label: &str, format: PcmFormat, taken: Duration) -> Finding {
    let finding = if taken < ENOUGH {
        let message = format!("it took {} ms of sound within {} s", taken.as_millis(), PLAY.as_secs());
        unusable(CheckName::Speaker, "speaker", id, &DeviceError::Other(message))
    } else {
        let found = format!("“{label}” plays {} Hz, {} channels.", format.rate, format.channels);
        Finding::ok(CheckName::Speaker, found).fact("id", id)
    };
    finding
        .fact("label", label)
        .fact("rate_hz", format.rate)
        .fact("taken_ms", taken.as_millis() as u64)
        .fact("channels", format.channels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Verdict;

    #[test]
    fn a_speaker_that_takes_nothing_fails() {
        let format = PcmFormat { rate: 48_000, channels: 2 };
        assert_eq!(judge("s", "Speaker", format, ENOUGH).verdict, Verdict::Ok);
        let stuck = judge("s", "Speaker", format, Duration::ZERO);
        assert_eq!((stuck.verdict, &stuck.facts["problem"]), (Verdict::Failed, &"other".into()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_speaker_takes_sound_and_is_closed() {
        let folder = tempfile::tempdir().expect("a folder");
        let choice = format!("file:{}", folder.path().join("out.wav").display()).parse().expect("a speaker");
        let finding = check(&choice, &CancellationToken::new()).await.expect("a finding");
        assert_eq!(finding.verdict, Verdict::Ok, "{finding:?}");
        assert_eq!(finding.facts["closed"], "confirmed");
    }
}
