//! Keyboard shortcuts of the whole window (Cmd for Ctrl on macOS). Esc belongs to the open menu, dialog, settings or panel, and
//! never leaves a call.

use crate::base::ExitRequestedBy;
use crate::call::view::{CallPhase, KeyState, TalkKey};
use crate::ui::action::{Action, Actions};
use crate::ui::chat::ChatAction;
use crate::ui::details::{DetailsAction, panel_width};
use crate::ui::model::Model;
use crate::ui::parts::{Menu, Region, SettingsSection};
use crate::ui::people::PeopleAction;
use crate::ui::screens::Screen;
use crate::ui::share::ShareAction;
use crate::ui::tile_layout::LayoutMode;
use crate::ui::tokens::size;
use crate::ui::views::stage_has_focus;
use egui::{Context, Event, Key, KeyboardShortcut, Modifiers};

const MICROPHONE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::D);
const CAMERA: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::E);
const SETTINGS: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Comma);
const KEYS: KeyboardShortcut = KeyboardShortcut::new(Modifiers::NONE, Key::F1);
const KEYS_TOO: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Slash);
const LAYOUT: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::G);
const VIEW: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::G);
const FULL: KeyboardShortcut = KeyboardShortcut::new(Modifiers::NONE, Key::F11);
const REGION: KeyboardShortcut = KeyboardShortcut::new(Modifiers::NONE, Key::F6);
const REGION_BACK: KeyboardShortcut = KeyboardShortcut::new(Modifiers::SHIFT, Key::F6);
const CHAT: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::C);
const PEOPLE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::P);
const SHARE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::S);
const HAND: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::H);
const REACT: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R);
const DETAILS: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::U);
const LEAVE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::L);

/// Keys whose repeats move the focus.
const MOVING: [Key; 4] = [Key::ArrowDown, Key::ArrowUp, Key::ArrowLeft, Key::ArrowRight];
/// Keys whose repeats edit a text field, alone or with modifiers. What they type comes as [`Event::Text`].
const EDITING: [Key; 10] =
    [Key::Backspace, Key::Delete, Key::Home, Key::End, Key::H, Key::K, Key::U, Key::W, Key::Y, Key::Z];

/// How often the call service is told that the key for push to talk is still down, in seconds.
pub(super) const TELL_HELD: f64 = 0.2;

/// The shortcuts as the settings list them.
pub(super) const LIST: [(&str, &[&str]); 20] = [
    ("Microphone on or off", &["Ctrl", "D"]),
    ("Camera on or off", &["Ctrl", "E"]),
    ("Talk while held (mic off)", &["Space"]),
    ("Leave", &["Ctrl", "Shift", "L"]),
    ("Chat", &["Ctrl", "Shift", "C"]),
    ("People", &["Ctrl", "Shift", "P"]),
    ("Share a screen, or stop", &["Ctrl", "Shift", "S"]),
    ("Larger or smaller shared screen", &["+", "−", "0"]),
    ("Raise or lower hand", &["Ctrl", "Shift", "H"]),
    ("Reactions", &["Ctrl", "Shift", "R"]),
    ("Call details", &["Ctrl", "Shift", "U"]),
    ("Grid or speaker", &["Ctrl", "G"]),
    ("Own picture, who has a tile", &["Ctrl", "Shift", "G"]),
    ("Full screen", &["F11"]),
    ("Other page of tiles", &["PgUp", "PgDn"]),
    ("To the next part of the window", &["F6"]),
    ("Settings", &["Ctrl", ","]),
    ("Larger or smaller text", &["Ctrl", "+", "−"]),
    ("This list", &["F1"]),
    ("Close menu, dialog, settings or panel", &["Esc"]),
];

