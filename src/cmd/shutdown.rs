//! The end of the window's process, in good order whoever brings it about.
//!
//! Most ways to end reach the window itself: it leaves the call, and closes. Some systems end a login session behind its
//! back: an X server goes away, Windows ends the process after a message, macOS after a callback. Whoever is told of that
//! waits in [`ShutdownGuard::leave`] until the call is left.

use crate::call::view::CallCommand;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// So long may it take to leave and to stop a server in this process. The call has its own, shorter limits.
const LIMIT: Duration = Duration::from_secs(4);
/// How often a thread that must not go on looks whether all is over.
const LOOK: Duration = Duration::from_millis(5);

/// Makes sure that the call is left before the process ends.
#[derive(Clone)]
pub(super) struct ShutdownGuard {
    remote: mpsc::WeakSender<CallCommand>,
    over: CancellationToken,
}

impl ShutdownGuard {
    /// `remote` reaches the desk; `winding_down` ends when the desk has, and what else there is.
    pub(super) fn new(
        remote: mpsc::WeakSender<CallCommand>,
        winding_down: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let over = CancellationToken::new();
        let told = over.clone();
        tokio::spawn(async move {
            winding_down.await;
            told.cancel();
        });
        Self { remote, over }
    }

    /// Leaves the call if there is one, and waits until all is over. Never from a thread of the runtime.
    pub(super) fn leave(&self) {
        if let Some(remote) = self.remote.upgrade()
            && remote.try_send(CallCommand::End).is_err()
        {
            tracing::warn!("the desk is ending already");
        }
        let began = Instant::now();
        while !self.over.is_cancelled() {
            if began.elapsed() > LIMIT {
                return tracing::error!("the call did not end in time");
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Listens for what the system says of the session's end beside signals.
    pub(super) fn listen(&self) {
        #[cfg(target_os = "linux")]
        x11::listen(self.clone());
        #[cfg(windows)]
        windows::listen(self.clone());
    }

    /// What an event loop calls that ends without asking, as on macOS at the end of the session.
    pub(super) fn on_exit(&self) -> Box<dyn FnMut()> {
        let guard = Arc::new(self.clone());
        Box::new(move || guard.leave())
    }
}

/// An X server that goes away. Xlib ends the process then, unless told otherwise.
#[cfg(target_os = "linux")]
mod x11 {
    #![allow(unsafe_code)]

    use super::ShutdownGuard;
    use std::ffi::c_int;
    use std::sync::OnceLock;
    use x11_dl::xlib::{Display, Xlib};

    static GUARD: OnceLock<ShutdownGuard> = OnceLock::new();

    pub(super) fn listen(guard: ShutdownGuard) {
        // Without Xlib there is no window that uses it.
        let Ok(xlib) = Xlib::open() else { return };
        if GUARD.set(guard).is_ok() {
            // SAFETY: the handler is a function of this program, which stays loaded, and so does Xlib: x11-dl opens it once
            // for the process and never closes it.
            unsafe { (xlib.XSetIOErrorHandler)(Some(gone)) };
        }
    }

    /// Xlib's words: a handler of I/O errors must not return.
    unsafe extern "C" fn gone(_display: *mut Display) -> c_int {
        if let Some(guard) = GUARD.get() {
            guard.leave();
        }
        std::process::exit(0)
    }
}

/// The end of a Windows session: every top-level window is told, and afterwards the process is ended.
/// <https://learn.microsoft.com/windows/win32/shutdown/wm-endsession>
#[cfg(windows)]
mod windows {
    #![allow(unsafe_code)]

    use super::ShutdownGuard;
    use std::ptr::null_mut;
    use std::sync::OnceLock;
    use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, WPARAM};
    use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
    use windows_sys::Win32::UI::WindowsAndMessaging::{
        CreateWindowExW, DefWindowProcW, DispatchMessageW, GetMessageW, MSG, RegisterClassW, WM_ENDSESSION, WNDCLASSW,
        WS_OVERLAPPED,
    };
    use windows_sys::w;

    static GUARD: OnceLock<ShutdownGuard> = OnceLock::new();

    /// A window that nobody sees hears of it on a thread of its own: the real one may be busy drawing.
    pub(super) fn listen(guard: ShutdownGuard) {
        if GUARD.set(guard).is_err() {
            return;
        }
        let thread = std::thread::Builder::new().name("end of session".into()).spawn(pump);
        if let Err(error) = thread {
            tracing::warn!(%error, "the end of the session will not be heard of");
        }
    }

    fn pump() {
        let name = w!("VisavisEndOfSession");
        // SAFETY: the class and the window live as long as this thread, which ends with the process; all strings are
        // static and end with a zero; `message` is ours to be written.
        unsafe {
            let instance = GetModuleHandleW(std::ptr::null());
            let class = WNDCLASSW {
                lpfnWndProc: Some(hear),
                hInstance: instance,
                lpszClassName: name,
                ..std::mem::zeroed::<WNDCLASSW>()
            };
            RegisterClassW(&class);
            let (no_window, no_menu) = (null_mut(), null_mut());
            let window =
                CreateWindowExW(0, name, name, WS_OVERLAPPED, 0, 0, 0, 0, no_window, no_menu, instance, null_mut());
            if window.is_null() {
                return tracing::warn!("the end of the session will not be heard of");
            }
            let mut message = std::mem::zeroed::<MSG>();
            while GetMessageW(&mut message, null_mut(), 0, 0) > 0 {
                DispatchMessageW(&message);
            }
        }
    }

    unsafe extern "system" fn hear(window: HWND, message: u32, w: WPARAM, l: LPARAM) -> LRESULT {
        if message == WM_ENDSESSION && w != 0 {
            if let Some(guard) = GUARD.get() {
                guard.leave();
            }
            return 0;
        }
        // SAFETY: the arguments are those that the system gave us.
        unsafe { DefWindowProcW(window, message, w, l) }
    }
}
