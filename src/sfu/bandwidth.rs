//! Which layers a subscriber's link carries: shares its estimated bandwidth among the tracks that come in layers.
//!
//! It starts from the hope that everything fits, because the first estimate is only a guess and a wrong one would show
//! everybody a small picture. When the estimate stays below what is sent, layers go down at once to what fits; going
//! up again takes some time and some air.

use super::layers::{LAYERS, LayerSet};
use std::time::{Duration, Instant};

/// The highest layer.
const BEST: u8 = LAYERS as u8 - 1;
/// Layered tracks are sent for so long before the estimate counts.
const WARM_UP: Duration = Duration::from_secs(2);
/// The estimate has to be too low for so long: it dips when the machine is busy.
const PATIENCE: Duration = Duration::from_millis(700);
/// After going down, nothing goes up for so long.
const HOLD: Duration = Duration::from_secs(4);
/// Of the estimate, in percent, what may be used; and what may be used for going up.
const USABLE: u64 = 95;
const USABLE_UP: u64 = 85;

/// What a subscriber wants of one track.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerDemand {
    /// Measured bits a second of each layer.
    pub(super) rates: [u64; LAYERS],
    pub(super) alive: LayerSet,
    /// The highest layer it asked for.
    pub(super) limit: u8,
    /// The highest layer it may have now.
    pub(super) cap: u8,
}

impl LayerDemand {
    fn rate(&self, cap: u8) -> u64 {
        self.alive.choose(self.limit.min(cap)).map_or(0, |l| self.rates[usize::from(l)])
    }

    /// The layers it could have, lowest first.
    fn steps(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=BEST).filter(|l| *l <= self.limit && self.alive.has(*l))
    }
}

/// The bandwidth of one subscriber's link.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BandwidthAllocator {
    /// Bits a second; `None` before anything is known.
    estimate: Option<u64>,
    sending_since: Option<Instant>,
    tight_since: Option<Instant>,
    hold_until: Option<Instant>,
}

impl BandwidthAllocator {
    /// A new estimate.
    pub(super) const fn estimated(&mut self, bits_per_second: u64) {
        self.estimate = Some(bits_per_second);
    }

    /// What could be used, all demands granted: bandwidth is probed up to it.
    pub(super) fn desired(demands: &[LayerDemand]) -> u64 {
        demands.iter().map(|w| w.rate(BEST)).sum()
    }

    /// The highest layer of each demand, in their order. To be asked about every 100 ms.
    pub(super) fn caps(&mut self, now: Instant, demands: &[LayerDemand]) -> Vec<u8> {
        let keep = || demands.iter().map(|w| w.cap).collect();
        let used: u64 = demands.iter().map(|w| w.rate(w.cap)).sum();
        if used == 0 {
            (self.sending_since, self.tight_since) = (None, None);
            return keep();
        }
        let since = *self.sending_since.get_or_insert(now);
        let Some(estimate) = self.estimate.filter(|_| now.saturating_duration_since(since) >= WARM_UP) else {
            return keep();
        };
        if used > estimate * USABLE / 100 {
            let tight = *self.tight_since.get_or_insert(now);
            if now.saturating_duration_since(tight) < PATIENCE {
                return keep();
            }
            (self.tight_since, self.hold_until) = (None, Some(now + HOLD));
            return share(estimate * USABLE / 100, demands);
        }
        self.tight_since = None;
        if self.hold_until.is_some_and(|until| now < until) {
            return keep();
        }
        let shared = share(estimate * USABLE_UP / 100, demands);
        // Room that is smaller than what is used already takes nothing away.
        demands.iter().zip(shared).map(|(w, cap)| w.cap.max(cap)).collect()
    }
}

