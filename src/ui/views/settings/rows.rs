//! The rows of a card: a name at the left, a control at the right.

use super::super::View;
use crate::ui::action::Action;
use crate::ui::text::{self, Type};
use crate::ui::tokens::{Palette, size};
use crate::ui::widgets::{Part, place, segments, switch};
use egui::{Align2, CornerRadius, Ui, vec2};

/// A row's name.
const NAME: Type = text::LABEL.sized(14.0);

/// Adds a row: `name`, and a control at its right.
pub(super) fn row<R>(ui: &mut Ui, colors: &Palette, height: f32, name: &str, control: impl FnOnce(&mut Ui) -> R) -> R {
    let name = |ui: &mut Ui| text::add_words(ui, NAME, colors.text, name);
    place::sides(ui, height, 12.0, name, control).1
}

/// Adds a switch, `note` under its name; a press dispatches `set`.
pub(super) fn switch_row(ui: &mut Ui, view: &mut View<'_>, name: &str, note: &str, on: bool, set: Action) {
    let colors = view.colors;
    let height = if note.is_empty() { size::SETTINGS_ROW } else { size::SETTINGS_ROW_WITH_NOTE };
    let response = switch(ui, colors, height, (name, on), |ui| {
        if note.is_empty() {
            return text::add_words(ui, NAME, colors.text, name);
        }
        place::stack(ui, vec2(ui.available_width(), NAME.line + 18.0), |ui| {
            text::add_words(ui, NAME, colors.text, name);
            ui.add_space(1.0);
            text::add_line(ui, text::CAPTION, colors.text_3, note);
        });
    });
    view.on_click(&response, set);
}

/// Adds a choice of a few words; `set` gives the action for each.
pub(super) fn choice_row(
    ui: &mut Ui,
    view: &mut View<'_>,
    name: &str,
    words: &[&str],
    chosen: Option<usize>,
    set: impl Fn(usize) -> Action,
) {
    let colors = view.colors;
    let parts: Vec<Part<'_>> = words.iter().map(|word| Part::word(word)).collect();
    let pressed = row(ui, colors, size::SETTINGS_ROW, name, |ui| segments(ui, colors, name, &parts, chosen));
    if let Some(i) = pressed {
        view.dispatch(set(i));
    }
}

/// Adds a keyboard shortcut: its name, and its keys.
pub(super) fn keys_row(ui: &mut Ui, colors: &Palette, name: &str, keys: &[&str]) {
    let whole = ui.scope(|ui| {
        let left = |ui: &mut Ui| text::add_words(ui, text::BODY, colors.text, name);
        place::sides(ui, 33.0, 12.0, left, |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for key in keys.iter().rev() {
                key_cap(ui, colors, key);
            }
        });
    });
    text::announce(ui, whole.response.rect, &format!("{name}: {}", keys.join(" ")));
}

fn key_cap(ui: &mut Ui, colors: &Palette, key: &str) {
    let kind = text::MONO_STRONG.sized(12.0);
    let width = (text::width(ui, kind, key).ceil() + 16.0).max(24.0);
    let (_, cap) = ui.allocate_space(vec2(width, 24.0));
    ui.painter().rect_filled(cap, CornerRadius::same(6), colors.control);
    text::paint(ui, cap.center(), Align2::CENTER_CENTER, kind, colors.text_2, key, width);
}
