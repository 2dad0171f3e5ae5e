//! Who must not come back with an old token, and what became of those who ask to resume.

use super::Ban;
use super::member::RoomNo;
use crate::base::{Moment, UserId};
use livekit_protocol::{DisconnectReason, ParticipantInfo};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// How long a removal is remembered, in seconds. Tokens that live longer let their owner in again afterwards.
const BAN_LIFETIME_S: i64 = 30 * 24 * 3600;
/// Removals remembered at most; the oldest goes first.
const MAX_BANS: usize = 100_000;
/// How long a resume is told why its session ended.
const LEAVE_RECORD_LIFETIME: Duration = Duration::from_secs(3600);
/// LeaveLog remembered at most; the oldest goes first.
const MAX_LEAVE_RECORDS: usize = 10_000;
/// Somebody who was lost may be on the way back for so long: a removal or dismissal still reaches them.
const ON_THE_WAY_BACK: Duration = Duration::from_secs(120);

/// Room and user.
type Key = (String, UserId);

/// Those whose older tokens are worthless, by room and user. Each is remembered for 30 days, 100,000 at most.
///
/// A token that says neither `nbf` nor `iat` counts as older than everything: nothing tells it from the one that its
/// owner was removed with.
#[derive(Clone, Debug, Default)]
pub struct BanList {
    bans: BTreeMap<Key, Ban>,
    /// The same, oldest first.
    by_age: BTreeSet<(i64, Key)>,
}

impl BanList {
    /// BanList somebody; a ban that reaches further stays.
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
            self.forget_oldest();
        }
    }

    /// Forgets what is 30 days old.
    pub fn forget_expired(&mut self, unix_s: i64) {
        while self.by_age.first().is_some_and(|(removed_at, _)| is_expired(*removed_at, unix_s)) {
            self.forget_oldest();
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Ban> {
        self.bans.values()
    }

    /// The ban that a token made at `issued_at` runs into, both in unix seconds.
    pub(super) fn find(&self, room: &str, user: &UserId, issued_at: i64, now: i64) -> Option<&Ban> {
        let ban = self.bans.get(&(room.to_owned(), user.clone()))?;
        (issued_at <= ban.removed_at && !is_expired(ban.removed_at, now)).then_some(ban)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.by_age.pop_first() {
            self.bans.remove(&key);
        }
    }
}

const fn is_expired(removed_at: i64, now: i64) -> bool {
    removed_at <= now.saturating_sub(BAN_LIFETIME_S)
}

/// Somebody who left.
#[derive(Clone, Debug)]
pub(super) struct LeaveRecord {
    pub(super) sid: String,
    pub(super) room: String,
    pub(super) no: RoomNo,
    /// What the others were shown; nothing of somebody hidden.
    pub(super) shown: Option<Box<ParticipantInfo>>,
    pub(super) user: UserId,
    pub(super) reason: DisconnectReason,
    pub(super) at: Moment,
}

/// Those who left lately, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct LeaveLog(VecDeque<LeaveRecord>);

impl LeaveLog {
    pub(super) fn add(&mut self, departure: LeaveRecord) {
        let now = departure.at;
        self.0.push_back(departure);
        while self.0.len() > MAX_LEAVE_RECORDS
            || self.0.front().is_some_and(|d| now.since(d.at) > LEAVE_RECORD_LIFETIME)
        {
            self.0.pop_front();
        }
    }

    /// Why a session ended.
    pub(super) fn reason(&self, sid: &str, user: &UserId) -> Option<DisconnectReason> {
        self.0.iter().rev().find(|d| d.sid == sid && d.user == *user).map(|d| d.reason)
    }

    /// Who was shown leaving a room since then.
    pub(super) fn shown_since(&self, no: RoomNo, since: Moment) -> Vec<ParticipantInfo> {
        let recent = self.0.iter().filter(|d| d.no == no && d.at >= since);
        recent.filter_map(|d| d.shown.as_deref().cloned()).collect()
    }

    /// Who was lost from a room lately and may be about to join it afresh.
    pub(super) fn on_the_way_back(&self, room: &str, now: Moment) -> Vec<UserId> {
        let recent = self.0.iter().rev().take_while(|d| now.since(d.at) <= ON_THE_WAY_BACK);
        let lost = recent.filter(|d| d.room == room && is_loss(d.reason));
        let mut users: Vec<UserId> = lost.map(|d| d.user.clone()).collect();
        users.sort();
        users.dedup();
        users
    }
}

/// Reasons that a client answers by joining afresh.
const fn is_loss(reason: DisconnectReason) -> bool {
    use DisconnectReason as Why;
    matches!(reason, Why::ConnectionTimeout | Why::StateMismatch | Why::JoinFailure | Why::MediaFailure)
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
        bans.forget_expired(100 + BAN_LIFETIME_S);
        assert_eq!(bans.iter().map(|b| b.user.as_str()).collect::<Vec<_>>(), ["v"]);
        bans.add(ban("r", "v", 500));
        bans.forget_expired(101 + BAN_LIFETIME_S);
        assert_eq!(bans.iter().count(), 1, "the later removal counts");
    }

    #[test]
    fn the_lists_are_bounded() {
        let mut bans = BanList::default();
        for n in 0..=MAX_BANS as i64 {
            bans.add(ban("r", &format!("u{n}"), n));
        }
        assert_eq!((bans.bans.len(), bans.by_age.len()), (MAX_BANS, MAX_BANS));
        assert!(!finds(&bans, "r", "u0", 0) && finds(&bans, "r", "u1", 0));
        let mut leave_log = LeaveLog::default();
        for n in 0..MAX_LEAVE_RECORDS + 10 {
            let user: UserId = "u".parse().expect("a user id");
            let (sid, reason) = (format!("PA_{n}"), DisconnectReason::ClientInitiated);
            let (room, no) = ("r".into(), RoomNo(1));
            leave_log.add(LeaveRecord { sid, room, no, shown: None, user, reason, at: Moment::ZERO });
        }
        assert_eq!(leave_log.0.len(), MAX_LEAVE_RECORDS);
    }
}
