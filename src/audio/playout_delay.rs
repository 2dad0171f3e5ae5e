//! The playout delay: how long audio waits in the jitter buffer so that late packets arrive in time.
//!
//! The method is that of NetEQ's delay manager: a histogram, with exponential forgetting, of how much later than the
//! fastest packets each packet arrives. The delay is its 97 % quantile and a packet's length.

use super::RATE;
use crate::base::Moment;
use std::time::Duration;

/// Width of a bin of the histogram.
const BIN_US: i64 = 5_000;
/// Bins up to 200 ms, and one for everything beyond.
const BINS: usize = 41;
/// The part of the packets that must arrive in time; the others are concealed.
const QUANTILE: f32 = 0.97;
/// The weight of the past after each packet: it halves in about 3 s.
const FORGETTING: f32 = 0.995;
/// The limits of the delay.
const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(200);
/// How long the fastest packet is remembered: one to two of these. A clock drift is followed at this pace.
const WINDOW: Duration = Duration::from_secs(5);
/// A retransmission that is later than this does not count in the histogram: FEC replaces it sooner.
const LATE_RETRANSMISSION_US: i64 = 60_000;

/// Measures the arrival of packets and gives each its playout time.
#[derive(Clone, Debug)]
pub(super) struct PlayoutDelay {
    histogram: [f32; BINS],
    /// The least arrival time minus media time, in this window and in the one before, in µs.
    fastest: Option<[i64; 2]>,
    window_start: Moment,
    /// The length of a packet. It is added to the delay because recovering a lost packet takes the next one.
    packet: Duration,
    last_offset: Option<i64>,
    jitter_us: f64,
}

impl PlayoutDelay {
    pub(super) fn new() -> Self {
        let mut histogram = [0.0; BINS];
        // The initial estimate is 20 ms of jitter.
        histogram[3] = 1.0;
        Self {
            histogram,
            fastest: None,
            window_start: Moment::ZERO,
            packet: SHORTEST,
            last_offset: None,
            jitter_us: 0.0,
        }
    }

    /// Records a packet's arrival. `timestamp` is in samples and unwrapped; `in_order`: no later packet arrived before it.
    pub(super) fn on_packet(&mut self, timestamp: i64, length: Duration, in_order: bool, now: Moment) {
        let offset = now.as_micros() as i64 - media_us(timestamp);
        let late = offset - self.base(offset, now);
        if !in_order && late > LATE_RETRANSMISSION_US {
            return;
        }
        if in_order {
            self.packet = length.clamp(Duration::from_millis(10), Duration::from_millis(60));
            self.on_jitter(offset);
        }
        let bin = usize::try_from(late / BIN_US).unwrap_or(0).min(BINS - 1);
        for part in &mut self.histogram {
            *part *= FORGETTING;
        }
        self.histogram[bin] += 1.0 - FORGETTING;
    }

    /// How long after the arrival of the fastest packets a packet is played: 20 to 200 ms.
    pub(super) fn target(&self) -> Duration {
        let mut sum = 0.0;
        let bin = self.histogram.iter().position(|part| {
            sum += part;
            sum >= QUANTILE
        });
        let late = Duration::from_micros((bin.unwrap_or(BINS - 1) as u64 + 1) * BIN_US.unsigned_abs());
        (late + self.packet).clamp(SHORTEST, LONGEST)
    }

    /// How late the sample at `timestamp` is if it is played `at`, in µs; negative if it is early.
    pub(super) fn lateness_us(&self, timestamp: i64, at: Moment) -> i64 {
        let Some([one, two]) = self.fastest else { return 0 };
        let due = media_us(timestamp) + one.min(two) + self.target().as_micros() as i64;
        at.as_micros() as i64 - due
    }

    /// Interarrival jitter (RFC 3550, section 6.4.1) in ms.
    pub(super) fn jitter_ms(&self) -> f64 {
        self.jitter_us / 1000.0
    }

    /// The fastest packet's offset, including this packet's.
    fn base(&mut self, offset: i64, now: Moment) -> i64 {
        let fastest = match self.fastest {
            // The sender paused its clock, or the network had an outage: this packet is the new reference. Faster packets
            // that follow replace it at once.
            Some([one, two]) if offset - one.min(two) > LONGEST.as_micros() as i64 => [offset; 2],
            Some([one, two]) if now.since(self.window_start) < WINDOW => [one.min(offset), two],
            Some([one, _]) => {
                self.window_start = now;
                [offset, one]
            }
            None => {
                self.window_start = now;
                [offset; 2]
            }
        };
        self.fastest = Some(fastest);
        fastest[0].min(fastest[1])
    }

    fn on_jitter(&mut self, offset: i64) {
        if let Some(last) = self.last_offset {
            self.jitter_us += ((offset - last).abs() as f64 - self.jitter_us) / 16.0;
        }
        self.last_offset = Some(offset);
    }
}

const fn media_us(timestamp: i64) -> i64 {
    timestamp * 1000 / (RATE as i64 / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Duration = Duration::from_millis(20);

    fn after(late_ms: impl Fn(u64) -> u64, packets: u64) -> Duration {
        let mut delay = PlayoutDelay::new();
        for n in 0..packets {
            delay.on_packet(n as i64 * 960, PACKET, true, Moment::from_millis(n * 20 + 7 + late_ms(n)));
        }
        delay.target()
    }

    #[test]
    fn the_delay_starts_at_forty_ms_and_falls_on_a_steady_network() {
        assert_eq!(PlayoutDelay::new().target(), Duration::from_millis(40));
        assert_eq!(after(|_| 0, 1000), Duration::from_millis(25));
    }

    #[test]
    fn the_delay_grows_with_the_jitter_up_to_a_limit() {
        assert_eq!(after(|n| n * 7 % 5 * 12, 1000), Duration::from_millis(70));
        assert_eq!(after(|n| (n % 10) * 40, 1000), Duration::from_millis(200));
    }

    #[test]
    fn old_jitter_is_forgotten() {
        let calm_again = after(|n| if n < 500 { (n % 5) * 25 } else { 0 }, 3000);
        assert_eq!(calm_again, Duration::from_millis(25));
    }

    #[test]
    fn a_rare_late_packet_does_not_raise_the_delay() {
        assert_eq!(after(|n| if n % 50 == 49 { 80 } else { 0 }, 2000), Duration::from_millis(25));
    }

    #[test]
    fn a_drifting_clock_is_followed() {
        let mut delay = PlayoutDelay::new();
        // 200 ppm slow over an hour: 0.7 s.
        for n in 0..180_000u64 {
            let now = Moment::from_micros(n * 20_004);
            delay.on_packet(n as i64 * 960, PACKET, true, now);
            assert!(delay.target() <= Duration::from_millis(45), "{n}");
            let late = delay.lateness_us(n as i64 * 960, now);
            assert!((-46_000..=0).contains(&late), "{late} after {n}");
        }
    }

    #[test]
    fn a_pause_of_the_senders_clock_resets_the_reference() {
        let mut delay = PlayoutDelay::new();
        delay.on_packet(0, PACKET, true, Moment::from_millis(0));
        delay.on_packet(960, PACKET, true, Moment::from_millis(9020));
        let target = delay.target().as_micros() as i64;
        assert_eq!(delay.lateness_us(960, Moment::from_millis(9020)), -target);
    }
}
