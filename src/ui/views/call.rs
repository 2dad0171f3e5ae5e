//! A call: top bar, tiles, tool bar.

use super::{View, bars, compact, settings, tiles};
use crate::ui::tokens::size;
use egui::{Rect, Ui, pos2};

/// Draws the frame of a call. Focus goes from the top bar over the tile area to the tools, Leave last.
pub(super) fn call(ui: &mut Ui, view: &mut View<'_>) {
    let area = ui.max_rect();
    let tool_bar = if compact(area) { size::TOOL_BAR_COMPACT } else { size::TOOL_BAR };
    let top = Rect::from_min_max(area.min, pos2(area.right(), area.top() + size::TOP_BAR));
    let bottom = Rect::from_min_max(pos2(area.left(), area.bottom() - tool_bar), area.max);
    let middle = Rect::from_min_max(pos2(area.left(), top.bottom()), pos2(area.right(), bottom.top()));
    bars::top(ui, view, top);
    if view.model.settings_open {
        settings::settings(ui, view, middle);
    } else {
        tiles::tiles(ui, view, middle);
    }
    bars::tools(ui, view, bottom);
}
