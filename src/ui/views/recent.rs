//! The rooms that were left last: how each call ended, and a button to join again.

use super::View;
use crate::base::{ExitReason, RoomName, visible};
use crate::store::RecentRoom;
use crate::ui::action::Action;
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Button, Look, add_sign, clickable, focus_ring, place};
use crate::ui::{icons, strings, text};
use egui::{Align, Id, Layout, Rect, Role, Ui, WidgetInfo, vec2};

/// Rows at most.
const MOST: usize = 3;

/// Draws heading and rows: as many as fit above `limit`, but at least one.
pub(super) fn recent(ui: &mut Ui, view: &mut View<'_>, limit: f32) {
    let colors = view.colors;
    let model = view.model;
    if model.settings.recent.is_empty() {
        return;
    }
    let clear = Button::new("Clear", Look::Ghost).named("Clear recent rooms").height(size::BUTTON_TINY);
    let heading = |ui: &mut Ui| text::add_line(ui, text::LABEL, colors.text_2, "Recent rooms");
    let (_, clear) = place::sides(ui, size::BUTTON_TINY, 0.0, heading, |ui| clear.hang(Align::Max).show(ui, colors));
    view.on_click(&clear, Action::ClearRecent);
    ui.add_space(2.0);
    let fits = (((limit - ui.cursor().top()) / size::RECENT_ROOM) as usize).clamp(1, MOST);
    for (i, room) in model.settings.recent.iter().take(fits).enumerate() {
        row(ui, view, i, room);
    }
}

fn row(ui: &mut Ui, view: &mut View<'_>, i: usize, room: &RecentRoom) {
    let colors = view.colors;
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), size::RECENT_ROOM));
    let how = strings::recent(room, view.model.unix_ms, &view.model.zone);
    let info = WidgetInfo::labeled(Role::Button, true, format!("{}: {how}", name_of(room)));
    let row = clickable(ui, rect, Id::unique(("recent room", i)), info);
    let ground = rect.shrink2(vec2(0.0, 3.0)).expand2(vec2(8.0, 0.0));
    ui.painter().rect_filled(ground, radius::CONTROL, colors.control.gamma_multiply(row.hover));
    place::within(ui, rect, Layout::top_down(Align::Min), |ui| content(ui, view, rect, room, &how));
    focus_ring(ui, &row.response.clone().with_new_rect(ground), radius::CONTROL, colors);
    view.on_click(&row.response, Action::Again(i));
}

/// The room's name as people may see it.
fn name_of(room: &RecentRoom) -> String {
    room.room.parse::<RoomName>().map_or_else(|_| visible(&room.room), |name| name.shown())
}

fn content(ui: &mut Ui, view: &View<'_>, rect: Rect, room: &RecentRoom, how: &str) {
    let colors = view.colors;
    let (icon, color) = match (ExitReason::from_code(room.reason), room.confirmed) {
        (Some(ExitReason::Left), true) => (icons::CHECK_CIRCLE, colors.live_text),
        (Some(ExitReason::Left), false) => (icons::WARNING_CIRCLE, colors.warn_text),
        _ => (icons::X_CIRCLE, colors.danger_text),
    };
    let left = |ui: &mut Ui| {
        let middle = add_sign(ui, 34.0, radius::SIGN, colors.control);
        text::icon(ui, middle, size::ICON_SMALL, colors.text_2, icons::VIDEO_CAMERA);
        ui.add_space(12.0);
        let name = text::LABEL.sized(14.0);
        place::stack(ui, vec2(ui.available_width(), name.line + 18.0), |ui| {
            text::add_words(ui, name, colors.text, &name_of(room));
            ui.add_space(1.0);
            place::row(ui, text::CAPTION.line, |ui| {
                text::add_icon_fill(ui, [12.0; 2], 13.0, color, icon);
                ui.add_space(6.0);
                text::add_words(ui, text::CAPTION, colors.text_2, how);
            });
        });
    };
    place::sides(ui, rect.height(), 12.0, left, |ui| {
        text::add_icon(ui, [size::ICON_SMALL; 2], size::ICON_SMALL, colors.text_2, icons::CARET_RIGHT);
    });
}
