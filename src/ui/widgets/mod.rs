//! Our widgets: we paint them, egui places them; all can be focused, and have names for screen readers.

mod button;
mod chip;
mod field;
mod icon_button;
mod marks;
mod menu;
mod message_field;
mod modal;
mod panel_tool;
pub(super) mod place;
mod pressable;
mod segment;
mod slider;
mod tool;

pub(super) use button::{Button, Look, buttons};
pub(super) use chip::{Pill, chip};
pub(super) use field::{FieldLook, Picker, field, picker, switch};
pub(super) use icon_button::IconButton;
pub(super) use marks::{
    add_avatar, add_mark, add_sign, add_spinner, avatar, bars, lamp, level_bar, mark, quality_bars, speaking_bars,
    spinner,
};
pub(super) use menu::{MenuEntry, MenuResult, menu, menu_above};
pub(super) use message_field::MessageField;
pub(super) use modal::{Behind, modal};
pub(super) use panel_tool::PanelTool;
pub(super) use pressable::{Pressable, clickable};
pub(super) use segment::{Part, segments};
pub(super) use slider::Slider;
pub(super) use tool::{LeaveState, Tool, leave_button, leave_caret, leave_corners};

use crate::ui::tokens::Palette;
use egui::{Color32, CornerRadius, Id, Response, Stroke, StrokeKind, Ui};

fn motion_id() -> Id {
    Id::unique("visavis reduced motion")
}

/// Turns animations off or on.
pub(super) fn reduce_motion(ctx: &egui::Context, reduce: bool) {
    ctx.data_mut(|d| d.insert_temp(motion_id(), reduce));
}

fn motion_is_reduced(ui: &Ui) -> bool {
    ui.data(|d| d.get_temp(motion_id()).unwrap_or(false))
}

/// 0 or 1 as `on` says, after a fade of `seconds`.
pub(super) fn animate(ui: &Ui, id: Id, on: bool, seconds: f32) -> f32 {
    let seconds = if motion_is_reduced(ui) { 0.0 } else { seconds };
    ui.ctx().animate_bool_with_time(id, on, seconds)
}

/// `to`, after a movement of `seconds`.
pub(super) fn glide(ui: &Ui, id: Id, to: f32, seconds: f32) -> f32 {
    let seconds = if motion_is_reduced(ui) { 0.0 } else { seconds };
    ui.ctx().animate_value_with_time(id, to, seconds)
}

fn focus_id() -> Id {
    Id::unique("visavis focus ring")
}

/// Shows or hides focus rings.
pub(super) fn show_focus(ctx: &egui::Context, show: bool) {
    ctx.data_mut(|d| d.insert_temp(focus_id(), show));
}

/// Whether focus rings are shown: the keyboard is in use.
pub(super) fn focus_is_shown(ui: &Ui) -> bool {
    ui.data(|d| d.get_temp(focus_id()).unwrap_or(false))
}

/// Draws the focus ring round a widget that has the focus: 2 wide, 2 away.
pub(super) fn focus_ring(ui: &Ui, response: &Response, radius: CornerRadius, colors: &Palette) {
    if response.has_focus() && focus_is_shown(ui) {
        let stroke = Stroke::new(2.0, colors.focus);
        ui.painter().rect_stroke(response.rect.expand(2.0), radius + 2, stroke, StrokeKind::Outside);
    }
}

/// A colour between `from` (`t` = 0) and `to` (`t` = 1).
pub(super) fn mix(from: Color32, to: Color32, t: f32) -> Color32 {
    from.lerp_to_gamma(to, t)
}
