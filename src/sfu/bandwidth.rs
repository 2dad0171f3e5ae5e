//! Shares a subscriber's estimated bandwidth among its simulcast tracks.
//!
//! All tracks start at the highest layer, because the first estimate is only a guess. So does a client that asks for more
//! than before: an estimate does not grow beyond what was sent. When the estimate stays below what
//! is sent, the layers drop at once to those that fit. Raising them takes time and some headroom.

use super::layers::{LAYERS, LayerSet};
use std::time::{Duration, Instant};

/// The highest layer.
const BEST: u8 = LAYERS as u8 - 1;
/// Time that simulcast tracks are sent before the estimate counts, also after the client has asked for more.
const WARM_UP: Duration = Duration::from_secs(2);
/// Time that the estimate must be too low: it dips when the machine is busy.
const TOO_LOW_FOR: Duration = Duration::from_millis(700);
/// Time after a drop in which no layer is raised.
const HOLD: Duration = Duration::from_secs(4);
/// Part of the estimate that may be used, in percent, and the part that may be used to raise a layer.
const USABLE: u64 = 95;
const USABLE_UP: u64 = 85;

/// A subscriber's demand for one track.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerDemand {
    /// Measured rate of each layer, in bits a second.
    pub(super) rates: [u64; LAYERS],
    /// The layers that are being sent.
    pub(super) active: LayerSet,
    /// The highest layer that the client requests.
    pub(super) limit: u8,
    /// The highest layer that is granted now.
    pub(super) cap: u8,
}

impl LayerDemand {
    fn rate(&self, cap: u8) -> u64 {
        self.active.choose(self.limit.min(cap)).map_or(0, |l| self.rates[usize::from(l)])
    }

    /// The layers it could get, lowest first.
    fn steps(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=BEST).filter(|l| *l <= self.limit && self.active.has(*l))
    }
}

/// Allocates the bandwidth to one subscriber.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BandwidthAllocator {
    /// Bits a second; `None` before the first estimate.
    estimate: Option<u64>,
    /// Layers that the client asks for, of all tracks together.
    asked: u32,
    sending_since: Option<Instant>,
    too_low_since: Option<Instant>,
    hold_until: Option<Instant>,
}

impl BandwidthAllocator {
    /// Takes a new estimate.
    pub(super) const fn set_estimate(&mut self, bits_per_second: u64) {
        self.estimate = Some(bits_per_second);
    }

    /// Bits a second if all demands were granted: bandwidth is probed up to it.
    pub(super) fn desired(demands: &[LayerDemand]) -> u64 {
        demands.iter().map(|w| w.rate(BEST)).sum()
    }

    /// Whether a demand gets less than it asks for.
    pub(super) fn is_short(demands: &[LayerDemand]) -> bool {
        demands.iter().any(|w| w.rate(BEST) > w.rate(w.cap))
    }

    /// The highest layer granted to each demand, in their order. To be called about every 100 ms.
    pub(super) fn allocate(&mut self, now: Instant, demands: &[LayerDemand]) -> Vec<u8> {
        let keep = || demands.iter().map(|w| w.cap).collect();
        let asked = demands.iter().map(|w| u32::from(w.limit) + 1).sum();
        if std::mem::replace(&mut self.asked, asked) < asked {
            (self.sending_since, self.too_low_since) = (None, None);
        }
        let used: u64 = demands.iter().map(|w| w.rate(w.cap)).sum();
        if used == 0 {
            (self.sending_since, self.too_low_since) = (None, None);
            // What stands still costs nothing in its best layer.
            let holds = self.hold_until.is_some_and(|until| now < until);
            return if holds { keep() } else { vec![BEST; demands.len()] };
        }
        let since = *self.sending_since.get_or_insert(now);
        let Some(estimate) = self.estimate.filter(|_| now.saturating_duration_since(since) >= WARM_UP) else {
            return keep();
        };
        if used > estimate * USABLE / 100 {
            let since = *self.too_low_since.get_or_insert(now);
            if now.saturating_duration_since(since) < TOO_LOW_FOR {
                return keep();
            }
            (self.too_low_since, self.hold_until) = (None, Some(now + HOLD));
            return share(estimate * USABLE / 100, demands);
        }
        self.too_low_since = None;
        if self.hold_until.is_some_and(|until| now < until) {
            return keep();
        }
        let shared = share(estimate * USABLE_UP / 100, demands);
        // With less headroom than that, layers stay as they are.
        demands.iter().zip(shared).map(|(w, cap)| w.cap.max(cap)).collect()
    }
}

