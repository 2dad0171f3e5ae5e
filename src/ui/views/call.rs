//! A call: top bar, tiles with the chat panel beside them, or settings, tool bar.

use super::{View, bars, chat, details, reactions, settings, tiles};
use crate::ui::details::{is_shown, panel_width};
use crate::ui::text;
use crate::ui::widgets::place;
use egui::{Align, Layout, Rect, Ui, vec2};

/// Draws the frame of a call; returns the area between its bars. The focus goes from the top bar over the tiles and
/// the panel to the tools, Leave last.
pub(super) fn call(ui: &mut Ui, view: &mut View<'_>) -> Rect {
    let tool_bar = super::tool_bar(ui.max_rect());
    bars::top(ui, view);
    let between = vec2(ui.available_width(), (ui.available_height() - tool_bar).max(0.0));
    let (_, middle) = ui.allocate_space(between);
    if view.model.settings_open {
        place::within(ui, middle, Layout::top_down(Align::Min), |ui| settings::settings(ui, view));
    } else {
        let beside = panel_width(view.model, middle.width());
        let stage = middle.with_max_x(middle.right() - beside);
        if stage.width() > 0.0 {
            tiles::tiles(ui, view, stage);
            reactions::flying(ui, view, stage);
        }
        let panel = middle.with_min_x(stage.right());
        if is_shown(view.model) {
            details::drawer(ui, view, panel);
        } else if beside > 0.0 {
            chat::panel(ui, view, panel);
        }
    }
    let news: Vec<&str> = [view.model.chat.news(), view.model.reactions.news()].into_iter().flatten().collect();
    if !news.is_empty() {
        text::announce_politely(ui, middle, &news.join(". "));
    }
    bars::tools(ui, view);
    middle
}
