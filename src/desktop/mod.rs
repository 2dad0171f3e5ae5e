//! The desktop session around the window: a screen that stays on during a call, the lock of the screen, its end, a key
//! that works while another program has the keyboard, and notifications.

mod awake;
mod display;
mod hotkey;
#[cfg(target_os = "linux")]
mod linux;
mod lock;
#[cfg(target_os = "macos")]
mod macos;
mod notification;
mod portal;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use self::linux as system;
#[cfg(target_os = "macos")]
use self::macos as system;
#[cfg(windows)]
use self::windows as system;

#[cfg(windows)]
pub(crate) use self::windows::message_window::listen as listen_to_system;
pub(crate) use awake::Awake;
pub(crate) use display::DisplayWatch;
pub(crate) use hotkey::{Hotkey, HotkeyError, HotkeyState, is_possible as has_hotkeys};
pub(crate) use lock::watch as watch_lock;
pub(crate) use notification::Notifier;
pub(crate) use portal::Portal;
