//! Messages about the login session.
//! <https://learn.microsoft.com/windows/win32/termserv/wm-wtssession-change>

#![allow(unsafe_code)]

use super::message_window;
use crate::desktop::lock::Locked;
use windows_sys::Win32::Foundation::{HWND, WPARAM};
use windows_sys::Win32::System::RemoteDesktop::{NOTIFY_FOR_THIS_SESSION, WTSRegisterSessionNotification};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    PBT_APMSUSPEND, WM_POWERBROADCAST, WM_WTSSESSION_CHANGE, WTS_CONSOLE_DISCONNECT, WTS_REMOTE_DISCONNECT,
    WTS_SESSION_LOCK,
};

pub(in crate::desktop) fn watch(locked: Locked) {
    message_window::listen("VisavisScreenLock", register, move |message, what| {
        if is_lock(message, what) {
            locked();
        }
        false
    });
}

fn register(window: HWND) -> bool {
    // SAFETY: the window is one of this thread.
    unsafe { WTSRegisterSessionNotification(window, NOTIFY_FOR_THIS_SESSION) != 0 }
}

fn is_lock(message: u32, what: WPARAM) -> bool {
    let what = u32::try_from(what).unwrap_or_default();
    match message {
        WM_WTSSESSION_CHANGE => [WTS_SESSION_LOCK, WTS_CONSOLE_DISCONNECT, WTS_REMOTE_DISCONNECT].contains(&what),
        WM_POWERBROADCAST => what == PBT_APMSUSPEND,
        _ => false,
    }
}
