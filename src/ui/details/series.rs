//! What the four plots show, from the samples of the call's statistics.

use crate::base::{DeviceKind, MediaKind, RemoteStatistics, Statistics, TrackSource, UserId};
use crate::call::view::{CallDetails, StatisticsSample};
use std::time::Duration;

/// Samples come every 2 s; after a longer time than this the line has a gap.
const GAP: f64 = 5.0;

/// What the numbers of a plot are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum Unit {
    /// Kilobits a second.
    Rate,
    Percent,
    Milliseconds,
    /// Frames a second.
    Frames,
}

impl Unit {
    /// The least upper end of the axis: a line at its bottom means little of it.
    pub(in crate::ui) const fn least_top(self) -> f64 {
        match self {
            Self::Rate => 100.0,
            Self::Percent => 5.0,
            Self::Milliseconds => 100.0,
            Self::Frames => 32.0,
        }
    }
}

/// One line of a plot.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ui) struct Series {
    /// "Sent".
    pub(in crate::ui) name: &'static str,
    /// Seconds before now, less than 0, and the value, oldest first; in pieces, with a gap after each.
    pub(in crate::ui) pieces: Vec<Vec<[f64; 2]>>,
}

impl Series {
    fn new(name: &'static str) -> Self {
        Self { name, pieces: Vec::new() }
    }

    fn push(&mut self, x: f64, value: Option<f64>) {
        let Some(y) = value else { return };
        match self.pieces.last_mut() {
            Some(piece) if piece.last().is_some_and(|[last, _]| x - last <= GAP) => piece.push([x, y]),
            _ => self.pieces.push(vec![[x, y]]),
        }
    }

    /// All values, oldest first.
    pub(in crate::ui) fn values(&self) -> impl Iterator<Item = f64> {
        self.pieces.iter().flatten().map(|[_, y]| *y)
    }

    /// The newest value, unless it is so old that the line has a gap by now.
    pub(in crate::ui) fn newest(&self) -> Option<f64> {
        self.pieces.last()?.last().filter(|[x, _]| *x >= -GAP).map(|[_, y]| *y)
    }

    /// The value at `x`: that of the nearest sample. In a gap there is none.
    pub(in crate::ui) fn at(&self, x: f64) -> Option<f64> {
        let distance = |point: &&[f64; 2]| (point[0] - x).abs();
        let nearest = self.pieces.iter().flatten().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        (distance(&nearest) <= GAP / 2.0).then_some(nearest[1])
    }
}

/// One plot.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ui) struct PlotData {
    pub(in crate::ui) title: &'static str,
    pub(in crate::ui) unit: Unit,
    /// One line, or two.
    pub(in crate::ui) series: Vec<Series>,
    /// When pictures froze: seconds before now, less than 0, and how often until then.
    pub(in crate::ui) freezes: Vec<(f64, u64)>,
}

impl PlotData {
    fn new(title: &'static str, unit: Unit, names: &[&'static str]) -> Self {
        Self { title, unit, series: names.iter().map(|name| Series::new(name)).collect(), freezes: Vec::new() }
    }

    /// The upper end of the axis.
    pub(in crate::ui) fn top(&self) -> f64 {
        let most = self.series.iter().flat_map(Series::values).fold(0.0, f64::max);
        (most * 1.15).max(self.unit.least_top())
    }
}

