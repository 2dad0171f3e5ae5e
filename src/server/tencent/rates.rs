//! The limit on calls of one action in a second.

use crate::proto::tencent::ApiAction;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// The calls of the last second, by action. Only calls with a valid signature count.
#[derive(Debug, Default)]
pub(super) struct RateLimits(Mutex<HashMap<ApiAction, VecDeque<Instant>>>);

impl RateLimits {
    /// Counts a call, unless there were `limit` in the second before `now`. Returns whether it was counted.
    pub(super) fn admit(&self, action: ApiAction, limit: u32, now: Instant) -> bool {
        let mut rates = self.0.lock();
        let calls = rates.entry(action).or_default();
        while calls.front().is_some_and(|at| now.saturating_duration_since(*at) >= SECOND) {
            calls.pop_front();
        }
        let admitted = calls.len() < limit as usize;
        if admitted {
            calls.push_back(now);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_calls_of_one_action_than_the_limit() {
        let (rates, start) = (RateLimits::default(), Instant::now());
        let admitted = |action, from_ms: u64, to_ms: u64| {
            (from_ms..to_ms).filter(|ms| rates.admit(action, 20, start + Duration::from_millis(*ms))).count()
        };
        assert_eq!(admitted(ApiAction::RemoveUser, 0, 1000), 20);
        assert_eq!(admitted(ApiAction::DismissRoom, 0, 1000), 20);
        // The first twenty came within 20 ms; each allows one a second later.
        assert_eq!(admitted(ApiAction::RemoveUser, 1000, 1010), 10);
        assert_eq!(admitted(ApiAction::RemoveUser, 1010, 2000), 10);
    }
}
