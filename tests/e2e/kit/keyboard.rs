//! The keyboard of a window. It finds controls by their accessible names, as people do who see no screen.

use super::{Display, Events, Process, wait_until};
use serde_json::Value;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a key may take to move the focus. After that it is pressed again: the window may not have been ready for it.
const KEY_LIMIT: Duration = Duration::from_secs(1);
/// Presses of one key until the control must have been found.
const PRESSES: usize = 30;

/// The keyboard of a window that was started with `--events -`.
pub(crate) struct Keyboard<'a> {
    display: &'a Display,
    window: &'a Process,
}

impl<'a> Keyboard<'a> {
    /// Gives the window the keyboard of its display.
    pub(crate) fn of(display: &'a Display, window: &'a Process) -> Self {
        display.focus(window.pid());
        Self { display, window }
    }

    /// Presses a key.
    pub(crate) fn press(&self, key: &str) {
        self.display.press(key);
    }

    /// Types a text.
    pub(crate) fn write(&self, text: &str) {
        self.display.write(text);
    }

    /// Presses `key` until the control `name` has the focus.
    #[track_caller]
    pub(crate) fn focus(&self, key: &str, name: &str) {
        assert!(self.try_focus(key, name, PRESSES), "{key} leads to no {name:?}, but to {:?}", self.visited());
    }

    /// Presses `key` until a control with a wanted name has the focus. Returns the name.
    #[track_caller]
    pub(crate) fn focus_any(&self, key: &str, is_wanted: impl Fn(&str) -> bool) -> String {
        let found = self.press_until(key, PRESSES, is_wanted);
        let visited = self.visited();
        assert!(found, "{key} leads to no wanted control, but to {visited:?}");
        visited.last().cloned().unwrap_or_default()
    }

    /// Presses `key` until the control `name` has the focus, and Return on it.
    #[track_caller]
    pub(crate) fn activate(&self, key: &str, name: &str) {
        self.focus(key, name);
        self.press("Return");
    }

    /// Presses `key` until the control `name` has the focus, so many times at most.
    pub(crate) fn try_focus(&self, key: &str, name: &str, presses: usize) -> bool {
        self.press_until(key, presses, |control| control == name)
    }

    fn press_until(&self, key: &str, presses: usize, is_wanted: impl Fn(&str) -> bool) -> bool {
        (0..presses).any(|_| {
            let before = self.visited().len();
            self.press(key);
            let pressed = Instant::now();
            while pressed.elapsed() < KEY_LIMIT && self.visited().len() == before {
                sleep(Duration::from_millis(20));
            }
            self.visited()[before..].last().is_some_and(|control| is_wanted(control))
        })
    }

    /// Presses `key`, for example to open a dialog, and waits for the next control that gets the focus.
    #[track_caller]
    pub(crate) fn focus_after(&self, key: &str) -> String {
        let before = self.visited().len();
        self.press(key);
        wait_until("another control to get the focus", || self.visited().into_iter().nth(before))
    }

    /// Every control that had the focus so far, in order.
    pub(crate) fn visited(&self) -> Vec<String> {
        let name = |event: &Value| event["control"].as_str().unwrap_or_default().to_owned();
        self.window.all("Focused").iter().map(name).collect()
    }
}
