//! The bandwidth of the way to the server, estimated from the fate of each packet that we send (congestion control).
//!
//! A way can be too narrow in two forms. A long queue delays packets more and more ([`DelayTrend`], the delay-based part of
//! Google's congestion control, draft-ietf-rmcat-gcc-02); a short one loses them. Wi-Fi loses packets too, whatever the
//! rate: loss lowers the estimate only to what [`LossLimit`] grants, and does not pull it down to nothing.

mod loss_limit;
mod rate_control;
mod received_rate;
#[cfg(test)]
mod simulation;
mod trend;

use loss_limit::LossLimit;
use rate_control::RateControl;
use received_rate::ReceivedRate;
use std::time::{Duration, Instant};
use trend::DelayTrend;

/// The fate of a packet, as feedback tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PacketFate {
    /// When it left, by our clock.
    pub(super) departure: Instant,
    /// When it arrived, by the receiver's clock; `None` if it was lost.
    pub(super) arrival: Option<Duration>,
    /// Its size on the wire.
    pub(super) bytes: usize,
}

/// The estimate, from transport-wide feedback.
pub(super) struct LinkEstimate {
    trend: DelayTrend,
    received: ReceivedRate,
    loss: LossLimit,
    control: RateControl,
}

impl LinkEstimate {
    /// An estimate in bits a second that begins with `start` and stays between `min` and `max`.
    pub(super) fn new(start: f64, min: f64, max: f64) -> Self {
        let control = RateControl::new(start, min, max);
        Self { trend: DelayTrend::default(), received: ReceivedRate::default(), loss: LossLimit::default(), control }
    }

    /// Takes a feedback that has come at `now`: packets in the order in which they left.
    pub(super) fn on_feedback(&mut self, now: Instant, packets: &[PacketFate]) {
        let Some(newest) = packets.last() else { return };
        for packet in packets {
            if let Some(arrival) = packet.arrival {
                self.received.add(arrival, packet.bytes);
                self.trend.add(packet.departure, arrival);
            }
            self.loss.add(packet.departure, packet.arrival.is_none());
        }
        let round_trip = now.saturating_duration_since(newest.departure);
        let received = self.received.bits_per_second();
        self.control.on_trend(now, self.trend.usage(), received, round_trip);
        if let (Some(limit), Some(lost)) = (self.loss.limit(), self.loss.lost())
            && self.control.on_loss(now, limit, lost)
        {
            // What was lost at the higher rate tells nothing about the new one.
            self.loss.forget();
        }
    }

    /// Bits a second.
    pub(super) const fn bits_per_second(&self) -> f64 {
        self.control.target()
    }
}
