//! Text fields and pickers.

use super::{animate, focus_ring, mix};
use crate::ui::icons;
use crate::ui::text;
use crate::ui::tokens::{Palette, radius, size, time};
use egui::{Align2, Color32, CornerRadius, CursorIcon, Rect, Response, Role, Sense, Stroke, StrokeKind, TextEdit, Ui};
use egui::{Frame, Margin, UiBuilder, WidgetInfo, pos2, vec2};

/// How a field looks.
pub(in crate::ui) struct FieldLook<'a> {
    /// Accessible name: the words above it.
    pub(in crate::ui) name: &'a str,
    /// Before the text.
    pub(in crate::ui) icon: char,
    /// Shown while it is empty.
    pub(in crate::ui) hint: &'a str,
    /// Whether its edge says that something is wrong.
    pub(in crate::ui) error: bool,
    /// Whether it can be typed into.
    pub(in crate::ui) enabled: bool,
    /// Kept free of text at its right end, for a chip.
    pub(in crate::ui) reserved: f32,
}

/// A field of one line; returns its response and the text when it was changed.
pub(in crate::ui) fn field(
    ui: &mut Ui,
    colors: &Palette,
    rect: Rect,
    look: &FieldLook<'_>,
    text: &str,
) -> (Response, Option<String>) {
    let id = ui.scope_id().with(("field", look.name));
    let focused = ui.memory(|m| m.has_focus(id));
    ui.painter().rect_filled(rect, radius::CONTROL, colors.inset());
    let (width, edge) = match (focused, look.error) {
        (true, _) => (2.0, colors.focus),
        (false, true) => (1.0, colors.danger_text),
        (false, false) => (1.0, colors.border_strong),
    };
    ui.painter().rect_stroke(rect, radius::CONTROL, Stroke::new(width, edge), StrokeKind::Inside);
    text::icon(ui, pos2(rect.left() + 24.0, rect.center().y), size::ICON, colors.text_3, look.icon);

    let inner =
        Rect::from_min_max(pos2(rect.left() + 42.0, rect.top() + 1.0), rect.max - vec2(14.0 + look.reserved, 1.0));
    let mut buffer = text.to_owned();
    let mut child = ui.new_child(UiBuilder::new().id_salt(("field", look.name)).max_rect(inner));
    let output = TextEdit::singleline(&mut buffer)
        .id(id)
        .font(text::FIELD.font())
        .text_color(if look.enabled { colors.text } else { colors.text_3 })
        .hint_text(egui::RichText::new(look.hint).font(text::FIELD.font()).color(colors.text_3))
        .frame(Frame::NONE)
        .margin(Margin::ZERO)
        .align(Align2::LEFT_CENTER)
        .min_size(inner.size())
        .desired_width(inner.width())
        .interactive(look.enabled)
        .char_limit(2000)
        .show(&mut child);
    let response = output.response.response;
    let response = response.accessible_name(look.name);
    let changed = (buffer != text).then_some(buffer);
    (response, changed)
}

/// How a picker looks.
pub(in crate::ui) struct Picker<'a> {
    /// Accessible name: "Camera".
    pub(in crate::ui) name: &'a str,
    /// Before the value.
    pub(in crate::ui) icon: char,
    /// What is chosen.
    pub(in crate::ui) value: &'a str,
    /// A word about a problem, with the colours of its ground, its text and the edge.
    pub(in crate::ui) problem: Option<(&'a str, [Color32; 3])>,
    /// Whether it stands on a card, from which it must set itself off.
    pub(in crate::ui) on_card: bool,
    /// Whether its menu is open.
    pub(in crate::ui) open: bool,
}

/// A button that opens a menu of choices.
pub(in crate::ui) fn picker(ui: &Ui, colors: &Palette, rect: Rect, look: &Picker<'_>) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(("picker", look.name)), Sense::click());
    let hover = animate(ui, response.id, response.hovered() || look.open, time::HOVER);
    let fill = match look.on_card {
        true => colors.inset(),
        false if colors.is_light() => colors.raised,
        false => mix(colors.raised, colors.control, hover),
    };
    let resting = if look.on_card { colors.border_strong } else { mix(colors.border, colors.border_strong, hover) };
    let edge = look.problem.map_or(resting, |(_, [_, _, edge])| edge);
    ui.painter().rect_filled(rect, radius::CONTROL, fill);
    ui.painter().rect_stroke(rect, radius::CONTROL, Stroke::new(1.0, edge), StrokeKind::Inside);
    let middle = rect.center().y;
    text::icon(ui, pos2(rect.left() + 23.0, middle), size::ICON, colors.text_2, look.icon);
    text::icon(ui, pos2(rect.right() - 20.0, middle), size::ICON_SMALL, colors.text_2, icons::CARET_DOWN);
    let mut right = rect.right() - 36.0;
    if let Some((word, [ground, color, _])) = look.problem {
        let width = text::width(ui, text::CHIP, word).ceil() + 20.0;
        let chip = Rect::from_min_max(pos2(right - width, middle - 12.0), pos2(right, middle + 12.0));
        ui.painter().rect_filled(chip, CornerRadius::same(12), ground);
        text::paint(ui, chip.center(), Align2::CENTER_CENTER, text::CHIP, color, word, width);
        right -= width + 8.0;
    }
    let left = rect.left() + 40.0;
    text::paint(ui, pos2(left, middle), Align2::LEFT_CENTER, text::SMALL, colors.text, look.value, right - left);
    let value = match look.problem {
        Some((word, _)) => format!("{}, {word}", look.value),
        None => look.value.to_owned(),
    };
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, look.name));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_value(value);
        node.set_expanded(look.open);
        node.set_has_popup(egui::accesskit::HasPopup::Menu);
    });
    focus_ring(ui, &response, radius::CONTROL, colors);
    response.on_hover_cursor(CursorIcon::PointingHand)
}

/// A switch at the right of `rect`; the whole of `rect` can be pressed.
pub(in crate::ui) fn switch(ui: &Ui, colors: &Palette, rect: Rect, name: &str, on: bool) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(("switch", name)), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Switch, true, on, name));
    let track = Rect::from_min_size(pos2(rect.right() - 40.0, rect.center().y - 12.0), vec2(40.0, 24.0));
    let t = animate(ui, response.id, on, time::HOVER);
    ui.painter().rect_filled(track, CornerRadius::same(12), mix(colors.control, colors.accent, t));
    if !on {
        let edge = Stroke::new(1.0, colors.border_strong);
        ui.painter().rect_stroke(track, CornerRadius::same(12), edge, StrokeKind::Inside);
    }
    let knob = pos2(track.left() + 12.0 + 16.0 * t, track.center().y);
    ui.painter().circle_filled(knob, 8.0, mix(colors.text, colors.on_accent, t));
    focus_ring(ui, &response.clone().with_new_rect(track), CornerRadius::same(12), colors);
    response.on_hover_cursor(CursorIcon::PointingHand)
}
