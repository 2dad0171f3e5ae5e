//! A button that is only an icon.

use super::{animate, focus_ring, mix};
use crate::ui::text;
use crate::ui::tokens::{Palette, radius, time};
use egui::{Color32, CursorIcon, Rect, Response, Role, Sense, Ui, WidgetInfo, vec2};

/// Shows `icon` in `rect`; `name` is its tooltip and what a screen reader says.
pub(in crate::ui) fn icon_button(
    ui: &Ui,
    colors: &Palette,
    rect: Rect,
    name: &str,
    (icon, size): (char, f32),
    enabled: bool,
) -> Response {
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let response = ui.interact(rect, ui.scope_id().with(("icon button", name)), sense);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, name));
    let hover = animate(ui, response.id, response.hovered() && enabled, time::HOVER);
    ui.painter().rect_filled(rect.shrink2(vec2(2.0, 0.0)), radius::CONTROL, colors.control.gamma_multiply(hover));
    let color = mix(colors.text_3, colors.text, hover);
    let color = if enabled { color } else { Color32::gamma_multiply(color, 0.38) };
    text::icon(ui, rect.center(), size, color, icon);
    focus_ring(ui, &response, radius::CONTROL, colors);
    if enabled { response.on_hover_text(name).on_hover_cursor(CursorIcon::PointingHand) } else { response }
}
