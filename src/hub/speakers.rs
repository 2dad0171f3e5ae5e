//! Who speaks, from the loudness of tracks: LiveKit's `speakers_changed`.
//!
//! A voice is smoothed and held over short pauses, its level told in eighths, and only what changed is told.

use super::{MemberId, TrackSid};
use crate::base::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// Linear level from which somebody speaks: -35 dB.
const THRESHOLD: f32 = 0.0178;
/// How long somebody counts as speaking after the last loud sound.
const HOLD: Duration = Duration::from_millis(800);
/// Shortest time between two messages.
const INTERVAL: Duration = Duration::from_millis(300);
/// The first message of a silent room comes sooner.
const FIRST: Duration = Duration::from_millis(50);
/// A track that reports nothing for so long is silent.
const STALE: Duration = Duration::from_secs(2);
const STEPS: f32 = 8.0;
const ATTACK: f32 = 0.7;
const DECAY: f32 = 0.3;

/// The members of one room.
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
    /// Eighths as told last; 0 is not speaking.
    told: u8,
}

/// Somebody's level, 0.0 to 1.0, as it is to be told; 0 means not speaking any more.
pub(super) type SpeakerLevel = (MemberId, f32);

impl Speakers {
    /// A track was so loud. Starts the clock of a silent room.
    pub(super) fn level(&mut self, member: MemberId, track: &str, level: f32, now: Moment) {
        let level = if level.is_finite() { level.clamp(0.0, 1.0) } else { 0.0 };
        let voice = self.members.entry(member).or_default();
        voice.tracks.insert(track.to_owned(), (level, now));
        if level >= THRESHOLD {
            voice.loud_at = Some(now);
            self.next.get_or_insert(now + FIRST);
        }
    }

    /// A track is muted or gone.
    pub(super) fn silence(&mut self, member: MemberId, track: &str) {
        if let Some(voice) = self.members.get_mut(&member) {
            voice.tracks.remove(track);
            if voice.tracks.is_empty() {
                voice.loud_at = None;
            }
        }
    }

    /// Somebody left; that they do not speak any more goes without saying.
    pub(super) fn remove(&mut self, member: MemberId) {
        self.members.remove(&member);
    }

    /// When to ask [`Speakers::changes`].
    pub(super) fn deadline(&self) -> Option<Moment> {
        self.next
    }

    /// What changed since the last time, loudest first.
    pub(super) fn changes(&mut self, now: Moment) -> Vec<SpeakerLevel> {
        let mut changes = Vec::new();
        for (member, voice) in &mut self.members {
            let eighths = voice.step(now);
            if eighths != voice.told {
                voice.told = eighths;
                changes.push((*member, f32::from(eighths) / STEPS));
            }
        }
        self.members.retain(|_, v| v.told > 0 || !v.tracks.is_empty());
        let is_busy = self.members.values().any(|v| v.told > 0 || v.loud_at.is_some());
        self.next = is_busy.then(|| now + INTERVAL);
        changes.sort_by(|a, b| b.1.total_cmp(&a.1));
        changes
    }

    /// Who speaks now, loudest first: for somebody who missed the changes.
    pub(super) fn current(&self) -> Vec<SpeakerLevel> {
        let speaking = self.members.iter().filter(|(_, v)| v.told > 0);
        let mut all: Vec<SpeakerLevel> = speaking.map(|(m, v)| (*m, f32::from(v.told) / STEPS)).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }
}

impl MemberLevels {
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
    fn only_changes_are_told_loudest_first_and_the_clock_stops_in_silence() {
        let mut s = Speakers::default();
        s.level(A, "a", 0.005, at(0));
        assert_eq!(s.deadline(), None);
        s.level(A, "a", 0.2, at(100));
        s.level(B, "b", 0.9, at(100));
        assert_eq!(s.deadline(), Some(at(150)));
        let first: Vec<_> = s.changes(at(150)).into_iter().map(|(m, _)| m).collect();
        assert_eq!(first, [B, A]);
        for step in 1..20 {
            s.level(A, "a", 0.2, at(150 + step * 300));
            s.level(B, "b", 0.9, at(150 + step * 300));
            s.changes(at(150 + step * 300));
        }
        assert_eq!(s.changes(at(6150)), []);
        s.level(A, "a", 0.0, at(6200));
        s.level(B, "b", 0.0, at(6200));
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
    fn a_pause_shorter_than_the_hold_is_not_told() {
        let mut s = Speakers::default();
        s.level(A, "a", 0.5, at(0));
        s.changes(at(50));
        s.level(A, "a", 0.0, at(100));
        assert!(s.changes(at(350)).iter().all(|(_, level)| *level > 0.0));
        assert_eq!(s.current().len(), 1);
    }
}
