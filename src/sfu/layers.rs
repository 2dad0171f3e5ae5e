//! The simulcast layers of a track: which of them are there, what each one costs, and which one a subscriber gets.

use std::time::{Duration, Instant};

/// `q`, `h`, `f`.
pub(crate) const LAYERS: usize = 3;
/// The restriction ids of the layers, lowest first, as all LiveKit clients name them.
pub(crate) const RIDS: [&str; LAYERS] = ["q", "h", "f"];
/// Silent for so long, a layer counts as switched off by its sender. 700 ms froze the picture when a publisher's
/// estimate dropped the layer.
const GONE: Duration = Duration::from_millis(400);
/// A layer's rate is measured over windows of this length.
const WINDOW: Duration = Duration::from_millis(500);

/// Which layers send at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LayerSet(u8);

impl LayerSet {
    #[cfg(test)]
    pub(crate) fn of(layers: &[u8]) -> Self {
        Self(layers.iter().fold(0, |mask, l| mask | 1 << l))
    }

    pub(crate) fn has(self, layer: u8) -> bool {
        self.0 & 1 << layer != 0
    }

    /// The best layer up to `limit`; if there is none, the lowest there is.
    pub(crate) fn choose(self, limit: u8) -> Option<u8> {
        let all = 0..LAYERS as u8;
        all.clone().rev().find(|l| *l <= limit && self.has(*l)).or_else(|| all.clone().find(|l| self.has(*l)))
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Layer {
    seen: Option<Instant>,
    window: Option<Instant>,
    bytes: usize,
    bits_per_second: u64,
}

/// What is known of a track's layers. Sound and single pictures are layer 0.
#[derive(Debug, Default)]
pub(crate) struct LayerStats([Layer; LAYERS]);

impl LayerStats {
    /// Notes a packet. Whether it is the first one of its layer ever.
    pub(crate) fn saw(&mut self, layer: u8, bytes: usize, now: Instant) -> bool {
        let Some(l) = self.0.get_mut(usize::from(layer)) else { return false };
        let started = *l.window.get_or_insert(now);
        let length = now.saturating_duration_since(started);
        if length >= WINDOW {
            let rate = (l.bytes as u64 * 8000) / (length.as_millis() as u64).max(1);
            l.bits_per_second = if l.bits_per_second == 0 { rate } else { (l.bits_per_second + rate) / 2 };
            (l.window, l.bytes) = (Some(now), 0);
        }
        l.bytes += bytes;
        l.seen.replace(now).is_none()
    }

    /// The layers that sent something lately.
    pub(crate) fn alive(&self, now: Instant) -> LayerSet {
        let sends = |l: &Layer| l.seen.is_some_and(|at| now.saturating_duration_since(at) < GONE);
        LayerSet(self.0.iter().enumerate().fold(0, |mask, (i, l)| mask | u8::from(sends(l)) << i))
    }

    /// Bits a second of each layer's payload, 0 before it has been measured.
    pub(crate) fn rates(&self) -> [u64; LAYERS] {
        self.0.map(|l| l.bits_per_second)
    }
}

/// The layer's number for a restriction id; unknown ones count as the lowest.
pub(crate) fn layer_of(rid: Option<&str>) -> u8 {
    rid.and_then(|rid| RIDS.iter().position(|r| *r == rid)).map_or(0, |i| i as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_layer_within_the_limit_is_chosen() {
        assert_eq!(LayerSet::of(&[0, 1, 2]).choose(2), Some(2));
        assert_eq!(LayerSet::of(&[0, 1, 2]).choose(1), Some(1));
        assert_eq!(LayerSet::of(&[0, 1]).choose(2), Some(1));
        assert_eq!(LayerSet::of(&[2]).choose(0), Some(2), "better too much than nothing");
        assert_eq!(LayerSet::default().choose(2), None);
    }

    #[test]
    fn a_silent_layer_is_gone_after_400_ms() {
        let t = Instant::now();
        let mut l = LayerStats::default();
        assert!(l.saw(0, 100, t));
        assert!(l.saw(2, 100, t));
        assert!(!l.saw(0, 100, t + Duration::from_millis(399)));
        assert_eq!(l.alive(t + Duration::from_millis(399)), LayerSet::of(&[0, 2]));
        assert_eq!(l.alive(t + Duration::from_millis(400)), LayerSet::of(&[0]));
    }

    #[test]
    fn rates_are_measured() {
        let t = Instant::now();
        let mut l = LayerStats::default();
        for i in 0..200 {
            l.saw(1, 1000, t + Duration::from_millis(i * 10));
        }
        let [q, h, _] = l.rates();
        assert!((700_000..900_000).contains(&h), "{h}");
        assert_eq!(q, 0);
    }
}
