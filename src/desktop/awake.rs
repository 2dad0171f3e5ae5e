//! Keeps the screen on, and the computer awake, while nobody touches keyboard or mouse.
//!
//! The system ties the request to our connection (D-Bus, X11), our thread (Windows) or our process (macOS): it ends with the
//! program, however that ends.

use super::system::awake::Request;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// The program, for lists of what keeps the screen on.
#[cfg(not(windows))]
pub(super) const PROGRAM: &str = "Visavis";
/// Why, for the same lists.
#[cfg(not(windows))]
pub(super) const REASON: &str = "In a call";

/// The screen stays on until this is dropped.
#[derive(Debug)]
pub(crate) struct Awake {
    /// Its end tells the thread to withdraw the request.
    _held: SyncSender<()>,
}

impl Awake {
    /// Asks the system, on a thread: an answer over D-Bus takes time. Where the system has no such service, nothing
    /// happens. `None` if there is no thread for it.
    pub(crate) fn keep() -> Option<Self> {
        let (held, end) = sync_channel::<()>(1);
        let thread = thread::Builder::new().name("awake".into()).spawn(move || {
            let request = Request::make();
            tracing::debug!(?request, "the screen is to stay on");
            end.recv().ok();
        });
        match thread {
            Ok(_) => Some(Self { _held: held }),
            Err(error) => {
                tracing::info!(%error, "the screen may go off during the call");
                None
            }
        }
    }
}
