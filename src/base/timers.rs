//! The timer table of a pure core: one optional deadline for each named timer.

use crate::base::Moment;
use std::collections::BTreeMap;

/// Deadlines by name. `T` is an enum of a core's timers, each case documented with what happens when it fires.
#[derive(Clone, Debug)]
pub struct Timers<T: Ord + Copy> {
    at: BTreeMap<T, Moment>,
}

impl<T: Ord + Copy> Default for Timers<T> {
    fn default() -> Self {
        Self { at: BTreeMap::new() }
    }
}

impl<T: Ord + Copy> Timers<T> {
    /// Starts `timer`, or moves it when it runs already.
    pub fn set(&mut self, timer: T, at: Moment) {
        self.at.insert(timer, at);
    }

    /// Moves `timer` forward, or starts it; never moves it back.
    pub fn hasten(&mut self, timer: T, at: Moment) {
        let due = self.at.entry(timer).or_insert(at);
        *due = at.min(*due);
    }

    /// Stops `timer`; nothing happens when it does not run.
    pub fn stop(&mut self, timer: T) {
        self.at.remove(&timer);
    }

    /// Stops every timer.
    pub fn clear(&mut self) {
        self.at.clear();
    }

    /// Whether `timer` runs.
    pub fn is_set(&self, timer: T) -> bool {
        self.at.contains_key(&timer)
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Moment> {
        self.at.values().min().copied()
    }

    /// Takes out one timer that is due at `now`, the earliest first.
    pub fn due(&mut self, now: Moment) -> Option<T> {
        let (&timer, _) = self.at.iter().filter(|(_, at)| **at <= now).min_by_key(|(_, at)| **at)?;
        self.at.remove(&timer);
        Some(timer)
    }

    /// Whether no timer runs.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_timers_come_out_once_and_in_order() {
        let mut t = Timers::default();
        t.set('b', Moment::from_millis(20));
        t.set('a', Moment::from_millis(30));
        t.set('c', Moment::from_millis(40));
        t.set('b', Moment::from_millis(10));
        assert_eq!(t.next(), Some(Moment::from_millis(10)));
        assert_eq!(t.due(Moment::from_millis(5)), None);
        assert_eq!(t.due(Moment::from_millis(30)), Some('b'));
        assert_eq!(t.due(Moment::from_millis(30)), Some('a'));
        assert_eq!(t.due(Moment::from_millis(30)), None);
        t.hasten('c', Moment::from_millis(50));
        assert_eq!(t.next(), Some(Moment::from_millis(40)));
        t.hasten('c', Moment::from_millis(35));
        assert_eq!(t.next(), Some(Moment::from_millis(35)));
        t.stop('c');
        assert!(t.is_empty());
    }
}
