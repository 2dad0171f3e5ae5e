//! Chips: small words on a coloured ground.

use crate::ui::{icons, text};
use egui::{Color32, CornerRadius, Rect, Ui, pos2, vec2};

/// Draws a round chip, 26 high, with an icon (the seal of a confirmation is filled) and a word, its right centre at
/// `right`, `middle`; returns its rectangle.
pub(in crate::ui) fn pill(
    ui: &mut Ui,
    right: f32,
    middle: f32,
    (fill, color): (Color32, Color32),
    icon: char,
    word: &str,
) -> Rect {
    let draw = if icon == icons::SEAL_CHECK { text::icon_fill } else { text::icon };
    let width = text::width(ui, text::LABEL, word).ceil() + 10.0 + 14.0 + 7.0 + 10.0;
    let rect = Rect::from_min_size(pos2(right - width, middle - 13.0), vec2(width, 26.0));
    ui.painter().rect_filled(rect, CornerRadius::same(13), fill);
    draw(ui, pos2(rect.left() + 17.0, middle), 15.0, color, icon);
    let at = pos2(rect.left() + 31.0, middle);
    text::label(ui, at, egui::Align2::LEFT_CENTER, text::LABEL, color, word, f32::INFINITY);
    rect
}

/// Draws the ground of a chip over a picture.
pub(in crate::ui) fn chip(ui: &Ui, rect: Rect, radius: CornerRadius) {
    ui.painter().rect_filled(rect, radius, crate::ui::tokens::overlay::BACKGROUND);
}
