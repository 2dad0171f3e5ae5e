//! A choice of a few words beside each other, one of them chosen.

use super::{animate, focus_ring, mix};
use crate::ui::text;
use crate::ui::tokens::{Palette, size, time};
use egui::{Align2, CornerRadius, CursorIcon, Pos2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

/// From a word to the edge of its part.
const PADDING: f32 = 10.0;
/// Round the parts and between them.
const GAP: f32 = 2.0;
/// An icon with what follows it.
const ICON: f32 = 21.0;

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
        let icon = if self.icon.is_some() { ICON } else { 0.0 };
        text::width(ui, text::CHIP, self.word).ceil() + icon + 2.0 * PADDING
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
    let whole = vec2(widths.iter().map(|w| w + GAP).sum::<f32>() + GAP, size::SEGMENTS);
    let ground = Rect::from_min_size(pos2(at.x - whole.x, at.y - whole.y / 2.0), whole);
    ui.painter().rect_filled(ground, CornerRadius::same(9), colors.control);
    let mut pressed = None;
    let mut x = ground.left() + GAP;
    for (i, (part, width)) in parts.iter().zip(widths).enumerate() {
        let rect = Rect::from_min_size(pos2(x, ground.top() + GAP), vec2(width, whole.y - 2.0 * GAP));
        x += width + GAP;
        let on = chosen == Some(i);
        let response = ui.interact(rect, ui.scope_id().with(("segment", name, part.word)), Sense::click());
        let spoken = format!("{name}: {}", part.word);
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, &spoken));
        let t = animate(ui, response.id, on || response.hovered(), time::HOVER);
        if on {
            ui.painter().rect_filled(rect, CornerRadius::same(7), colors.chosen());
        }
        let color = mix(colors.text_2, colors.text, t);
        let mut left = rect.left() + PADDING;
        if let Some(icon) = part.icon {
            text::icon(ui, pos2(left + 7.0, rect.center().y), 14.0, color, icon);
            left += ICON;
        }
        text::paint(ui, pos2(left, rect.center().y), Align2::LEFT_CENTER, text::CHIP, color, part.word, width);
        focus_ring(ui, &response, CornerRadius::same(7), colors);
        if response.on_hover_cursor(CursorIcon::PointingHand).clicked() {
            pressed = Some(i);
        }
    }
    (pressed, ground.left())
}
