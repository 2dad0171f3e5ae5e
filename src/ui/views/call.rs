//! A call: top bar, tiles with people and chat beside them, or settings, tool bar.

use super::{View, bars, chat, details, people, reactions, settings, tiles};
use crate::ui::details::{is_shown, panel_width};
use crate::ui::text;
use crate::ui::widgets::place;
use egui::{Align, Layout, Rect, Stroke, Ui, vec2};

/// The part of the panels' height that the people have at most above the chat.
const PEOPLE_PART: f32 = 0.45;

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
            panels(ui, view, panel);
        }
    }
    let news: Vec<&str> = [view.model.chat.news(), view.model.reactions.news()].into_iter().flatten().collect();
    if !news.is_empty() {
        text::announce_politely(ui, middle, &news.join(". "));
    }
    bars::tools(ui, view);
    middle
}

/// Draws the list of people, the chat, or the people above the chat.
fn panels(ui: &mut Ui, view: &mut View<'_>, area: Rect) {
    let (has_people, has_chat) = (view.model.people.open, view.model.chat.open);
    let between = area.top() + area.height() * if has_chat { PEOPLE_PART } else { 1.0 };
    if has_people {
        people::panel(ui, view, area.with_max_y(between));
    }
    if has_chat {
        let below = if has_people { area.with_min_y(between) } else { area };
        chat::panel(ui, view, below);
        if has_people {
            ui.painter().hline(below.x_range(), below.top() + 0.5, Stroke::new(1.0, view.colors.border));
        }
    }
}
