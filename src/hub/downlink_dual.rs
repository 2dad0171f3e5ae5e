//! Which section carries which track on a v0 subscriber connection, where only the server offers.
//!
//! One offer is under way at a time; what changes meanwhile goes into the next. An offer that was lost with its link is
//! made again with new ICE credentials, and whatever it was to add or to stop is in the new one.

use super::{Mid, TrackSid};
use crate::base::Moment;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A client that has not answered by then is told to join afresh.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// The sections of one v0 subscriber connection.
#[derive(Clone, Debug)]
pub(super) struct DualDownlink {
    /// Tracks for the next offer, oldest first.
    waiting: Vec<TrackSid>,
    /// Sections to stop in the next offer.
    stopping: Vec<Mid>,
    bound: BTreeMap<TrackSid, Mid>,
    state: OfferState,
    /// The first offer, with the data channels, or one with new ICE credentials is to be made.
    is_due: bool,
    restart: bool,
    /// Offers under way at the forwarding plane that a resume made void.
    void: u32,
    last_id: u32,
}

#[derive(Clone, Debug)]
enum OfferState {
    Idle,
    /// The forwarding plane makes the offer.
    Making(OfferChange),
    /// The client has it.
    Offered {
        /// The sections that it makes.
        fresh: Vec<(Mid, TrackSid)>,
        /// The sections that it stops.
        removed: Vec<Mid>,
        at: Moment,
    },
}

#[derive(Clone, Debug, Default)]
struct OfferChange {
    add: Vec<TrackSid>,
    remove: Vec<Mid>,
    /// Tracks of `add` that are not wanted any more.
    unwanted: BTreeSet<TrackSid>,
}

/// The offer to make.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OfferPlan {
    pub(super) add: Vec<TrackSid>,
    pub(super) remove: Vec<Mid>,
    pub(super) ice_restart: bool,
}

impl DualDownlink {
    pub(super) fn new() -> Self {
        Self {
            waiting: Vec::new(),
            stopping: Vec::new(),
            bound: BTreeMap::new(),
            state: OfferState::Idle,
            is_due: true,
            restart: false,
            void: 0,
            last_id: 0,
        }
    }

    /// A track is to be sent.
    pub(super) fn want(&mut self, track: TrackSid) {
        if !self.waiting.contains(&track) && !self.is_bound(&track) {
            self.waiting.push(track);
        }
    }

    /// A track is not to be sent any more. Whether it has a section, or is about to.
    pub(super) fn drop_track(&mut self, track: &str) -> bool {
        self.waiting.retain(|t| t != track);
        if let Some(mid) = self.bound.remove(track) {
            self.stopping.push(mid);
            return true;
        }
        match &mut self.state {
            OfferState::Making(change) if change.add.iter().any(|t| t == track) => {
                change.unwanted.insert(track.to_owned())
            }
            _ => false,
        }
    }

    pub(super) fn is_bound(&self, track: &str) -> bool {
        let in_the_making = match &self.state {
            OfferState::Making(c) => c.add.iter().any(|t| t == track) && !c.unwanted.contains(track),
            _ => false,
        };
        in_the_making || self.bound.contains_key(track)
    }

    /// The offer to make now, if there is something to say and none is under way.
    pub(super) fn make(&mut self) -> Option<OfferPlan> {
        // an offer that says nothing cannot be made
        let has_news = self.is_due || !self.waiting.is_empty() || !self.stopping.is_empty();
        if !has_news || !matches!(self.state, OfferState::Idle) {
            return None;
        }
        self.is_due = false;
        let change = OfferChange {
            add: std::mem::take(&mut self.waiting),
            remove: std::mem::take(&mut self.stopping),
            unwanted: BTreeSet::new(),
        };
        let make = OfferPlan {
            add: change.add.clone(),
            remove: change.remove.clone(),
            ice_restart: std::mem::take(&mut self.restart),
        };
        self.state = OfferState::Making(change);
        Some(make)
    }

    /// The forwarding plane made the offer, with these sections. The id to send it with, or nothing when it is void.
    pub(super) fn offered(&mut self, sections: &[(Mid, TrackSid)], now: Moment) -> Option<u32> {
        if self.void > 0 {
            self.void -= 1;
            return None;
        }
        let OfferState::Making(change) = std::mem::replace(&mut self.state, OfferState::Idle) else { return None };
        let fresh: Vec<_> = sections.iter().filter(|(_, track)| change.add.contains(track)).cloned().collect();
        for (mid, track) in &fresh {
            if change.unwanted.contains(track) {
                self.stopping.push(mid.clone());
            } else {
                self.bound.insert(track.clone(), mid.clone());
            }
        }
        self.state = OfferState::Offered { fresh, removed: change.remove, at: now };
        self.last_id += 1;
        Some(self.last_id)
    }

    /// The client answered. Whether it is the answer that is waited for; some clients always say 0.
    pub(super) fn answer(&mut self, id: u32) -> bool {
        let is_awaited = matches!(self.state, OfferState::Offered { .. }) && (id == 0 || id == self.last_id);
        if is_awaited {
            self.state = OfferState::Idle;
        }
        is_awaited
    }

    /// The client is back on a new link: an unanswered offer is void, and everything is offered with new ICE credentials.
    pub(super) fn resume(&mut self) {
        match std::mem::replace(&mut self.state, OfferState::Idle) {
            OfferState::Idle => {}
            OfferState::Making(change) => {
                self.void += 1;
                let wanted = change.add.into_iter().filter(|t| !change.unwanted.contains(t));
                self.waiting.splice(0..0, wanted);
                self.stopping.extend(change.remove);
            }
            OfferState::Offered { fresh, removed, .. } => {
                self.stopping.retain(|mid| !fresh.iter().any(|(m, _)| m == mid));
                self.stopping.extend(removed);
                for (mid, track) in fresh.into_iter().rev() {
                    if self.bound.get(&track) == Some(&mid) {
                        self.bound.remove(&track);
                        self.waiting.insert(0, track);
                    }
                }
            }
        }
        self.is_due = true;
        self.restart = true;
    }

    /// An offer could not be made. Whether it is void anyway.
    pub(super) fn failed(&mut self) -> bool {
        let is_void = self.void > 0;
        self.void = self.void.saturating_sub(1);
        is_void
    }

    /// When an unanswered offer counts as failed.
    pub(super) fn answer_limit(&self) -> Option<Moment> {
        match &self.state {
            OfferState::Offered { at, .. } => Some(*at + ANSWER_LIMIT),
            _ => None,
        }
    }
}
