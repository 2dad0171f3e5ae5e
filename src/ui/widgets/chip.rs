//! Chips: small words on a coloured ground.

use crate::ui::{icons, text};
use egui::{Align2, Color32, CornerRadius, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

/// A round chip: an icon and a word, both in `color` on `fill`.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Pill<'a> {
    pub(in crate::ui) word: &'a str,
    pub(in crate::ui) icon: char,
    pub(in crate::ui) fill: Color32,
    pub(in crate::ui) color: Color32,
    pub(in crate::ui) height: f32,
}

impl Pill<'_> {
    pub(in crate::ui) fn width(&self, ui: &Ui) -> f32 {
        text::width(ui, text::CHIP, self.word).ceil() + 10.0 + 14.0 + 7.0 + 10.0
    }

    /// Adds it; screen readers read its word.
    pub(in crate::ui) fn show(&self, ui: &mut Ui) -> Response {
        let response = ui.allocate_response(vec2(self.width(ui), self.height), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, self.word));
        let (rect, middle) = (response.rect, response.rect.center().y);
        ui.painter().rect_filled(rect, CornerRadius::same((self.height / 2.0) as u8), self.fill);
        // The seal of a confirmation is filled.
        let draw = if self.icon == icons::SEAL_CHECK { text::icon_fill } else { text::icon };
        draw(ui, pos2(rect.left() + 17.0, middle), 15.0, self.color, self.icon);
        let at = pos2(rect.left() + 31.0, middle);
        text::paint(ui, at, Align2::LEFT_CENTER, text::CHIP, self.color, self.word, f32::INFINITY);
        response
    }
}

/// Draws the background of a chip over video.
pub(in crate::ui) fn chip(ui: &Ui, rect: Rect, radius: CornerRadius) {
    ui.painter().rect_filled(rect, radius, crate::ui::tokens::overlay::BACKGROUND);
}
