//! The desktop session around the window: a screen that stays on during a call, the lock of the screen, and a key that
//! works while another program has the keyboard.

mod awake;
#[cfg(target_os = "linux")]
mod bus;
mod hotkey;
mod lock;

pub(crate) use awake::Awake;
pub(crate) use hotkey::{Hotkey, HotkeyError, HotkeyState, is_possible as has_hotkeys};
pub(crate) use lock::watch as watch_lock;
