//! Toasts: short notes over the tool bar, at most two, some with a button.

use super::View;
use crate::ui::action::Action;
use crate::ui::screens::Screen;
use crate::ui::text;
use crate::ui::toast::Toast;
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Button, Look, place};
use egui::{Align2, Area, Frame, Id, Margin, Order, Stroke, Ui, accesskit, vec2};

/// Draws the toasts; in a call above the tool bar.
pub(super) fn toasts(ui: &mut Ui, view: &mut View<'_>) {
    let window = ui.max_rect();
    let bar = match view.model.screen {
        Screen::Call | Screen::Leaving { .. } => super::tool_bar(window),
        _ => 0.0,
    };
    let model = view.model;
    for (above, (i, toast)) in model.toasts.iter().enumerate().rev().enumerate() {
        let up = bar + 16.0 + above as f32 * (size::TOAST + 8.0);
        let area = Area::new(Id::unique(("toast", i)))
            .order(Order::Foreground)
            .anchor(Align2::CENTER_BOTTOM, vec2(0.0, -up))
            .interactable(toast.button.is_some());
        area.show(ui.ctx(), |ui| {
            ui.set_max_width(window.width() - 32.0);
            show(ui, view, i, toast);
        });
    }
}

fn show(ui: &mut Ui, view: &mut View<'_>, i: usize, toast: &Toast) {
    let colors = view.colors;
    let button = toast.button.as_ref().map(|(word, _)| Button::new(word, Look::Plain).height(size::BUTTON_TINY));
    let frame = Frame::new()
        .fill(colors.raised)
        .stroke(Stroke::new(1.0, colors.border))
        .corner_radius(radius::BUTTON_LARGE)
        .shadow(colors.shadow_menu)
        .inner_margin(Margin { left: 17, right: if button.is_some() { 8 } else { 21 }, ..Margin::ZERO });
    let beside = button.map_or(0.0, |button| 19.0 + button.size(ui).x);
    let room = ui.available_width() - frame.total_margin().sum().x - size::ICON - 12.0 - beside;
    let words = text::width(ui, text::BODY, &toast.text).ceil().min(room);
    let shown = frame.show(ui, |ui| {
        place::group(ui, vec2(size::ICON + 12.0 + words + beside, size::TOAST - 2.0), |ui| {
            text::add_icon(ui, [size::ICON; 2], size::ICON, colors.text_2, toast.icon);
            ui.add_space(12.0);
            place::stack(ui, vec2(words, text::BODY.line), |ui| {
                let line = text::add_line(ui, text::BODY, colors.text, &toast.text);
                ui.ctx().accesskit_node_builder(line.id, |node| node.set_live(accesskit::Live::Polite));
            });
            let button = button?;
            ui.add_space(19.0);
            Some(button.show(ui, colors))
        })
    });
    if let Some(response) = shown.inner {
        view.on_click(&response, Action::AnswerToast(i));
        let held = response.has_focus() || ui.rect_contains_pointer(shown.response.rect);
        if held && toast.until - view.model.now < 0.5 {
            view.dispatch(Action::HoldToast(i));
        }
    }
}
