//! Divides the bandwidth estimate among the layers of all our video tracks.

use crate::base::SimulcastLayer;
use crate::codec::VideoContent;

/// Part of the bandwidth estimate that encoders may use; the rest is for headers and retransmissions.
const VIDEO_SHARE: f64 = 0.85;
/// Kilobits a second that audio takes.
const AUDIO_KBPS: f64 = 45.0;
/// Kilobits a second that a layer gets at least if it is sent at all.
const LEAST_KBPS: f64 = 30.0;
/// The largest layer that is sent gets up to so many times its bitrate while the next one does not fit: the estimate grows
/// only with what is sent, and would never reach what the next one needs.
const BEFORE_NEXT: f64 = 2.5;

/// A track that asks for its part.
pub(super) struct RateDemand<'a> {
    pub(super) content: VideoContent,
    pub(super) layers: &'a [SimulcastLayer],
    /// Whether each layer has a subscriber.
    pub(super) wanted: Vec<bool>,
}

impl RateDemand<'_> {
    /// The order in which layers get their part: a camera's smallest first, then the whole screen, because its small layer
    /// cannot be read; then in turn the next of each.
    fn rank(&self, layer: usize) -> usize {
        match self.content {
            VideoContent::Camera => 2 * layer,
            VideoContent::Screen => 2 * (self.layers.len() - 1 - layer) + 1,
        }
    }

    /// A layer that would get less than this part of its bitrate is not sent. Little is enough for a screen: it stands still
    /// for most of the time, and takes longer to become sharp.
    const fn least_share(&self) -> f64 {
        match self.content {
            VideoContent::Camera => 0.45,
            VideoContent::Screen => 0.2,
        }
    }
}

/// Kilobits a second for each layer of each track. A layer that gets too little is not sent, except the first one of its
/// track that is served; what is left goes to the largest layer below it.
pub(super) fn divide(tracks: &[RateDemand<'_>], link_kbps: f64) -> Vec<Vec<u32>> {
    let mut left = (link_kbps * VIDEO_SHARE - AUDIO_KBPS).max(0.0);
    let mut rates: Vec<Vec<u32>> = tracks.iter().map(|t| vec![0; t.layers.len()]).collect();
    let mut order: Vec<(usize, usize)> =
        tracks.iter().enumerate().flat_map(|(t, track)| (0..track.layers.len()).map(move |l| (t, l))).collect();
    order.sort_by_key(|&(t, layer)| tracks[t].rank(layer));
    // Of each track, the largest layer that is sent, and whether a larger one is wanted.
    let mut largest: Vec<(Option<usize>, bool)> = vec![(None, false); tracks.len()];
    for (t, layer) in order {
        let track = &tracks[t];
        let max = f64::from(track.layers[layer].max_kbps);
        let share = left.min(max);
        let is_first = rates[t].iter().all(|kbps| *kbps == 0);
        if !track.wanted[layer] {
            continue;
        }
        if share < max * track.least_share() && !is_first {
            largest[t].1 = true;
            continue;
        }
        left -= share;
        rates[t][layer] = share.max(LEAST_KBPS) as u32;
        largest[t].0 = Some(layer);
    }
    for (t, (layer, waits)) in largest.into_iter().enumerate() {
        let Some(layer) = layer.filter(|_| waits) else { continue };
        let more = left.min(f64::from(tracks[t].layers[layer].max_kbps) * (BEFORE_NEXT - 1.0));
        left -= more;
        rates[t][layer] += more as u32;
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::TrackSource;

    fn camera(layers: &[SimulcastLayer], wanted: [bool; 3]) -> RateDemand<'_> {
        RateDemand { content: VideoContent::Camera, layers, wanted: wanted.into() }
    }

    #[test]
    fn a_narrow_link_carries_the_small_layers_of_a_camera() {
        let layers = SimulcastLayer::for_camera(1280, 720);
        let divide = |wanted, kbps| super::divide(&[camera(&layers, wanted)], kbps).remove(0);
        let all = [true; 3];
        assert_eq!(divide(all, 4000.0), [148, 502, 1700]);
        assert_eq!(divide(all, 900.0), [148, 572, 0], "the largest one gets what the next one cannot use");
        assert_eq!(divide(all, 1700.0), [148, 1252, 0]);
        assert_eq!(divide([true, true, false], 1700.0), [148, 502, 0], "nobody wants the next one");
        assert_eq!(divide(all, 300.0)[1..], [0, 0]);
        assert_eq!(divide(all, 0.0), [30, 0, 0]);
        assert_eq!(divide([true, false, false], 4000.0), [148, 0, 0]);
        assert_eq!(divide([false; 3], 4000.0), [0, 0, 0]);
    }

    #[test]
    fn a_screen_is_readable_before_a_camera_is_large() {
        let (layers, screen) =
            (SimulcastLayer::for_camera(1280, 720), SimulcastLayer::for_source(TrackSource::Screen, &[]));
        let divide = |wanted: bool, kbps| {
            let screen = RateDemand { content: VideoContent::Screen, layers: &screen, wanted: vec![wanted, true] };
            super::divide(&[screen, camera(&layers, [true; 3])], kbps)
        };
        assert_eq!(divide(true, 8000.0), [vec![625, 2500], vec![148, 502, 1700]]);
        assert_eq!(divide(true, 4000.0), [vec![205, 2500], vec![148, 502, 0]]);
        assert_eq!(divide(false, 4000.0), [vec![0, 2500], vec![148, 707, 0]]);
        assert_eq!(divide(true, 1000.0), [vec![0, 657], vec![148, 0, 0]]);
        assert_eq!(divide(true, 0.0), [vec![0, 30], vec![30, 0, 0]]);
    }
}
