//! Loss and round trip of one connection, from str0m's statistics, which come every two seconds.

use std::time::Duration;
use str0m::stats::{MediaEgressStats, MediaIngressStats, PeerStats};

/// Sums of one direction over one interval.
#[derive(Clone, Copy, Debug, Default)]
struct Direction {
    packets_before: u64,
    packets: u64,
    /// Sum of loss times weight.
    weighted: f64,
    weight: f64,
}

impl Direction {
    fn add(&mut self, packets: u64, loss: Option<f32>) {
        self.packets += packets;
        if let Some(loss) = loss.filter(|l| l.is_finite()) {
            let weight = packets.max(1) as f64;
            self.weighted += f64::from(loss.clamp(0.0, 1.0)) * weight;
            self.weight += weight;
        }
    }

    /// Ends the interval. Its mean loss (0.0 to 1.0), weighted by packets; 0 when no packet was sent.
    fn take(&mut self) -> f32 {
        let sent = self.packets.saturating_sub(self.packets_before);
        let loss = if self.weight > 0.0 && sent > 0 { (self.weighted / self.weight) as f32 } else { 0.0 };
        *self = Self { packets_before: self.packets, ..Self::default() };
        loss
    }
}

/// Monitors one connection.
#[derive(Debug, Default)]
pub(super) struct QualityMonitor {
    out: Direction,
    into: Direction,
    rtt: Option<Duration>,
    last: (f32, f32),
}

impl QualityMonitor {
    pub(super) fn egress(&mut self, report: &MediaEgressStats) {
        self.out.add(report.packets, report.loss);
        self.rtt = report.rtt.or(self.rtt);
    }

    pub(super) fn ingress(&mut self, report: &MediaIngressStats) {
        self.into.add(report.packets, report.loss);
        self.rtt = report.rtt.or(self.rtt);
    }

    /// Ends an interval.
    pub(super) fn end_interval(&mut self, report: &PeerStats) {
        // A receiver may count retransmitted packets as received; TWCC feedback does not.
        let worse = |a: f32, b: Option<f32>| b.filter(|b| b.is_finite()).map_or(a, |b| a.max(b));
        let out = worse(self.out.take(), report.egress_loss_fraction);
        let into = worse(self.into.take(), report.ingress_loss_fraction);
        let rtt = report.rtt.or(self.rtt).unwrap_or_default();
        self.last = (out.max(into) * 100.0, rtt.as_secs_f32() * 1000.0);
    }

    /// Loss in percent, the worse of both directions, and round trip in ms, of the last interval.
    pub(super) const fn last(&self) -> (f32, f32) {
        self.last
    }
}
