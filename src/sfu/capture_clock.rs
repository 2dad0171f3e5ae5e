//! When a packet's content was captured, on this machine's clock: a subscriber then can play audio and video of one sender
//! in sync although they took different times to get here.

use crate::base::SenderReport;
use std::time::{Duration, Instant};

/// Age of a capture at most. An older one means that an earlier report was wrong, and the clock starts anew.
const MAX_AGE: Duration = Duration::from_secs(2);
/// The offset grows by at most one part in 2000 of the time that passes: clocks drift apart by less.
const SLEW: u32 = 2000;

/// Compares a sender's clock with ours. There is one for all tracks of a connection, since their difference matters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CaptureClock {
    /// The smallest difference of arrival and capture so far, in microseconds, and when it was updated.
    offset: Option<(i64, Instant)>,
}

impl CaptureClock {
    /// When a packet was captured: at its arrival or earlier. `rate` is in ticks a second; `epoch` is any fixed moment.
    pub(super) fn captured(
        &mut self,
        report: Option<SenderReport>,
        timestamp: u32,
        rate: u32,
        arrival: Instant,
        epoch: Instant,
    ) -> Instant {
        let Some(report) = report else { return arrival };
        let captured = report.wall_us_at(timestamp, rate);
        let arrived = i64::try_from(arrival.saturating_duration_since(epoch).as_micros()).unwrap_or(i64::MAX);
        let sample = arrived.saturating_sub(captured);
        let oldest = MAX_AGE.as_micros() as i64;
        let offset = match self.offset {
            Some((offset, at)) if sample > offset && sample.saturating_sub(offset) <= oldest => {
                let slew = arrival.saturating_duration_since(at).as_micros() as i64 / i64::from(SLEW);
                offset.saturating_add(slew).min(sample)
            }
            _ => sample,
        };
        self.offset = Some((offset, arrival));
        let late = Duration::from_micros(u64::try_from(sample.saturating_sub(offset)).unwrap_or(0));
        arrival.checked_sub(late).unwrap_or(arrival)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_delayed_video_frame_gets_the_time_of_its_capture() {
        let since = Instant::now();
        let ms = |n: u64| since + Duration::from_millis(n);
        let mut clock = CaptureClock::default();
        let wall = 1_700_000_000_000_000;
        let audio = Some(SenderReport { wall_us: wall, timestamp: 48_000 });
        let video = Some(SenderReport { wall_us: wall, timestamp: 90_000 });
        assert_eq!(clock.captured(None, 1, 90_000, ms(990), since), ms(990));
        assert_eq!(clock.captured(audio, 48_000, 48_000, ms(1000), since), ms(1000));
        let held = clock.captured(video, 90_000 + 9000, 90_000, ms(1180), since);
        assert!(held.saturating_duration_since(ms(1100)) < Duration::from_millis(1), "captured 100 ms later");
        let wrapped = Some(SenderReport { wall_us: wall, timestamp: u32::MAX - 44 });
        let over = clock.captured(wrapped, 45, 90_000, ms(1080), since);
        assert!(over.saturating_duration_since(ms(1001)) < Duration::from_millis(1));
    }

    #[test]
    fn the_clock_recovers_from_a_wrong_report() {
        let since = Instant::now();
        let at = |n: u64| since + Duration::from_secs(n);
        let mut clock = CaptureClock::default();
        let wall_us = 1_700_000_000_000_000;
        let odd = Some(SenderReport { wall_us, timestamp: 0 });
        clock.captured(odd, 900_000, 90_000, at(1), since);
        let right = Some(SenderReport { wall_us, timestamp: 900_000 });
        assert_eq!(clock.captured(right, 900_000, 90_000, at(2), since), at(2));
        let held = clock.captured(right, 900_000 + 81_000, 90_000, at(3), since);
        assert!(held.saturating_duration_since(at(3) - Duration::from_millis(100)) < Duration::from_millis(2));
    }

    proptest! {
        #[test]
        fn a_capture_is_never_in_the_future_nor_too_old(
            reports in proptest::collection::vec((any::<i64>(), any::<u32>(), any::<u32>(), 0u64..100_000), 1..50),
        ) {
            let since = Instant::now();
            let mut clock = CaptureClock::default();
            for (wall_us, timestamp, packet, at) in reports {
                let arrival = since + Duration::from_millis(at);
                let got = clock.captured(Some(SenderReport { wall_us, timestamp }), packet, 90_000, arrival, since);
                prop_assert!(got <= arrival && arrival.duration_since(got) <= MAX_AGE);
            }
        }
    }
}
