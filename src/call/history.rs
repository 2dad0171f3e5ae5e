//! The last minutes of a call: its timeline and its statistics, for the window's call details.
//!
//! It is kept whether the details are open or not, and is bounded; while they are closed nothing is made of it.

use super::view::{CallDetails, StatisticsSample};
use crate::base::{Statistics, TimelineEntry};
use std::collections::VecDeque;
use std::sync::Arc;

/// Entries of the timeline; of more, the oldest is forgotten.
const ENTRIES: usize = 500;
/// Statistics: ten minutes, as they come every 2 s. Of more, the oldest are forgotten.
const SAMPLES: usize = 300;

/// The last minutes of a call.
#[derive(Debug, Default)]
pub(super) struct CallHistory {
    timeline: VecDeque<Arc<TimelineEntry>>,
    samples: VecDeque<Arc<StatisticsSample>>,
    /// Grows with each addition.
    revision: u64,
}

impl CallHistory {
    pub(super) fn add_entry(&mut self, entry: TimelineEntry) {
        add(&mut self.timeline, entry, ENTRIES);
        self.revision += 1;
    }

    /// Adds the statistics of `at`, Unix time in ms.
    pub(super) fn add_statistics(&mut self, at: f64, statistics: Statistics) {
        add(&mut self.samples, StatisticsSample { at, statistics }, SAMPLES);
        self.revision += 1;
    }

    /// What the window shows of it; `shown` itself if nothing has been added since.
    pub(super) fn details(&self, shown: Option<&Arc<CallDetails>>) -> Arc<CallDetails> {
        if let Some(shown) = shown.filter(|shown| shown.revision == self.revision) {
            return shown.clone();
        }
        Arc::new(CallDetails {
            revision: self.revision,
            timeline: self.timeline.iter().cloned().collect(),
            samples: self.samples.iter().cloned().collect(),
        })
    }
}

fn add<T>(queue: &mut VecDeque<Arc<T>>, value: T, most: usize) {
    if queue.len() == most {
        queue.pop_front();
    }
    queue.push_back(Arc::new(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut history = CallHistory::default();
        for i in 0..2 * ENTRIES {
            history.add_entry(TimelineEntry { at: i as f64, kind: "Reaction".into(), words: String::new() });
            history.add_statistics(i as f64, Statistics::default());
        }
        let details = history.details(None);
        assert_eq!((details.timeline.len(), details.samples.len()), (ENTRIES, SAMPLES));
        assert_eq!((details.timeline[0].at, details.samples[0].at), (500.0, 700.0));
    }

    #[test]
    fn details_are_made_again_only_when_something_was_added() {
        let mut history = CallHistory::default();
        let first = history.details(None);
        assert!(Arc::ptr_eq(&first, &history.details(Some(&first))));
        history.add_statistics(1.0, Statistics::default());
        let second = history.details(Some(&first));
        assert!(!Arc::ptr_eq(&first, &second));
        assert_eq!(second.samples.len(), 1);
    }
}
