//! The frame of a video that was painted last, and when: written by the renderer, read by the window.

use crate::clock::unix_us;
use std::sync::atomic::{AtomicU64, Ordering};

/// Both are 0 before the first frame.
#[derive(Debug, Default)]
pub(super) struct Painted {
    /// The frame's number, from 1.
    number: AtomicU64,
    /// When it was painted first, in Unix microseconds.
    at: AtomicU64,
}

impl Painted {
    /// Frame `number` is being painted. Painting it again changes nothing.
    pub(super) fn mark(&self, number: u64) {
        if self.number.load(Ordering::Relaxed) != number {
            self.at.store(unix_us(), Ordering::Relaxed);
            self.number.store(number, Ordering::Release);
        }
    }

    /// The number of the frame that was painted last; 0 before the first.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// When frame `number` was painted first, in Unix ms; `None` if it is not the last one painted.
    pub(super) fn at(&self, number: u64) -> Option<f64> {
        (self.number() == number).then(|| self.at.load(Ordering::Relaxed) as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_painting_of_a_frame_counts() {
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
