//! Bans in the rooms of a LiveKit server, which has none of its own: it admits everybody whose token has not expired.
//!
//! A ban lasts until every token that the user can have has expired. A removed user gets no new token until then, and
//! is removed again when it joins with an old one. After a dismissal a user may ask for a new token, which lifts the
//! ban; a user that joins with an old one is removed.

use crate::base::UserId;
use crate::hub::Ban;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// How long a ban lasts, in seconds. livekit-server (1.13) renews the tokens of connected clients for 10 minutes, and
/// accepts a token for 1 minute after it expired.
pub(super) const TOKEN_LIFETIME_S: i64 = 11 * 60;
/// Bans kept; the oldest is dropped.
const MAX_BANS: usize = 10_000;

/// A removed user asks for a token before its ban ends; the value is in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("You were removed from this room. It opens for you again in {0} minutes.")]
pub(super) struct StillBanned(i64);

/// The cause of a ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BanKind {
    /// The user was removed.
    Removed,
    /// The user was in the room when it was dismissed, and has not asked for a token since.
    Dismissed,
}

/// Room and user.
type Key = (String, UserId);

/// Bans that end by themselves: at most 10,000, each for 11 minutes.
#[derive(Debug, Default)]
pub(super) struct TimedBans {
    /// By room and user, with the end in Unix seconds.
    bans: HashMap<Key, (BanKind, i64)>,
    /// The ends, oldest first. Entries of replaced and lifted bans are skipped.
    by_age: VecDeque<(i64, Key)>,
}

impl TimedBans {
    /// Adds a ban. A dismissal does not replace a removal.
    pub(super) fn add(&mut self, ban: &Ban) {
        let key = (ban.room.clone(), ban.user.clone());
        let kind = if ban.dismissed { BanKind::Dismissed } else { BanKind::Removed };
        if kind == BanKind::Dismissed && self.bans.get(&key).is_some_and(|(old, _)| *old == BanKind::Removed) {
            return;
        }
        let until = ban.removed_at.saturating_add(TOKEN_LIFETIME_S);
        self.by_age.push_back((until, key.clone()));
        self.bans.insert(key, (kind, until));
        while self.by_age.len() > MAX_BANS {
            self.remove_oldest();
        }
    }

    /// A user asks for a token: lifts a ban by dismissal. `now` is in Unix seconds.
    pub(super) fn request_token(&mut self, room: &str, user: &UserId, now: i64) -> Result<(), StillBanned> {
        match self.check(room, user, now) {
            Some((BanKind::Removed, still_banned)) => Err(still_banned),
            Some((BanKind::Dismissed, _)) => {
                self.bans.remove(&(room.to_owned(), user.clone()));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The ban of a user and the time left. A ban stays.
    pub(super) fn check(&mut self, room: &str, user: &UserId, now: i64) -> Option<(BanKind, StillBanned)> {
        self.remove_expired(now);
        let (kind, until) = self.bans.get(&(room.to_owned(), user.clone()))?;
        Some((*kind, StillBanned(((until - now + 59) / 60).max(1))))
    }

    /// The rooms with a ban.
    pub(super) fn rooms(&mut self, now: i64) -> Vec<String> {
        self.remove_expired(now);
        let rooms: BTreeSet<&String> = self.bans.keys().map(|(room, _)| room).collect();
        rooms.into_iter().cloned().collect()
    }

    /// The ban of a user, even one that has just ended.
    pub(super) fn find(&self, room: &str, user: &UserId) -> Option<BanKind> {
        self.bans.get(&(room.to_owned(), user.clone())).map(|(kind, _)| *kind)
    }

    fn remove_expired(&mut self, now: i64) {
        while self.by_age.front().is_some_and(|(until, _)| *until <= now) {
            self.remove_oldest();
        }
    }

    fn remove_oldest(&mut self) {
        let Some((at, key)) = self.by_age.pop_front() else { return };
        // A later ban of the same user has an entry of its own.
        if self.bans.get(&key).is_some_and(|(_, until)| *until == at) {
            self.bans.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(user: &str, removed_at: i64, dismissed: bool) -> Ban {
        Ban { room: "r".into(), user: user.parse().expect("a user id"), removed_at, dismissed }
    }

    fn user(name: &str) -> UserId {
        name.parse().expect("a user id")
    }

    #[test]
    fn a_removed_user_gets_no_token_until_old_ones_have_expired() {
        let mut bans = TimedBans::default();
        bans.add(&ban("mina", 1000, false));
        assert_eq!(bans.request_token("r", &user("mina"), 1000), Err(StillBanned(11)));
        assert_eq!(bans.request_token("r", &user("mina"), 1000 + TOKEN_LIFETIME_S - 1), Err(StillBanned(1)));
        assert_eq!(bans.find("r", &user("mina")), Some(BanKind::Removed));
        assert_eq!((bans.find("q", &user("mina")), bans.find("r", &user("tom"))), (None, None));
        assert_eq!(bans.rooms(1000 + TOKEN_LIFETIME_S - 1), ["r"]);
        assert_eq!(bans.request_token("r", &user("mina"), 1000 + TOKEN_LIFETIME_S), Ok(()));
        assert!(bans.rooms(1000 + TOKEN_LIFETIME_S).is_empty() && bans.bans.is_empty());
    }

    #[test]
    fn a_dismissed_user_comes_back_with_a_new_token_only() {
        let mut bans = TimedBans::default();
        bans.add(&ban("mina", 1000, true));
        bans.add(&ban("tom", 1000, false));
        bans.add(&ban("tom", 1001, true));
        assert_eq!(bans.check("r", &user("mina"), 1001), Some((BanKind::Dismissed, StillBanned(11))));
        assert_eq!(bans.find("r", &user("mina")), Some(BanKind::Dismissed), "a check is no request");
        assert_eq!(bans.request_token("r", &user("mina"), 1001), Ok(()));
        assert_eq!(bans.find("r", &user("mina")), None);
        assert_eq!(bans.find("r", &user("tom")), Some(BanKind::Removed), "a removal outlives the room's end");
    }

    #[test]
    fn a_second_removal_extends_the_ban() {
        let mut bans = TimedBans::default();
        bans.add(&ban("mina", 1000, false));
        bans.add(&ban("mina", 1300, false));
        assert!(bans.request_token("r", &user("mina"), 1000 + TOKEN_LIFETIME_S).is_err());
        assert!(bans.request_token("r", &user("mina"), 1300 + TOKEN_LIFETIME_S).is_ok());
    }

    #[test]
    fn the_list_is_bounded() {
        let mut bans = TimedBans::default();
        for n in 0..MAX_BANS + 10 {
            bans.add(&ban(&format!("u{n}"), 1000, false));
        }
        assert_eq!((bans.bans.len(), bans.by_age.len()), (MAX_BANS, MAX_BANS));
        assert_eq!((bans.find("r", &user("u0")), bans.find("r", &user("u10"))), (None, Some(BanKind::Removed)));
    }
}
