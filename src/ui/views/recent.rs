//! The rooms that were left last: how each call ended, and the way back.

use super::View;
use crate::base::ExitReason;
use crate::store::RecentRoom;
use crate::ui::action::Action;
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Button, Look, animate, focus_ring};
use crate::ui::{icons, strings, text};
use egui::{Align2, CursorIcon, Pos2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

/// Height of a row.
const ROW: f32 = 54.0;
/// Rows at most.
const MOST: usize = 3;

/// Draws heading and rows, as many as fit above `limit` but at least one; returns where they end.
pub(super) fn recent(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32, limit: f32) -> f32 {
    let colors = view.colors;
    let model = view.model;
    if model.settings.recent.is_empty() {
        return at.y;
    }
    let middle = at.y + 15.0;
    text::label(ui, pos2(at.x, middle), Align2::LEFT_CENTER, text::LABEL, colors.text_2, "Recent rooms", width);
    let clear = Button::new("Clear", Look::Ghost).named("Clear recent rooms").height(size::BUTTON_TINY);
    let clear = clear.show_left_of(ui, colors, at.x + width + 14.0, middle);
    view.on_click(&clear, Action::ClearRecent);
    let mut y = at.y + 32.0;
    let fits = (((limit - y) / ROW) as usize).clamp(1, MOST);
    for (i, room) in model.settings.recent.iter().take(fits).enumerate() {
        let rect = Rect::from_min_size(pos2(at.x, y), vec2(width, ROW));
        row(ui, view, rect, i, room);
        y += ROW;
    }
    y
}

fn row(ui: &Ui, view: &mut View<'_>, rect: Rect, i: usize, room: &RecentRoom) {
    let colors = view.colors;
    let how = strings::recent(room, view.model.unix_ms, &view.model.zone);
    let response = ui.interact(rect, ui.scope_id().with(("recent", i)), Sense::click());
    let spoken = format!("{}: {how}", room.room);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &spoken));
    let hover = animate(ui, response.id, response.hovered(), 0.12);
    let ground = rect.shrink2(vec2(0.0, 3.0)).expand2(vec2(8.0, 0.0));
    ui.painter().rect_filled(ground, radius::CONTROL, colors.control.gamma_multiply(hover));
    let square = Rect::from_min_size(pos2(rect.left(), rect.center().y - 17.0), vec2(34.0, 34.0));
    ui.painter().rect_filled(square, 10.0, colors.control);
    text::icon(ui, square.center(), size::ICON_SMALL, colors.text_2, icons::VIDEO_CAMERA);
    let space = rect.width() - 46.0 - 28.0;
    let at = pos2(square.right() + 12.0, rect.center().y - 9.0);
    text::paint(ui, at, Align2::LEFT_CENTER, text::LABEL.sized(14.0), colors.text, &room.room, space);
    let (icon, color) = match (ExitReason::from_code(room.reason), room.confirmed) {
        (Some(ExitReason::Left), true) => (icons::CHECK_CIRCLE, colors.live_text),
        (Some(ExitReason::Left), false) => (icons::WARNING_CIRCLE, colors.warn_text),
        _ => (icons::X_CIRCLE, colors.danger_text),
    };
    let at = pos2(square.right() + 12.0, rect.center().y + 9.0);
    text::icon_fill(ui, at + vec2(6.0, 0.0), 13.0, color, icon);
    let words = at + vec2(18.0, 0.0);
    text::paint(ui, words, Align2::LEFT_CENTER, text::CAPTION, colors.text_2, &how, space - 18.0);
    let caret = pos2(rect.right() - 8.0, rect.center().y);
    text::icon(ui, caret, size::ICON_SMALL, colors.text_2, icons::CARET_RIGHT);
    focus_ring(ui, &response.clone().with_new_rect(ground), radius::CONTROL, colors);
    view.on_click(&response.on_hover_cursor(CursorIcon::PointingHand), Action::Again(i));
}