/// Grants each demand the lowest layer, then raises one after the other by a layer as long as it fits.
fn share(budget: u64, demands: &[LayerDemand]) -> Vec<u8> {
    let mut granted: Vec<Option<u8>> = demands.iter().map(|w| w.active.choose(0)).collect();
    let rate = |w: &LayerDemand, layer: Option<u8>| layer.map_or(0, |l| w.rates[usize::from(l)]);
    let mut left = budget.saturating_sub(demands.iter().zip(&granted).map(|(w, g)| rate(w, *g)).sum());
    for _ in 0..BEST {
        for (w, g) in demands.iter().zip(&mut granted) {
            let Some(next) = w.steps().find(|l| g.is_some_and(|g| *l > g)) else { continue };
            let more = rate(w, Some(next)).saturating_sub(rate(w, *g));
            if more <= left {
                left -= more;
                *g = Some(next);
            }
        }
    }
    // A layer that is not sent now may come back, so a demand is capped below the next layer that is sent.
    let refused = |w: &LayerDemand, g: Option<u8>| w.steps().find(|l| g.is_some_and(|g| *l > g));
    demands.iter().zip(granted).map(|(w, g)| refused(w, g).map_or(BEST, |l| l.saturating_sub(1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATES: [u64; LAYERS] = [150_000, 500_000, 1_700_000];

    fn demand(cap: u8) -> LayerDemand {
        LayerDemand { rates: RATES, active: LayerSet::of(&[0, 1, 2]), limit: 2, cap }
    }

    #[test]
    fn the_highest_layer_is_granted_until_the_estimate_counts() {
        let t = Instant::now();
        let mut b = BandwidthAllocator::default();
        b.set_estimate(300_000);
        assert_eq!(b.allocate(t, &[demand(2)]), [2]);
        assert_eq!(b.allocate(t + Duration::from_millis(1900), &[demand(2)]), [2]);
        assert_eq!(b.allocate(t + Duration::from_millis(2000), &[demand(2)]), [2], "not at once");
        assert_eq!(b.allocate(t + Duration::from_millis(2800), &[demand(2)]), [0]);
    }

    #[test]
    fn raising_a_layer_takes_time_and_headroom() {
        let t = Instant::now();
        let ms = |n| t + Duration::from_millis(n);
        let mut b = BandwidthAllocator::default();
        b.set_estimate(600_000);
        b.allocate(ms(0), &[demand(2)]);
        b.allocate(ms(2000), &[demand(2)]);
        assert_eq!(b.allocate(ms(3000), &[demand(2)]), [1]);
        b.set_estimate(5_000_000);
        assert_eq!(b.allocate(ms(4000), &[demand(1)]), [1]);
        b.set_estimate(1_800_000);
        assert_eq!(b.allocate(ms(8000), &[demand(1)]), [1], "no headroom");
        b.set_estimate(2_100_000);
        assert_eq!(b.allocate(ms(8100), &[demand(1)]), [2]);
    }

    #[test]
    fn a_client_that_asks_for_more_gets_it_before_the_estimate_counts() {
        let t = Instant::now();
        let ms = |n| t + Duration::from_millis(n);
        let small = LayerDemand { limit: 0, ..demand(2) };
        let mut b = BandwidthAllocator::default();
        b.allocate(ms(0), &[small]);
        b.set_estimate(300_000);
        assert_eq!(b.allocate(ms(5000), &[small]), [2]);
        assert_eq!(b.allocate(ms(5100), &[demand(2)]), [2]);
        assert_eq!(b.allocate(ms(6000), &[demand(2)]), [2], "the estimate comes from a time in which little was sent");
        b.set_estimate(3_000_000);
        assert_eq!(b.allocate(ms(8000), &[demand(2)]), [2]);
        // A tile comes into view while the link is full.
        b.set_estimate(1_900_000);
        assert_eq!(b.allocate(ms(9000), &[demand(2), small]), [2, 2]);
        b.allocate(ms(11_100), &[demand(2), small]);
        assert_eq!(b.allocate(ms(12_000), &[demand(2), small]), [1, 2], "it does not fit");
    }

    #[test]
    fn what_stands_still_gets_its_best_layer_after_a_while() {
        let t = Instant::now();
        let ms = |n| t + Duration::from_millis(n);
        let mut b = BandwidthAllocator::default();
        b.set_estimate(300_000);
        b.allocate(ms(0), &[demand(2)]);
        b.allocate(ms(2000), &[demand(2)]);
        assert_eq!(b.allocate(ms(3000), &[demand(2)]), [0]);
        let still = LayerDemand { rates: [0; LAYERS], ..demand(0) };
        assert_eq!(b.allocate(ms(4000), &[still]), [0], "not at once");
        assert_eq!(b.allocate(ms(7100), &[still]), [2]);
        b.allocate(ms(7200), &[demand(0), still]);
        assert_eq!(b.allocate(ms(9300), &[demand(0), still]), [0, 2], "beside a camera that gets little");
    }

    #[test]
    fn a_short_dip_changes_nothing() {
        let t = Instant::now();
        let ms = |n| t + Duration::from_millis(n);
        let mut b = BandwidthAllocator::default();
        b.allocate(ms(0), &[demand(2)]);
        b.set_estimate(300_000);
        assert_eq!(b.allocate(ms(3000), &[demand(2)]), [2]);
        assert_eq!(b.allocate(ms(3400), &[demand(2)]), [2]);
        b.set_estimate(3_000_000);
        assert_eq!(b.allocate(ms(3500), &[demand(2)]), [2]);
        b.set_estimate(300_000);
        assert_eq!(b.allocate(ms(3900), &[demand(2)]), [2]);
    }

    #[test]
    fn tracks_share_fairly() {
        assert_eq!(share(1_100_000, &[demand(2), demand(2)]), [1, 1]);
        assert_eq!(share(2_300_000, &[demand(2), demand(2)]), [2, 1]);
        assert_eq!(share(10, &[demand(2), demand(2)]), [0, 0], "the lowest layer is always granted");
        let small = LayerDemand { limit: 0, ..demand(2) };
        assert_eq!(share(2_000_000, &[small, demand(2)]), [2, 2], "a small demand leaves the rest");
    }

    proptest! {
        #[test]
        fn grants_fit_the_budget_or_are_the_lowest_layers(
            budget in 0u64..8_000_000,
            asked in proptest::collection::vec((0u8..8, 0u8..3, [0u64..400_000, 0..900_000, 0..3_000_000]), 0..6),
        ) {
            let demands: Vec<LayerDemand> = asked.iter().map(|(mask, limit, rates)| {
                let active: Vec<u8> = (0..3).filter(|l| mask & 1 << l != 0).collect();
                LayerDemand { rates: *rates, active: LayerSet::of(&active), limit: *limit, cap: 2 }
            }).collect();
            let caps = share(budget, &demands);
            prop_assert_eq!(caps.len(), demands.len());
            let used: u64 = demands.iter().zip(&caps).map(|(w, c)| w.rate(*c)).sum();
            let lowest: u64 = demands.iter().map(|w| w.rate(0)).sum();
            prop_assert!(used <= budget.max(lowest), "{} of {}", used, budget);
        }
    }
}
