//! "Connection lost. Reconnecting…": a row of its own above the tiles.

use super::View;
use crate::ui::action::Action;
use crate::ui::model::Focus;
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Button, Look, spinner};
use crate::ui::{icons, text};
use egui::epaint::StrokeKind;
use egui::{Align2, Rect, Role, Sense, Stroke, Ui, WidgetInfo, accesskit, pos2, vec2};

/// Draws the banner of try number `attempt`; after `limit` seconds the call is given up.
pub(super) fn banner(ui: &mut Ui, view: &mut View<'_>, rect: Rect, attempt: u32, limit: u64) {
    let c = view.colors;
    let seconds = view.model.screens.lost_for(view.model.now) as u64;
    let wide = !super::compact(ui.max_rect());
    let tries = format!("{}, {seconds} {} so far.", ordinal(attempt), if seconds == 1 { "second" } else { "seconds" });
    let sentence =
        if wide { format!("The others may not see or hear you. {tries} You can leave at any time.") } else { tries };
    let response = ui.interact(rect, ui.scope_id().with("banner"), Sense::hover());
    let spoken = "Connection lost. Reconnecting…";
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, spoken));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_live(accesskit::Live::Assertive);
        node.set_description("The others may not see or hear you. You can leave at any time.");
    });
    ui.painter().rect_filled(rect, radius::CARD, c.warn_soft);
    let edge = Stroke::new(1.0, c.warn.gamma_multiply(0.21));
    ui.painter().rect_stroke(rect, radius::CARD, edge, StrokeKind::Inside);
    spinner(ui, pos2(rect.left() + 34.0, rect.center().y), 22.0, c.warn_text);
    let again = Button::new("Try now", Look::Plain).icon(icons::ARROW_CLOCKWISE).height(size::BUTTON_SMALL);
    let again = again.show_left_of(ui, c, rect.right() - 13.0, rect.center().y);
    view.focus(&again, Focus::Banner);
    view.on_click(&again, Action::TryNow);
    let mut right = again.rect.left() - 16.0;
    if wide {
        right = progress(ui, view, pos2(right, rect.center().y), seconds, limit) - 16.0;
    }
    let at = pos2(rect.left() + 63.0, rect.top() + 23.0);
    let space = right - at.x;
    text::paint(ui, at, Align2::LEFT_CENTER, text::HEADING, c.warn_text, spoken, space);
    text::paint(ui, at + vec2(0.0, 20.0), Align2::LEFT_CENTER, text::SMALL, c.text, &sentence, space);
}

/// A line that fills up, and the seconds beside it; returns its left edge.
fn progress(ui: &Ui, view: &View<'_>, right: egui::Pos2, seconds: u64, limit: u64) -> f32 {
    let c = view.colors;
    let count = format!("{seconds} / {limit} s");
    let count = text::paint(ui, right, Align2::RIGHT_CENTER, text::MONO, c.warn_text, &count, f32::INFINITY);
    let line = Rect::from_min_size(pos2(count.left() - 159.0, right.y - 2.0), vec2(150.0, 4.0));
    let part = (seconds as f32 / limit.max(1) as f32).min(1.0);
    ui.painter().rect_filled(line, 2.0, c.warn.gamma_multiply(0.21));
    ui.painter().rect_filled(Rect::from_min_size(line.min, vec2(line.width() * part, 4.0)), 2.0, c.warn);
    line.left()
}

fn ordinal(attempt: u32) -> String {
    match attempt {
        0 | 1 => "First try".to_owned(),
        2 => "Second try".to_owned(),
        3 => "Third try".to_owned(),
        n => format!("Try {n}"),
    }
}