/// The four plots about `whom` (`None` is oneself) over the last `span` before `now`, Unix time in ms.
pub(in crate::ui) fn plots(details: &CallDetails, whom: Option<&UserId>, now: f64, span: Duration) -> [PlotData; 4] {
    let mut plots = match whom {
        None => [
            PlotData::new("Rate", Unit::Rate, &["Sent", "Received"]),
            PlotData::new("Lost packets", Unit::Percent, &["Sent", "Received"]),
            PlotData::new("Round trip", Unit::Milliseconds, &["To the server"]),
            PlotData::new("Frame rate", Unit::Frames, &["Sent", "Camera"]),
        ],
        Some(_) => [
            PlotData::new("Rate", Unit::Rate, &["Received"]),
            PlotData::new("Lost packets", Unit::Percent, &["Received"]),
            PlotData::new("Delay in our buffers", Unit::Milliseconds, &["Longest"]),
            PlotData::new("Frame rate", Unit::Frames, &["Shown"]),
        ],
    };
    let mut before: Option<&StatisticsSample> = None;
    for sample in &details.samples {
        let x = ((sample.at - now) / 1000.0).min(0.0);
        if x >= -span.as_secs_f64() {
            let statistics = &sample.statistics;
            let values = match whom {
                None => own_values(statistics),
                Some(user) => values_of(statistics, user),
            };
            for (plot, values) in plots.iter_mut().zip(values) {
                for (series, value) in plot.series.iter_mut().zip(values) {
                    series.push(x, value);
                }
            }
            let new = before.map_or(0, |before| new_freezes(&before.statistics, statistics, whom));
            if new > 0 {
                plots[3].freezes.push((x, new));
            }
        }
        before = Some(sample);
    }
    plots
}

/// The values of each plot's lines about oneself.
fn own_values(s: &Statistics) -> [[Option<f64>; 2]; 4] {
    let camera = s.devices.iter().find(|device| device.kind == DeviceKind::Camera).map(|device| device.fps);
    let sent = s.local.iter().filter(|layer| layer.source == TrackSource::Camera).map(|layer| layer.fps);
    [
        [Some(s.sent_kbps), Some(s.received_kbps)],
        [Some(s.sent_lost_percent), Some(s.received_lost_percent)],
        [Some(s.rtt_ms).filter(|ms| *ms > 0.0), None],
        [sent.reduce(f64::max), camera],
    ]
}

/// The values of each plot's lines about somebody else: sums, and the worst of their tracks. Of several videos the camera
/// counts.
fn values_of(s: &Statistics, user: &UserId) -> [[Option<f64>; 2]; 4] {
    let tracks = || tracks_of(s, user);
    let worst = |value: fn(&RemoteStatistics) -> f64| tracks().map(value).reduce(f64::max);
    let fps = |source: fn(TrackSource) -> bool| tracks().filter(|t| source(t.source)).map(|t| t.fps).reduce(f64::max);
    let camera = fps(|source| source == TrackSource::Camera);
    [
        [tracks().map(|t| t.kbps).reduce(|sum, kbps| sum + kbps), None],
        [worst(|t| t.lost_percent), None],
        [worst(|t| t.delay_ms), None],
        [camera.or_else(|| fps(|source| source.kind() == MediaKind::Video)), None],
    ]
}

fn tracks_of<'a>(s: &'a Statistics, user: &'a UserId) -> impl Iterator<Item = &'a RemoteStatistics> {
    s.remote.iter().filter(|track| track.remote_user == user.as_str())
}

