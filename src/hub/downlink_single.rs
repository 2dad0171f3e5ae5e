//! Which section carries which track on a v1 connection, where only the client offers.
//!
//! The client's offers hold free `recvonly` sections. A wanted track is bound to one of its kind, and the answer shows
//! it `sendonly`. Where none is free, or a track has to be taken away, the client is asked for another offer
//! (`media_sections_requirement`). Clients need three things: each answer names *all* bound sections; a section whose
//! track is gone must be seen inactive once before it carries another, or the new track stays dark in browsers; and no
//! second request while one is outstanding.

use super::{Mid, TrackSid};
use crate::base::{MediaKind, Moment};
use crate::proto::sdp::MLine;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A client offers by itself soon after it joined or came back. Only later is it asked.
const FIRST_OFFER: Duration = Duration::from_millis(500);
/// A request that brought nothing is repeated, ever more slowly.
const REPEAT: Duration = Duration::from_secs(1);
/// Longest pause between two such requests: `REPEAT` times two to the power of this.
const MAX_DOUBLINGS: u32 = 3;

/// The sections of one v1 connection that carry tracks to the client.
#[derive(Clone, Debug)]
pub(super) struct SingleDownlink {
    /// When the link was opened.
    since: Moment,
    /// Whether the client has offered on it.
    has_offered: bool,
    /// Wanted tracks without a section, oldest first.
    waiting: Vec<(TrackSid, MediaKind)>,
    bound: BTreeMap<Mid, TrackSid>,
    /// Sections whose track is gone, which no answer has shown to the client; and whether the forwarding plane knows.
    released: BTreeMap<Mid, bool>,
    /// Sections that an answer showed inactive: usable once the client has offered after it. With the answer's number.
    resting: BTreeMap<Mid, u64>,
    /// The receiving sections of the last offer.
    receiving: Vec<(Mid, MediaKind)>,
    offers: u64,
    answers: u64,
    /// Offers at the forwarding plane, oldest first.
    in_flight: VecDeque<InFlight>,
    asked: Option<SectionRequest>,
    repeats: u32,
}

#[derive(Clone, Debug)]
struct InFlight {
    map: BTreeMap<Mid, TrackSid>,
    /// The link it came on is gone; nobody waits for the answer.
    stale: bool,
}

#[derive(Clone, Copy, Debug)]
struct SectionRequest {
    at: Moment,
    /// Whether more sections were asked for, not merely an offer.
    sections: bool,
}

/// What an offer changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Binding {
    /// Sections that carry a track from now on.
    pub(super) bind: Vec<(Mid, TrackSid)>,
    /// Sections to be shown inactive.
    pub(super) release: Vec<Mid>,
    /// Tracks whose section the client took away; they wait again.
    pub(super) lost: Vec<TrackSid>,
}

impl SingleDownlink {
    pub(super) fn new(since: Moment) -> Self {
        Self {
            since,
            has_offered: false,
            waiting: Vec::new(),
            bound: BTreeMap::new(),
            released: BTreeMap::new(),
            resting: BTreeMap::new(),
            receiving: Vec::new(),
            offers: 0,
            answers: 0,
            in_flight: VecDeque::new(),
            asked: None,
            repeats: 0,
        }
    }

    /// A track is to be sent.
    pub(super) fn want(&mut self, track: TrackSid, kind: MediaKind) {
        if !self.waiting.iter().any(|(t, _)| *t == track) && !self.is_bound(&track) {
            self.waiting.push((track, kind));
        }
    }

    /// A track is not to be sent any more. Whether it had a section.
    pub(super) fn drop_track(&mut self, track: &str) -> bool {
        self.waiting.retain(|(t, _)| t != track);
        let Some(mid) = self.bound.iter().find(|(_, t)| *t == track).map(|(mid, _)| mid.clone()) else { return false };
        self.bound.remove(&mid);
        self.released.insert(mid, false);
        true
    }

    pub(super) fn is_bound(&self, track: &str) -> bool {
        self.bound.values().any(|t| t == track)
    }

