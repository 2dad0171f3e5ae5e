//! The way of events to the hub. The queue is bounded; what may be lost is lost first, the rest waits for room.

use super::channels::RELIABLE;
use super::counters::SfuCounters;
use crate::hub::MediaEvent;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Events on the way to the hub.
pub(super) const EVENTS: usize = 8192;
/// Of these, so many are kept for what must not be lost.
const RESERVE: usize = 2048;

/// One worker's end of the queue.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    pub(super) events: mpsc::Sender<MediaEvent>,
    pub(super) counters: Arc<SfuCounters>,
    pub(super) stopping: Arc<AtomicBool>,
}

impl Reporter {
    /// Levels and qualities are dropped when the hub is far behind, and so are data messages: a client that floods
    /// must not hold up the worker. Everything else waits for room, until the plane is stopped.
    pub(super) fn report(&self, event: MediaEvent) {
        let full = self.events.capacity() < RESERVE;
        match &event {
            MediaEvent::Level { .. } | MediaEvent::LinkQuality { .. } if full => {
                return SfuCounters::add(&self.counters.events_dropped, 1);
            }
            MediaEvent::Data { label, .. } if full => {
                if label == RELIABLE {
                    tracing::warn!("a reliable message is dropped: the hub is {} events behind", EVENTS - RESERVE);
                }
                return SfuCounters::add(&self.counters.data_dropped, 1);
            }
            _ => {}
        }
        let mut event = event;
        while let Err(TrySendError::Full(back)) = self.events.try_send(event) {
            if self.stopping.load(Relaxed) {
                return;
            }
            event = back;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
