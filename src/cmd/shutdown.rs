//! Leaves the call before the window's process ends.
//!
//! Usually the window is told to close, leaves the call, and ends. At the end of a login session some systems end the
//! process otherwise: the X server goes away, Windows ends it after a message, macOS after a callback. The handlers of these
//! events wait in [`ShutdownGuard::leave`] until the call is left.

use crate::call::view::CallCommand;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Time limit for leaving the call and stopping the local server. The call itself has shorter limits.
const LIMIT: Duration = Duration::from_secs(4);
/// How often a waiting thread checks whether everything has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Leaves the call, if there is one, and waits for its end.
#[derive(Clone)]
pub(super) struct ShutdownGuard {
    commands: mpsc::WeakSender<CallCommand>,
    over: CancellationToken,
}

impl ShutdownGuard {
    /// `commands` reaches the call service. `ended` resolves when the service and all else have ended.
    pub(super) fn new(
        commands: mpsc::WeakSender<CallCommand>,
        ended: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let over = CancellationToken::new();
        let over_too = over.clone();
        tokio::spawn(async move {
            ended.await;
            over_too.cancel();
        });
        Self { commands, over }
    }

    /// Leaves the call and blocks until everything has ended, 4 s at most. Not for threads of the runtime.
    pub(super) fn leave(&self) {
        if let Some(commands) = self.commands.upgrade()
            && commands.try_send(CallCommand::End).is_err()
        {
            tracing::warn!("the call service is ending already");
        }
        let began = Instant::now();
        while !self.over.is_cancelled() {
            if began.elapsed() > LIMIT {
                return tracing::error!("the call did not end in time");
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Listens for the end of the login session, which arrives by other means than signals.
    pub(super) fn listen(&self) {
        #[cfg(target_os = "linux")]
        x11::listen(self.clone());
        #[cfg(windows)]
        windows::listen(self.clone());
    }

    /// For event loops that end without asking, as on macOS at the end of the session.
    pub(super) fn on_exit(&self) -> Box<dyn FnMut()> {
        let guard = Arc::new(self.clone());
        Box::new(move || guard.leave())
    }
}

/// Handles the end of the X server, after which Xlib would end the process.
#[cfg(target_os = "linux")]
mod x11 {
    #![allow(unsafe_code)]

    use super::ShutdownGuard;
    use std::ffi::c_int;
    use std::sync::OnceLock;
    use x11_dl::xlib::{Display, Xlib};

    static GUARD: OnceLock<ShutdownGuard> = OnceLock::new();

    pub(super) fn listen(guard: ShutdownGuard) {
        // Without Xlib, the window does not use it.
        let Ok(xlib) = Xlib::open() else { return };
        if GUARD.set(guard).is_ok() {
            // SAFETY: the handler is a function of this program, which stays loaded, and so does Xlib: x11-dl opens it once
            // for the process and never closes it.
            unsafe { (xlib.XSetIOErrorHandler)(Some(gone)) };
        }
    }

    /// Xlib's handler of I/O errors. It must not return.
    unsafe extern "C" fn gone(_display: *mut Display) -> c_int {
        if let Some(guard) = GUARD.get() {
            guard.leave();
        }
        std::process::exit(0)
    }
}

/// Handles the end of a Windows session: every top-level window gets WM_ENDSESSION, then the process is ended.
/// <https://learn.microsoft.com/windows/win32/shutdown/wm-endsession>
#[cfg(windows)]
mod windows {
    use super::ShutdownGuard;
    use crate::desktop::listen_to_system;
    use windows_sys::Win32::UI::WindowsAndMessaging::WM_ENDSESSION;

    pub(super) fn listen(guard: ShutdownGuard) {
        listen_to_system(
            "VisavisEndOfSession",
            |_| true,
            move |message, is_ending| {
                let ends = message == WM_ENDSESSION && is_ending != 0;
                if ends {
                    guard.leave();
                }
                ends
            },
        );
    }
}
