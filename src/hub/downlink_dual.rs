//! Which m-line carries which track on a v0 subscriber connection, where only the server offers.
//!
//! One offer is pending at a time; later changes go into the next one. A resume replaces a pending offer by one with
//! new ICE credentials that contains the same changes.

use super::Mid;
use crate::base::{Moment, TrackSid};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a client may take to answer before it is told to join again.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// The m-lines of one v0 subscriber connection.
#[derive(Clone, Debug)]
pub(super) struct DualDownlink {
    /// Tracks for the next offer, oldest first.
    waiting: Vec<TrackSid>,
    /// M-lines to stop in the next offer.
    stopping: Vec<Mid>,
    bound: BTreeMap<TrackSid, Mid>,
    state: OfferState,
    /// Whether an offer is due without changes: the first one, which opens the data channels, or an ICE restart.
    is_due: bool,
    ice_restart: bool,
    /// Offers in the making at the forwarding plane that a resume made stale.
    stale: u32,
    last_id: u32,
}

#[derive(Clone, Debug)]
enum OfferState {
    Idle,
    /// The forwarding plane is making the offer.
    Making(OfferChange),
    /// The offer was sent to the client.
    Offered {
        /// The m-lines that it adds.
        added: Vec<(Mid, TrackSid)>,
        /// The m-lines that it stops.
        removed: Vec<Mid>,
        at: Moment,
    },
}

#[derive(Clone, Debug, Default)]
struct OfferChange {
    add: Vec<TrackSid>,
    remove: Vec<Mid>,
    /// Tracks of `add` that were unsubscribed since.
    unwanted: BTreeSet<TrackSid>,
}

/// The contents of the offer to make.
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
            ice_restart: false,
            stale: 0,
            last_id: 0,
        }
    }

    /// Starts sending a track.
    pub(super) fn want(&mut self, track: TrackSid) {
        if !self.waiting.contains(&track) && !self.is_bound(&track) {
            self.waiting.push(track);
        }
    }

    /// Stops sending a track. Returns whether it has an m-line, or is about to get one.
    pub(super) fn drop_track(&mut self, track: &TrackSid) -> bool {
        self.waiting.retain(|t| t != track);
        if let Some(mid) = self.bound.remove(track) {
            self.stopping.push(mid);
            return true;
        }
        match &mut self.state {
            OfferState::Making(change) if change.add.contains(track) => change.unwanted.insert(track.clone()),
            _ => false,
        }
    }

    pub(super) fn is_bound(&self, track: &TrackSid) -> bool {
        let in_the_making = match &self.state {
            OfferState::Making(c) => c.add.contains(track) && !c.unwanted.contains(track),
            _ => false,
        };
        in_the_making || self.bound.contains_key(track)
    }

    /// The offer to make now, if there are changes and no offer is pending.
    pub(super) fn next_offer(&mut self) -> Option<OfferPlan> {
        let has_changes = self.is_due || !self.waiting.is_empty() || !self.stopping.is_empty();
        if !has_changes || !matches!(self.state, OfferState::Idle) {
            return None;
        }
        self.is_due = false;
        let change = OfferChange {
            add: std::mem::take(&mut self.waiting),
            remove: std::mem::take(&mut self.stopping),
            unwanted: BTreeSet::new(),
        };
        let plan = OfferPlan {
            add: change.add.clone(),
            remove: change.remove.clone(),
            ice_restart: std::mem::take(&mut self.ice_restart),
        };
        self.state = OfferState::Making(change);
        Some(plan)
    }

    /// The forwarding plane made the offer, with these m-lines. Returns the id to send it with, or `None` if it is
    /// stale.
    pub(super) fn offered(&mut self, m_lines: &[(Mid, TrackSid)], now: Moment) -> Option<u32> {
        if self.stale > 0 {
            self.stale -= 1;
            return None;
        }
        let OfferState::Making(change) = std::mem::replace(&mut self.state, OfferState::Idle) else { return None };
        let added: Vec<_> = m_lines.iter().filter(|(_, track)| change.add.contains(track)).cloned().collect();
        for (mid, track) in &added {
            if change.unwanted.contains(track) {
                self.stopping.push(mid.clone());
            } else {
                self.bound.insert(track.clone(), mid.clone());
            }
        }
        self.state = OfferState::Offered { added, removed: change.remove, at: now };
        self.last_id += 1;
        Some(self.last_id)
    }

    /// The client answered. Returns whether the answer is to the pending offer; some clients always send id 0.
    pub(super) fn answer(&mut self, id: u32) -> bool {
        let is_awaited = matches!(self.state, OfferState::Offered { .. }) && (id == 0 || id == self.last_id);
        if is_awaited {
            self.state = OfferState::Idle;
        }
        is_awaited
    }

    /// The client resumed: a pending offer is stale, and its changes go into a new one with new ICE credentials.
    pub(super) fn resume(&mut self) {
        match std::mem::replace(&mut self.state, OfferState::Idle) {
            OfferState::Idle => {}
            OfferState::Making(change) => {
                self.stale += 1;
                let wanted = change.add.into_iter().filter(|t| !change.unwanted.contains(t));
                self.waiting.splice(0..0, wanted);
                self.stopping.extend(change.remove);
            }
            OfferState::Offered { added, removed, .. } => {
                self.stopping.retain(|mid| !added.iter().any(|(m, _)| m == mid));
                self.stopping.extend(removed);
                for (mid, track) in added.into_iter().rev() {
                    if self.bound.get(&track) == Some(&mid) {
                        self.bound.remove(&track);
                        self.waiting.insert(0, track);
                    }
                }
            }
        }
        self.is_due = true;
        self.ice_restart = true;
    }

    /// An offer could not be made. Returns whether it is stale.
    pub(super) fn failed(&mut self) -> bool {
        let is_stale = self.stale > 0;
        self.stale = self.stale.saturating_sub(1);
        is_stale
    }

    /// When an unanswered offer counts as failed.
    pub(super) fn answer_limit(&self) -> Option<Moment> {
        match &self.state {
            OfferState::Offered { at, .. } => Some(*at + ANSWER_LIMIT),
            _ => None,
        }
    }
}
