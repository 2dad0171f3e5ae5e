//! What the window and the desk's task share beside commands and snapshots.

use crate::base::UserId;
use crate::call::view::Notice;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Notices that wait at most; older ones are dropped.
const NOTICES: usize = 16;
/// First pictures that wait at most. More people than that come into no room at once.
const SHOWN: usize = 256;

type Waker = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
pub(super) struct Mailbox {
    notices: Mutex<VecDeque<Notice>>,
    waker: Mutex<Option<Waker>>,
    /// Pictures that the window has shown for the first time.
    shown: Mutex<Vec<(UserId, u32, u32)>>,
}

impl Mailbox {
    /// Keeps a notice for the window; of too many the oldest goes.
    pub(super) fn notice(&self, notice: Notice) {
        let mut notices = locked(&self.notices);
        if notices.len() == NOTICES {
            notices.pop_front();
        }
        notices.push_back(notice);
    }

    /// Drops the notices that are not to be `kept`.
    pub(super) fn retain(&self, kept: impl FnMut(&Notice) -> bool) {
        locked(&self.notices).retain(kept);
    }

    pub(super) fn take_notices(&self) -> Vec<Notice> {
        locked(&self.notices).drain(..).collect()
    }

    pub(super) fn set_waker(&self, waker: Waker) {
        *locked(&self.waker) = Some(waker);
    }

    /// There is something new to draw.
    pub(super) fn wake(&self) {
        let waker = locked(&self.waker).clone();
        if let Some(wake) = waker {
            wake();
        }
    }

    /// Somebody's picture was drawn for the first time: its width and height.
    pub(super) fn shown(&self, user: &UserId, width: u32, height: u32) {
        let mut shown = locked(&self.shown);
        if shown.len() < SHOWN {
            shown.push((user.clone(), width, height));
        }
    }

    pub(super) fn take_shown(&self) -> Vec<(UserId, u32, u32)> {
        std::mem::take(&mut locked(&self.shown))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
