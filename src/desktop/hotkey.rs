//! A key that works while another program has the keyboard: grabbed in X11, registered in Windows and macOS.

use global_hotkey::hotkey::HotKey;
use global_hotkey::{GlobalHotKeyEvent, GlobalHotKeyManager, HotKeyState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// How often a key that is down is reported again.
const HELD_INTERVAL: Duration = Duration::from_millis(200);

/// What the key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HotkeyState {
    /// It was pressed.
    Down,
    /// It is still down; every 0.2 s.
    Held,
    /// It was released, or is no longer ours.
    Up,
}

/// Why a key does not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HotkeyError {
    /// It belongs to another program.
    #[error("another program uses this key")]
    Taken,
    /// There is no such key, or the system refuses.
    #[error("the system does not give this key: {0}")]
    Refused(String),
}

/// Whether there are such keys here. On Wayland the compositor has them all.
pub(crate) fn is_possible() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || (is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") && !is_set("WAYLAND_SOCKET"))
}

/// The one key of this process. It belongs to the thread of the window's event loop.
pub(crate) struct Hotkey {
    presses: Arc<Presses>,
    registered: Option<(GlobalHotKeyManager, HotKey)>,
}

impl Hotkey {
    /// `report` is called on a thread of the system's choice, and must not block. Call this once in a process.
    pub(crate) fn new(report: impl Fn(HotkeyState) + Send + Sync + 'static) -> Self {
        let presses = Arc::new(Presses { report: Box::new(report), count: AtomicU32::new(0) });
        let events = presses.clone();
        GlobalHotKeyEvent::set_event_handler(Some(move |event: GlobalHotKeyEvent| match event.state {
            HotKeyState::Pressed => Presses::press(&events),
            HotKeyState::Released => events.release(),
        }));
        Self { presses, registered: None }
    }

    /// Takes `key` (`F9`, `Shift+Control+Space`) in the place of an earlier one, or none.
    pub(crate) fn set(&mut self, key: Option<&str>) -> Result<(), HotkeyError> {
        if let Some((manager, old)) = self.registered.take() {
            if let Err(error) = manager.unregister(old) {
                tracing::info!(%error, "the key for all programs is still ours");
            }
            self.presses.release();
        }
        let Some(key) = key else { return Ok(()) };
        let refused = |error: &dyn std::fmt::Display| HotkeyError::Refused(error.to_string());
        let key: HotKey = key.parse().map_err(|error| refused(&error))?;
        let manager = GlobalHotKeyManager::new().map_err(|error| refused(&error))?;
        manager.register(key).map_err(|error| match error {
            global_hotkey::Error::AlreadyRegistered(_) => HotkeyError::Taken,
            error => refused(&error),
        })?;
        self.registered = Some((manager, key));
        Ok(())
    }
}

/// The presses of the key: it is down while their count is odd.
struct Presses {
    report: Box<dyn Fn(HotkeyState) + Send + Sync>,
    count: AtomicU32,
}

impl Presses {
    /// Reports the press, and on a thread that the key is held, until it is not.
    fn press(this: &Arc<Self>) {
        let before = this.count.load(Ordering::SeqCst);
        if before % 2 == 1 {
            return;
        }
        let press = before.wrapping_add(1);
        this.count.store(press, Ordering::SeqCst);
        (this.report)(HotkeyState::Down);
        let presses = this.clone();
        let holds = move || {
            thread::sleep(HELD_INTERVAL);
            while presses.count.load(Ordering::SeqCst) == press {
                (presses.report)(HotkeyState::Held);
                thread::sleep(HELD_INTERVAL);
            }
        };
        if let Err(error) = thread::Builder::new().name("held key".into()).spawn(holds) {
            tracing::info!(%error, "push to talk ends by itself after a while");
        }
    }

    fn release(&self) {
        if self.count.load(Ordering::SeqCst) % 2 == 1 {
            self.count.fetch_add(1, Ordering::SeqCst);
            (self.report)(HotkeyState::Up);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[test]
    fn a_press_is_reported_once_and_confirmed_until_the_release() {
        let reported = Arc::new(Mutex::new(Vec::new()));
        let list = reported.clone();
        let report = Box::new(move |state| list.lock().push(state));
        let presses = Arc::new(Presses { report, count: AtomicU32::new(0) });
        presses.release();
        Presses::press(&presses);
        Presses::press(&presses);
        while reported.lock().len() < 3 {
            thread::sleep(Duration::from_millis(10));
        }
        presses.release();
        presses.release();
        let all = reported.lock().clone();
        assert_eq!((all.first(), all.last()), (Some(&HotkeyState::Down), Some(&HotkeyState::Up)));
        assert!(all[1..all.len() - 1].iter().all(|state| *state == HotkeyState::Held), "{all:?}");
    }
}
