//! A call: top bar, tiles or settings, tool bar.

use super::{View, bars, settings, tiles};
use crate::ui::widgets::place;
use egui::{Align, Layout, Rect, Ui, vec2};

/// Draws the frame of a call; returns the area between its bars. The focus goes from the top bar over the tiles to the
/// tools, Leave last.
pub(super) fn call(ui: &mut Ui, view: &mut View<'_>) -> Rect {
    let tool_bar = super::tool_bar(ui.max_rect());
    bars::top(ui, view);
    let between = vec2(ui.available_width(), (ui.available_height() - tool_bar).max(0.0));
    let (_, middle) = ui.allocate_space(between);
    if view.model.settings_open {
        place::within(ui, middle, Layout::top_down(Align::Min), |ui| settings::settings(ui, view));
    } else {
        tiles::tiles(ui, view, middle);
    }
    bars::tools(ui, view);
    middle
}
