//! A tool bar's button that opens a panel, or begins something that goes on until it is pressed again.

use super::{clickable, mix};
use crate::ui::text;
use crate::ui::tokens::{Palette, radius, size};
use egui::{Align2, Color32, CornerRadius, Id, Rect, Response, Role, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2};

/// A button that opens a panel, or begins something. A badge counts what is new in it.
pub(in crate::ui) struct PanelTool<'a> {
    name: &'a str,
    word: &'a str,
    action: &'a str,
    key: &'a str,
    icon: char,
    open: bool,
    unread: usize,
    unread_of: &'a str,
    words: bool,
    enabled: bool,
}

impl<'a> PanelTool<'a> {
    /// A button with an accessible name, which is its word too; with what a press does ("Open chat") and its key.
    pub(in crate::ui) const fn new(name: &'a str, icon: char, (action, key): (&'a str, &'a str)) -> Self {
        let (open, unread, unread_of, words, enabled) = (false, 0, "", true, true);
        Self { name, word: name, action, key, icon, open, unread, unread_of, words, enabled }
    }

    /// Another word than the name.
    pub(in crate::ui) const fn word(mut self, word: &'a str) -> Self {
        self.word = word;
        self
    }

    /// Whether the panel is open, or what it does goes on.
    pub(in crate::ui) const fn open(mut self, open: bool) -> Self {
        self.open = open;
        self
    }

    /// How much is new, and what that is: "unread messages".
    pub(in crate::ui) const fn unread(mut self, count: usize, of: &'a str) -> Self {
        (self.unread, self.unread_of) = (count, of);
        self
    }

    /// Whether there is room for the word.
    pub(in crate::ui) const fn words(mut self, words: bool) -> Self {
        self.words = words;
        self
    }

    /// Whether it can be pressed.
    pub(in crate::ui) const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Adds the button.
    pub(in crate::ui) fn show(&self, ui: &mut Ui, colors: &Palette, size: Vec2) -> Response {
        let (_, rect) = ui.allocate_space(size);
        let info = WidgetInfo::selected(Role::Button, self.enabled, self.open, self.name);
        let tool = clickable(ui, rect, Id::unique(("tool", self.name)), info);
        let action = self.action;
        let unread = match self.unread {
            0 => String::new(),
            n => format!(". {n} {}", self.unread_of),
        };
        let description = format!("{action}, {}{unread}", self.key);
        ui.ctx().accesskit_node_builder(tool.response.id, |node| node.set_description(description));
        let (fill, color) = match (self.open, tool.is_held()) {
            (_, true) => (colors.control_active, colors.text),
            (true, _) => (colors.accent_soft, colors.accent_text),
            _ => (colors.control.gamma_multiply(tool.hover), mix(colors.text_2, colors.text, tool.hover)),
        };
        let dim = |c: Color32| if self.enabled { c } else { c.gamma_multiply(0.38) };
        ui.painter().rect_filled(rect, radius::CONTROL, dim(fill));
        let middle = if self.words { pos2(rect.center().x, rect.top() + 22.0) } else { rect.center() };
        let icon = if self.open { text::icon_fill } else { text::icon };
        icon(ui, middle, size::ICON_TOOL, dim(color), self.icon);
        if self.words {
            let at = pos2(rect.center().x, rect.top() + 46.0);
            text::paint(ui, at, Align2::CENTER_CENTER, text::TOOL, dim(color), self.word, rect.width());
        }
        self.badge(ui, colors, pos2(middle.x + 12.0, middle.y - 10.0));
        tool.ring(ui, colors, radius::CONTROL);
        text::hint(tool.response, &format!("{action} ({})", self.key))
    }

    fn badge(&self, ui: &Ui, colors: &Palette, at: egui::Pos2) {
        let word = match self.unread {
            0 => return,
            n @ 1..=9 => n.to_string(),
            _ => "9+".to_owned(),
        };
        let width = text::width(ui, text::TOOL, &word).ceil().max(8.0) + 8.0;
        let rect = Rect::from_center_size(at, vec2(width, 16.0));
        ui.painter().rect_filled(rect, CornerRadius::same(8), colors.accent);
        ui.painter().rect_stroke(rect, CornerRadius::same(8), (2.0, colors.surface), StrokeKind::Outside);
        text::paint(ui, rect.center(), Align2::CENTER_CENTER, text::TOOL, colors.on_accent, &word, width);
    }
}
