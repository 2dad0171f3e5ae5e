//! A choice of a few words beside each other, one of them chosen.

use super::{clickable, mix};
use crate::ui::text;
use crate::ui::tokens::{Palette, size};
use egui::{Align2, CornerRadius, Id, Rect, Role, Ui, WidgetInfo, pos2, vec2};

/// From a word to the edge of its part.
const PADDING: f32 = 10.0;
/// Round the parts and between them.
const GAP: f32 = 2.0;
/// An icon with the gap after it.
const ICON: f32 = 21.0;

/// One part of it.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Part<'a> {
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

/// Adds `parts`, of which `chosen` is chosen; the accessible name of each is "`name`: word". Returns which was pressed.
pub(in crate::ui) fn segments(
    ui: &mut Ui,
    colors: &Palette,
    name: &str,
    parts: &[Part<'_>],
    chosen: Option<usize>,
) -> Option<usize> {
    let widths: Vec<f32> = parts.iter().map(|p| p.width(ui)).collect();
    let whole = vec2(widths.iter().map(|w| w + GAP).sum::<f32>() + GAP, size::SEGMENTS);
    let (_, ground) = ui.allocate_space(whole);
    ui.painter().rect_filled(ground, CornerRadius::same(9), colors.control);
    let mut pressed = None;
    let mut x = ground.left() + GAP;
    for (i, (part, width)) in parts.iter().zip(widths).enumerate() {
        let rect = Rect::from_min_size(pos2(x, ground.top() + GAP), vec2(width, whole.y - 2.0 * GAP));
        x += width + GAP;
        if segment(ui, colors, rect, name, part, chosen == Some(i)) {
            pressed = Some(i);
        }
    }
    pressed
}

fn segment(ui: &Ui, colors: &Palette, rect: Rect, name: &str, part: &Part<'_>, on: bool) -> bool {
    let info = WidgetInfo::selected(Role::RadioButton, true, on, format!("{name}: {}", part.word));
    let segment = clickable(ui, rect, Id::unique(("segment", name, part.word)), info);
    if on {
        ui.painter().rect_filled(rect, CornerRadius::same(7), colors.chosen());
    }
    let color = if on { colors.text } else { mix(colors.text_2, colors.text, segment.hover) };
    let mut left = rect.left() + PADDING;
    if let Some(icon) = part.icon {
        text::icon(ui, pos2(left + 7.0, rect.center().y), 14.0, color, icon);
        left += ICON;
    }
    text::paint(ui, pos2(left, rect.center().y), Align2::LEFT_CENTER, text::CHIP, color, part.word, rect.width());
    segment.ring(ui, colors, CornerRadius::same(7));
    segment.response.clicked()
}
