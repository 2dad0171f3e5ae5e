//! The rate that follows from the trend of the delay and from loss: it grows by a factor until the way is full, and near
//! the rate at which that was so by small steps (draft-ietf-rmcat-gcc-02, section 5.5).

use super::trend::Usage;
use std::time::{Duration, Instant};

/// The part of the rate that arrives which is left when the queue fills: it has to empty.
const BACK_OFF: f64 = 0.85;
/// Growth a second, as a factor: before the way was ever full, and later.
const FIRST_GROWTH: f64 = 2.0;
const GROWTH: f64 = 1.6;
/// A packet, in bits. Near the ceiling the rate grows by one in each response time.
const PACKET_BITS: f64 = 1200.0 * 8.0;
/// The response time is the round trip and this.
const RESPONSE: Duration = Duration::from_millis(100);
/// Beyond so many times what arrives, and this many bits a second more, nothing is proven: the encoders do not use the rate.
/// It grows slowly there, so that a quiet camera gets its next layer too.
const PROVEN: f64 = 1.5;
const PROVEN_MORE_BPS: f64 = 40_000.0;
const UNPROVEN_GROWTH: f64 = 1.15;
/// The weight of a new rate in the ceiling.
const CEILING_WEIGHT: f64 = 0.05;
/// Bounds of the ceiling's variance, normalised by the rate in kbit/s.
const VARIANCE: (f64, f64) = (0.4, 2.5);
/// Loss lowers the rate so often at most.
const LOSS_INTERVAL: Duration = Duration::from_millis(300);

/// The rate at which the way was full.
#[derive(Clone, Copy, Debug)]
struct Ceiling {
    kbps: f64,
    variance: f64,
}

impl Ceiling {
    fn add(before: Option<Self>, kbps: f64) -> Self {
        let Some(Self { kbps: mean, variance }) = before.filter(|c| (kbps - c.kbps).abs() <= 3.0 * c.deviation())
        else {
            return Self { kbps, variance: VARIANCE.0 };
        };
        let error = mean - kbps;
        let mean = (1.0 - CEILING_WEIGHT) * mean + CEILING_WEIGHT * kbps;
        let variance = (1.0 - CEILING_WEIGHT) * variance + CEILING_WEIGHT * error * error / mean.max(1.0);
        Self { kbps: mean, variance: variance.clamp(VARIANCE.0, VARIANCE.1) }
    }

    fn deviation(&self) -> f64 {
        (self.variance * self.kbps).sqrt()
    }

    fn is_near(&self, bps: f64) -> bool {
        let kbps = bps / 1000.0;
        kbps > self.kbps * BACK_OFF - self.deviation() && kbps <= self.kbps + 3.0 * self.deviation()
    }

    fn is_below(&self, bps: f64) -> bool {
        bps / 1000.0 > self.kbps + 3.0 * self.deviation()
    }
}

/// The rate in bits a second.
#[derive(Debug)]
pub(super) struct RateControl {
    target: f64,
    min: f64,
    max: f64,
    ceiling: Option<Ceiling>,
    /// Whether the way was ever full.
    was_full: bool,
    updated: Option<Instant>,
    backed_off: Option<Instant>,
    /// The last decrease because of loss.
    lost: Option<Instant>,
    /// The highest rate that loss grants.
    loss_limit: f64,
}

impl RateControl {
    pub(super) const fn new(start: f64, min: f64, max: f64) -> Self {
        Self {
            target: start.clamp(min, max),
            min,
            max,
            ceiling: None,
            was_full: false,
            updated: None,
            backed_off: None,
            lost: None,
            loss_limit: f64::INFINITY,
        }
    }

    pub(super) const fn target(&self) -> f64 {
        self.target
    }

    /// Takes what the trend says, the rate that arrives, and the round trip.
    pub(super) fn on_trend(&mut self, now: Instant, usage: Usage, received: Option<f64>, round_trip: Duration) {
        let passed = self.updated.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.updated = Some(now);
        match usage {
            Usage::Over => self.back_off(now, received, round_trip),
            // The queue empties: more would fill it again.
            Usage::Under => {}
            Usage::Normal => self.grow(passed.min(Duration::from_secs(1)), received, round_trip),
        }
    }

    fn back_off(&mut self, now: Instant, received: Option<f64>, round_trip: Duration) {
        // The effect of the last step is not seen before.
        let waits = self.backed_off.is_some_and(|at| now.saturating_duration_since(at) < round_trip + RESPONSE);
        let received = received.unwrap_or(self.target * BACK_OFF);
        if waits && received > self.target / 2.0 {
            return;
        }
        (self.backed_off, self.was_full) = (Some(now), true);
        self.ceiling = Some(Ceiling::add(self.ceiling, received / 1000.0));
        self.target = self.target.min(received * BACK_OFF).max(self.min);
    }

    fn grow(&mut self, passed: Duration, received: Option<f64>, round_trip: Duration) {
        if self.ceiling.is_some_and(|ceiling| received.is_some_and(|received| ceiling.is_below(received))) {
            self.ceiling = None;
        }
        let seconds = passed.as_secs_f64();
        let grown = if self.ceiling.is_some_and(|ceiling| ceiling.is_near(self.target)) {
            self.target + PACKET_BITS / (round_trip + RESPONSE).as_secs_f64() * seconds
        } else {
            let growth = if self.was_full { GROWTH } else { FIRST_GROWTH };
            self.target * growth.powf(seconds)
        };
        let proven = received.map_or(self.target, |received| received * PROVEN + PROVEN_MORE_BPS);
        let most = proven.max(self.target * UNPROVEN_GROWTH.powf(seconds));
        self.target = grown.min(most).min(self.loss_limit.max(self.target)).clamp(self.min, self.max);
        // It is told anew with each feedback.
        self.loss_limit = f64::INFINITY;
    }

    /// Lowers the rate towards what loss grants, by the part that was lost. Whether it did.
    pub(super) fn on_loss(&mut self, now: Instant, limit: f64, lost: f64) -> bool {
        self.loss_limit = limit;
        let waits = self.lost.is_some_and(|at| now.saturating_duration_since(at) < LOSS_INTERVAL);
        if self.target <= limit || waits {
            return false;
        }
        let lower = limit.max(self.target * (1.0 - lost)).max(self.min);
        if lower >= self.target {
            return false;
        }
        (self.target, self.lost, self.was_full) = (lower, Some(now), true);
        true
    }
}
