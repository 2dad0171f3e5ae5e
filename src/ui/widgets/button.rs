//! Buttons with a word and perhaps an icon.

use super::{animate, focus_ring, mix, spinner};
use crate::ui::text::{self, Type};
use crate::ui::tokens::{Palette, radius, size, time};
use egui::{
    Align2, Color32, CornerRadius, CursorIcon, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
};
use egui::{Vec2, pos2, vec2};

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum Look {
    /// The one main action of a screen.
    Main,
    /// The last button of a question that hits others: red as Leave.
    Danger,
    /// Any other.
    Plain,
    /// One that stands back behind a plain one.
    Outline,
    /// A word that reacts only under the pointer.
    Ghost,
}

/// A button to be shown at a place of its own.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Button<'a> {
    word: &'a str,
    name: &'a str,
    icon: Option<char>,
    icon_after: bool,
    busy: bool,
    look: Look,
    height: f32,
}

impl<'a> Button<'a> {
    /// A button of 44 with this word, which is its accessible name too.
    pub(in crate::ui) const fn new(word: &'a str, look: Look) -> Self {
        let height = size::BUTTON;
        Self { word, name: word, icon: None, icon_after: false, busy: false, look, height }
    }

    /// Puts an icon before the word.
    pub(in crate::ui) const fn icon(mut self, icon: char) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Puts an icon behind the word.
    pub(in crate::ui) const fn icon_after(mut self, icon: char) -> Self {
        self.icon = Some(icon);
        self.icon_after = true;
        self
    }

    /// Says more to a screen reader than the word does.
    pub(in crate::ui) const fn named(mut self, name: &'a str) -> Self {
        self.name = name;
        self
    }

    /// Another height of the scale.
    pub(in crate::ui) const fn height(mut self, height: f32) -> Self {
        self.height = height;
        self
    }

    /// A spinner in place of the icon; it cannot be pressed.
    pub(in crate::ui) const fn busy(mut self, busy: bool) -> Self {
        self.busy = busy;
        self
    }

    fn kind(&self) -> Type {
        match self.look {
            Look::Ghost if self.is_tiny() => text::TOOL,
            Look::Ghost => text::LABEL_STRONG,
            _ if self.height >= size::BUTTON_LARGE => text::BUTTON_LARGE,
            _ if self.height >= size::BUTTON => text::BODY_STRONG,
            _ => text::LABEL_STRONG,
        }
    }

    fn is_tiny(&self) -> bool {
        self.height <= size::BUTTON_TINY
    }

    fn icon_size(&self) -> f32 {
        match self.height {
            h if h >= size::BUTTON_LARGE => 20.0,
            _ if self.is_tiny() => 14.0,
            _ => size::ICON_SMALL + 2.0,
        }
    }

    /// From the icon to the word.
    fn gap(&self) -> f32 {
        if self.is_tiny() { 6.0 } else { 8.0 }
    }

    /// The size it takes by itself.
    pub(in crate::ui) fn size(&self, ui: &Ui) -> Vec2 {
        let padding = match self.height {
            h if h >= size::BUTTON_LARGE => 26.0,
            h if h >= size::BUTTON => 18.0,
            _ => 14.0,
        };
        vec2(self.content_width(ui) + 2.0 * padding, self.height)
    }

    fn content_width(&self, ui: &Ui) -> f32 {
        let icon = if self.icon.is_some() || self.busy { self.icon_size() + self.gap() } else { 0.0 };
        text::width(ui, self.kind(), self.word).ceil() + icon
    }

    /// Shows it with its left centre at `x`, `middle`; the response has its rectangle.
    pub(in crate::ui) fn show_at(&self, ui: &Ui, colors: &Palette, x: f32, middle: f32) -> Response {
        let size = self.size(ui);
        self.show(ui, colors, Rect::from_min_size(pos2(x, middle - size.y / 2.0), size))
    }

    /// Shows it with its right centre at `x`, `middle`.
    pub(in crate::ui) fn show_left_of(&self, ui: &Ui, colors: &Palette, x: f32, middle: f32) -> Response {
        let width = self.size(ui).x;
        self.show_at(ui, colors, x - width, middle)
    }

    /// Shows it in `rect`.
    pub(in crate::ui) fn show(&self, ui: &Ui, colors: &Palette, rect: Rect) -> Response {
        let id = ui.scope_id().with(("button", self.name));
        let usable = !self.busy && ui.is_enabled();
        let sense = if usable { Sense::click() } else { Sense::hover() };
        let mut response = ui.interact(rect, id, sense);
        let name = self.name;
        response.widget_info(|| WidgetInfo::labeled(Role::Button, usable, name));
        if usable {
            response = response.on_hover_cursor(CursorIcon::PointingHand);
        }
        self.draw(ui, colors, rect, &response);
        response
    }

    fn radius(&self) -> CornerRadius {
        if self.height >= size::BUTTON_LARGE { radius::BUTTON_LARGE } else { radius::CONTROL }
    }

    fn draw(&self, ui: &Ui, colors: &Palette, rect: Rect, response: &Response) {
        let hover = animate(ui, response.id, response.hovered(), time::HOVER);
        let pressed = response.is_pointer_button_down_on();
        let (fill, color) = self.colors(colors, hover, pressed);
        ui.painter().rect_filled(rect, self.radius(), fill);
        if self.look == Look::Outline {
            let edge = Stroke::new(1.0, colors.border_strong);
            ui.painter().rect_stroke(rect, self.radius(), edge, StrokeKind::Inside);
        }
        let (icon_size, middle) = (self.icon_size(), rect.center().y);
        let mut x = rect.center().x - self.content_width(ui) / 2.0;
        let with_icon = self.icon.is_some() || self.busy;
        if with_icon && !self.icon_after {
            self.draw_icon(ui, pos2(x + icon_size / 2.0, middle), color);
            x += icon_size + self.gap();
        }
        let room = rect.right() - x;
        let word = text::paint(ui, pos2(x, middle), Align2::LEFT_CENTER, self.kind(), color, self.word, room);
        if with_icon && self.icon_after {
            self.draw_icon(ui, pos2(word.right() + self.gap() + icon_size / 2.0, middle), color);
        }
        focus_ring(ui, response, self.radius(), colors);
    }

    fn draw_icon(&self, ui: &Ui, at: egui::Pos2, color: Color32) {
        match self.icon {
            _ if self.busy => spinner(ui, at, self.icon_size(), color),
            Some(icon) if self.look == Look::Ghost => text::icon(ui, at, self.icon_size(), color, icon),
            Some(icon) => text::icon_bold(ui, at, self.icon_size(), color, icon),
            None => {}
        }
    }

    fn colors(&self, c: &Palette, hover: f32, pressed: bool) -> (Color32, Color32) {
        match self.look {
            Look::Main if self.busy => (c.control, c.text_2),
            Look::Main if pressed => (c.accent_pressed, c.on_accent),
            Look::Main => (mix(c.accent, c.accent_hover, hover), c.on_accent),
            Look::Danger if pressed => (c.danger_pressed, c.on_danger),
            Look::Danger => (mix(c.danger, c.danger_hover, hover), c.on_danger),
            Look::Plain if pressed => (c.control_active, c.text),
            Look::Plain => (mix(c.control, c.control_hover, hover), c.text),
            Look::Outline if pressed => (c.control_active, c.text),
            Look::Outline => (c.control.gamma_multiply(hover), c.text),
            Look::Ghost if pressed => (c.control_active, c.text),
            Look::Ghost => (c.control.gamma_multiply(hover), mix(c.text_2, c.text, hover)),
        }
    }
}
