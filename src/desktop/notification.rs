//! The one notification of this program in the system's list.

use super::system::notification::Board;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long the end of the program waits until its notification is withdrawn.
const END_LIMIT: Duration = Duration::from_millis(500);

/// Title and body, as plain text.
type Text = (String, String);

/// Shows a notification and withdraws it, on a thread: an answer of the system takes time. Only the newest wish counts, so
/// that nothing queues up. Where the system has no such service, nothing happens.
#[derive(Debug)]
pub(crate) struct Notifier {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    wish: Mutex<Wish>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Wish {
    /// What is to be shown; `None` is nothing.
    wanted: Option<Text>,
    /// Whether the thread has not carried it out yet.
    is_new: bool,
    /// Whether the thread is to end.
    ending: bool,
    /// Whether it has ended, or was never started.
    ended: bool,
}

impl Notifier {
    /// Starts the thread. It connects to the system at the first notification.
    pub(crate) fn start() -> Self {
        Self::on(Board::default())
    }

    /// The same with a board that may be connected.
    pub(super) fn on(board: Board) -> Self {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let thread = thread::Builder::new().name("notifications".into()).spawn(move || {
            theirs.run(board);
            theirs.wish.lock().ended = true;
            theirs.changed.notify_all();
        });
        if let Err(error) = thread {
            tracing::info!(%error, "there are no notifications");
            shared.wish.lock().ended = true;
        }
        Self { shared }
    }

    /// Shows a notification, in the place of an earlier one. Never blocks.
    pub(crate) fn show(&self, title: String, body: String) {
        self.shared.set(Some((title, body)));
    }

    /// Withdraws the notification. Never blocks.
    pub(crate) fn withdraw(&self) {
        self.shared.set(None);
    }

    /// Withdraws the notification and ends the thread; waits for that half a second at most.
    pub(crate) fn end(&self) {
        let limit = Instant::now() + END_LIMIT;
        let mut wish = self.shared.wish.lock();
        (wish.wanted, wish.is_new, wish.ending) = (None, true, true);
        self.shared.changed.notify_all();
        while !wish.ended {
            if self.shared.changed.wait_until(&mut wish, limit).timed_out() {
                return tracing::info!("the system has not answered yet about the notification");
            }
        }
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        let mut wish = self.shared.wish.lock();
        (wish.wanted, wish.is_new, wish.ending) = (None, true, true);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn set(&self, wanted: Option<Text>) {
        let mut wish = self.wish.lock();
        if !wish.ending {
            (wish.wanted, wish.is_new) = (wanted, true);
            self.changed.notify_all();
        }
    }

    fn run(&self, mut board: Board) {
        loop {
            let mut wish = self.wish.lock();
            while !wish.is_new {
                self.changed.wait(&mut wish);
            }
            wish.is_new = false;
            let (wanted, ending) = (wish.wanted.take(), wish.ending);
            drop(wish);
            match wanted {
                Some((title, body)) => board.show(&title, &body),
                None => board.withdraw(),
            }
            if ending {
                return;
            }
        }
    }
}
