//! Offers and answers of our side: one offer under way at a time, a wish for another waits for the answer.

use super::io::PeerCommand;
use crate::base::SignalTarget;
use livekit_protocol as lk;

/// Where the client's offering stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Negotiation {
    single: bool,
    under_way: bool,
    again: bool,
    again_with_ice: bool,
    /// v1 counts its offers from 1, the one that went with the join.
    offer_id: u32,
}

impl Negotiation {
    /// v1's first offer went with the join and is under way; v0 has none yet.
    pub(super) fn new(single: bool) -> Self {
        Self { single, under_way: single, offer_id: u32::from(single), ..Self::default() }
    }

    /// Which connection a remote candidate is for: v1 has only one.
    pub(super) fn candidate_target(&self, target: lk::SignalTarget) -> SignalTarget {
        if self.single || target == lk::SignalTarget::Publisher {
            SignalTarget::Publisher
        } else {
            SignalTarget::Subscriber
        }
    }

    /// Asks for an offer now, or after the answer that is awaited.
    pub(super) fn want_offer(&mut self, ice_restart: bool) -> Option<PeerCommand> {
        if self.under_way {
            self.again = true;
            self.again_with_ice |= ice_restart;
            return None;
        }
        self.under_way = true;
        Some(PeerCommand::Offer { ice_restart })
    }

    /// A resume: whatever was under way is void, and the next offer restarts ICE.
    pub(super) fn restart(&mut self) -> PeerCommand {
        self.under_way = true;
        self.again = false;
        self.again_with_ice = false;
        PeerCommand::Offer { ice_restart: true }
    }

    /// An offer was made: its id.
    pub(super) fn offer_made(&mut self) -> u32 {
        self.offer_id += 1;
        self.offer_id
    }

    /// The answer came (or the offer failed): the offer that waited, if one did.
    pub(super) fn settled(&mut self) -> Option<PeerCommand> {
        self.under_way = false;
        let again = std::mem::take(&mut self.again);
        let ice = std::mem::take(&mut self.again_with_ice);
        if again { self.want_offer(ice) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_wish_waits_for_the_answer() {
        let mut n = Negotiation::new(true);
        assert!(n.want_offer(false).is_none(), "the join's offer is under way");
        assert!(n.want_offer(true).is_none());
        assert!(matches!(n.settled(), Some(PeerCommand::Offer { ice_restart: true })));
        assert_eq!(n.offer_made(), 2);
        assert!(n.settled().is_none());
        assert!(n.want_offer(false).is_some());
    }
}
