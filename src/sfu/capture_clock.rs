//! When a packet's content was captured, on this machine's clock, so that a subscriber can put picture and sound of one
//! person together although they took different times to get here.

use std::time::{Duration, Instant};

/// A capture cannot lie further back than this: then an earlier report made no sense, and all begins anew.
const OLDEST: Duration = Duration::from_secs(2);
/// The offset may grow by one part in so many of the time that passed: clocks run apart by less.
const SLEW: u32 = 2000;

/// A sender's clock against ours. One for all tracks of a connection, since it is their difference that counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CaptureClock {
    /// The least that was seen of arrival less capture, in microseconds, and when it was noted.
    offset: Option<(i64, Instant)>,
}

/// A moment that the sender named in a report (RFC 3550, section 6.4.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// Its wall clock, microseconds since 1970.
    pub(super) wall_us: i64,
    /// The same moment as an RTP timestamp.
    pub(super) timestamp: u32,
}

impl CaptureClock {
    /// The moment of a packet's capture: never later than its arrival. `since` is any fixed moment.
    pub(super) fn captured(
        &mut self,
        report: Option<Report>,
        timestamp: u32,
        units_per_ms: u32,
        arrival: Instant,
        since: Instant,
    ) -> Instant {
        let Some(report) = report else { return arrival };
        let units = i64::from(timestamp.wrapping_sub(report.timestamp) as i32);
        let captured = report.wall_us.saturating_add(units * 1000 / i64::from(units_per_ms));
        let arrived = i64::try_from(arrival.saturating_duration_since(since).as_micros()).unwrap_or(i64::MAX);
        let sample = arrived.saturating_sub(captured);
        let oldest = OLDEST.as_micros() as i64;
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
    fn a_picture_that_was_held_up_is_put_back_to_its_time() {
        let since = Instant::now();
        let ms = |n: u64| since + Duration::from_millis(n);
        let mut clock = CaptureClock::default();
        let wall = 1_700_000_000_000_000;
        let sound = Some(Report { wall_us: wall, timestamp: 48_000 });
        let picture = Some(Report { wall_us: wall, timestamp: 90_000 });
        assert_eq!(clock.captured(None, 1, 90, ms(990), since), ms(990));
        assert_eq!(clock.captured(sound, 48_000, 48, ms(1000), since), ms(1000));
        let held = clock.captured(picture, 90_000 + 9000, 90, ms(1180), since);
        assert!(held.saturating_duration_since(ms(1100)) < Duration::from_millis(1), "captured 100 ms later");
        let wrapped = Some(Report { wall_us: wall, timestamp: u32::MAX - 44 });
        let over = clock.captured(wrapped, 45, 90, ms(1080), since);
        assert!(over.saturating_duration_since(ms(1001)) < Duration::from_millis(1));
    }

    #[test]
    fn a_report_that_made_no_sense_is_got_over() {
        let since = Instant::now();
        let at = |n: u64| since + Duration::from_secs(n);
        let mut clock = CaptureClock::default();
        let wall_us = 1_700_000_000_000_000;
        let odd = Some(Report { wall_us, timestamp: 0 });
        clock.captured(odd, 900_000, 90, at(1), since);
        let right = Some(Report { wall_us, timestamp: 900_000 });
        assert_eq!(clock.captured(right, 900_000, 90, at(2), since), at(2));
        let held = clock.captured(right, 900_000 + 81_000, 90, at(3), since);
        assert!(held.saturating_duration_since(at(3) - Duration::from_millis(100)) < Duration::from_millis(2));
    }

    proptest! {
        #[test]
        fn no_report_leads_astray(
            reports in proptest::collection::vec((any::<i64>(), any::<u32>(), any::<u32>(), 0u64..100_000), 1..50),
        ) {
            let since = Instant::now();
            let mut clock = CaptureClock::default();
            for (wall_us, timestamp, packet, at) in reports {
                let arrival = since + Duration::from_millis(at);
                let got = clock.captured(Some(Report { wall_us, timestamp }), packet, 90, arrival, since);
                prop_assert!(got <= arrival && arrival.duration_since(got) <= OLDEST);
            }
        }
    }
}
