//! Toasts: short notes over the tool bar, at most two, some with a button.

use super::View;
use crate::ui::action::Action;
use crate::ui::model::Toast;
use crate::ui::screens::Screen;
use crate::ui::text;
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Button, Look};
use egui::{Align2, Area, Id, Order, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit, pos2, vec2};

/// Draws the toasts; in a call above the tool bar.
pub(super) fn toasts(ui: &mut Ui, view: &mut View<'_>) {
    let area = ui.max_rect();
    let bar = match view.model.screen {
        Screen::Call | Screen::Leaving { .. } if super::compact(area) => size::TOOL_BAR_COMPACT,
        Screen::Call | Screen::Leaving { .. } => size::TOOL_BAR,
        _ => 0.0,
    };
    let mut bottom = area.bottom() - bar - 16.0;
    let model = view.model;
    for (i, toast) in model.toasts.iter().enumerate().rev() {
        let button = toast.button.as_ref().map(|(word, _)| Button::new(word, Look::Plain).height(size::BUTTON_TINY));
        let beside = button.map_or(0.0, |b| b.size(ui).x + 6.0);
        let words = text::width(ui, text::BODY, &toast.text).ceil().min(area.width() - 100.0 - beside);
        let size = vec2(words + 18.0 + 24.0 + 10.0 + 18.0 + beside, size::TOAST);
        let rect = Rect::from_min_size(pos2(area.center().x - size.x / 2.0, bottom - size.y), size);
        let layer = Area::new(Id::unique(("toast", i)));
        let layer = layer.order(Order::Foreground).fixed_pos(rect.min).interactable(button.is_some());
        layer.show(ui.ctx(), |ui| {
            draw(ui, view, rect, toast, beside);
            if let Some(button) = button {
                let response = button.show_left_of(ui, view.colors, rect.right() - 9.0, rect.center().y);
                view.on_click(&response, Action::AnswerToast(i));
                let held = response.has_focus() || ui.rect_contains_pointer(rect);
                if held && toast.until - view.model.now < 0.5 {
                    view.dispatch(Action::HoldToast(i));
                }
            }
        });
        bottom -= size.y + 8.0;
    }
}

fn draw(ui: &mut Ui, view: &View<'_>, rect: Rect, toast: &Toast, beside: f32) {
    let colors = view.colors;
    let response = ui.allocate_rect(rect, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &toast.text));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(accesskit::Live::Polite));
    let painter = ui.painter();
    painter.add(colors.shadow_menu.as_shape(rect, radius::BUTTON_LARGE));
    painter.rect_filled(rect, radius::BUTTON_LARGE, colors.raised);
    painter.rect_stroke(rect, radius::BUTTON_LARGE, Stroke::new(1.0, colors.border), StrokeKind::Inside);
    let middle = rect.center().y;
    text::icon(ui, pos2(rect.left() + 27.0, middle), size::ICON, colors.text_2, toast.icon);
    let at = pos2(rect.left() + 48.0, middle);
    text::paint(ui, at, Align2::LEFT_CENTER, text::BODY, colors.text, &toast.text, rect.width() - 62.0 - beside);
}
