//! A choice of a few words beside each other, one of them chosen.

use super::{animate, focus_ring, mix};
use crate::ui::text;
use crate::ui::tokens::{Palette, size, time};
use egui::{Align2, CornerRadius, CursorIcon, Pos2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

/// From a word to the edge of its part.
const PADDING: f32 = 12.0;

/// One part of it.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Part<'a> {
    /// What it says.
    pub(in crate::ui) word: &'a str,
    /// Before the word.
    pub(in crate::ui) icon: Option<char>,
}

impl<'a> Part<'a> {
    /// A word without an icon.
    pub(in crate::ui) const fn word(word: &'a str) -> Self {
        Self { word, icon: None }
    }

    fn width(&self, ui: &Ui) -> f32 {
        let icon = if self.icon.is_some() { 22.0 } else { 0.0 };
        text::width(ui, text::LABEL, self.word).ceil() + icon + 2.0 * PADDING
    }
}

/// Shows `parts` with their right centre at `at`; the names for a screen reader are "`name`: word". Returns which was
/// pressed, and where the control begins.
pub(in crate::ui) fn segments(
    ui: &Ui,
    colors: &Palette,
    at: Pos2,
    name: &str,
    parts: &[Part<'_>],
    chosen: Option<usize>,
) -> (Option<usize>, f32) {
    let widths: Vec<f32> = parts.iter().map(|p| p.width(ui)).collect();
    let whole = vec2(widths.iter().sum::<f32>() + 4.0, size::SEGMENTS);
    let ground = Rect::from_min_size(pos2(at.x - whole.x, at.y - whole.y / 2.0), whole);
    ui.painter().rect_filled(ground, CornerRadius::same(9), colors.control);
    let mut pressed = None;
    let mut x = ground.left() + 2.0;
    for (i, (part, width)) in parts.iter().zip(widths).enumerate() {
        let rect = Rect::from_min_size(pos2(x, ground.top() + 2.0), vec2(width, whole.y - 4.0));
        x += width;
        let on = chosen == Some(i);
        let response = ui.interact(rect, ui.scope_id().with(("segment", name, part.word)), Sense::click());
        let spoken = format!("{name}: {}", part.word);
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, &spoken));
        let t = animate(ui, response.id, on || response.hovered(), time::HOVER);
        if on {
            ui.painter().rect_filled(rect, CornerRadius::same(7), colors.control_active);
        }
        let color = mix(colors.text_2, colors.text, t);
        let mut left = rect.left() + PADDING;
        if let Some(icon) = part.icon {
            text::icon(ui, pos2(left + 7.0, rect.center().y), 15.0, color, icon);
            left += 22.0;
        }
        text::paint(ui, pos2(left, rect.center().y), Align2::LEFT_CENTER, text::LABEL, color, part.word, width);
        focus_ring(ui, &response, CornerRadius::same(7), colors);
        if response.on_hover_cursor(CursorIcon::PointingHand).clicked() {
            pressed = Some(i);
        }
    }
    (pressed, ground.left())
}
