//! The parts of a dialog, from top to bottom: sign, title, sentences, exact line, buttons at the right.

use super::View;
use crate::ui::parts::Focus;
use crate::ui::text;
use crate::ui::tokens::{Palette, radius, size};
use crate::ui::widgets::{Button, Look, add_sign, buttons};
use egui::{Align, Color32, Ui};

/// The width of a dialog.
pub(super) const WIDTH: f32 = size::MODAL_WIDTH;

/// The square with an icon on top.
pub(super) fn sign(ui: &mut Ui, ground: Color32, color: Color32, icon: char) {
    let middle = add_sign(ui, size::DIALOG_SIGN, radius::CARD, ground);
    text::icon(ui, middle, size::DIALOG_SIGN / 2.0, color, icon);
    ui.add_space(18.0);
}

pub(super) fn title(ui: &mut Ui, colors: &Palette, words: &str) {
    text::add_line(ui, text::MODAL_TITLE, colors.text, words);
    ui.add_space(9.0);
}

/// The sentences below the title.
pub(super) fn body(ui: &mut Ui, colors: &Palette, sentences: &str) {
    text::add_paragraph(ui, text::LEAD, colors.text_2, sentences);
}

/// The exact line for support.
pub(super) fn mono(ui: &mut Ui, colors: &Palette, line: &str) {
    text::add_line(ui, text::MONO_SMALL, colors.text_3, line);
}

/// How a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The main button, at the right.
    Main,
    /// The other one, which changes nothing: Esc means it, and the focus starts there.
    Other,
}

/// The two buttons of a question; `look` is the main one's.
pub(super) fn answers(ui: &mut Ui, view: &View<'_>, (main, look): (&str, Look), other: &str) -> Option<Answer> {
    // The safe one comes first in the order of focus too.
    let both = [Button::new(other, Look::Plain), Button::new(main, look)];
    let [other, main] = buttons(ui, view.colors, Align::Max, 10.0, both);
    view.focus(&other, Focus::Dialog);
    match (main.clicked(), other.clicked()) {
        (true, _) => Some(Answer::Main),
        (_, true) => Some(Answer::Other),
        _ => None,
    }
}
