//! Buttons with a word and perhaps an icon.

use super::{Pressable, clickable, mix, place, spinner};
use crate::ui::text::{self, Type};
use crate::ui::tokens::{Palette, radius, size};
use egui::{Align, Align2, Color32, CornerRadius, Id, Rect, Response, Role, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};
use egui::{pos2, vec2};

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum Look {
    /// The main action of a screen.
    Main,
    /// The main button of a question whose answer affects others.
    Danger,
    /// Any other.
    Plain,
    /// Less prominent than a plain one.
    Outline,
    /// Only a word, until the pointer is over it.
    Ghost,
}

/// A button with a word, and an icon before or after it.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Button<'a> {
    word: &'a str,
    name: &'a str,
    icon: Option<char>,
    icon_after: bool,
    busy: bool,
    look: Look,
    height: f32,
    hang: Option<Align>,
}

impl<'a> Button<'a> {
    /// A button of 44 points; the word is its accessible name too.
    pub(in crate::ui) const fn new(word: &'a str, look: Look) -> Self {
        let height = size::BUTTON;
        Self { word, name: word, icon: None, icon_after: false, busy: false, look, height, hang: None }
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

    /// Another accessible name than the word.
    pub(in crate::ui) const fn named(mut self, name: &'a str) -> Self {
        self.name = name;
        self
    }

    /// One of the heights in [`size`].
    pub(in crate::ui) const fn height(mut self, height: f32) -> Self {
        self.height = height;
        self
    }

    /// Lets its padding hang over that edge of the layout, so that its word lines up with what is above and below.
    pub(in crate::ui) const fn hang(mut self, edge: Align) -> Self {
        self.hang = Some(edge);
        self
    }

    /// Shows a spinner in place of the icon; the button is disabled.
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

    /// Between icon and word.
    fn gap(&self) -> f32 {
        if self.is_tiny() { 6.0 } else { 8.0 }
    }

    /// The size it takes by itself.
    pub(in crate::ui) fn size(&self, ui: &Ui) -> Vec2 {
        vec2(self.content_width(ui) + 2.0 * self.padding(), self.height)
    }

    /// From icon and word to either edge.
    fn padding(&self) -> f32 {
        match self.height {
            h if h >= size::BUTTON_LARGE => 26.0,
            h if h >= size::BUTTON => 18.0,
            _ => 14.0,
        }
    }

    fn content_width(&self, ui: &Ui) -> f32 {
        let icon = if self.icon.is_some() || self.busy { self.icon_size() + self.gap() } else { 0.0 };
        text::width(ui, self.kind(), self.word).ceil() + icon
    }

    /// Adds it in the size it takes by itself.
    pub(in crate::ui) fn show(&self, ui: &mut Ui, colors: &Palette) -> Response {
        self.show_sized(ui, colors, self.size(ui))
    }

    /// Adds it over the available width.
    pub(in crate::ui) fn show_wide(&self, ui: &mut Ui, colors: &Palette) -> Response {
        self.show_sized(ui, colors, vec2(ui.available_width(), self.height))
    }

    fn show_sized(&self, ui: &mut Ui, colors: &Palette, size: Vec2) -> Response {
        let rect = match self.hang {
            None => ui.allocate_space(size).1,
            Some(edge) => {
                let (_, rect) = ui.allocate_space(size - vec2(self.padding(), 0.0));
                if edge == Align::Min {
                    rect.with_min_x(rect.right() - size.x)
                } else {
                    rect.with_max_x(rect.left() + size.x)
                }
            }
        };
        let info = WidgetInfo::labeled(Role::Button, !self.busy, self.name);
        // A toast or dialog may have a button of the same name as the window below it.
        let button = clickable(ui, rect, Id::unique(("button", self.name, ui.layer_id())), info);
        self.draw(ui, colors, rect, &button);
        button.response
    }

    fn radius(&self) -> CornerRadius {
        if self.height >= size::BUTTON_LARGE { radius::BUTTON_LARGE } else { radius::CONTROL }
    }

    fn draw(&self, ui: &Ui, colors: &Palette, rect: Rect, button: &Pressable) {
        let (fill, color) = self.colors(colors, button.hover, button.is_held());
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
        button.ring(ui, colors, self.radius());
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

/// Adds buttons beside each other, `gap` apart, at that end (or in the middle) of the available width.
pub(in crate::ui) fn buttons<const N: usize>(
    ui: &mut Ui,
    colors: &Palette,
    align: Align,
    gap: f32,
    buttons: [Button<'_>; N],
) -> [Response; N] {
    let sizes = buttons.map(|button| button.size(ui));
    let width = sizes.iter().map(|size| size.x).sum::<f32>() + gap * (N.saturating_sub(1)) as f32;
    let height = sizes.iter().fold(0.0, |height: f32, size| height.max(size.y));
    place::aligned(ui, align, vec2(width, height), |ui| {
        ui.spacing_mut().item_spacing.x = gap;
        buttons.map(|button| button.show(ui, colors))
    })
}
