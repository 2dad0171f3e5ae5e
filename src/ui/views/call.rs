//! A call: top bar, tiles with the chat panel beside them, or settings, tool bar.

use super::{View, bars, chat, reactions, settings, tiles};
use crate::ui::screens::Screen;
use crate::ui::text;
use crate::ui::tokens::size;
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
        let is_open = view.model.chat.open && matches!(view.model.screen, Screen::Call | Screen::Leaving { .. });
        let panel = if is_open { size::panel(middle.width()) } else { 0.0 };
        let stage = middle.with_max_x(middle.right() - panel);
        if stage.width() > 0.0 {
            tiles::tiles(ui, view, stage);
            reactions::flying(ui, view, stage);
        }
        if is_open {
            chat::panel(ui, view, middle.with_min_x(stage.right()));
        }
    }
    let news: Vec<&str> = [view.model.chat.news(), view.model.reactions.news()].into_iter().flatten().collect();
    if !news.is_empty() {
        text::announce_politely(ui, middle, &news.join(". "));
    }
    bars::tools(ui, view);
    middle
}
