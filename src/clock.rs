//! The wall clock, and a clock of the time in which this process could act. Pure folders get time as an argument; everybody
//! else reads it here.

use crate::base::Moment;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// [`RunningClock::advance`] is called at least this often.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(500);
/// A longer time between two calls of [`RunningClock::advance`] is a standstill, not a busy machine.
const STANDSTILL: Duration = Duration::from_secs(2);

/// Time in which this process runs. A standstill counts as one [`HEARTBEAT`]: the process was stopped (`SIGSTOP`, a debugger,
/// a frozen virtual machine), or the machine was asleep. So limits that are measured with it do not expire before the
/// process can take what has arrived.
#[derive(Clone, Debug)]
pub(crate) struct RunningClock {
    /// The last reading, of the monotonic clock and of the wall clock.
    read: Instant,
    wall: Duration,
    /// The running time at the last reading.
    running: Duration,
}

impl RunningClock {
    /// Begins at [`Moment::ZERO`].
    pub(crate) fn start() -> Self {
        Self { read: Instant::now(), wall: unix_time(), running: Duration::ZERO }
    }

    /// Reads the clocks. Returns how long the process has stood still since the last call, if it has. A wall clock that is
    /// set forward looks like sleep: the monotonic clock goes on in sleep on Windows, and not on Linux and macOS.
    pub(crate) fn advance(&mut self) -> Option<Duration> {
        self.advance_to(Instant::now(), unix_time())
    }

    fn advance_to(&mut self, now: Instant, wall: Duration) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.read);
        let standstill = passed.max(wall.saturating_sub(self.wall));
        self.running += if passed > STANDSTILL { HEARTBEAT } else { passed };
        (self.read, self.wall) = (now, wall);
        (standstill > STANDSTILL).then_some(standstill)
    }

    /// The running time.
    pub(crate) fn now(&self) -> Moment {
        Moment::ZERO + self.running + self.read.elapsed().min(STANDSTILL)
    }

    /// When it will be `at`, if the process does not stand still.
    pub(crate) fn instant_of(&self, at: Moment) -> Instant {
        self.read + at.since(Moment::ZERO).saturating_sub(self.running)
    }
}

/// Time since 1970-01-01 UTC, without leap seconds; zero while the clock is set before that.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Unix time in milliseconds with three decimals, as events have it.
pub(crate) fn unix_ms() -> f64 {
    unix_time().as_micros() as f64 / 1000.0
}

/// Unix time in microseconds, as the test picture has it.
pub(crate) fn unix_us() -> u64 {
    unix_time().as_micros() as u64
}

/// Unix time in whole seconds, as tokens, links and files have it.
pub(crate) fn unix_s() -> i64 {
    unix_time().as_secs() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock with readings at these milliseconds of the monotonic clock and the wall clock: its time and the standstills.
    fn readings(at: &[(u64, u64)]) -> (u64, Vec<u64>) {
        let mut clock = RunningClock::start();
        let (begin, wall) = (clock.read, clock.wall);
        let ms = Duration::from_millis;
        let stood = at.iter().filter_map(|(now, then)| clock.advance_to(begin + ms(*now), wall + ms(*then)));
        let stood = stood.map(|time| time.as_millis() as u64).collect();
        (clock.running.as_millis() as u64, stood)
    }

    #[test]
    fn a_stopped_process_does_not_count_the_time() {
        assert_eq!(readings(&[(400, 400), (1900, 1900)]), (1900, vec![]));
        assert_eq!(readings(&[(400, 400), (35_400, 35_400), (35_500, 35_500)]), (1000, vec![35_000]));
    }

    #[test]
    fn sleep_is_noticed_where_the_monotonic_clock_stops_too() {
        assert_eq!(readings(&[(400, 400), (500, 3_600_500)]), (500, vec![3_600_100]));
    }

    #[test]
    fn a_clock_that_is_set_back_changes_nothing() {
        let mut clock = RunningClock::start();
        assert_eq!(clock.advance_to(clock.read + HEARTBEAT, Duration::ZERO), None);
        assert_eq!(clock.running, HEARTBEAT);
    }
}
