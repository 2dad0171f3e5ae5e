//! Toasts: short notes over the tool bar, at most two.

use super::View;
use crate::ui::flow::Screen;
use crate::ui::text;
use crate::ui::tokens::{radius, size};
use egui::{Align2, Area, Id, Order, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit, pos2, vec2};

/// Draws the toasts; in a call above the tool bar.
pub(super) fn toasts(ui: &mut Ui, view: &View<'_>) {
    let area = ui.max_rect();
    let bar = match view.model.screen {
        Screen::Call | Screen::Leaving { .. } if super::compact(area) => size::TOOL_BAR_COMPACT,
        Screen::Call | Screen::Leaving { .. } => size::TOOL_BAR,
        _ => 0.0,
    };
    let mut bottom = area.bottom() - bar - 16.0;
    for (i, toast) in view.model.toasts.iter().enumerate().rev() {
        let words = text::width(ui, text::BODY, &toast.text).ceil().min(area.width() - 100.0);
        let size = vec2(words + 18.0 + 24.0 + 10.0 + 18.0, size::TOAST);
        let rect = Rect::from_min_size(pos2(area.center().x - size.x / 2.0, bottom - size.y), size);
        let layer =
            Area::new(Id::unique(("toast", i))).order(Order::Foreground).fixed_pos(rect.min).interactable(false);
        layer.show(ui.ctx(), |ui| draw(ui, view, rect, toast.icon, &toast.text));
        bottom -= size.y + 8.0;
    }
}

fn draw(ui: &mut Ui, view: &View<'_>, rect: Rect, icon: char, words: &str) {
    let colors = view.colors;
    let response = ui.allocate_rect(rect, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(accesskit::Live::Polite));
    let painter = ui.painter();
    painter.add(colors.shadow_menu.as_shape(rect, radius::BUTTON_LARGE));
    painter.rect_filled(rect, radius::BUTTON_LARGE, colors.raised);
    painter.rect_stroke(rect, radius::BUTTON_LARGE, Stroke::new(1.0, colors.border), StrokeKind::Inside);
    let middle = rect.center().y;
    text::icon(ui, pos2(rect.left() + 27.0, middle), size::ICON, colors.text_2, icon);
    let at = pos2(rect.left() + 48.0, middle);
    text::paint(ui, at, Align2::LEFT_CENTER, text::BODY, colors.text, words, rect.width() - 62.0);
}
