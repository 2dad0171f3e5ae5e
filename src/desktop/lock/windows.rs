//! Windows: messages about the login session, which go to a window.
//! <https://learn.microsoft.com/windows/win32/termserv/wm-wtssession-change>

#![allow(unsafe_code)]

use super::Locked;
use std::ptr::null_mut;
use std::sync::OnceLock;
use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, WPARAM};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::System::RemoteDesktop::{NOTIFY_FOR_THIS_SESSION, WTSRegisterSessionNotification};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DefWindowProcW, DispatchMessageW, GetMessageW, MSG, PBT_APMSUSPEND, RegisterClassW,
    WM_POWERBROADCAST, WM_WTSSESSION_CHANGE, WNDCLASSW, WS_OVERLAPPED, WTS_CONSOLE_DISCONNECT, WTS_REMOTE_DISCONNECT,
    WTS_SESSION_LOCK,
};
use windows_sys::w;

static LOCKED: OnceLock<Locked> = OnceLock::new();

pub(super) fn watch(locked: Locked) {
    if LOCKED.set(locked).is_err() {
        return;
    }
    let thread = std::thread::Builder::new().name("screen lock".into()).spawn(pump);
    if let Err(error) = thread {
        tracing::info!(%error, "locks of the screen are not told");
    }
}

fn pump() {
    let name = w!("VisavisScreenLock");
    // SAFETY: the class and the window live as long as this thread, which ends with the process; all strings are static and
    // end with a zero; `message` is ours to be written.
    unsafe {
        let instance = GetModuleHandleW(std::ptr::null());
        let class = WNDCLASSW {
            lpfnWndProc: Some(handle),
            hInstance: instance,
            lpszClassName: name,
            ..std::mem::zeroed::<WNDCLASSW>()
        };
        RegisterClassW(&class);
        // Not a window for messages only: those get no WM_POWERBROADCAST.
        let (no_window, no_menu) = (null_mut(), null_mut());
        let window =
            CreateWindowExW(0, name, name, WS_OVERLAPPED, 0, 0, 0, 0, no_window, no_menu, instance, null_mut());
        if window.is_null() || WTSRegisterSessionNotification(window, NOTIFY_FOR_THIS_SESSION) == 0 {
            return tracing::info!("locks of the screen are not told");
        }
        let mut message = std::mem::zeroed::<MSG>();
        while GetMessageW(&mut message, null_mut(), 0, 0) > 0 {
            DispatchMessageW(&message);
        }
    }
}

unsafe extern "system" fn handle(window: HWND, message: u32, w: WPARAM, l: LPARAM) -> LRESULT {
    let what = u32::try_from(w).unwrap_or_default();
    let is_locked = match message {
        WM_WTSSESSION_CHANGE => [WTS_SESSION_LOCK, WTS_CONSOLE_DISCONNECT, WTS_REMOTE_DISCONNECT].contains(&what),
        WM_POWERBROADCAST => what == PBT_APMSUSPEND,
        _ => false,
    };
    if let Some(locked) = LOCKED.get().filter(|_| is_locked) {
        locked();
    }
    // SAFETY: the arguments are those that the system gave us.
    unsafe { DefWindowProcW(window, message, w, l) }
}
