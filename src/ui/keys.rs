//! Keys that work everywhere in the window (on macOS Cmd for Ctrl). Esc is the business of whatever is open, and never
//! leaves a call.

use crate::base::ExitRequestedBy;
use crate::ui::action::{Action, Actions};
use crate::ui::flow::Screen;
use crate::ui::model::Section;
use egui::{Context, Event, Key, KeyboardShortcut, Modifiers};

const MICROPHONE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::D);
const CAMERA: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::E);
const SETTINGS: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Comma);
const KEYS: KeyboardShortcut = KeyboardShortcut::new(Modifiers::NONE, Key::F1);
const KEYS_TOO: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Slash);
const LEAVE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::L);

/// What there is, as the settings list it.
pub(super) const LIST: [(&str, &[&str]); 7] = [
    ("Microphone on or off", &["Ctrl", "D"]),
    ("Camera on or off", &["Ctrl", "E"]),
    ("Leave", &["Ctrl", "Shift", "L"]),
    ("Settings", &["Ctrl", ","]),
    ("Larger or smaller text", &["Ctrl", "+", "−"]),
    ("This list", &["F1"]),
    ("Close menu, dialog or settings", &["Esc"]),
];

/// What the keys of this frame ask for on `screen`.
pub(super) fn actions(ctx: &Context, screen: Screen) -> Actions {
    let mut actions = Actions::new();
    let mut on = |shortcut: &KeyboardShortcut, action: Action| {
        if ctx.input_mut(|i| i.consume_shortcut(shortcut)) {
            actions.push(action);
        }
    };
    if matches!(screen, Screen::Lobby | Screen::Call | Screen::End) {
        on(&SETTINGS, Action::ToggleSettings);
        for keys in [&KEYS, &KEYS_TOO] {
            on(keys, Action::ShowSection(Section::Shortcuts));
        }
    }
    match screen {
        Screen::Lobby => {
            on(&MICROPHONE, Action::ToggleMicrophone);
            on(&CAMERA, Action::ToggleCamera);
        }
        Screen::Call => {
            on(&LEAVE, Action::Leave(ExitRequestedBy::User));
            on(&MICROPHONE, Action::ToggleMicrophone);
            on(&CAMERA, Action::ToggleCamera);
        }
        Screen::Joining => on(&LEAVE, Action::Leave(ExitRequestedBy::User)),
        Screen::Leaving { .. } | Screen::End | Screen::Over(_) => {}
    }
    actions
}

/// Whether the last thing used was the keyboard's way round the window: then focus rings show.
pub(super) fn focus_shown(ctx: &Context) -> Option<bool> {
    let keys = [Key::Tab, Key::ArrowDown, Key::ArrowUp, Key::ArrowLeft, Key::ArrowRight, Key::F6];
    ctx.input(|i| {
        i.events.iter().rev().find_map(|event| match event {
            Event::Key { key, pressed: true, .. } if keys.contains(key) => Some(true),
            Event::PointerButton { pressed: true, .. } => Some(false),
            _ => None,
        })
    })
}
