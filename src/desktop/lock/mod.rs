//! Tells when the user can no longer see the window: the screen is locked, the login session is no longer the one on the
//! screen, or the computer is about to sleep.

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

/// Calls `locked` at each lock, from now to the program's end, on a thread of the system's choice. It must not block.
pub(crate) fn watch(locked: impl Fn() + Send + Sync + 'static) {
    system::watch(Box::new(locked));
}

/// The function that is told of a lock.
type Locked = Box<dyn Fn() + Send + Sync>;
