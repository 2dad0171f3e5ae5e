//! Chips: small words on a coloured ground.

use crate::ui::{icons, text};
use egui::{Color32, CornerRadius, Rect, Ui, pos2, vec2};

/// Draws a round chip of this height with an icon (the seal of a confirmation is filled) and a word, its right centre at
/// `right`, `middle`; returns its rectangle.
pub(in crate::ui) fn pill(
    ui: &mut Ui,
    [right, middle, height]: [f32; 3],
    (fill, color): (Color32, Color32),
    icon: char,
    word: &str,
) -> Rect {
    let draw = if icon == icons::SEAL_CHECK { text::icon_fill } else { text::icon };
    let width = pill_width(ui, word);
    let rect = Rect::from_min_size(pos2(right - width, middle - height / 2.0), vec2(width, height));
    ui.painter().rect_filled(rect, CornerRadius::same((height / 2.0) as u8), fill);
    draw(ui, pos2(rect.left() + 17.0, middle), 15.0, color, icon);
    let at = pos2(rect.left() + 31.0, middle);
    text::label(ui, at, egui::Align2::LEFT_CENTER, text::CHIP, color, word, f32::INFINITY);
    rect
}

/// How wide [`pill`] draws a word.
pub(in crate::ui) fn pill_width(ui: &Ui, word: &str) -> f32 {
    text::width(ui, text::CHIP, word).ceil() + 10.0 + 14.0 + 7.0 + 10.0
}

/// Draws the ground of a chip over a picture.
pub(in crate::ui) fn chip(ui: &Ui, rect: Rect, radius: CornerRadius) {
    ui.painter().rect_filled(rect, radius, crate::ui::tokens::overlay::BACKGROUND);
}
