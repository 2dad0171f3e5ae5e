//! Push to talk: the microphone is on while a key is held.
//!
//! The window and the watcher of the global key tell that a key went down, is still down, and went up. The last can get lost
//! (a hidden window, a driver that blocks the window's thread), so a key that is not confirmed to be down counts as up.

use crate::call::view::{KeyState, TalkKey};
use std::time::{Duration, Instant};

/// How long a key counts as held without being confirmed. The window confirms it every 0.2 s.
const CONFIRMED_FOR: Duration = Duration::from_secs(2);

/// The key that is held, if there is one.
#[derive(Debug, Default)]
pub(super) struct PushToTalk {
    held: Option<(TalkKey, Instant)>,
}

impl PushToTalk {
    /// Takes a report of a key. Returns whether the microphone is to be turned on or off; `is_on` tells whether it is on.
    pub(super) fn take(&mut self, key: TalkKey, state: KeyState, is_on: bool, now: Instant) -> Option<bool> {
        let by_this_key = self.held.is_some_and(|(held, _)| held == key);
        match state {
            KeyState::Down if self.held.is_none() && !is_on => {
                self.held = Some((key, now + CONFIRMED_FOR));
                Some(true)
            }
            KeyState::Held if by_this_key => {
                self.held = Some((key, now + CONFIRMED_FOR));
                None
            }
            KeyState::Up if by_this_key => {
                self.held = None;
                Some(false)
            }
            KeyState::Down | KeyState::Held | KeyState::Up => None,
        }
    }

    /// Ends it, whichever key is held; it begins anew only with another press. Returns whether a key was held.
    pub(super) fn stop(&mut self) -> bool {
        self.held.take().is_some()
    }

    /// The key that is held.
    pub(super) fn key(&self) -> Option<TalkKey> {
        self.held.map(|(key, _)| key)
    }

    /// When the key counts as up unless it is confirmed before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.map(|(_, until)| until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeyState::{Down, Held, Up};
    use TalkKey::{Global, Window};

    #[test]
    fn the_microphone_is_on_while_the_key_is_held_if_it_was_off() {
        let (mut talk, now) = (PushToTalk::default(), Instant::now());
        assert_eq!(talk.take(Window, Down, true, now), None, "it is on already");
        assert_eq!((talk.take(Window, Up, true, now), talk.key()), (None, None), "and stays on");
        assert_eq!((talk.take(Window, Down, false, now), talk.key()), (Some(true), Some(Window)));
        assert_eq!(talk.take(Window, Down, true, now), None, "the press of a key that is down");
        assert_eq!(talk.take(Global, Up, true, now), None, "another key");
        assert_eq!((talk.take(Window, Up, true, now), talk.key()), (Some(false), None));
    }

    #[test]
    fn a_key_that_is_not_confirmed_counts_as_up() {
        let (mut talk, now) = (PushToTalk::default(), Instant::now());
        talk.take(Window, Down, false, now);
        assert_eq!(talk.deadline(), Some(now + CONFIRMED_FOR));
        let later = now + Duration::from_secs(1);
        talk.take(Global, Held, true, later);
        assert_eq!(talk.deadline(), Some(now + CONFIRMED_FOR), "another key confirms nothing");
        talk.take(Window, Held, true, later);
        assert_eq!(talk.deadline(), Some(later + CONFIRMED_FOR));
    }

    #[test]
    fn after_a_stop_only_another_press_talks() {
        let (mut talk, now) = (PushToTalk::default(), Instant::now());
        talk.take(Global, Down, false, now);
        assert!(talk.stop() && !talk.stop());
        assert_eq!((talk.take(Global, Held, false, now), talk.key()), (None, None));
        assert_eq!(talk.take(Global, Up, false, now), None);
        assert_eq!(talk.take(Global, Down, false, now), Some(true));
    }
}
