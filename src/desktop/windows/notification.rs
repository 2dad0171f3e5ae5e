//! Windows: a notification of an icon in the taskbar's notification area. The icon is there as long as the notification.
//! <https://learn.microsoft.com/windows/win32/api/shellapi/nf-shellapi-shell_notifyiconw>

#![allow(unsafe_code)]

use super::message_window;
use std::mem::size_of;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;
use std::time::Duration;
use windows_sys::Win32::Foundation::HWND;
use windows_sys::Win32::UI::Shell::{
    NIF_ICON, NIF_INFO, NIF_TIP, NIIF_INFO, NIIF_NOSOUND, NIIF_RESPECT_QUIET_TIME, NIM_ADD, NIM_DELETE, NIM_MODIFY,
    NOTIFYICONDATAW, Shell_NotifyIconW,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{IDI_APPLICATION, LoadIconW};

/// The window that the icon belongs to: one that is not seen, as the visible one may be busy.
static OWNER: AtomicPtr<std::ffi::c_void> = AtomicPtr::new(null_mut());
/// How long a notification waits for that window.
const WINDOW_LIMIT: Duration = Duration::from_secs(1);
/// The number of the icon.
const ICON: u32 = 1;

/// The icon with the notification.
#[derive(Debug, Default)]
pub(in crate::desktop) struct Board {
    has_window: bool,
    is_shown: bool,
}

impl Board {
    pub(in crate::desktop) fn show(&mut self, title: &str, body: &str) {
        if !self.has_window {
            self.has_window = true;
            message_window::listen("VisavisNotifications", register, |_, _| false);
        }
        let Some(owner) = owner() else { return tracing::debug!("no notification is shown: it has no window") };
        let mut icon = icon_of(owner);
        icon.uFlags = NIF_ICON | NIF_TIP | NIF_INFO;
        icon.dwInfoFlags = NIIF_INFO | NIIF_NOSOUND | NIIF_RESPECT_QUIET_TIME;
        // SAFETY: the system's own icon, which needs no release.
        icon.hIcon = unsafe { LoadIconW(null_mut(), IDI_APPLICATION) };
        write(&mut icon.szTip, "Visavis");
        write(&mut icon.szInfoTitle, title);
        write(&mut icon.szInfo, body);
        let message = if self.is_shown { NIM_MODIFY } else { NIM_ADD };
        // SAFETY: the structure says its size and lives during the call.
        self.is_shown = unsafe { Shell_NotifyIconW(message, &raw const icon) } != 0;
    }

    pub(in crate::desktop) fn withdraw(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let icon = icon_of(OWNER.load(Ordering::Acquire));
            // SAFETY: as above. The notification goes with its icon.
            unsafe { Shell_NotifyIconW(NIM_DELETE, &raw const icon) };
        }
    }
}

/// The window, as soon as its thread has made it.
fn owner() -> Option<HWND> {
    (0..WINDOW_LIMIT.as_millis()).find_map(|_| {
        let owner = OWNER.load(Ordering::Acquire);
        if owner.is_null() {
            thread::sleep(Duration::from_millis(1));
        }
        (!owner.is_null()).then_some(owner)
    })
}

fn register(window: HWND) -> bool {
    OWNER.store(window, Ordering::Release);
    true
}

fn icon_of(owner: HWND) -> NOTIFYICONDATAW {
    NOTIFYICONDATAW { cbSize: size_of::<NOTIFYICONDATAW>() as u32, hWnd: owner, uID: ICON, ..Default::default() }
}

/// Writes as much of the text as fits, with a zero behind it. No surrogate pair is cut.
fn write(field: &mut [u16], text: &str) {
    let mut at = 0;
    for c in text.chars() {
        if at + c.len_utf16() >= field.len() {
            break;
        }
        at += c.encode_utf16(&mut field[at..]).len();
    }
    field[at..].fill(0);
}
