//! A button that is only an icon.

use super::{clickable, mix};
use crate::ui::text;
use crate::ui::tokens::{Palette, radius, size};
use egui::{Color32, Id, Response, Role, Ui, Vec2, WidgetInfo, vec2};

/// A button with an icon; its name is its tooltip too.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct IconButton<'a> {
    name: &'a str,
    icon: char,
    icon_size: f32,
    size: Vec2,
    enabled: bool,
}

impl<'a> IconButton<'a> {
    pub(in crate::ui) const fn new(name: &'a str, icon: char) -> Self {
        let [width, height] = size::ICON_BUTTON;
        Self { name, icon, icon_size: size::ICON_SMALL, size: vec2(width, height), enabled: true }
    }

    pub(in crate::ui) const fn icon_size(mut self, size: f32) -> Self {
        self.icon_size = size;
        self
    }

    pub(in crate::ui) const fn size(mut self, size: [f32; 2]) -> Self {
        self.size = vec2(size[0], size[1]);
        self
    }

    pub(in crate::ui) const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    pub(in crate::ui) fn show(&self, ui: &mut Ui, colors: &Palette) -> Response {
        let (_, rect) = ui.allocate_space(self.size);
        let info = WidgetInfo::labeled(Role::Button, self.enabled, self.name);
        let button = clickable(ui, rect, Id::unique(("icon button", self.name, ui.layer_id())), info);
        let fill = colors.control.gamma_multiply(button.hover);
        ui.painter().rect_filled(rect.shrink2(vec2(2.0, 0.0)), radius::CONTROL, fill);
        let color = mix(colors.text_3, colors.text, button.hover);
        let color = if self.enabled { color } else { Color32::gamma_multiply(color, 0.38) };
        text::icon(ui, rect.center(), self.icon_size, color, self.icon);
        button.ring(ui, colors, radius::CONTROL);
        if self.enabled { text::hint(button.response, self.name) } else { button.response }
    }
}
