//! Restarts the work of a media thread after a panic: a bug that one frame triggers costs that frame, not the call.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Panics after which the work is not restarted any more.
const PANICS: u32 = 5;

/// Runs `work` until it returns; after a panic it is run again, up to [`PANICS`] times in all.
pub(super) fn restart_on_panic(what: &str, mut work: impl FnMut()) {
    for panics in 1..=PANICS {
        if catch_unwind(AssertUnwindSafe(&mut work)).is_ok() {
            return;
        }
        tracing::error!(what, panics, "a media thread panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_panics_is_restarted_up_to_five_times() {
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
