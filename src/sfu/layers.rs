//! The simulcast layers of a track: which are being sent, at which rate, and which one a subscriber gets.

use std::time::{Duration, Instant};

/// Layers of a track at most: `q`, `h`, `f`.
pub(crate) const LAYERS: usize = 3;
/// The RIDs (RFC 8851) of the layers, lowest first, as LiveKit clients name them.
pub(crate) const RIDS: [&str; LAYERS] = ["q", "h", "f"];
/// A layer without packets for this long is inactive, while others have some. At 700 ms the video froze when a publisher's
/// bandwidth estimate switched the layer off.
const INACTIVE_AFTER: Duration = Duration::from_millis(400);
/// The last packets of layers that stood still at the same time are closer than this.
const TOGETHER: Duration = Duration::from_millis(200);
/// A screen on which something has changed is sent for about two seconds, until it is sharp. So long a burst is no rate
/// that a subscriber's bandwidth is divided by: its text must not become unreadable for it.
const BURST: Duration = Duration::from_millis(2500);
/// Window over which a layer's rate is measured.
const WINDOW: Duration = Duration::from_millis(500);

/// A set of layers.
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

    /// The highest layer up to `limit`; if there is none, the lowest of all.
    pub(crate) fn choose(self, limit: u8) -> Option<u8> {
        let all = 0..LAYERS as u8;
        all.clone().rev().find(|l| *l <= limit && self.has(*l)).or_else(|| all.clone().find(|l| self.has(*l)))
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Layer {
    last_packet: Option<Instant>,
    /// Start of the current window, and its bytes.
    window: Option<Instant>,
    bytes: usize,
    bits_per_second: u64,
    /// When packets came again after silence.
    resumed: Option<Instant>,
}

/// Activity and rate of a track's layers. A track without simulcast is layer 0.
#[derive(Debug, Default)]
pub(crate) struct LayerStats([Layer; LAYERS]);

impl LayerStats {
    /// Counts a packet.
    pub(crate) fn add_packet(&mut self, layer: u8, bytes: usize, now: Instant) {
        let Some(l) = self.0.get_mut(usize::from(layer)) else { return };
        if l.last_packet.is_some_and(|at| now.saturating_duration_since(at) >= WINDOW) {
            *l = Layer { resumed: Some(now), ..Layer::default() };
        }
        let started = *l.window.get_or_insert(now);
        let length = now.saturating_duration_since(started);
        if length >= WINDOW {
            let rate = (l.bytes as u64 * 8000) / (length.as_millis() as u64).max(1);
            l.bits_per_second = if l.bits_per_second == 0 { rate } else { (l.bits_per_second + rate) / 2 };
            (l.window, l.bytes) = (Some(now), 0);
        }
        l.bytes += bytes;
        l.last_packet = Some(now);
    }

    /// The layers that are being sent. A screen that stands still sends nothing: while all layers are silent, those that
    /// were sent last are active, so that somebody who comes then can ask for a picture.
    pub(crate) fn active(&self, now: Instant) -> LayerSet {
        let newest = self.0.iter().filter_map(|l| l.last_packet).max();
        let silent = newest.is_some_and(|at| now.saturating_duration_since(at) >= INACTIVE_AFTER);
        let (now, limit) = match newest.filter(|_| silent) {
            Some(newest) => (newest, TOGETHER),
            None => (now, INACTIVE_AFTER),
        };
        let sends = |l: &Layer| l.last_packet.is_some_and(|at| now.saturating_duration_since(at) < limit);
        LayerSet(self.0.iter().enumerate().fold(0, |mask, (i, l)| mask | u8::from(sends(l)) << i))
    }

    /// Rate of each layer's payload in bits a second; 0 before it is measured, in silence, and for [`BURST`] after silence.
    pub(crate) fn rates(&self, now: Instant) -> [u64; LAYERS] {
        let within = |at: Option<Instant>, time| at.is_some_and(|at| now.saturating_duration_since(at) < time);
        self.0.map(|l| match within(l.last_packet, WINDOW) && !within(l.resumed, BURST) {
            true => l.bits_per_second,
            false => 0,
        })
    }
}

/// The layer of a RID; unknown RIDs count as the lowest layer.
pub(crate) fn layer_of(rid: Option<&str>) -> u8 {
    rid.and_then(|rid| RIDS.iter().position(|r| *r == rid)).map_or(0, |i| i as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_layer_within_the_limit_is_chosen() {
        assert_eq!(LayerSet::of(&[0, 1, 2]).choose(2), Some(2));
        assert_eq!(LayerSet::of(&[0, 1, 2]).choose(1), Some(1));
        assert_eq!(LayerSet::of(&[0, 1]).choose(2), Some(1));
        assert_eq!(LayerSet::of(&[2]).choose(0), Some(2), "rather a higher one than none");
        assert_eq!(LayerSet::default().choose(2), None);
    }

    #[test]
    fn a_layer_without_packets_is_inactive_after_400_ms_while_others_have_some() {
        let t = Instant::now();
        let mut l = LayerStats::default();
        l.add_packet(0, 100, t);
        l.add_packet(2, 100, t);
        l.add_packet(0, 100, t + Duration::from_millis(399));
        assert_eq!(l.active(t + Duration::from_millis(399)), LayerSet::of(&[0, 2]));
        assert_eq!(l.active(t + Duration::from_millis(400)), LayerSet::of(&[0]));
        assert_eq!(l.active(t + Duration::from_secs(3600)), LayerSet::of(&[0]), "it was sent last");
    }

    #[test]
    fn rates_are_measured() {
        let t = Instant::now();
        let mut l = LayerStats::default();
        for i in 0..200 {
            l.add_packet(1, 1000, t + Duration::from_millis(i * 10));
        }
        let at = |ms| t + Duration::from_millis(ms);
        let [q, h, _] = l.rates(at(1990));
        assert!((700_000..900_000).contains(&h), "{h}");
        assert_eq!(q, 0);
        assert_eq!(l.rates(at(2500))[1], 0, "it is silent");
        for i in 0..300 {
            l.add_packet(1, 1000, at(9000 + i * 10));
            let counts = l.rates(at(9000 + i * 10))[1] > 0;
            assert_eq!(counts, i >= 250, "{i}: after silence a burst does not count");
        }
    }
}