/// The actions of the keys that were pressed in this frame.
pub(super) fn actions(ctx: &Context, model: &Model) -> Actions {
    let mut actions = Actions::new();
    let mut on = |shortcut: &KeyboardShortcut, action: Action| {
        if ctx.input_mut(|i| i.consume_shortcut(shortcut)) {
            actions.push(action);
        }
    };
    let screen = model.screen;
    if matches!(screen, Screen::Lobby | Screen::Waiting | Screen::Call | Screen::End) {
        on(&SETTINGS, Action::ToggleSettings);
        for keys in [&KEYS, &KEYS_TOO] {
            on(keys, Action::ShowSection(SettingsSection::Shortcuts));
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
            on(&CHAT, Action::Chat(ChatAction::Toggle));
            on(&DETAILS, Action::Details(DetailsAction::Toggle));
            on(&PEOPLE, Action::People(PeopleAction::Toggle));
            on(&SHARE, Action::Share(ShareAction::Toggle));
            on(&HAND, Action::ToggleHand);
            on(&REACT, Action::ToggleMenu(Menu::Reactions));
            let other = match model.tile_layout.shown_layout() {
                LayoutMode::Grid => LayoutMode::Speaker,
                LayoutMode::Speaker => LayoutMode::Grid,
            };
            on(&VIEW, Action::ToggleMenu(Menu::View));
            on(&FULL, full_screen(model));
            on(&LAYOUT, Action::SetLayout(other));
            if !model.in_dialog() {
                let from = region(ctx, model);
                // F6 without Shift would match this one too, so it comes second.
                on(&REGION_BACK, Action::NextRegion(from, true));
                on(&REGION, Action::NextRegion(from, false));
            }
            actions.extend(talk(ctx, model));
        }
        Screen::Waiting => {
            on(&LEAVE, Action::Leave(ExitRequestedBy::User));
            on(&MICROPHONE, Action::ToggleMicrophone);
            on(&CAMERA, Action::ToggleCamera);
        }
        Screen::Joining => on(&LEAVE, Action::Leave(ExitRequestedBy::User)),
        Screen::Leaving { .. } | Screen::End | Screen::Over(_) => {}
    }
    actions
}

/// What the key for the full screen does.
const fn full_screen(model: &Model) -> Action {
    if model.full_screen { Action::FullScreen(false) } else { Action::FullWindow(!model.full_window) }
}

/// The region of a call's window that has the focus.
fn region(ctx: &Context, model: &Model) -> Option<Region> {
    let focused = ctx.memory(egui::Memory::focused)?;
    let egui::Pos2 { x, y } = ctx.read_response(focused)?.rect.center();
    let window = ctx.content_rect();
    let tools = if window.width() < size::COMPACT_BELOW { size::TOOL_BAR_COMPACT } else { size::TOOL_BAR };
    let lost = matches!(model.call().map(|c| &c.phase), Some(CallPhase::Reconnecting { .. }));
    let banner = window.top() + size::TOP_BAR + size::TILES_PADDING + size::BANNER;
    Some(match y {
        y if y < window.top() + size::TOP_BAR => Region::Top,
        y if y > window.bottom() - tools => Region::Tools,
        _ if x > window.right() - panel_width(model, window.width()) => Region::Panel,
        y if lost && y < banner => Region::Banner,
        _ => Region::Tiles,
    })
}

/// Push to talk: Space, held on the stage while the microphone is off. On a button, Space presses that.
///
/// A hidden window has no frames: there the event loop ends it (`cmd::window::keyboard`).
fn talk(ctx: &Context, model: &Model) -> Option<Action> {
    let (pressed, down) = ctx.input(|i| {
        let pressed = i.modifiers.is_none() && i.key_pressed(Key::Space);
        (pressed, i.key_down(Key::Space) && i.focused)
    });
    let may = down && !(model.settings_open || model.menu.is_some() || model.in_dialog());
    if model.snapshot.talking == Some(TalkKey::Window) {
        let due = model.now - model.talk_told >= TELL_HELD;
        let state = if may { KeyState::Held } else { KeyState::Up };
        return (due || !may).then_some(Action::Talk(state));
    }
    let off = !model.snapshot.microphone.wanted;
    (pressed && may && off && stage_has_focus(ctx)).then_some(Action::Talk(KeyState::Down))
}

/// Drops the repeats of held keys, so that a key acts once for each press: no shortcut is repeated, no button pressed
/// again, no question answered by the key that asked it.
pub(super) fn drop_repeats(ctx: &Context) {
    let typing = ctx.text_edit_focused();
    ctx.input_mut(|i| {
        i.events.retain(|event| match event {
            Event::Key { key, repeat: true, .. } => MOVING.contains(key) || (typing && EDITING.contains(key)),
            _ => true,
        });
    });
}

/// Whether focus rings are to show: after a key that moves the focus, not after a click. `None` after neither.
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
