//! Which picture of a tile was painted last, and when: written where the renderer draws, read by the window.

use crate::clock::unix_us;
use std::sync::atomic::{AtomicU64, Ordering};

/// Nothing before the first picture.
#[derive(Debug, Default)]
pub(super) struct Painted {
    /// Its number; pictures count from 1.
    number: AtomicU64,
    /// When it was painted first, in Unix microseconds.
    at: AtomicU64,
}

impl Painted {
    /// Picture `number` is being painted now. Only the first time counts.
    pub(super) fn mark(&self, number: u64) {
        if self.number.load(Ordering::Relaxed) != number {
            self.at.store(unix_us(), Ordering::Relaxed);
            self.number.store(number, Ordering::Release);
        }
    }

    /// The number of the newest picture that was painted; 0 before the first.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// When picture `number` was painted, in Unix ms; `None` when it was not, or another one since.
    pub(super) fn at(&self, number: u64) -> Option<f64> {
        (self.number() == number).then(|| self.at.load(Ordering::Relaxed) as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_counts_and_only_for_its_own_picture() {
        let painted = Painted::default();
        assert_eq!((painted.number(), painted.at(1)), (0, None));
        painted.mark(1);
        let first = painted.at(1).expect("painted");
        std::thread::sleep(std::time::Duration::from_millis(2));
        painted.mark(1);
        assert_eq!(painted.at(1), Some(first));
        painted.mark(2);
        assert_eq!(painted.at(1), None);
        assert!(painted.at(2).is_some_and(|at| at > first));
    }
}
