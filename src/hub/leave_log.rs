//! Recent leaves: the reason for a resume that comes too late, and the users whom a removal still reaches.

use super::member::RoomNo;
use crate::base::{Moment, UserId};
use livekit_protocol::{DisconnectReason, ParticipantInfo};
use std::collections::VecDeque;
use std::time::Duration;

/// How long a resume is told why its session ended.
const LIFETIME: Duration = Duration::from_secs(3600);
/// Records kept; the oldest is dropped.
const MAX_RECORDS: usize = 10_000;
/// How long a member that was lost counts as returning: a removal or dismissal still bans it.
const RETURN_WINDOW: Duration = Duration::from_secs(120);

/// A member that left.
#[derive(Clone, Debug)]
pub(super) struct LeaveRecord {
    pub(super) sid: String,
    pub(super) room: String,
    pub(super) no: RoomNo,
    /// The state sent to the others; `None` for a hidden member.
    pub(super) shown: Option<Box<ParticipantInfo>>,
    pub(super) user: UserId,
    pub(super) reason: DisconnectReason,
    /// Whether it had waited before the room, and was never in it.
    pub(super) waited: bool,
    pub(super) at: Moment,
}

/// Members that left within the last hour, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct LeaveLog(VecDeque<LeaveRecord>);

impl LeaveLog {
    pub(super) fn add(&mut self, record: LeaveRecord) {
        let now = record.at;
        self.0.push_back(record);
        while self.0.len() > MAX_RECORDS || self.0.front().is_some_and(|r| now.since(r.at) > LIFETIME) {
            self.0.pop_front();
        }
    }

    /// Why a session ended.
    pub(super) fn reason(&self, sid: &str, user: &UserId) -> Option<DisconnectReason> {
        self.0.iter().rev().find(|r| r.sid == sid && r.user == *user).map(|r| r.reason)
    }

    /// The visible members that left a room since then.
    pub(super) fn shown_since(&self, no: RoomNo, since: Moment) -> Vec<ParticipantInfo> {
        let recent = self.0.iter().filter(|r| r.no == no && r.at >= since);
        recent.filter_map(|r| r.shown.as_deref().cloned()).collect()
    }

    /// Users that were lost from a room within the last 2 minutes and may be about to join again.
    pub(super) fn returning(&self, room: &str, now: Moment) -> Vec<UserId> {
        let mut users: Vec<UserId> = self.lost(room, now).map(|r| r.user.clone()).collect();
        users.sort();
        users.dedup();
        users
    }

    /// Whether a user was in a room, was lost from it within the last 2 minutes, and may be about to join again.
    pub(super) fn was_inside(&self, room: &str, user: &UserId, now: Moment) -> bool {
        self.lost(room, now).any(|record| record.user == *user && !record.waited)
    }

    fn lost<'a>(&'a self, room: &'a str, now: Moment) -> impl Iterator<Item = &'a LeaveRecord> {
        let recent = self.0.iter().rev().take_while(move |r| now.since(r.at) <= RETURN_WINDOW);
        recent.filter(move |r| r.room == room && is_loss(r.reason))
    }
}

/// Reasons after which a client joins again.
const fn is_loss(reason: DisconnectReason) -> bool {
    use DisconnectReason as Why;
    matches!(reason, Why::ConnectionTimeout | Why::StateMismatch | Why::JoinFailure | Why::MediaFailure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded() {
        let mut log = LeaveLog::default();
        for n in 0..MAX_RECORDS + 10 {
            let user: UserId = "u".parse().expect("a user id");
            let (sid, reason) = (format!("PA_{n}"), DisconnectReason::ClientInitiated);
            let (room, no) = ("r".into(), RoomNo(1));
            log.add(LeaveRecord { sid, room, no, shown: None, user, reason, waited: false, at: Moment::ZERO });
        }
        assert_eq!(log.0.len(), MAX_RECORDS);
    }
}
