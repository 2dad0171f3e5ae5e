//! The click area that every control shares: focus, accessible name, hover colour, focus ring.

use super::{animate, focus_ring};
use crate::ui::tokens::{Palette, time};
use egui::{CornerRadius, CursorIcon, Id, Rect, Response, Sense, Ui, WidgetInfo};

/// A click area in this frame.
pub(in crate::ui) struct Pressable {
    pub(in crate::ui) response: Response,
    /// How far the hover colour has faded in, from 0 to 1; 0 while disabled.
    pub(in crate::ui) hover: f32,
}

/// Makes `rect` a control with the name, role and state of `info`; a disabled one takes neither clicks nor the focus.
///
/// `id` must not depend on the surrounding layout, or the control loses the focus when something appears above it.
pub(in crate::ui) fn clickable(ui: &Ui, rect: Rect, id: Id, info: WidgetInfo) -> Pressable {
    let enabled = info.enabled && ui.is_enabled();
    let mut response = ui.interact(rect, id, if enabled { Sense::click() } else { Sense::hover() });
    response.widget_info(|| info.clone());
    let hover = animate(ui, id, enabled && response.hovered(), time::HOVER);
    if enabled {
        response = response.on_hover_cursor(CursorIcon::PointingHand);
    }
    Pressable { response, hover }
}

impl Pressable {
    /// Whether the pointer's button is held down on it.
    pub(in crate::ui) fn is_held(&self) -> bool {
        self.response.is_pointer_button_down_on()
    }

    /// Draws the focus ring round it, while it has the focus.
    pub(in crate::ui) fn ring(&self, ui: &Ui, colors: &Palette, radius: CornerRadius) {
        focus_ring(ui, &self.response, radius, colors);
    }
}