/// How often pictures froze between two samples: of our camera, or of somebody's videos.
fn new_freezes(before: &Statistics, now: &Statistics, whom: Option<&UserId>) -> u64 {
    match whom {
        None => {
            let freezes =
                |s: &Statistics| s.devices.iter().find(|d| d.kind == DeviceKind::Camera).map(|camera| camera.freezes);
            freezes(now).zip(freezes(before)).map_or(0, |(now, before)| now.saturating_sub(before))
        }
        Some(user) => {
            let new = |track: &RemoteStatistics| {
                let then = before.remote.iter().find(|t| t.track == track.track);
                then.map_or(0, |then| track.freezes.saturating_sub(then.freezes))
            };
            tracks_of(now, user).map(new).sum()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::DeviceStatistics;
    use std::sync::Arc;

    const MINUTE: Duration = Duration::from_secs(60);

    fn remote(user: &str, source: TrackSource, kbps: f64, freezes: u64) -> RemoteStatistics {
        RemoteStatistics {
            remote_user: user.into(),
            source,
            track: format!("{user}-{source:?}").as_str().into(),
            kind: if source.kind() == MediaKind::Video { "video" } else { "audio" },
            codec: "vp8".into(),
            width: 0,
            height: 0,
            fps: if source.kind() == MediaKind::Video { 25.0 } else { 0.0 },
            kbps,
            lost_percent: kbps / 100.0,
            jitter_ms: 0.0,
            freezes,
            delay_ms: kbps,
            ahead_ms: None,
        }
    }

    fn details(samples: Vec<(f64, Statistics)>) -> CallDetails {
        let samples = samples.into_iter().map(|(at, statistics)| Arc::new(StatisticsSample { at, statistics }));
        CallDetails { samples: samples.collect(), ..CallDetails::default() }
    }

    fn sent(kbps: f64) -> Statistics {
        Statistics { sent_kbps: kbps, ..Statistics::default() }
    }

    #[test]
    fn a_line_has_a_gap_where_nothing_was_measured() {
        let times = [100_000.0, 142_000.0, 144_000.0, 152_000.0, 154_000.0];
        let details = details(times.map(|at| (at, sent(at))).to_vec());
        let [rate, ..] = plots(&details, None, 160_000.0, MINUTE);
        let pieces: Vec<Vec<f64>> =
            rate.series[0].pieces.iter().map(|piece| piece.iter().map(|[x, _]| *x).collect()).collect();
        assert_eq!(pieces, [vec![-60.0], vec![-18.0, -16.0], vec![-8.0, -6.0]]);
        assert_eq!(rate.series[0].newest(), None, "it is 6 s old");
        assert_eq!((rate.series[0].at(-15.5), rate.series[0].at(-12.0)), (Some(144_000.0), None));
        let [rate, ..] = plots(&details, None, 155_000.0, MINUTE);
        assert_eq!(rate.series[0].newest(), Some(154_000.0));
    }

    #[test]
    fn a_round_trip_that_is_unknown_is_no_value() {
        let details = details(vec![(1000.0, sent(1.0))]);
        let [_, _, round_trip, frames] = plots(&details, None, 1000.0, MINUTE);
        assert!(round_trip.series[0].pieces.is_empty() && frames.series.iter().all(|s| s.pieces.is_empty()));
    }

    #[test]
    fn a_person_has_the_sum_of_the_rates_and_the_worst_of_the_tracks() {
        let mina: UserId = "mina".parse().expect("an id");
        let sample = |freezes| Statistics {
            remote: vec![
                remote("mina", TrackSource::Camera, 900.0, freezes),
                remote("mina", TrackSource::Microphone, 40.0, 0),
                remote("tom", TrackSource::Camera, 5000.0, 9),
            ],
            ..Statistics::default()
        };
        let details = details(vec![(2000.0, sample(1)), (4000.0, sample(3)), (6000.0, sample(3))]);
        let [rate, lost, delay, frames] = plots(&details, Some(&mina), 6000.0, MINUTE);
        let newest = |plot: &PlotData| plot.series[0].newest();
        assert_eq!((newest(&rate), newest(&lost), newest(&delay)), (Some(940.0), Some(9.0), Some(900.0)));
        assert_eq!((newest(&frames), frames.freezes), (Some(25.0), vec![(-2.0, 2)]));
    }

    #[test]
    fn freezes_of_our_camera_are_counted_from_one_sample_to_the_next() {
        let sample = |freezes| {
            let kind = DeviceKind::Camera;
            let camera = DeviceStatistics { kind, width: 1280, height: 720, fps: 30.0, freezes, rate: 0, channels: 0 };
            Statistics { devices: vec![camera], ..Statistics::default() }
        };
        // The camera was opened anew before the last one.
        let details = details(vec![(2000.0, sample(4)), (4000.0, sample(5)), (6000.0, sample(0))]);
        let [.., frames] = plots(&details, None, 6000.0, MINUTE);
        assert_eq!(frames.freezes, [(-2.0, 1)]);
        assert_eq!(frames.series[1].newest(), Some(30.0));
    }

    #[test]
    fn the_axis_has_room_above_the_line_and_is_not_too_short() {
        let [rate, ..] = plots(&details(vec![(0.0, sent(1000.0))]), None, 0.0, MINUTE);
        assert_eq!(rate.top(), 1150.0);
        let [rate, ..] = plots(&details(vec![(0.0, sent(1.0))]), None, 0.0, MINUTE);
        assert_eq!(rate.top(), 100.0);
    }
}
