//! Device lists: the pickers' menus in the lobby and those of the tool buttons in a call.

use super::View;
use crate::base::{DeviceEntry, DeviceKind, DeviceProblemKind, NO_DEVICE};
use crate::call::view::DeviceState;
use crate::ui::action::Action;
use crate::ui::bidi::isolate;
use crate::ui::widgets::{MenuEntry, MenuResult, menu};
use crate::ui::{icons, strings};
use egui::{Color32, Response, Ui};

type Choice = (DeviceKind, Option<String>);

/// The name of a kind of device.
pub(super) const fn word(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Camera => "Camera",
        DeviceKind::Microphone => "Microphone",
        DeviceKind::Speaker => "Speaker",
        DeviceKind::Screen => "Screen",
    }
}

/// The chosen device's label.
pub(super) fn chosen(view: &View<'_>, kind: DeviceKind) -> String {
    let device = view.model.device(kind);
    match choice(view, kind) {
        Some(NO_DEVICE) => none(kind).to_owned(),
        None if device.state == DeviceState::Open && !device.label.is_empty() => device.label.clone(),
        None => default_label(view, kind),
        Some(id) => chosen_label(view, kind, id),
    }
}

/// The label of a device that is chosen by its id.
fn chosen_label(view: &View<'_>, kind: DeviceKind, id: &str) -> String {
    match &view.model.device(kind).missing {
        Some(name) => format!("{} (not plugged in)", isolate(name)),
        None => {
            let known = entries(view, kind).iter().find(|e| e.id == id).map(|e| e.label.clone());
            known.unwrap_or_else(|| id.to_owned())
        }
    }
}

/// The sentence about a chosen device that is not plugged in.
pub(super) fn missing(view: &View<'_>, kind: DeviceKind) -> Option<String> {
    let name = view.model.device(kind).missing.as_deref()?;
    let instead = strings::default_device(&view.model.snapshot.devices, kind);
    Some(strings::missing_device(kind, name, instead))
}

/// A word about a device that failed, with the colours of its ground, its text and the picker's edge.
pub(super) fn problem(view: &View<'_>, kind: DeviceKind) -> Option<(&'static str, [Color32; 3])> {
    let c = view.colors;
    let DeviceState::Failed(problem) = &view.model.device(kind).state else { return None };
    let colors = match problem.kind {
        DeviceProblemKind::Busy => [c.warn_soft, c.warn_text, c.warn],
        _ => [c.danger_soft, c.danger_text, c.danger_text],
    };
    Some((strings::problem_word(problem.kind), colors))
}

/// The icon of a kind of device; a microphone that failed is slashed.
pub(super) fn icon(view: &View<'_>, kind: DeviceKind) -> char {
    match kind {
        DeviceKind::Camera => icons::VIDEO_CAMERA,
        DeviceKind::Microphone if problem(view, kind).is_some() => icons::MICROPHONE_SLASH,
        DeviceKind::Microphone => icons::MICROPHONE,
        DeviceKind::Speaker => icons::SPEAKER_HIGH,
        DeviceKind::Screen => icons::DESKTOP,
    }
}

/// The menu of a picker in lobby and settings.
pub(super) fn picker_menu(ui: &Ui, view: &mut View<'_>, kind: DeviceKind, button: &Response) {
    let mut rows = Vec::new();
    push_group(&mut rows, view, kind);
    show(ui, view, word(kind), button, button.rect.width(), &rows);
}

/// The menu of a tool button in a call; the microphone's has the speakers too.
pub(super) fn tool_menu(ui: &Ui, view: &mut View<'_>, kind: DeviceKind, button: &Response) {
    let kinds: &[DeviceKind] = if kind == DeviceKind::Microphone {
        &[DeviceKind::Microphone, DeviceKind::Speaker]
    } else {
        &[DeviceKind::Camera]
    };
    let mut rows = Vec::new();
    for kind in kinds {
        rows.push(MenuEntry::Title(word(*kind).to_owned()));
        push_group(&mut rows, view, *kind);
    }
    let name = if kind == DeviceKind::Microphone { "Microphone and speaker" } else { "Camera" };
    show(ui, view, name, button, 300.0, &rows);
}

fn show(ui: &Ui, view: &mut View<'_>, name: &str, button: &Response, width: f32, rows: &[MenuEntry<Choice>]) {
    match menu(ui, view.colors, button, name, width, rows) {
        MenuResult::Open => {}
        MenuResult::Close => view.dispatch(Action::CloseMenu),
        MenuResult::Chosen((kind, id)) => view.dispatch(Action::Choose(kind, id)),
    }
}

/// "System default (…)", then the devices, then none.
fn push_group(rows: &mut Vec<MenuEntry<Choice>>, view: &View<'_>, kind: DeviceKind) {
    let now = choice(view, kind);
    let mut push = |label: String, id: Option<String>| {
        let chosen = now == id.as_deref();
        rows.push(MenuEntry::Choice { label, chosen, value: (kind, id) });
    };
    push(default_label(view, kind), None);
    for entry in entries(view, kind) {
        push(entry.label.clone(), Some(entry.id.clone()));
    }
    if let Some(id) = now.filter(|_| view.model.device(kind).missing.is_some()) {
        push(chosen_label(view, kind, id), Some(id.to_owned()));
    }
    push(none(kind).to_owned(), Some(NO_DEVICE.to_owned()));
}

fn entries<'a>(view: &'a View<'_>, kind: DeviceKind) -> &'a [DeviceEntry] {
    view.model.snapshot.devices.of(kind)
}

fn choice<'a>(view: &'a View<'_>, kind: DeviceKind) -> Option<&'a str> {
    view.model.snapshot.choice.of(kind)
}

fn default_label(view: &View<'_>, kind: DeviceKind) -> String {
    match strings::default_device(&view.model.snapshot.devices, kind) {
        Some(label) => format!("System default ({})", isolate(label)),
        None => "System default".to_owned(),
    }
}

const fn none(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Camera => "No camera",
        DeviceKind::Microphone => "No microphone",
        DeviceKind::Speaker => "No speaker",
        DeviceKind::Screen => "No screen",
    }
}
