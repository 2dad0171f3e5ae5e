//! The rate that a lossy way is given.
//!
//! Below [`FREE`] loss says nothing: radio loses as much at any rate. Above it each level of loss has a highest rate, so that
//! a way whose short queue overflows comes to rest, and one that just loses still carries a picture: 2 Mbit/s at 10 %,
//! 670 kbit/s at 20 %, 220 kbit/s at 50 %. The form is that of the upper bound of libwebrtc's loss-based estimate.

use std::time::{Duration, Instant};

/// The part of the packets that may be lost without an effect.
const FREE: f64 = 0.05;
/// Bits a second times the loss beyond [`FREE`].
const BALANCE_BPS: f64 = 100_000.0;
/// The weight of a packet falls to 1/e in this time.
const MEMORY: Duration = Duration::from_millis(1500);
/// Packets, by their weight, from which on their loss counts.
const LEAST_PACKETS: f64 = 30.0;

/// Packets of the last seconds.
#[derive(Debug, Default)]
pub(super) struct LossLimit {
    newest: Option<Instant>,
    /// Both by weight.
    sent: f64,
    lost: f64,
}

impl LossLimit {
    /// Takes the fate of a packet that left at `departure`.
    pub(super) fn add(&mut self, departure: Instant, is_lost: bool) {
        let newest = self.newest.map_or(departure, |newest| newest.max(departure));
        let passed = newest.saturating_duration_since(self.newest.unwrap_or(newest));
        let weight = (-passed.as_secs_f64() / MEMORY.as_secs_f64()).exp();
        self.sent = self.sent * weight + 1.0;
        self.lost = self.lost * weight + f64::from(u8::from(is_lost));
        self.newest = Some(newest);
    }

    /// The part of the packets that were lost; `None` if too few are known.
    pub(super) fn lost(&self) -> Option<f64> {
        (self.sent >= LEAST_PACKETS).then(|| self.lost / self.sent)
    }

    /// The highest rate in bits a second; `None` if there is no limit.
    pub(super) fn limit(&self) -> Option<f64> {
        self.lost().filter(|lost| *lost > FREE).map(|lost| BALANCE_BPS / (lost - FREE))
    }

    /// Begins anew.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(lost_of_20: usize) -> LossLimit {
        let (mut loss, t) = (LossLimit::default(), Instant::now());
        (0..400).for_each(|i| loss.add(t + Duration::from_millis(i * 10), (i as usize) % 20 < lost_of_20));
        loss
    }

    #[test]
    fn more_loss_means_less_rate() {
        assert_eq!(with(0).limit(), None);
        assert_eq!(with(1).lost().map(|lost| (lost * 100.0).round()), Some(5.0));
        let kbps = |lost_of_20| with(lost_of_20).limit().map_or(0.0, |limit| limit / 1000.0);
        assert!((1500.0..2600.0).contains(&kbps(2)), "10 %: {}", kbps(2));
        assert!((550.0..800.0).contains(&kbps(4)), "20 %: {}", kbps(4));
        assert!((200.0..250.0).contains(&kbps(10)), "50 %: {}", kbps(10));
    }

    #[test]
    fn few_packets_say_nothing() {
        let (mut loss, t) = (LossLimit::default(), Instant::now());
        (0..10).for_each(|_| loss.add(t, true));
        assert_eq!((loss.lost(), loss.limit()), (None, None));
    }
}
