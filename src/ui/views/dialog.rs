//! The parts of a dialog, from top to bottom: sign, title, sentences, exact line, buttons at the right.

use super::View;
use crate::ui::model::Focus;
use crate::ui::text;
use crate::ui::tokens::{Palette, radius, size};
use crate::ui::widgets::{Button, Look};
use egui::{Align, Align2, Color32, Rect, Sense, Ui, vec2};

/// The width of a dialog.
pub(super) const WIDTH: f32 = size::MODAL_WIDTH;

/// The square with an icon on top.
pub(super) fn sign(ui: &mut Ui, ground: Color32, color: Color32, icon: char) {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 56.0), Sense::hover());
    let square = Rect::from_min_size(row.min, vec2(56.0, 56.0));
    ui.painter().rect_filled(square, radius::CARD, ground);
    text::icon(ui, square.center(), 28.0, color, icon);
    ui.add_space(18.0);
}

/// The title.
pub(super) fn title(ui: &mut Ui, colors: &Palette, words: &str) {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    text::label(ui, row.left_center(), Align2::LEFT_CENTER, text::MODAL_TITLE, colors.text, words, row.width());
    ui.add_space(9.0);
}

/// The sentences.
pub(super) fn body(ui: &mut Ui, colors: &Palette, sentence: &str) {
    let width = ui.available_width();
    let at = ui.cursor().min;
    let rect = text::paragraph(ui, at, Align::Min, text::LEAD, colors.text_2, sentence, width);
    ui.allocate_exact_size(vec2(width, rect.height()), Sense::hover());
}

/// The exact line.
pub(super) fn mono(ui: &mut Ui, colors: &Palette, line: &str) {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
    text::label(ui, row.left_center(), Align2::LEFT_CENTER, text::MONO_SMALL, colors.text_3, line, row.width());
}

/// What was answered to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The main button, at the right.
    Main,
    /// The other one, which is the safe one: Esc means it, and the focus starts there.
    Other,
}

/// The two buttons of a question.
pub(super) fn answers(ui: &mut Ui, view: &View<'_>, main: &str, other: &str) -> Option<Answer> {
    answers_that_look(ui, view, (main, Look::Main), other)
}

/// The same where the main one hits others.
pub(super) fn red_answers(ui: &mut Ui, view: &View<'_>, main: &str, other: &str) -> Option<Answer> {
    answers_that_look(ui, view, (main, Look::Danger), other)
}

fn answers_that_look(ui: &mut Ui, view: &View<'_>, (main, look): (&str, Look), other: &str) -> Option<Answer> {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), size::BUTTON), Sense::hover());
    let middle = row.center().y;
    let right = Button::new(main, look);
    let left = row.right() - right.size(ui).x - 10.0;
    // The safe one comes first in the order of focus too.
    let other = Button::new(other, Look::Plain).show_left_of(ui, view.colors, left, middle);
    let main = right.show_left_of(ui, view.colors, row.right(), middle);
    view.focus(&other, Focus::Dialog);
    match (main.clicked(), other.clicked()) {
        (true, _) => Some(Answer::Main),
        (_, true) => Some(Answer::Other),
        _ => None,
    }
}
