//! State that the window's thread and the service task share, beside commands and snapshots.

use crate::base::TrackRef;
use crate::call::view::Notice;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// Notices that wait for the window; when there are more, the oldest is dropped.
const NOTICES: usize = 16;
/// First frames that wait for the task; further ones are dropped. No room fills so fast within one tick.
const SHOWN: usize = 256;

type Waker = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
pub(super) struct Mailbox {
    notices: Mutex<VecDeque<Notice>>,
    waker: Mutex<Option<Waker>>,
    /// First frames that the window has drawn.
    shown: Mutex<Vec<(TrackRef, u32, u32)>>,
}

impl Mailbox {
    /// Adds a notice for the window.
    pub(super) fn notice(&self, notice: Notice) {
        let mut notices = self.notices.lock();
        if notices.len() == NOTICES {
            notices.pop_front();
        }
        notices.push_back(notice);
    }

    /// Drops the notices for which `keep` is false.
    pub(super) fn retain(&self, keep: impl FnMut(&Notice) -> bool) {
        self.notices.lock().retain(keep);
    }

    pub(super) fn take_notices(&self) -> Vec<Notice> {
        self.notices.lock().drain(..).collect()
    }

    pub(super) fn set_waker(&self, waker: Waker) {
        *self.waker.lock() = Some(waker);
    }

    /// Asks the window to draw.
    pub(super) fn wake(&self) {
        let waker = self.waker.lock().clone();
        if let Some(wake) = waker {
            wake();
        }
    }

    /// The first frame of a track was drawn, with this width and height.
    pub(super) fn shown(&self, track: &TrackRef, width: u32, height: u32) {
        let mut shown = self.shown.lock();
        if shown.len() < SHOWN {
            shown.push((track.clone(), width, height));
        }
    }

    pub(super) fn take_shown(&self) -> Vec<(TrackRef, u32, u32)> {
        std::mem::take(&mut self.shown.lock())
    }
}
