//! An invisible window on a thread of its own, for what the system tells every top-level window: the visible one may be
//! busy drawing. It is not a window for messages only, because those get no broadcasts.
//! <https://learn.microsoft.com/windows/win32/winmsg/window-features#message-only-windows>

#![allow(unsafe_code)]

use std::ptr::{null, null_mut};
use std::thread;
use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, WPARAM};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DefWindowProcW, DispatchMessageW, GWLP_USERDATA, GetMessageW, GetWindowLongPtrW, MSG,
    RegisterClassW, SetWindowLongPtrW, WNDCLASSW, WS_OVERLAPPED,
};

/// Takes a message and its first argument, on the window's thread. Returns whether the message is handled; the system
/// handles the others.
type Handler = Box<dyn Fn(u32, WPARAM) -> bool>;

/// Gives `handler` the messages to an invisible window, until the program ends. `name` is that of the thread and of the
/// window's class. `register` asks the system for messages that not every window gets; it returns whether that succeeded.
pub(crate) fn listen(
    name: &'static str,
    register: fn(HWND) -> bool,
    handler: impl Fn(u32, WPARAM) -> bool + Send + 'static,
) {
    let thread = thread::Builder::new().name(name.into()).spawn(move || pump(name, register, Box::new(handler)));
    if let Err(error) = thread {
        tracing::warn!(name, %error, "no thread for messages of the system");
    }
}

fn pump(name: &str, register: fn(HWND) -> bool, handler: Handler) {
    let class_name: Vec<u16> = name.encode_utf16().chain([0]).collect();
    // SAFETY: the name ends with a zero, and it, the class, the window and the handler live as long as this function, which
    // ends with the process or without a window; `message` is ours to be written.
    unsafe {
        let instance = GetModuleHandleW(null());
        let class = WNDCLASSW {
            lpfnWndProc: Some(receive),
            hInstance: instance,
            lpszClassName: class_name.as_ptr(),
            ..std::mem::zeroed::<WNDCLASSW>()
        };
        RegisterClassW(&class);
        let (text, no_window, no_menu) = (class_name.as_ptr(), null_mut(), null_mut());
        let window =
            CreateWindowExW(0, text, text, WS_OVERLAPPED, 0, 0, 0, 0, no_window, no_menu, instance, null_mut());
        if window.is_null() || !register(window) {
            let error = std::io::Error::last_os_error();
            return tracing::warn!(name, %error, "no messages of the system are received");
        }
        SetWindowLongPtrW(window, GWLP_USERDATA, (&raw const handler) as isize);
        let mut message = std::mem::zeroed::<MSG>();
        while GetMessageW(&mut message, null_mut(), 0, 0) > 0 {
            DispatchMessageW(&message);
        }
        SetWindowLongPtrW(window, GWLP_USERDATA, 0);
    }
}

unsafe extern "system" fn receive(window: HWND, message: u32, w: WPARAM, l: LPARAM) -> LRESULT {
    // SAFETY: the value is that of `pump`, whose handler outlives it, or zero.
    let handler = unsafe { (GetWindowLongPtrW(window, GWLP_USERDATA) as *const Handler).as_ref() };
    if handler.is_some_and(|handler| handler(message, w)) {
        return 0;
    }
    // SAFETY: the arguments are those that the system gave us.
    unsafe { DefWindowProcW(window, message, w, l) }
}
