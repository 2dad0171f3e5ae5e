//! Users whose older tokens are refused, by room.

use super::Ban;
use crate::base::UserId;
use std::collections::{BTreeMap, BTreeSet};

/// How long a ban is kept, in seconds. A token that lives longer is accepted again afterwards.
const BAN_LIFETIME_S: i64 = 30 * 24 * 3600;
/// Bans kept; the oldest is dropped.
const MAX_BANS: usize = 100_000;

/// Room and user.
type Key = (String, UserId);

/// The bans of a server, one for each room and user: at most 100,000, each for 30 days.
///
/// A token with neither `nbf` nor `iat` counts as older than every ban, because its age is unknown.
#[derive(Clone, Debug, Default)]
pub struct BanList {
    bans: BTreeMap<Key, Ban>,
    /// The keys of `bans`, oldest first.
    by_age: BTreeSet<(i64, Key)>,
}

impl BanList {
    /// Adds a ban. An existing ban of the same user with a later date stays.
    pub fn add(&mut self, ban: Ban) {
        let key = (ban.room.clone(), ban.user.clone());
        match self.bans.get(&key) {
            Some(old) if old.removed_at > ban.removed_at => return,
            Some(old) => drop(self.by_age.remove(&(old.removed_at, key.clone()))),
            None => {}
        }
        self.by_age.insert((ban.removed_at, key.clone()));
        self.bans.insert(key, ban);
        if self.bans.len() > MAX_BANS {
            self.remove_oldest();
        }
    }

    /// Drops bans older than 30 days.
    pub(crate) fn remove_expired(&mut self, unix_s: i64) {
        while self.by_age.first().is_some_and(|(removed_at, _)| is_expired(*removed_at, unix_s)) {
            self.remove_oldest();
        }
    }

    /// All bans.
    pub fn iter(&self) -> impl Iterator<Item = &Ban> {
        self.bans.values()
    }

    /// The ban that refuses a token made at `issued_at`; both times in Unix seconds.
    pub(super) fn find(&self, room: &str, user: &UserId, issued_at: i64, now: i64) -> Option<&Ban> {
        let ban = self.bans.get(&(room.to_owned(), user.clone()))?;
        (issued_at <= ban.removed_at && !is_expired(ban.removed_at, now)).then_some(ban)
    }

    fn remove_oldest(&mut self) {
        if let Some((_, key)) = self.by_age.pop_first() {
            self.bans.remove(&key);
        }
    }
}

const fn is_expired(removed_at: i64, now: i64) -> bool {
    removed_at <= now.saturating_sub(BAN_LIFETIME_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(room: &str, user: &str, removed_at: i64) -> Ban {
        Ban { room: room.into(), user: user.parse().expect("a user id"), removed_at, dismissed: false }
    }

    fn finds(bans: &BanList, room: &str, user: &str, issued_at: i64) -> bool {
        bans.find(room, &user.parse().expect("a user id"), issued_at, 200).is_some()
    }

    #[test]
    fn a_ban_holds_for_tokens_made_until_then_in_that_room_only() {
        let mut bans = BanList::default();
        bans.add(ban("r", "u", 100));
        bans.add(ban("r", "u", 90));
        assert!(finds(&bans, "r", "u", 100));
        assert!(finds(&bans, "r", "u", 0), "a token without a date");
        assert!(!finds(&bans, "r", "u", 101));
        assert!(!finds(&bans, "other", "u", 1));
    }

    #[test]
    fn a_ban_is_forgotten_after_thirty_days() {
        let mut bans = BanList::default();
        bans.add(ban("r", "u", 100));
        bans.add(ban("r", "v", 101));
        let u: UserId = "u".parse().expect("a user id");
        assert!(bans.find("r", &u, 0, 99 + BAN_LIFETIME_S).is_some());
        assert!(bans.find("r", &u, 0, 100 + BAN_LIFETIME_S).is_none());
        bans.remove_expired(100 + BAN_LIFETIME_S);
        assert_eq!(bans.iter().map(|b| b.user.as_str()).collect::<Vec<_>>(), ["v"]);
        bans.add(ban("r", "v", 500));
        bans.remove_expired(101 + BAN_LIFETIME_S);
        assert_eq!(bans.iter().count(), 1, "the later removal counts");
    }

    #[test]
    fn the_list_is_bounded() {
        let mut bans = BanList::default();
        for n in 0..=MAX_BANS as i64 {
            bans.add(ban("r", &format!("u{n}"), n));
        }
        assert_eq!((bans.bans.len(), bans.by_age.len()), (MAX_BANS, MAX_BANS));
        assert!(!finds(&bans, "r", "u0", 0) && finds(&bans, "r", "u1", 0));
    }
}