    /// Takes an offer. The caller has it answered with the changes; [`SingleDownlink::answered`] follows.
    pub(super) fn offer(&mut self, sections: &[MLine]) -> Binding {
        let receiving: Vec<_> = sections.iter().filter(|s| s.is_receiving()).map(|s| (s.mid.clone(), s.kind)).collect();
        if self.asked.is_some_and(|a| !a.sections || receiving.len() > self.receiving.len()) {
            self.asked = None;
        }
        self.repeats = 0;
        self.offers += 1;
        self.has_offered = true;
        let before = std::mem::replace(&mut self.receiving, receiving);
        let mut binding = self.take_lost(&before);

        let seen = self.answers;
        self.resting.retain(|_, answer| *answer > seen);
        let Self { waiting, bound, released, resting, receiving, .. } = self;
        waiting.retain(|(track, kind)| {
            let is_free =
                |mid: &Mid| !bound.contains_key(mid) && !released.contains_key(mid) && !resting.contains_key(mid);
            let Some((mid, _)) = receiving.iter().find(|(mid, k)| k == kind && is_free(mid)) else { return true };
            bound.insert(mid.clone(), track.clone());
            binding.bind.push((mid.clone(), track.clone()));
            false
        });
        for (mid, is_known) in std::mem::take(released) {
            resting.insert(mid.clone(), self.offers);
            if !is_known {
                binding.release.push(mid);
            }
        }
        self.in_flight.push_back(InFlight { map: self.bound.clone(), stale: false });
        binding
    }

    /// Bound sections that the client took away with this offer: their tracks wait for another one.
    fn take_lost(&mut self, before: &[(Mid, MediaKind)]) -> Binding {
        let mut lost = Binding::default();
        let has = |mid: &Mid| self.receiving.iter().any(|(m, _)| m == mid);
        for (mid, kind) in before.iter().filter(|(mid, _)| !has(mid)) {
            self.resting.remove(mid);
            if let Some(track) = self.bound.remove(mid) {
                self.waiting.push((track.clone(), *kind));
                lost.lost.push(track);
                lost.release.push(mid.clone());
            }
        }
        lost
    }

    /// The forwarding plane answered the oldest offer. The map for the client (every bound section with its track), or
    /// nothing when the link it came on is gone.
    pub(super) fn answered(&mut self) -> Option<BTreeMap<Mid, TrackSid>> {
        let answered = self.in_flight.pop_front()?;
        self.answers += 1;
        (!answered.stale).then_some(answered.map)
    }

    /// The oldest offer could not be answered. Whether nobody waits for it, as the link it came on is gone.
    pub(super) fn failed(&mut self) -> bool {
        self.in_flight.pop_front().is_some_and(|offer| offer.stale)
    }

    /// The client is back on a new link: what was under way on the old one never arrived. It offers anew.
    pub(super) fn resume(&mut self, now: Moment) {
        for offer in &mut self.in_flight {
            offer.stale = true;
        }
        self.released.extend(std::mem::take(&mut self.resting).into_keys().map(|mid| (mid, true)));
        self.asked = None;
        self.repeats = 0;
        self.since = now;
        self.has_offered = false;
    }

    /// The request to send now: how many sections of sound and picture are missing. Zero of both asks for an offer only.
    pub(super) fn ask(&mut self, now: Moment) -> Option<(u32, u32)> {
        if self.next_ask()? > now {
            return None;
        }
        let missing = |kind: MediaKind| {
            let waiting = self.waiting.iter().filter(|(_, k)| *k == kind).count();
            let unbound = |(mid, k): &&(Mid, MediaKind)| *k == kind && !self.bound.contains_key(mid);
            waiting.saturating_sub(self.receiving.iter().filter(unbound).count()) as u32
        };
        let (audio, video) = (missing(MediaKind::Audio), missing(MediaKind::Video));
        if self.asked.is_some() {
            self.repeats = (self.repeats + 1).min(MAX_DOUBLINGS);
        }
        self.asked = Some(SectionRequest { at: now, sections: audio + video > 0 });
        Some((audio, video))
    }

    /// When [`SingleDownlink::ask`] has something to say.
    pub(super) fn next_ask(&self) -> Option<Moment> {
        let is_needed = !self.waiting.is_empty() || !self.released.is_empty();
        if !is_needed || !self.in_flight.is_empty() {
            return None;
        }
        match self.asked {
            Some(asked) => Some(asked.at + REPEAT * (1 << self.repeats)),
            None if !self.has_offered => Some(self.since + FIRST_OFFER),
            None => Some(Moment::ZERO),
        }
    }
}
