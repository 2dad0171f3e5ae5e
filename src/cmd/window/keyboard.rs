//! Watches the events of the window's event loop, before eframe has them: a hidden or blocked window paints nothing, and
//! egui sees an event only with the next frame.
//!
//! - Push to talk ends at once when its key goes up, or the window loses the keyboard or is hidden.
//! - Return and Space that were held when the window got the keyboard are ignored until they are pressed again: the Return
//!   that started the program does not join, and the Space of another program does not talk.

use std::collections::HashSet;
use winit::event::{ElementState, WindowEvent};
use winit::keyboard::{Key, KeyCode, NamedKey, PhysicalKey};

/// Keys that press what has the focus. Others are not ignored.
const PRESSING: [PhysicalKey; 3] =
    [PhysicalKey::Code(KeyCode::Space), PhysicalKey::Code(KeyCode::Enter), PhysicalKey::Code(KeyCode::NumpadEnter)];

/// The state of the keyboard, and the function that ends push to talk.
pub(super) struct KeyboardWatch {
    talk_ended: Box<dyn Fn()>,
    /// Those of [`PRESSING`] that were pressed here and not released.
    down: HashSet<PhysicalKey>,
    /// Those that were down when the window lost the keyboard.
    kept: HashSet<PhysicalKey>,
    /// Those that were down when the window got the keyboard.
    foreign: HashSet<PhysicalKey>,
    /// Whether all events were taken that came before winit asked which keys are down.
    settled: bool,
}

impl KeyboardWatch {
    /// `talk_ended` must not block. It is called also when nobody talks.
    pub(super) fn new(talk_ended: impl Fn() + 'static) -> Self {
        let [down, kept, foreign] = [(); 3].map(|()| HashSet::new());
        Self { talk_ended: Box::new(talk_ended), down, kept, foreign, settled: false }
    }

    /// All events were taken that have come so far.
    pub(super) fn settle(&mut self) {
        self.settled = true;
    }

    /// Takes an event in. Returns whether the window is to get it.
    pub(super) fn take(&mut self, event: &WindowEvent) -> bool {
        match event {
            WindowEvent::KeyboardInput { event, is_synthetic, .. } => {
                let is_space = event.logical_key == Key::Named(NamedKey::Space);
                return self.key(event.physical_key, event.state, is_space, *is_synthetic);
            }
            WindowEvent::Focused(true) => self.kept = std::mem::take(&mut self.down),
            WindowEvent::Focused(false) => {
                self.foreign.clear();
                (self.talk_ended)();
            }
            WindowEvent::Occluded(true) | WindowEvent::CloseRequested | WindowEvent::Destroyed => (self.talk_ended)(),
            _ => {}
        }
        true
    }

    /// winit makes up a press (a synthetic one) of each key that is down when the window gets the keyboard, and a release
    /// when it loses it. A busy window asks late which keys are down: then the real press of a key that was pressed
    /// meanwhile is among the events that have come already.
    fn key(&mut self, key: PhysicalKey, state: ElementState, is_space: bool, is_synthetic: bool) -> bool {
        match state {
            ElementState::Pressed if !PRESSING.contains(&key) => true,
            ElementState::Pressed if is_synthetic => {
                self.foreign.insert(key);
                self.settled = false;
                true
            }
            ElementState::Pressed => {
                let is_repeat = self.foreign.contains(&key) && (self.settled || self.kept.contains(&key));
                if !is_repeat {
                    self.foreign.remove(&key);
                    self.down.insert(key);
                }
                !is_repeat
            }
            ElementState::Released => {
                if !is_synthetic {
                    self.foreign.remove(&key);
                    self.down.remove(&key);
                }
                if is_space {
                    (self.talk_ended)();
                }
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;
    use winit::event::ElementState::{Pressed, Released};

    const RETURN: PhysicalKey = PhysicalKey::Code(KeyCode::Enter);
    const SPACE: PhysicalKey = PhysicalKey::Code(KeyCode::Space);

    /// A watch, and how often push to talk was ended.
    fn watch() -> (KeyboardWatch, Rc<Cell<u32>>) {
        let ended = Rc::new(Cell::new(0));
        let count = ended.clone();
        (KeyboardWatch::new(move || count.set(count.get() + 1)), ended)
    }

    #[test]
    fn a_key_that_was_held_before_is_ignored_until_it_is_pressed_again() {
        let (mut watch, _) = watch();
        watch.key(RETURN, Pressed, false, true);
        watch.settle();
        assert!(!watch.key(RETURN, Pressed, false, false), "a repeat of the system");
        assert!(watch.key(SPACE, Pressed, true, false), "another key");
        assert!(watch.key(RETURN, Released, false, false) && watch.key(RETURN, Pressed, false, false));
    }

    #[test]
    fn a_key_that_is_held_while_the_window_is_away_is_ignored_when_it_is_back() {
        let (mut watch, _) = watch();
        for was_released in [false, true] {
            watch.take(&WindowEvent::Focused(true));
            watch.settle();
            assert!(watch.key(SPACE, Pressed, true, false));
            watch.key(SPACE, Released, true, true);
            watch.take(&WindowEvent::Focused(false));
            watch.take(&WindowEvent::Focused(true));
            if !was_released {
                watch.key(SPACE, Pressed, true, true);
            }
            assert_eq!(watch.key(SPACE, Pressed, true, false), was_released);
            watch.key(SPACE, Released, true, false);
            watch.take(&WindowEvent::Focused(false));
        }
    }

    #[test]
    fn a_key_that_is_pressed_while_the_window_is_busy_counts() {
        let (mut watch, _) = watch();
        watch.settle();
        watch.key(SPACE, Pressed, true, true);
        assert!(watch.key(SPACE, Pressed, true, false), "it came together with the keyboard");
        watch.settle();
        assert!(watch.key(SPACE, Pressed, true, false), "its repeat");
    }

    #[test]
    fn push_to_talk_ends_with_the_key_the_focus_and_the_window() {
        let (mut watch, ended) = watch();
        watch.key(SPACE, Pressed, true, false);
        watch.key(RETURN, Released, false, false);
        watch.take(&WindowEvent::Focused(true));
        watch.take(&WindowEvent::Occluded(false));
        assert_eq!(ended.get(), 0);
        watch.key(SPACE, Released, true, false);
        assert_eq!(ended.get(), 1);
        for event in [WindowEvent::Focused(false), WindowEvent::Occluded(true), WindowEvent::CloseRequested] {
            let before = ended.get();
            assert!(watch.take(&event), "the window gets it too");
            assert_eq!(ended.get(), before + 1, "{event:?}");
        }
    }
}
