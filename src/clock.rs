//! The wall clock. Pure folders get time as an argument; everybody else reads it here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
