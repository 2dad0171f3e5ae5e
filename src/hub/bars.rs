//! Who must not come back with an old token, and what became of those who ask to resume.

use super::Bar;
use super::member::RoomNo;
use crate::base::{Moment, UserId};
use livekit_protocol::{DisconnectReason, ParticipantInfo};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long a removal is remembered, in seconds: longer than any sensible token lives.
const BAR_LIFE_S: i64 = 30 * 24 * 3600;
/// Removals remembered at most; the oldest goes first.
const MAX_BARS: usize = 100_000;
/// How long a resume is told why its session ended.
const DEPARTURE_LIFE: Duration = Duration::from_secs(3600);
/// Departures remembered at most; the oldest goes first.
const MAX_DEPARTURES: usize = 10_000;
/// Somebody who was lost may be on the way back for so long: a removal or dismissal still reaches them.
const ON_THE_WAY_BACK: Duration = Duration::from_secs(120);

/// The removed, by room and user.
#[derive(Debug, Default)]
pub(super) struct Bars(BTreeMap<(String, UserId), Bar>);

impl Bars {
    /// Bars somebody; a bar that reaches further stays.
    pub(super) fn add(&mut self, bar: Bar) {
        let newest = bar.removed_at;
        let key = (bar.room.clone(), bar.user.clone());
        if self.0.get(&key).is_none_or(|old| old.removed_at <= bar.removed_at) {
            self.0.insert(key, bar);
        }
        if self.0.len() > MAX_BARS {
            self.0.retain(|_, b| b.removed_at > newest - BAR_LIFE_S);
        }
        if self.0.len() > MAX_BARS {
            let oldest = self.0.iter().min_by_key(|(_, b)| b.removed_at).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.0.remove(&key));
        }
    }

    /// The bar that a token made at `issued_at` runs into.
    pub(super) fn find(&self, room: &str, user: &UserId, issued_at: i64) -> Option<&Bar> {
        self.0.get(&(room.to_owned(), user.clone())).filter(|bar| issued_at <= bar.removed_at)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Bar> {
        self.0.values()
    }
}

/// Somebody who left.
#[derive(Debug)]
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
#[derive(Debug, Default)]
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
    matches!(
        reason,
        Why::ConnectionTimeout | Why::StateMismatch | Why::JoinFailure | Why::MediaFailure | Why::SignalClose
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(room: &str, user: &str, removed_at: i64) -> Bar {
        Bar { room: room.into(), user: user.parse().expect("a user id"), removed_at, dismissed: false }
    }

    #[test]
    fn a_bar_holds_for_tokens_made_until_then_in_that_room_only() {
        let mut bars = Bars::default();
        bars.add(bar("r", "u", 100));
        bars.add(bar("r", "u", 90));
        let u = "u".parse().expect("a user id");
        assert!(bars.find("r", &u, 100).is_some());
        assert!(bars.find("r", &u, 101).is_none());
        assert!(bars.find("other", &u, 1).is_none());
    }

    #[test]
    fn the_lists_are_bounded() {
        let mut bars = Bars::default();
        for n in 0..=MAX_BARS as i64 {
            bars.add(bar("r", &format!("u{n}"), n));
        }
        assert_eq!(bars.0.len(), MAX_BARS);
        assert!(bars.find("r", &"u0".parse().expect("a user id"), 0).is_none());
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
