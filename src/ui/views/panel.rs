//! What the panels beside the tiles have in common: the background, the left edge, and a row for the title.

use crate::ui::tokens::Palette;
use egui::{Rect, Stroke, Ui, vec2};

/// From the panel's edges to its content, in points.
pub(super) const EDGE: f32 = 16.0;
/// Height of the row with the title, in points.
const HEAD: f32 = 52.0;

/// Draws an empty panel in `area`; returns the places of its title and of its content.
pub(super) fn panel(ui: &Ui, colors: &Palette, area: Rect) -> [Rect; 2] {
    ui.painter().rect_filled(area, 0.0, colors.surface);
    ui.painter().vline(area.left() + 0.5, area.y_range(), Stroke::new(1.0, colors.border));
    let inner = area.shrink2(vec2(EDGE, 0.0));
    inner.split_top_bottom_at_y(inner.top() + HEAD).into()
}
