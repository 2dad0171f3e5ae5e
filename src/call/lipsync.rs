//! Picture and sound of one person stay together.
//!
//! Sound sets the time: its jitter buffer holds it back by some tens of milliseconds, and the engine tells which RTP
//! timestamp is being heard. Sender reports (RFC 3550, section 6.4.1) turn that timestamp, and that of each picture, into the
//! sender's own time. A picture that is ahead of the sound waits until the sound has come that far; one that is late is
//! shown at once. So they differ by less than one picture plus the engine's step of 10 ms as long as the picture is not
//! later than the sound.

use crate::base::{TrackRole, TrackSource};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// No picture waits longer than this, whatever the clocks say.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// What was heard longer ago than this says nothing about now: the person is silent (DTX) or muted.
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
    /// The sender's time in microseconds that was being heard at an instant.
    heard: Mutex<Option<(i64, Instant)>>,
}

impl LipSync {
    /// The sound that the sender made at `sender_micros` was heard `at` this instant.
    pub(super) fn heard(&self, sender_micros: i64, at: Instant) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some((sender_micros, at));
    }

    /// How far a picture of `sender_micros` that is shown now is ahead of what is being heard, in microseconds; less
    /// than 0: it comes after its sound. `None` if nothing is heard.
    pub(super) fn ahead(&self, sender_micros: i64) -> Option<i64> {
        let (heard_micros, at) = (*self.heard.lock().unwrap_or_else(PoisonError::into_inner))?;
        ahead(sender_micros, heard_micros, at.elapsed())
    }

    /// How long a picture of `sender_micros` has to wait for its sound.
    pub(super) fn wait_for_sound(&self, sender_micros: i64) -> Duration {
        self.ahead(sender_micros).map_or(Duration::ZERO, wait)
    }
}

fn ahead(picture_micros: i64, heard_micros: i64, since: Duration) -> Option<i64> {
    (since <= STALE).then(|| picture_micros - heard_micros - since.as_micros() as i64)
}

fn wait(ahead_micros: i64) -> Duration {
    let ahead = Duration::from_micros(u64::try_from(ahead_micros).unwrap_or(0));
    // Clocks that differ by seconds are not of one sender: nothing can be said.
    if ahead > LONGEST_WAIT * 4 { Duration::ZERO } else { ahead.min(LONGEST_WAIT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn wait(picture_micros: i64, heard_micros: i64, since: Duration) -> Duration {
        ahead(picture_micros, heard_micros, since).map_or(Duration::ZERO, super::wait)
    }

    #[test]
    fn a_picture_waits_for_its_sound_and_a_late_one_does_not() {
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
    fn what_is_shown_after_its_sound_is_behind() {
        let sync = LipSync::default();
        sync.heard(1_000_000, Instant::now());
        assert!(sync.ahead(1_040_000).is_some_and(|a| (0..=40_000).contains(&a)));
        assert!(sync.ahead(900_000).is_some_and(|a| a <= -100_000));
    }

    #[test]
    fn no_wait_goes_by_old_or_foreign_clocks() {
        assert_eq!(wait(1_060_000, 1_000_000, MS(600)), MS(0));
        assert_eq!(wait(9_000_000, 1_000_000, MS(0)), MS(0));
        assert_eq!(wait(1_400_000, 1_000_000, MS(0)), LONGEST_WAIT);
        assert_eq!(LipSync::default().wait_for_sound(5), MS(0));
        assert_eq!(LipSync::default().ahead(5), None);
    }
}
