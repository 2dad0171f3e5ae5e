//! Which m-line carries which track on a v1 connection, where only the client offers.
//!
//! The client's offers contain free `recvonly` m-lines. A subscribed track is bound to one of its kind, and the answer
//! makes it `sendonly`. If none is free, or a track ended, the client is asked for another offer
//! (`media_sections_requirement`). Clients require three things: each answer names *all* bound m-lines; an m-line whose
//! track ended is answered inactive once before it carries another track, or browsers show nothing; and there is at
//! most one outstanding request.

use super::Mid;
use crate::base::{MediaKind, Moment, TrackSid};
use crate::proto::sdp::MLine;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long after a join or resume the client may take for its own first offer before it is asked.
const FIRST_OFFER: Duration = Duration::from_millis(500);
/// Pause before an unanswered request is repeated; it doubles each time.
const REPEAT: Duration = Duration::from_secs(1);
/// The longest pause is `REPEAT` times two to the power of this: 8 s.
const MAX_DOUBLINGS: u32 = 3;

/// The m-lines of one v1 connection that carry tracks to the client.
#[derive(Clone, Debug)]
pub(super) struct SingleDownlink {
    /// When the link was opened.
    since: Moment,
    /// Whether the client has offered on it.
    has_offered: bool,
    /// Subscribed tracks without an m-line, oldest first.
    waiting: Vec<(TrackSid, MediaKind)>,
    bound: BTreeMap<Mid, TrackSid>,
    /// M-lines whose track ended and that no answer has made inactive yet; `true` if the forwarding plane released
    /// them.
    released: BTreeMap<Mid, bool>,
    /// M-lines that an answer makes inactive, with the number of that answer. The next offer after it frees them.
    resting: BTreeMap<Mid, u64>,
    /// The receiving m-lines of the last offer.
    receiving: Vec<(Mid, MediaKind)>,
    offers: u64,
    answers: u64,
    /// Offers at the forwarding plane, oldest first.
    in_flight: VecDeque<InFlight>,
    /// The request that the client has not answered with an offer yet.
    requested: Option<OfferRequest>,
    repeats: u32,
}

#[derive(Clone, Debug)]
struct InFlight {
    map: BTreeMap<Mid, TrackSid>,
    /// The link that it came on is gone, so its answer is not sent.
    stale: bool,
}

#[derive(Clone, Copy, Debug)]
struct OfferRequest {
    at: Moment,
    /// Whether it asked for more m-lines, not only for an offer.
    more_m_lines: bool,
}

/// The changes that an offer brings.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Binding {
    /// M-lines that carry a track from now on.
    pub(super) bind: Vec<(Mid, TrackSid)>,
    /// M-lines to answer inactive.
    pub(super) release: Vec<Mid>,
    /// Tracks whose m-line the client removed; they wait for another.
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
            requested: None,
            repeats: 0,
        }
    }

    /// Starts sending a track.
    pub(super) fn want(&mut self, track: TrackSid, kind: MediaKind) {
        if !self.waiting.iter().any(|(t, _)| *t == track) && !self.is_bound(&track) {
            self.waiting.push((track, kind));
        }
    }

    /// Stops sending a track. Returns whether it had an m-line.
    pub(super) fn drop_track(&mut self, track: &TrackSid) -> bool {
        self.waiting.retain(|(t, _)| t != track);
        let Some(mid) = self.bound.iter().find(|(_, t)| *t == track).map(|(mid, _)| mid.clone()) else { return false };
        self.bound.remove(&mid);
        self.released.insert(mid, false);
        true
    }

    pub(super) fn is_bound(&self, track: &TrackSid) -> bool {
        self.bound.values().any(|t| t == track)
    }

    /// Handles an offer. The caller passes the changes on to the forwarding plane; [`Self::answered`] or
    /// [`Self::failed`] follows.
    pub(super) fn offer(&mut self, m_lines: &[MLine]) -> Binding {
        let receiving: Vec<_> = m_lines.iter().filter(|s| s.is_receiving()).map(|s| (s.mid.clone(), s.kind)).collect();
        if self.requested.is_some_and(|a| !a.more_m_lines || receiving.len() > self.receiving.len()) {
            self.requested = None;
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

    /// Unbinds m-lines that the client removed with this offer. Their tracks wait for another.
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

    /// The forwarding plane answered the oldest offer. Returns every bound m-line with its track, or `None` if the
    /// offer is stale.
    pub(super) fn answered(&mut self) -> Option<BTreeMap<Mid, TrackSid>> {
        let answered = self.in_flight.pop_front()?;
        self.answers += 1;
        (!answered.stale).then_some(answered.map)
    }

    /// The oldest offer was rejected. Returns whether it is stale.
    pub(super) fn failed(&mut self) -> bool {
        self.in_flight.pop_front().is_some_and(|offer| offer.stale)
    }

    /// The client resumed. Pending answers and requests of the old link are lost; the client offers again.
    pub(super) fn resume(&mut self, now: Moment) {
        for offer in &mut self.in_flight {
            offer.stale = true;
        }
        self.released.extend(std::mem::take(&mut self.resting).into_keys().map(|mid| (mid, true)));
        self.requested = None;
        self.repeats = 0;
        self.since = now;
        self.has_offered = false;
    }

    /// The request to send now: how many audio and video m-lines are missing. Zeros ask for an offer only.
    pub(super) fn request_offer(&mut self, now: Moment) -> Option<(u32, u32)> {
        if self.next_request()? > now {
            return None;
        }
        let missing = |kind: MediaKind| {
            let waiting = self.waiting.iter().filter(|(_, k)| *k == kind).count();
            let unbound = |(mid, k): &&(Mid, MediaKind)| *k == kind && !self.bound.contains_key(mid);
            waiting.saturating_sub(self.receiving.iter().filter(unbound).count()) as u32
        };
        let (audio, video) = (missing(MediaKind::Audio), missing(MediaKind::Video));
        if self.requested.is_some() {
            self.repeats = (self.repeats + 1).min(MAX_DOUBLINGS);
        }
        self.requested = Some(OfferRequest { at: now, more_m_lines: audio + video > 0 });
        Some((audio, video))
    }

    /// When [`Self::request_offer`] returns a request.
    pub(super) fn next_request(&self) -> Option<Moment> {
        let is_needed = !self.waiting.is_empty() || !self.released.is_empty();
        if !is_needed || !self.in_flight.is_empty() {
            return None;
        }
        match self.requested {
            Some(request) => Some(request.at + REPEAT * (1 << self.repeats)),
            None if !self.has_offered => Some(self.since + FIRST_OFFER),
            None => Some(Moment::ZERO),
        }
    }
}
