//! The timer table of a pure core: at most one deadline for each named timer.

use crate::base::Moment;
use std::collections::BTreeMap;

/// Deadlines by name. `T` is an enum of a core's timers; each variant says what happens when it fires.
#[derive(Clone, Debug)]
pub(crate) struct Timers<T: Ord + Copy> {
    at: BTreeMap<T, Moment>,
}

impl<T: Ord + Copy> Default for Timers<T> {
    fn default() -> Self {
        Self { at: BTreeMap::new() }
    }
}

impl<T: Ord + Copy> Timers<T> {
    /// Starts `timer`, or moves it.
    pub(crate) fn set(&mut self, timer: T, at: Moment) {
        self.at.insert(timer, at);
    }

    /// Starts `timer`, or moves it to an earlier deadline; never to a later one.
    pub(crate) fn set_earlier(&mut self, timer: T, at: Moment) {
        let deadline = self.at.entry(timer).or_insert(at);
        *deadline = at.min(*deadline);
    }

    /// Stops `timer`, if it runs.
    pub(crate) fn stop(&mut self, timer: T) {
        self.at.remove(&timer);
    }

    /// Stops every timer.
    pub(crate) fn clear(&mut self) {
        self.at.clear();
    }

    /// Whether `timer` runs.
    pub(crate) fn is_set(&self, timer: T) -> bool {
        self.at.contains_key(&timer)
    }

    /// Whether no timer runs.
    pub(crate) fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.at.values().min().copied()
    }

    /// Stops and returns one timer whose deadline has passed at `now`, the earliest first.
    pub(crate) fn pop_due(&mut self, now: Moment) -> Option<T> {
        let (&timer, _) = self.at.iter().filter(|(_, at)| **at <= now).min_by_key(|(_, at)| **at)?;
        self.at.remove(&timer);
        Some(timer)
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
        assert_eq!(t.next_deadline(), Some(Moment::from_millis(10)));
        assert_eq!(t.pop_due(Moment::from_millis(5)), None);
        assert_eq!(t.pop_due(Moment::from_millis(30)), Some('b'));
        assert_eq!(t.pop_due(Moment::from_millis(30)), Some('a'));
        assert_eq!(t.pop_due(Moment::from_millis(30)), None);
        t.set_earlier('c', Moment::from_millis(50));
        assert_eq!(t.next_deadline(), Some(Moment::from_millis(40)));
        t.set_earlier('c', Moment::from_millis(35));
        assert_eq!(t.next_deadline(), Some(Moment::from_millis(35)));
        t.stop('c');
        assert!(t.is_empty());
    }
}
