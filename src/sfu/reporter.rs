//! Events to the hub, in a bounded queue.

use super::channels::RELIABLE;
use super::counters::SfuCounters;
use crate::hub::MediaEvent;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Events in the queue at most.
pub(super) const EVENTS: usize = 8192;
/// Places that are kept for events that must not be lost.
const RESERVE: usize = 2048;

/// One worker's end of the queue.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    pub(super) events: mpsc::Sender<MediaEvent>,
    pub(super) counters: Arc<SfuCounters>,
    pub(super) stopping: Arc<AtomicBool>,
}

impl Reporter {
    /// Whether the hub is so late that clients should send no further data messages for now.
    pub(super) fn is_congested(&self) -> bool {
        self.events.capacity() < 2 * RESERVE
    }

    /// Sends an event. When fewer than 2048 places are free, audio levels, link qualities and lossy data messages are
    /// dropped: a client that floods must not block the worker. All other events wait for a place, until the SFU is
    /// stopped. Reliable messages are among them; before it comes to that, [`Reporter::is_congested`] stops their senders.
    pub(super) fn report(&self, event: MediaEvent) {
        let full = self.events.capacity() < RESERVE;
        match &event {
            MediaEvent::Level { .. } | MediaEvent::LinkQuality { .. } if full => {
                return SfuCounters::add(&self.counters.events_dropped, 1);
            }
            MediaEvent::Data { label, .. } if full && label != RELIABLE => {
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
