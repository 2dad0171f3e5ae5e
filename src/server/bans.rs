//! Who must not be in which room of a LiveKit server for a while.
//!
//! That server does not know which tokens are worthless: it lets everybody in whose token has not expired. So whoever
//! was removed is kept out until the last token that they can have has expired: the token endpoint refuses them, and
//! when they come with an old token they are removed again. After a dismissal the token endpoint refuses nobody, and only
//! those who come back without having asked it are sent away.

use crate::base::UserId;
use crate::hub::Bar;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// How long an old token can be good. livekit-server (1.13) gives everybody who is connected tokens for ten minutes,
/// and takes them for one more.
pub(super) const HOLD_S: i64 = 11 * 60;
/// People kept out at most; the oldest goes first.
const MAX_HOLDS: usize = 10_000;

/// Somebody asks for a token too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("You were removed from this room. It opens for you again in {0} minutes.")]
pub(super) struct KeptOut(i64);

/// What becomes of somebody who is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// They were removed from it.
    Removed,
    /// They were in it when it was dismissed, and have not asked for a token since.
    Dismissed,
}

/// Room and user.
type Key = (String, UserId);

/// All who are kept out.
#[derive(Debug, Default)]
pub(super) struct Holds {
    holds: HashMap<Key, (Hold, i64)>,
    /// Oldest first. What was replaced or lifted meanwhile is skipped.
    by_age: VecDeque<(i64, Key)>,
}

impl Holds {
    /// Keeps somebody out for a while after the removal or dismissal. A removal is not softened by a dismissal.
    pub(super) fn add(&mut self, bar: &Bar) {
        let key = (bar.room.clone(), bar.user.clone());
        let hold = if bar.dismissed { Hold::Dismissed } else { Hold::Removed };
        if hold == Hold::Dismissed && self.holds.get(&key).is_some_and(|(old, _)| *old == Hold::Removed) {
            return;
        }
        let until = bar.removed_at.saturating_add(HOLD_S);
        self.by_age.push_back((until, key.clone()));
        self.holds.insert(key, (hold, until));
        while self.by_age.len() > MAX_HOLDS {
            self.forget_oldest();
        }
    }

    /// Somebody asks for a token: whoever was only dismissed may come back with it. `now` is in Unix seconds.
    pub(super) fn ask(&mut self, room: &str, user: &UserId, now: i64) -> Result<(), KeptOut> {
        match self.look(room, user, now) {
            Some((Hold::Removed, kept_out)) => Err(kept_out),
            Some((Hold::Dismissed, _)) => {
                self.holds.remove(&(room.to_owned(), user.clone()));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether somebody is kept out, and for how long. Looking changes nothing.
    pub(super) fn look(&mut self, room: &str, user: &UserId, now: i64) -> Option<(Hold, KeptOut)> {
        self.forget_expired(now);
        let (hold, until) = self.holds.get(&(room.to_owned(), user.clone()))?;
        Some((*hold, KeptOut(((until - now + 59) / 60).max(1))))
    }

    /// The rooms that somebody is kept out of.
    pub(super) fn rooms(&mut self, now: i64) -> Vec<String> {
        self.forget_expired(now);
        let rooms: BTreeSet<&String> = self.holds.keys().map(|(room, _)| room).collect();
        rooms.into_iter().cloned().collect()
    }

    /// Whether somebody has no business in a room.
    pub(super) fn find(&self, room: &str, user: &UserId) -> Option<Hold> {
        self.holds.get(&(room.to_owned(), user.clone())).map(|(hold, _)| *hold)
    }

    fn forget_expired(&mut self, now: i64) {
        while self.by_age.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((at, key)) = self.by_age.pop_front() else { return };
        // A later hold of the same person has an entry of its own.
        if self.holds.get(&key).is_some_and(|(_, until)| *until == at) {
            self.holds.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(user: &str, removed_at: i64, dismissed: bool) -> Bar {
        Bar { room: "r".into(), user: user.parse().unwrap(), removed_at, dismissed }
    }

    fn user(name: &str) -> UserId {
        name.parse().unwrap()
    }

    #[test]
    fn whoever_was_removed_waits_until_old_tokens_are_worthless() {
        let mut holds = Holds::default();
        holds.add(&bar("mina", 1000, false));
        assert_eq!(holds.ask("r", &user("mina"), 1000), Err(KeptOut(11)));
        assert_eq!(holds.ask("r", &user("mina"), 1000 + HOLD_S - 1), Err(KeptOut(1)));
        assert_eq!(holds.find("r", &user("mina")), Some(Hold::Removed));
        assert_eq!((holds.find("q", &user("mina")), holds.find("r", &user("tom"))), (None, None));
        assert_eq!(holds.rooms(1000 + HOLD_S - 1), ["r"]);
        assert_eq!(holds.ask("r", &user("mina"), 1000 + HOLD_S), Ok(()));
        assert!(holds.rooms(1000 + HOLD_S).is_empty() && holds.holds.is_empty());
    }

    #[test]
    fn whoever_was_dismissed_comes_back_with_a_new_token_only() {
        let mut holds = Holds::default();
        holds.add(&bar("mina", 1000, true));
        holds.add(&bar("tom", 1000, false));
        holds.add(&bar("tom", 1001, true));
        assert_eq!(holds.look("r", &user("mina"), 1001), Some((Hold::Dismissed, KeptOut(11))));
        assert_eq!(holds.find("r", &user("mina")), Some(Hold::Dismissed), "a look is no request");
        assert_eq!(holds.ask("r", &user("mina"), 1001), Ok(()));
        assert_eq!(holds.find("r", &user("mina")), None);
        assert_eq!(holds.find("r", &user("tom")), Some(Hold::Removed), "a removal outlives the room's end");
    }

    #[test]
    fn a_second_removal_counts_from_its_own_time() {
        let mut holds = Holds::default();
        holds.add(&bar("mina", 1000, false));
        holds.add(&bar("mina", 1300, false));
        assert!(holds.ask("r", &user("mina"), 1000 + HOLD_S).is_err());
        assert!(holds.ask("r", &user("mina"), 1300 + HOLD_S).is_ok());
    }

    #[test]
    fn the_list_is_bounded() {
        let mut holds = Holds::default();
        for n in 0..MAX_HOLDS + 10 {
            holds.add(&bar(&format!("u{n}"), 1000, false));
        }
        assert_eq!((holds.holds.len(), holds.by_age.len()), (MAX_HOLDS, MAX_HOLDS));
        assert_eq!((holds.find("r", &user("u0")), holds.find("r", &user("u10"))), (None, Some(Hold::Removed)));
    }
}
