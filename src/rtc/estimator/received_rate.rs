//! The rate at which packets arrive at the receiver.

use std::collections::VecDeque;
use std::time::Duration;

/// The time that it is measured over.
const WINDOW: Duration = Duration::from_millis(500);
/// The shortest time that tells a rate: frames come in bursts.
const LEAST: Duration = Duration::from_millis(150);

/// The packets that arrived last.
#[derive(Debug, Default)]
pub(super) struct ReceivedRate {
    /// Times of arrival and sizes in bytes.
    packets: VecDeque<(Duration, usize)>,
    newest: Duration,
    bytes: usize,
}

impl ReceivedRate {
    /// A packet has arrived, by the receiver's clock.
    pub(super) fn add(&mut self, arrival: Duration, bytes: usize) {
        self.newest = self.newest.max(arrival);
        self.packets.push_back((arrival, bytes));
        self.bytes += bytes;
        while let Some((at, bytes)) = self.packets.front()
            && self.newest.saturating_sub(*at) > WINDOW
        {
            self.bytes -= bytes;
            self.packets.pop_front();
        }
    }

    /// Bits a second; `None` if too little has arrived.
    pub(super) fn bits_per_second(&self) -> Option<f64> {
        let (oldest, first) = self.packets.front()?;
        let span = self.newest.saturating_sub(*oldest);
        // The first packet took its time before the window.
        (span >= LEAST).then(|| (self.bytes - first) as f64 * 8.0 / span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_known_after_a_while_and_follows() {
        let mut rate = ReceivedRate::default();
        let ms = Duration::from_millis;
        (0..=10).for_each(|i| rate.add(ms(i * 10), 1250));
        assert_eq!(rate.bits_per_second(), None, "100 ms");
        (11..=50).for_each(|i| rate.add(ms(i * 10), 1250));
        assert_eq!(rate.bits_per_second().map(f64::round), Some(1_000_000.0));
        (0..=100).for_each(|i| rate.add(ms(500 + i * 10), 125));
        assert_eq!(rate.bits_per_second().map(f64::round), Some(100_000.0));
    }
}
