//! Active speakers, from the audio levels of tracks: LiveKit's `speakers_changed`.
//!
//! A member's level is smoothed, held over short pauses, quantized to eighths, and sent only when it changes.

use super::MemberId;
use crate::base::{Moment, TrackSid};
use std::collections::BTreeMap;
use std::time::Duration;

/// Linear level from which a member counts as speaking: -35 dBFS.
const THRESHOLD: f32 = 0.0178;
/// How long a member counts as speaking after its level fell below the threshold.
const HOLD: Duration = Duration::from_millis(800);
/// Shortest time between two messages.
const INTERVAL: Duration = Duration::from_millis(300);
/// Time from the first loud level in a silent room to the message.
const FIRST: Duration = Duration::from_millis(50);
/// A track without reports for this long is silent.
const STALE: Duration = Duration::from_secs(2);
/// Steps of the quantized level.
const STEPS: f32 = 8.0;
/// Smoothing factor for a rising level.
const ATTACK: f32 = 0.7;
/// Smoothing factor for a falling level.
const DECAY: f32 = 0.3;

/// The audio levels of one room.
#[derive(Clone, Debug, Default)]
pub(super) struct Speakers {
    members: BTreeMap<MemberId, MemberLevels>,
    next: Option<Moment>,
}

#[derive(Clone, Debug, Default)]
struct MemberLevels {
    tracks: BTreeMap<TrackSid, (f32, Moment)>,
    smooth: f32,
    loud_at: Option<Moment>,
    /// The level sent last, in eighths; 0 is not speaking.
    sent: u8,
}

/// A member's level to send, 0.0 to 1.0; 0 means that it stopped speaking.
pub(super) type SpeakerLevel = (MemberId, f32);

impl Speakers {
    /// Takes the level of a track. The first loud one in a silent room sets the deadline.
    pub(super) fn level(&mut self, member: MemberId, track: &TrackSid, level: f32, now: Moment) {
        let level = if level.is_finite() { level.clamp(0.0, 1.0) } else { 0.0 };
        let levels = self.members.entry(member).or_default();
        levels.tracks.insert(track.clone(), (level, now));
        if level >= THRESHOLD {
            levels.loud_at = Some(now);
            self.next.get_or_insert(now + FIRST);
        }
    }

    /// A track was muted or ended.
    pub(super) fn silence(&mut self, member: MemberId, track: &TrackSid) {
        if let Some(levels) = self.members.get_mut(&member) {
            levels.tracks.remove(track);
            if levels.tracks.is_empty() {
                levels.loud_at = None;
            }
        }
    }

    /// A member left. No message is due: clients drop a speaker that leaves.
    pub(super) fn remove(&mut self, member: MemberId) {
        self.members.remove(&member);
    }

    /// When to call [`Speakers::changes`].
    pub(super) fn deadline(&self) -> Option<Moment> {
        self.next
    }

    /// The levels that changed since the last call, loudest first.
    pub(super) fn changes(&mut self, now: Moment) -> Vec<SpeakerLevel> {
        let mut changes = Vec::new();
        for (member, levels) in &mut self.members {
            let eighths = levels.step(now);
            if eighths != levels.sent {
                levels.sent = eighths;
                changes.push((*member, f32::from(eighths) / STEPS));
            }
        }
        self.members.retain(|_, v| v.sent > 0 || !v.tracks.is_empty());
        let is_busy = self.members.values().any(|v| v.sent > 0 || v.loud_at.is_some());
        self.next = is_busy.then(|| now + INTERVAL);
        changes.sort_by(|a, b| b.1.total_cmp(&a.1));
        changes
    }

    /// All current speakers, loudest first: for a client that missed changes.
    pub(super) fn current(&self) -> Vec<SpeakerLevel> {
        let speaking = self.members.iter().filter(|(_, v)| v.sent > 0);
        let mut all: Vec<SpeakerLevel> = speaking.map(|(m, v)| (*m, f32::from(v.sent) / STEPS)).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }
}

impl MemberLevels {
    /// Smooths one step and returns the level in eighths.
    fn step(&mut self, now: Moment) -> u8 {
        self.tracks.retain(|_, (_, at)| now.since(*at) <= STALE);
        let loudest = self.tracks.values().map(|(level, _)| *level).fold(0.0, f32::max);
        self.smooth += (loudest - self.smooth) * if loudest > self.smooth { ATTACK } else { DECAY };
        if loudest >= THRESHOLD {
            self.loud_at = Some(now);
        }
        if self.loud_at.is_some_and(|at| now.since(at) <= HOLD) {
            return (self.smooth * STEPS).ceil().clamp(1.0, STEPS) as u8;
        }
        self.loud_at = None;
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: MemberId = MemberId(1);
    const B: MemberId = MemberId(2);

    fn at(ms: u64) -> Moment {
        Moment::from_millis(ms)
    }

    #[test]
    fn only_changes_are_sent_loudest_first_and_the_timer_stops_in_silence() {
        let (mut s, [a, b]) = (Speakers::default(), ["a", "b"].map(TrackSid::from));
        s.level(A, &a, 0.005, at(0));
        assert_eq!(s.deadline(), None);
        s.level(A, &a, 0.2, at(100));
        s.level(B, &b, 0.9, at(100));
        assert_eq!(s.deadline(), Some(at(150)));
        let first: Vec<_> = s.changes(at(150)).into_iter().map(|(m, _)| m).collect();
        assert_eq!(first, [B, A]);
        for step in 1..20 {
            s.level(A, &a, 0.2, at(150 + step * 300));
            s.level(B, &b, 0.9, at(150 + step * 300));
            s.changes(at(150 + step * 300));
        }
        assert_eq!(s.changes(at(6150)), []);
        s.level(A, &a, 0.0, at(6200));
        s.level(B, &b, 0.0, at(6200));
        let mut stopped = Vec::new();
        let mut now = at(6200);
        while let Some(next) = s.deadline() {
            now = next;
            stopped.extend(s.changes(now).into_iter().filter(|(_, level)| *level == 0.0).map(|(m, _)| m));
        }
        stopped.sort();
        assert_eq!(stopped, [A, B]);
        assert!(now >= at(6900), "held for 800 ms, not only to {now:?}");
        assert_eq!(s.current(), []);
    }

    #[test]
    fn a_pause_shorter_than_the_hold_is_not_sent() {
        let (mut s, a) = (Speakers::default(), TrackSid::from("a"));
        s.level(A, &a, 0.5, at(0));
        s.changes(at(50));
        s.level(A, &a, 0.0, at(100));
        assert!(s.changes(at(350)).iter().all(|(_, level)| *level > 0.0));
        assert_eq!(s.current().len(), 1);
    }
}
