//! Whether the delay of packets grows: a queue fills somewhere on the way.
//!
//! Packets that leave within 5 ms are a group. From group to group the delay changes by the difference of their distances
//! at the receiver and at the sender. The slope of the summed and smoothed changes over the last groups is compared with a
//! threshold that adapts itself, so that a competing TCP flow does not starve us (draft-ietf-rmcat-gcc-02, sections 5.2 to
//! 5.4; a line is fitted in place of the draft's Kalman filter, as in libwebrtc).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets of one group leave within this time.
const GROUP: Duration = Duration::from_millis(5);
/// The line is fitted to so many groups.
const POINTS: usize = 20;
/// The part of the last smoothed delay in the next.
const SMOOTHING: f64 = 0.9;
/// The slope is multiplied by this and by the number of groups, at most [`MOST_GROUPS`], before it is compared.
const GAIN: f64 = 4.0;
const MOST_GROUPS: u32 = 60;
/// The threshold at the start and its bounds, in ms.
const THRESHOLD_MS: f64 = 12.5;
const THRESHOLD_MS_BOUNDS: (f64, f64) = (6.0, 600.0);
/// How fast the threshold follows upwards and downwards, a ms.
const THRESHOLD_GAIN: (f64, f64) = (0.0087, 0.039);
/// A trend so far beyond the threshold is a spike, which the threshold does not follow, in ms.
const SPIKE_MS: f64 = 15.0;
/// How long the trend must be too high.
const OVERUSE_MS: f64 = 10.0;
/// A pause of the packets, after which everything begins anew.
const PAUSE: Duration = Duration::from_secs(2);

/// What the way does with our packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Usage {
    /// Its queue empties.
    Under,
    /// The delay stays the same.
    #[default]
    Normal,
    /// Its queue fills.
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_departure: Instant,
    departure: Instant,
    arrival: Duration,
}

/// The trend of the delay.
#[derive(Debug)]
pub(super) struct DelayTrend {
    /// The group that is being filled, and the one before.
    current: Option<Group>,
    before: Option<Group>,
    groups: u32,
    /// Changes of the delay since the first group, in ms: summed, and smoothed.
    summed_ms: f64,
    smoothed_ms: f64,
    /// Times of arrival and smoothed delays, in ms.
    points: VecDeque<(f64, f64)>,
    threshold_ms: f64,
    /// The trend of the group before, in ms.
    last_trend_ms: f64,
    /// How long, and for how many groups, the trend has been too high.
    over: Option<(f64, u32)>,
    usage: Usage,
}

impl Default for DelayTrend {
    fn default() -> Self {
        Self {
            current: None,
            before: None,
            groups: 0,
            summed_ms: 0.0,
            smoothed_ms: 0.0,
            points: VecDeque::new(),
            threshold_ms: THRESHOLD_MS,
            last_trend_ms: 0.0,
            over: None,
            usage: Usage::Normal,
        }
    }
}

impl DelayTrend {
    /// What the last groups tell.
    pub(super) const fn usage(&self) -> Usage {
        self.usage
    }

    /// Takes a packet that arrived. Packets come in the order in which they left.
    pub(super) fn add(&mut self, departure: Instant, arrival: Duration) {
        let Some(current) = &mut self.current else {
            self.current = Some(Group { first_departure: departure, departure, arrival });
            return;
        };
        if departure.saturating_duration_since(current.departure) > PAUSE {
            *self = Self { threshold_ms: self.threshold_ms, ..Self::default() };
            return self.add(departure, arrival);
        }
        if departure.saturating_duration_since(current.first_departure) <= GROUP {
            current.departure = current.departure.max(departure);
            current.arrival = current.arrival.max(arrival);
            return;
        }
        let complete = *current;
        self.current = Some(Group { first_departure: departure, departure, arrival });
        if let Some(before) = self.before.replace(complete) {
            self.add_group(before, complete);
        }
    }

    fn add_group(&mut self, before: Group, group: Group) {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let sent = ms(group.departure.saturating_duration_since(before.departure));
        let arrived = ms(group.arrival) - ms(before.arrival);
        self.groups = (self.groups + 1).min(MOST_GROUPS);
        self.summed_ms += arrived - sent;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.summed_ms;
        self.points.push_back((ms(group.arrival), self.smoothed_ms));
        if self.points.len() > POINTS {
            self.points.pop_front();
        }
        let slope = if self.points.len() == POINTS { slope(&self.points) } else { 0.0 };
        let trend = f64::from(self.groups) * slope * GAIN;
        self.detect(trend, sent);
        self.adapt_threshold(trend, sent.min(100.0));
        self.last_trend_ms = trend;
    }

    fn detect(&mut self, trend: f64, sent_ms: f64) {
        if trend > self.threshold_ms {
            // At first half of the time counts: the trend has crossed the threshold somewhere between.
            let (time, count) = self.over.map_or((sent_ms / 2.0, 1), |(time, count)| (time + sent_ms, count + 1));
            self.over = Some((time, count));
            if time > OVERUSE_MS && count > 1 && trend >= self.last_trend_ms {
                self.over = Some((0.0, 0));
                self.usage = Usage::Over;
            }
            return;
        }
        self.over = None;
        self.usage = if trend < -self.threshold_ms { Usage::Under } else { Usage::Normal };
    }

    fn adapt_threshold(&mut self, trend: f64, ms: f64) {
        let size = trend.abs();
        if size > self.threshold_ms + SPIKE_MS {
            return;
        }
        let gain = if size > self.threshold_ms { THRESHOLD_GAIN.0 } else { THRESHOLD_GAIN.1 };
        let followed = self.threshold_ms + gain * (size - self.threshold_ms) * ms;
        self.threshold_ms = followed.clamp(THRESHOLD_MS_BOUNDS.0, THRESHOLD_MS_BOUNDS.1);
    }
}

/// The slope of the line with the least squared distances; 0 if all points have one abscissa.
fn slope(points: &VecDeque<(f64, f64)>) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let (above, below) = points.iter().fold((0.0, 0.0), |(above, below), point| {
        (above + (point.0 - x) * (point.1 - y), below + (point.0 - x).powi(2))
    });
    if below > 0.0 { above / below } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a packet each 10 ms; its delay is what `delay_ms` says for its number.
    fn after(packets: u32, delay_ms: impl Fn(u32) -> f64) -> Usage {
        let (mut trend, t) = (DelayTrend::default(), Instant::now());
        for i in 0..packets {
            let left = Duration::from_millis(u64::from(i) * 10);
            trend.add(t + left, left + Duration::from_secs_f64((50.0 + delay_ms(i)) / 1000.0));
        }
        trend.usage()
    }

    #[test]
    fn a_queue_that_fills_is_seen_and_one_that_stands_is_not() {
        assert_eq!(after(100, |_| 0.0), Usage::Normal);
        assert_eq!(after(60, |i| f64::from(i.saturating_sub(30)) * 2.0), Usage::Over, "30 packets, 2 ms each");
        assert_eq!(after(300, |i| f64::from(i.clamp(30, 60) - 30) * 2.0), Usage::Normal, "it stays at 60 ms");
        assert_eq!(after(90, |i| 200.0 - f64::from(i.clamp(30, 90) - 30) * 2.0), Usage::Under);
    }

    #[test]
    fn jitter_is_no_trend() {
        let noise = |i: u32| f64::from(i.wrapping_mul(2_654_435_761) >> 16) / 65_536.0 * 20.0;
        let over = (100..400).filter(|n| after(*n, noise) == Usage::Over).count();
        assert!(over < 15, "{over} of 300");
    }
}
