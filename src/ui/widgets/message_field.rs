//! The field for a message: it grows with its lines, Enter sends, Shift+Enter begins a new line.

use super::{clickable, mix};
use crate::ui::icons;
use crate::ui::text::{self, EditedLine};
use crate::ui::tokens::{Palette, radius, size};
use egui::{Align2, Frame, Id, Key, KeyboardShortcut, Margin, Modifiers, Rect, Response, Role, ScrollArea, Stroke};
use egui::{StrokeKind, TextBuffer, TextEdit, Ui, UiBuilder, WidgetInfo, vec2};

/// Lines that are shown at most; more of them scroll.
const LINES: f32 = 5.0;
/// From the field's edge to its text.
const EDGE: f32 = 14.0;

/// How the field looks.
pub(in crate::ui) struct MessageField<'a> {
    /// Accessible name, and what is shown while it is empty.
    pub(in crate::ui) name: &'a str,
    /// Why nothing can be written, shown in its place.
    pub(in crate::ui) obstacle: Option<&'a str>,
    /// Whether what is typed can be sent.
    pub(in crate::ui) ready: bool,
}

/// What was done with the field in this frame.
pub(in crate::ui) struct Written {
    pub(in crate::ui) response: Response,
    /// The text, when it was changed.
    pub(in crate::ui) changed: Option<String>,
    pub(in crate::ui) sent: bool,
}

impl MessageField<'_> {
    fn id(&self) -> Id {
        Id::unique("message field")
    }

    /// The height that it takes for `text` at this width.
    pub(in crate::ui) fn height(&self, ui: &Ui, text: &str, width: f32) -> f32 {
        // A line feed at the end begins a line.
        let text = if text.is_empty() || text.ends_with('\n') { format!("{text} ") } else { text.to_owned() };
        let lines = text::height(ui, text::FIELD, &text, inner_width(width)) / text::FIELD.line;
        lines.clamp(1.0, LINES) * text::FIELD.line + 24.0
    }

    /// Adds it in `rect`.
    pub(in crate::ui) fn show(&self, ui: &mut Ui, colors: &Palette, rect: Rect, text: &str) -> Written {
        let id = self.id();
        let focused = ui.memory(|m| m.has_focus(id));
        let edge = if focused { Stroke::new(2.0, colors.focus) } else { Stroke::new(1.0, colors.border_strong) };
        ui.painter().rect_filled(rect, radius::CONTROL, colors.inset());
        ui.painter().rect_stroke(rect, radius::CONTROL, edge, StrokeKind::Inside);
        let enter = focused && ui.input_mut(|i| !i.modifiers.any() && i.consume_key(Modifiers::NONE, Key::Enter));
        let inner = Rect::from_min_max(rect.min + vec2(EDGE, 12.0), rect.max - vec2(size::BUTTON, 12.0));
        let mut buffer = text.to_owned();
        let response = self.edit(ui, colors, id, inner, &mut buffer);
        let changed = (buffer != text).then_some(buffer);
        let pressed = self.send_button(ui, colors, rect);
        Written { response, changed, sent: enter || pressed }
    }

    fn edit(&self, ui: &mut Ui, colors: &Palette, id: Id, inner: Rect, buffer: &mut String) -> Response {
        let enabled = self.obstacle.is_none();
        let color = if enabled { colors.text } else { colors.text_3 };
        let mut child = ui.new_child(UiBuilder::new().id_salt("message field").max_rect(inner));
        let mut ordered = |ui: &Ui, text: &dyn TextBuffer, _: f32| text::edited(ui, text::FIELD, color, text.as_str());
        let on_one_line = EditedLine::new(&child, text::FIELD, color, buffer)
            .is_some_and(|line| line.galley.size().x <= inner.width() && !buffer.contains('\n'));
        let scroll = ScrollArea::vertical().id_salt("message").max_height(inner.height()).stick_to_bottom(true);
        let edited = scroll.show(&mut child, |ui| {
            let mut edit = TextEdit::multiline(buffer);
            if on_one_line {
                edit = edit.layouter(&mut ordered);
            }
            let shown = edit
                .id(id)
                .font(text::FIELD.font())
                .text_color(color)
                .hint_text(text::placeholder(text::FIELD, colors.text_3, self.obstacle.unwrap_or(self.name)))
                .frame(Frame::NONE)
                .margin(Margin::ZERO)
                .desired_rows(1)
                .desired_width(inner.width())
                .return_key(KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter))
                .interactive(enabled)
                .show(ui);
            shown.response.response
        });
        let response = edited.inner.accessible_name(self.name);
        if let Some(obstacle) = self.obstacle {
            let obstacle = obstacle.to_owned();
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(obstacle));
        }
        response
    }

    fn send_button(&self, ui: &mut Ui, colors: &Palette, rect: Rect) -> bool {
        let place = Align2::RIGHT_BOTTOM.align_size_within_rect(vec2(32.0, 32.0), rect.shrink(6.0));
        let info = WidgetInfo::labeled(Role::Button, self.ready, "Send message");
        let button = clickable(ui, place, Id::unique("send message"), info);
        let (fill, color) = match (self.ready, button.is_held()) {
            (false, _) => (colors.control, colors.text_3),
            (true, true) => (colors.accent_pressed, colors.on_accent),
            (true, false) => (mix(colors.accent, colors.accent_hover, button.hover), colors.on_accent),
        };
        ui.painter().rect_filled(place, radius::CHIP, fill);
        text::icon_fill(ui, place.center(), size::ICON, color, icons::PAPER_PLANE_RIGHT);
        button.ring(ui, colors, radius::CHIP);
        text::hint(button.response, "Send (Enter)").clicked()
    }
}

fn inner_width(width: f32) -> f32 {
    width - EDGE - size::BUTTON
}
