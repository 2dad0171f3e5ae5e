//! Who must not come back with an old token, and what became of those who ask to resume.

use super::Bar;
use super::member::RoomNo;
use crate::base::{Moment, UserId};
use livekit_protocol::{DisconnectReason, ParticipantInfo};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// How long a removal is remembered, in seconds. Tokens that live longer let their owner in again afterwards.
const BAR_LIFE_S: i64 = 30 * 24 * 3600;
/// Removals remembered at most; the oldest goes first.
const MAX_BARS: usize = 100_000;
/// How long a resume is told why its session ended.
const DEPARTURE_LIFE: Duration = Duration::from_secs(3600);
/// Departures remembered at most; the oldest goes first.
const MAX_DEPARTURES: usize = 10_000;
/// Somebody who was lost may be on the way back for so long: a removal or dismissal still reaches them.
const ON_THE_WAY_BACK: Duration = Duration::from_secs(120);

/// Room and user.
type Key = (String, UserId);

/// Those whose older tokens are worthless, by room and user. Each is remembered for 30 days, 100,000 at most.
///
/// A token that says neither `nbf` nor `iat` counts as older than everything: nothing tells it from the one that its
/// owner was removed with.
#[derive(Clone, Debug, Default)]
pub struct Bars {
    bars: BTreeMap<Key, Bar>,
    /// The same, oldest first.
    by_age: BTreeSet<(i64, Key)>,
}

impl Bars {
    /// Bars somebody; a bar that reaches further stays.
    pub fn add(&mut self, bar: Bar) {
        let key = (bar.room.clone(), bar.user.clone());
        match self.bars.get(&key) {
            Some(old) if old.removed_at > bar.removed_at => return,
            Some(old) => drop(self.by_age.remove(&(old.removed_at, key.clone()))),
            None => {}
        }
        self.by_age.insert((bar.removed_at, key.clone()));
        self.bars.insert(key, bar);
        if self.bars.len() > MAX_BARS {
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
    pub fn iter(&self) -> impl Iterator<Item = &Bar> {
        self.bars.values()
    }

    /// The bar that a token made at `issued_at` runs into, both in unix seconds.
    pub(super) fn find(&self, room: &str, user: &UserId, issued_at: i64, now: i64) -> Option<&Bar> {
        let bar = self.bars.get(&(room.to_owned(), user.clone()))?;
        (issued_at <= bar.removed_at && !is_expired(bar.removed_at, now)).then_some(bar)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.by_age.pop_first() {
            self.bars.remove(&key);
        }
    }
}

const fn is_expired(removed_at: i64, now: i64) -> bool {
    removed_at <= now.saturating_sub(BAR_LIFE_S)
}

/// Somebody who left.
#[derive(Clone, Debug)]
pub(super) struct Departure {
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
pub(super) struct Departures(VecDeque<Departure>);

impl Departures {
    pub(super) fn add(&mut self, departure: Departure) {
        let now = departure.at;
        self.0.push_back(departure);
        while self.0.len() > MAX_DEPARTURES || self.0.front().is_some_and(|d| now.since(d.at) > DEPARTURE_LIFE) {
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

    fn bar(room: &str, user: &str, removed_at: i64) -> Bar {
        Bar { room: room.into(), user: user.parse().expect("a user id"), removed_at, dismissed: false }
    }

    fn finds(bars: &Bars, room: &str, user: &str, issued_at: i64) -> bool {
        bars.find(room, &user.parse().expect("a user id"), issued_at, 200).is_some()
    }

    #[test]
    fn a_bar_holds_for_tokens_made_until_then_in_that_room_only() {
        let mut bars = Bars::default();
        bars.add(bar("r", "u", 100));
        bars.add(bar("r", "u", 90));
        assert!(finds(&bars, "r", "u", 100));
        assert!(finds(&bars, "r", "u", 0), "a token without a date");
        assert!(!finds(&bars, "r", "u", 101));
        assert!(!finds(&bars, "other", "u", 1));
    }

    #[test]
    fn a_bar_is_forgotten_after_thirty_days() {
        let mut bars = Bars::default();
        bars.add(bar("r", "u", 100));
        bars.add(bar("r", "v", 101));
        let u: UserId = "u".parse().expect("a user id");
        assert!(bars.find("r", &u, 0, 99 + BAR_LIFE_S).is_some());
        assert!(bars.find("r", &u, 0, 100 + BAR_LIFE_S).is_none());
        bars.forget_expired(100 + BAR_LIFE_S);
        assert_eq!(bars.iter().map(|b| b.user.as_str()).collect::<Vec<_>>(), ["v"]);
        bars.add(bar("r", "v", 500));
        bars.forget_expired(101 + BAR_LIFE_S);
        assert_eq!(bars.iter().count(), 1, "the later removal counts");
    }

    #[test]
    fn the_lists_are_bounded() {
        let mut bars = Bars::default();
        for n in 0..=MAX_BARS as i64 {
            bars.add(bar("r", &format!("u{n}"), n));
        }
        assert_eq!((bars.bars.len(), bars.by_age.len()), (MAX_BARS, MAX_BARS));
        assert!(!finds(&bars, "r", "u0", 0) && finds(&bars, "r", "u1", 0));
        let mut departures = Departures::default();
        for n in 0..MAX_DEPARTURES + 10 {
            let user: UserId = "u".parse().expect("a user id");
            let (sid, reason) = (format!("PA_{n}"), DisconnectReason::ClientInitiated);
            let (room, no) = ("r".into(), RoomNo(1));
            departures.add(Departure { sid, room, no, shown: None, user, reason, at: Moment::ZERO });
        }
        assert_eq!(departures.0.len(), MAX_DEPARTURES);
    }
}
