//! Who must not be in which room of a LiveKit server for a while.
//!
//! That server does not know which tokens are worthless: it lets everybody in whose token has not expired. So whoever
//! was removed is kept out until the last token that they can have has expired: the token endpoint refuses them, and
//! when they come with an old token they are removed again. After a dismissal the token endpoint refuses nobody, and only
//! those who come back without having asked it are sent away.

use crate::base::UserId;
use crate::hub::Ban;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// How long an old token can be good. livekit-server (1.13) gives everybody who is connected tokens for ten minutes,
/// and takes them for one more.
pub(super) const TOKEN_LIFETIME_S: i64 = 11 * 60;
/// People kept out at most; the oldest goes first.
const MAX_PENDING: usize = 10_000;

/// Somebody asks for a token too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("You were removed from this room. It opens for you again in {0} minutes.")]
pub(super) struct StillBanned(i64);

/// What becomes of somebody who is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BanKind {
    /// They were removed from it.
    Removed,
    /// They were in it when it was dismissed, and have not asked for a token since.
    Dismissed,
}

/// Room and user.
type Key = (String, UserId);

/// All who are kept out.
#[derive(Debug, Default)]
pub(super) struct PendingBans {
    pending: HashMap<Key, (BanKind, i64)>,
    /// Oldest first. What was replaced or lifted meanwhile is skipped.
    by_age: VecDeque<(i64, Key)>,
}

impl PendingBans {
    /// Keeps somebody out for a while after the removal or dismissal. A removal is not softened by a dismissal.
    pub(super) fn add(&mut self, ban: &Ban) {
        let key = (ban.room.clone(), ban.user.clone());
        let kind = if ban.dismissed { BanKind::Dismissed } else { BanKind::Removed };
        if kind == BanKind::Dismissed && self.pending.get(&key).is_some_and(|(old, _)| *old == BanKind::Removed) {
            return;
        }
        let until = ban.removed_at.saturating_add(TOKEN_LIFETIME_S);
        self.by_age.push_back((until, key.clone()));
        self.pending.insert(key, (kind, until));
        while self.by_age.len() > MAX_PENDING {
            self.remove_oldest();
        }
    }

    /// Somebody asks for a token: whoever was only dismissed may come back with it. `now` is in Unix seconds.
    pub(super) fn request_token(&mut self, room: &str, user: &UserId, now: i64) -> Result<(), StillBanned> {
        match self.check(room, user, now) {
            Some((BanKind::Removed, still_banned)) => Err(still_banned),
            Some((BanKind::Dismissed, _)) => {
                self.pending.remove(&(room.to_owned(), user.clone()));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether somebody is kept out, and for how long. Looking changes nothing.
    pub(super) fn check(&mut self, room: &str, user: &UserId, now: i64) -> Option<(BanKind, StillBanned)> {
        self.remove_expired(now);
        let (kind, until) = self.pending.get(&(room.to_owned(), user.clone()))?;
        Some((*kind, StillBanned(((until - now + 59) / 60).max(1))))
    }

    /// The rooms that somebody is kept out of.
    pub(super) fn rooms(&mut self, now: i64) -> Vec<String> {
        self.remove_expired(now);
        let rooms: BTreeSet<&String> = self.pending.keys().map(|(room, _)| room).collect();
        rooms.into_iter().cloned().collect()
    }

    /// Whether somebody has no business in a room.
    pub(super) fn find(&self, room: &str, user: &UserId) -> Option<BanKind> {
        self.pending.get(&(room.to_owned(), user.clone())).map(|(kind, _)| *kind)
    }

    fn remove_expired(&mut self, now: i64) {
        while self.by_age.front().is_some_and(|(until, _)| *until <= now) {
            self.remove_oldest();
        }
    }

    fn remove_oldest(&mut self) {
        let Some((at, key)) = self.by_age.pop_front() else { return };
        // A later kind of the same person has an entry of its own.
        if self.pending.get(&key).is_some_and(|(_, until)| *until == at) {
            self.pending.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(user: &str, removed_at: i64, dismissed: bool) -> Ban {
        Ban { room: "r".into(), user: user.parse().unwrap(), removed_at, dismissed }
    }

    fn user(name: &str) -> UserId {
        name.parse().unwrap()
    }

    #[test]
    fn whoever_was_removed_waits_until_old_tokens_are_worthless() {
        let mut pending = PendingBans::default();
        pending.add(&ban("mina", 1000, false));
        assert_eq!(pending.request_token("r", &user("mina"), 1000), Err(StillBanned(11)));
        assert_eq!(pending.request_token("r", &user("mina"), 1000 + TOKEN_LIFETIME_S - 1), Err(StillBanned(1)));
        assert_eq!(pending.find("r", &user("mina")), Some(BanKind::Removed));
        assert_eq!((pending.find("q", &user("mina")), pending.find("r", &user("tom"))), (None, None));
        assert_eq!(pending.rooms(1000 + TOKEN_LIFETIME_S - 1), ["r"]);
        assert_eq!(pending.request_token("r", &user("mina"), 1000 + TOKEN_LIFETIME_S), Ok(()));
        assert!(pending.rooms(1000 + TOKEN_LIFETIME_S).is_empty() && pending.pending.is_empty());
    }

    #[test]
    fn whoever_was_dismissed_comes_back_with_a_new_token_only() {
        let mut pending = PendingBans::default();
        pending.add(&ban("mina", 1000, true));
        pending.add(&ban("tom", 1000, false));
        pending.add(&ban("tom", 1001, true));
        assert_eq!(pending.check("r", &user("mina"), 1001), Some((BanKind::Dismissed, StillBanned(11))));
        assert_eq!(pending.find("r", &user("mina")), Some(BanKind::Dismissed), "a look is no request");
        assert_eq!(pending.request_token("r", &user("mina"), 1001), Ok(()));
        assert_eq!(pending.find("r", &user("mina")), None);
        assert_eq!(pending.find("r", &user("tom")), Some(BanKind::Removed), "a removal outlives the room's end");
    }

    #[test]
    fn a_second_removal_counts_from_its_own_time() {
        let mut pending = PendingBans::default();
        pending.add(&ban("mina", 1000, false));
        pending.add(&ban("mina", 1300, false));
        assert!(pending.request_token("r", &user("mina"), 1000 + TOKEN_LIFETIME_S).is_err());
        assert!(pending.request_token("r", &user("mina"), 1300 + TOKEN_LIFETIME_S).is_ok());
    }

    #[test]
    fn the_list_is_bounded() {
        let mut pending = PendingBans::default();
        for n in 0..MAX_PENDING + 10 {
            pending.add(&ban(&format!("u{n}"), 1000, false));
        }
        assert_eq!((pending.pending.len(), pending.by_age.len()), (MAX_PENDING, MAX_PENDING));
        assert_eq!((pending.find("r", &user("u0")), pending.find("r", &user("u10"))), (None, Some(BanKind::Removed)));
    }
}
