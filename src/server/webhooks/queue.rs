//! The events for one address that are not delivered yet.

use std::collections::VecDeque;
use std::sync::Arc;

/// Events in a queue at most.
const EVENTS: usize = 4096;
/// Bytes of events in a queue at most.
const BYTES: usize = 16 << 20;

/// An event as it is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueuedEvent {
    /// JSON.
    pub(super) body: Arc<str>,
    /// Unix seconds.
    pub(super) created_at: i64,
}

/// A queue of at most 4096 events and 16 MiB. A new event that does not fit is dropped: the older ones are what it builds on.
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    events: VecDeque<QueuedEvent>,
    bytes: usize,
}

impl EventQueue {
    /// Appends an event. Returns whether there was room.
    pub(super) fn push(&mut self, event: QueuedEvent) -> bool {
        let fits = self.events.len() < EVENTS && self.bytes + event.body.len() <= BYTES;
        if fits {
            self.bytes += event.body.len();
            self.events.push_back(event);
        }
        fits
    }

    /// The oldest event.
    pub(super) fn first(&self) -> Option<QueuedEvent> {
        self.events.front().cloned()
    }

    /// Removes the oldest event.
    pub(super) fn remove_first(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.bytes -= event.body.len();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &QueuedEvent> {
        self.events.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> QueuedEvent {
        QueuedEvent { body: "x".repeat(bytes).into(), created_at: 0 }
    }

    #[test]
    fn a_queue_is_bounded_in_events_and_bytes() {
        let mut queue = EventQueue::default();
        assert!((0..EVENTS).all(|_| queue.push(event(1))) && !queue.push(event(1)));
        queue.remove_first();
        assert!(!queue.push(event(BYTES)) && queue.push(event(BYTES - EVENTS + 1)));
        assert_eq!((queue.len(), queue.bytes), (EVENTS, BYTES));
    }
}
