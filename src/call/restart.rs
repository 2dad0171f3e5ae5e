//! A thread of the media survives its own panics: a bug that one picture brings out costs that picture, not the call.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// After so many panics the work is given up: it would only fail again.
const PANICS: u32 = 5;

/// Runs `work` until it returns by itself; after a panic it begins anew, a few times.
pub(super) fn restart_on_panic(what: &str, mut work: impl FnMut()) {
    for panics in 1..=PANICS {
        if catch_unwind(AssertUnwindSafe(&mut work)).is_ok() {
            return;
        }
        tracing::error!(what, panics, "a thread of the media panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_panics_begins_anew_a_few_times() {
        let mut runs = 0;
        restart_on_panic("test", || {
            runs += 1;
            assert!(runs == 3, "not yet");
        });
        assert_eq!(runs, 3);
        let mut runs = 0;
        restart_on_panic("test", || {
            runs += 1;
            panic!("always");
        });
        assert_eq!(runs, PANICS);
    }
}