/// Gives everybody the lowest layer, then raises one after the other by a layer, as long as it fits.
fn share(budget: u64, demands: &[LayerDemand]) -> Vec<u8> {
    let mut granted: Vec<Option<u8>> = demands.iter().map(|w| w.alive.choose(0)).collect();
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
    // A layer that is not sent now may come back: what is refused is the next one that is there.
    let refused = |w: &LayerDemand, g: Option<u8>| w.steps().find(|l| g.is_some_and(|g| *l > g));
    demands.iter().zip(granted).map(|(w, g)| refused(w, g).map_or(BEST, |l| l.saturating_sub(1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATES: [u64; LAYERS] = [150_000, 500_000, 1_700_000];

    fn demand(cap: u8) -> LayerDemand {
        LayerDemand { rates: RATES, alive: LayerSet::of(&[0, 1, 2]), limit: 2, cap }
    }

    #[test]
    fn everything_is_hoped_to_fit_until_the_estimate_counts() {
        let t = Instant::now();
        let mut b = BandwidthAllocator::default();
        b.estimated(300_000);
        assert_eq!(b.caps(t, &[demand(2)]), [2]);
        assert_eq!(b.caps(t + Duration::from_millis(1900), &[demand(2)]), [2]);
        assert_eq!(b.caps(t + Duration::from_millis(2000), &[demand(2)]), [2], "not at once");
        assert_eq!(b.caps(t + Duration::from_millis(2800), &[demand(2)]), [0]);
    }

    #[test]
    fn going_up_takes_time_and_air() {
        let t = Instant::now();
        let ms = |n| t + Duration::from_millis(n);
        let mut b = BandwidthAllocator::default();
        b.estimated(600_000);
        b.caps(ms(0), &[demand(2)]);
        b.caps(ms(2000), &[demand(2)]);
        assert_eq!(b.caps(ms(3000), &[demand(2)]), [1]);
        b.estimated(5_000_000);
        assert_eq!(b.caps(ms(4000), &[demand(1)]), [1]);
        b.estimated(1_800_000);
        assert_eq!(b.caps(ms(8000), &[demand(1)]), [1], "no air");
        b.estimated(2_100_000);
        assert_eq!(b.caps(ms(8100), &[demand(1)]), [2]);
    }

    #[test]
    fn a_short_dip_changes_nothing() {
        let t = Instant::now();
        let ms = |n| t + Duration::from_millis(n);
        let mut b = BandwidthAllocator::default();
        b.caps(ms(0), &[demand(2)]);
        b.estimated(300_000);
        assert_eq!(b.caps(ms(3000), &[demand(2)]), [2]);
        assert_eq!(b.caps(ms(3400), &[demand(2)]), [2]);
        b.estimated(3_000_000);
        assert_eq!(b.caps(ms(3500), &[demand(2)]), [2]);
        b.estimated(300_000);
        assert_eq!(b.caps(ms(3900), &[demand(2)]), [2]);
    }

    #[test]
    fn tracks_share_fairly() {
        assert_eq!(share(1_100_000, &[demand(2), demand(2)]), [1, 1]);
        assert_eq!(share(2_300_000, &[demand(2), demand(2)]), [2, 1]);
        assert_eq!(share(10, &[demand(2), demand(2)]), [0, 0], "the lowest is sent always");
        let small = LayerDemand { limit: 0, ..demand(2) };
        assert_eq!(share(2_000_000, &[small, demand(2)]), [2, 2], "who wants little leaves the rest");
    }

    proptest! {
        #[test]
        fn what_is_granted_fits_unless_it_is_the_lowest(
            budget in 0u64..8_000_000,
            asked in proptest::collection::vec((0u8..8, 0u8..3, [0u64..400_000, 0..900_000, 0..3_000_000]), 0..6),
        ) {
            let demands: Vec<LayerDemand> = asked.iter().map(|(mask, limit, rates)| {
                let alive: Vec<u8> = (0..3).filter(|l| mask & 1 << l != 0).collect();
                LayerDemand { rates: *rates, alive: LayerSet::of(&alive), limit: *limit, cap: 2 }
            }).collect();
            let caps = share(budget, &demands);
            prop_assert_eq!(caps.len(), demands.len());
            let used: u64 = demands.iter().zip(&caps).map(|(w, c)| w.rate(*c)).sum();
            let lowest: u64 = demands.iter().map(|w| w.rate(0)).sum();
            prop_assert!(used <= budget.max(lowest).max(demands.iter().map(|w| w.rate(0)).sum()) || used <= lowest,
                "{} of {}", used, budget);
        }
    }
}
