//! Our offers: one is pending at a time; the next one waits for its answer.

use super::io::PeerCommand;
use crate::base::SignalTarget;
use livekit_protocol as lk;

/// The state of our offers.
#[derive(Clone, Debug, Default)]
pub(super) struct Negotiation {
    single: bool,
    pending: bool,
    /// Whether another offer is requested.
    again: bool,
    /// Whether that one is to restart ICE.
    again_with_ice: bool,
    /// The id of the last offer. On v1 the offer that went with the join has the id 1.
    offer_id: u32,
    /// The answers to offers with smaller ids are void: the offers were replaced after a resume.
    oldest: u32,
}

impl Negotiation {
    /// On v1 the first offer went with the join and is pending; on v0 there is none yet.
    pub(super) fn new(single: bool) -> Self {
        Self { single, pending: single, offer_id: u32::from(single), ..Self::default() }
    }

    /// The connection that a remote candidate belongs to.
    pub(super) fn candidate_target(&self, target: lk::SignalTarget) -> SignalTarget {
        if self.single || target == lk::SignalTarget::Publisher {
            SignalTarget::Publisher
        } else {
            SignalTarget::Subscriber
        }
    }

    /// Requests an offer: returned now, or by [`Self::settled`] after the pending answer.
    pub(super) fn want_offer(&mut self, ice_restart: bool) -> Option<PeerCommand> {
        if self.pending {
            self.again = true;
            self.again_with_ice |= ice_restart;
            return None;
        }
        self.pending = true;
        Some(PeerCommand::Offer { ice_restart })
    }

    /// After a resume: an offer that was pending is void, and the next one restarts ICE.
    pub(super) fn restart(&mut self) -> PeerCommand {
        self.pending = true;
        self.again = false;
        self.again_with_ice = false;
        self.oldest = self.offer_id + 1;
        PeerCommand::Offer { ice_restart: true }
    }

    /// Whether this is the answer to an offer that was replaced after a resume. Old servers send no ids, which are 0 then.
    pub(super) const fn is_void(&self, answer_id: u32) -> bool {
        answer_id != 0 && answer_id < self.oldest
    }

    /// The id of the offer that was made.
    pub(super) fn offer_made(&mut self) -> u32 {
        self.offer_id += 1;
        self.offer_id
    }

    /// The answer arrived, or the offer failed: returns the offer that waited.
    pub(super) fn settled(&mut self) -> Option<PeerCommand> {
        self.pending = false;
        let again = std::mem::take(&mut self.again);
        let ice = std::mem::take(&mut self.again_with_ice);
        if again { self.want_offer(ice) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_an_offer_before_a_resume_is_void() {
        let mut n = Negotiation::new(true);
        n.restart();
        assert!(n.is_void(1) && !n.is_void(0));
        assert_eq!(n.offer_made(), 2);
        assert!(!n.is_void(2));
        n.restart();
        assert!(n.is_void(2), "another resume replaced the offer");
    }

    #[test]
    fn a_second_request_waits_for_the_answer() {
        let mut n = Negotiation::new(true);
        assert!(n.want_offer(false).is_none(), "the join's offer is pending");
        assert!(n.want_offer(true).is_none());
        assert!(matches!(n.settled(), Some(PeerCommand::Offer { ice_restart: true })));
        assert_eq!(n.offer_made(), 2);
        assert!(n.settled().is_none());
        assert!(n.want_offer(false).is_some());
    }
}
