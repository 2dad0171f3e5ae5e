//! Tells when the user can no longer see the window: the screen is locked, the login session is no longer the one on the
//! screen, or the computer is about to sleep.

use super::system;

/// Calls `locked` at each lock, from now to the program's end, on a thread of the system's choice. It must not block.
pub(crate) fn watch(locked: impl Fn() + Send + Sync + 'static) {
    system::lock::watch(Box::new(locked));
}

/// The function that is told of a lock.
pub(super) type Locked = Box<dyn Fn() + Send + Sync>;
