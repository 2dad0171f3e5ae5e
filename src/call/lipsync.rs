//! Lip sync: delays the video of a participant until the audio of the same moment is heard.
//!
//! The audio is the reference. Its jitter buffer delays it by some tens of milliseconds, and the audio engine tells which
//! RTP timestamp is being heard. Sender reports (RFC 3550, section 6.4.1) map the RTP timestamps of audio and video to the
//! sender's clock. A frame that is ahead of the audio waits; a late one is shown at once. As long as the video does not
//! arrive later than the audio is heard, the difference stays below one frame plus the engine's step of 10 ms.

use crate::base::{TrackRole, TrackSource};
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Longest wait of a frame.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// Audio that was heard longer ago is no reference: the sender is silent (DTX) or muted.
pub(super) const STALE: Duration = Duration::from_millis(500);

/// Which tracks of one participant are played in sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum SyncGroup {
    /// Cameras with microphones.
    Person,
    /// Screens with their audio.
    Screen,
}

impl SyncGroup {
    /// The group of a track of this source.
    pub(super) const fn of(source: TrackSource) -> Self {
        match source.role() {
            TrackRole::Camera | TrackRole::Voice => Self::Person,
            TrackRole::Screen | TrackRole::ScreenAudio => Self::Screen,
        }
    }
}

/// The clock of one group of tracks: the sender's time of the audio that is being heard.
#[derive(Debug, Default)]
pub(super) struct LipSync {
    /// The sender's time in microseconds of the audio that was heard at an instant.
    heard: Mutex<Option<(i64, Instant)>>,
}

impl LipSync {
    /// Audio of the sender's time `sender_micros` was heard at the instant `at`.
    pub(super) fn heard(&self, sender_micros: i64, at: Instant) {
        *self.heard.lock() = Some((sender_micros, at));
    }

    /// Microseconds by which a frame of `sender_micros` that is shown now is ahead of its audio; negative if it is behind.
    /// `None` if nothing is heard.
    pub(super) fn ahead(&self, sender_micros: i64) -> Option<i64> {
        let (heard_micros, at) = (*self.heard.lock())?;
        ahead(sender_micros, heard_micros, at.elapsed())
    }

    /// How long a frame of `sender_micros` has to wait for its audio.
    pub(super) fn wait_for_audio(&self, sender_micros: i64) -> Duration {
        self.ahead(sender_micros).map_or(Duration::ZERO, wait)
    }
}

fn ahead(frame_micros: i64, heard_micros: i64, since: Duration) -> Option<i64> {
    (since <= STALE).then(|| frame_micros - heard_micros - since.as_micros() as i64)
}

fn wait(ahead_micros: i64) -> Duration {
    let ahead = Duration::from_micros(u64::try_from(ahead_micros).unwrap_or(0));
    // A difference of a second or more is no delay: the clocks are not those of one sender.
    if ahead > LONGEST_WAIT * 4 { Duration::ZERO } else { ahead.min(LONGEST_WAIT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn wait(frame_micros: i64, heard_micros: i64, since: Duration) -> Duration {
        ahead(frame_micros, heard_micros, since).map_or(Duration::ZERO, super::wait)
    }

    #[test]
    fn a_frame_waits_for_its_audio_and_a_late_one_does_not() {
        assert_eq!(wait(1_060_000, 1_000_000, MS(0)), MS(60));
        assert_eq!(wait(1_060_000, 1_000_000, MS(40)), MS(20));
        assert_eq!(wait(1_000_000, 1_060_000, MS(0)), MS(0));
    }

    #[test]
    fn a_screen_goes_by_its_own_audio() {
        assert_eq!(SyncGroup::of(TrackSource::Camera), SyncGroup::of(TrackSource::Microphone));
        assert_eq!(SyncGroup::of(TrackSource::Screen), SyncGroup::of(TrackSource::ScreenAudio));
        assert_ne!(SyncGroup::of(TrackSource::Camera), SyncGroup::of(TrackSource::ScreenAudio));
    }

    #[test]
    fn a_frame_that_is_shown_after_its_audio_is_behind() {
        let sync = LipSync::default();
        sync.heard(1_000_000, Instant::now());
        assert!(sync.ahead(1_040_000).is_some_and(|a| (0..=40_000).contains(&a)));
        assert!(sync.ahead(900_000).is_some_and(|a| a <= -100_000));
    }

    #[test]
    fn old_and_foreign_clocks_cause_no_wait() {
        assert_eq!(wait(1_060_000, 1_000_000, MS(600)), MS(0));
        assert_eq!(wait(9_000_000, 1_000_000, MS(0)), MS(0));
        assert_eq!(wait(1_400_000, 1_000_000, MS(0)), LONGEST_WAIT);
        assert_eq!(LipSync::default().wait_for_audio(5), MS(0));
        assert_eq!(LipSync::default().ahead(5), None);
    }
}
