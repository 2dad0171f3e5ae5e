//! Text fields, pickers and switches.

use super::{Pill, animate, clickable, focus_ring, mix, place};
use crate::ui::bidi;
use crate::ui::icons;
use crate::ui::text::{self, EditedLine};
use crate::ui::tokens::{Palette, radius, size, time};
use egui::text::{CCursor, CCursorRange};
use egui::widgets::text_edit::TextEditOutput;
use egui::{Align, Align2, Color32, CornerRadius, Frame, Id, Layout, Margin, Rect, Response, Role, Stroke, StrokeKind};
use egui::{TextBuffer, TextEdit, Ui, UiBuilder, WidgetInfo, accesskit, pos2, vec2};

/// How a field looks.
pub(in crate::ui) struct FieldLook<'a> {
    /// Accessible name: the words above it.
    pub(in crate::ui) name: &'a str,
    /// Before the text.
    pub(in crate::ui) icon: char,
    /// Shown while it is empty.
    pub(in crate::ui) hint: &'a str,
    /// Whether its edge shows an error.
    pub(in crate::ui) error: bool,
    /// Whether it can be typed into.
    pub(in crate::ui) enabled: bool,
    /// At its right end, announced politely; the text ends before it.
    pub(in crate::ui) chip: Option<Pill<'a>>,
}

/// Adds a field of one line over the available width; returns its response, and the text when it was changed.
pub(in crate::ui) fn field(
    ui: &mut Ui,
    colors: &Palette,
    look: &FieldLook<'_>,
    text: &str,
) -> (Response, Option<String>) {
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), size::FIELD));
    let id = Id::unique(("field", look.name));
    let focused = ui.memory(|m| m.has_focus(id));
    ui.painter().rect_filled(rect, radius::CONTROL, colors.inset());
    let (width, edge) = match (focused, look.error) {
        (true, _) => (2.0, colors.focus),
        (false, true) => (1.0, colors.danger_text),
        (false, false) => (1.0, colors.border_strong),
    };
    ui.painter().rect_stroke(rect, radius::CONTROL, Stroke::new(width, edge), StrokeKind::Inside);
    text::icon(ui, pos2(rect.left() + 24.0, rect.center().y), size::ICON, colors.text_3, look.icon);
    let chip = look.chip.map_or(0.0, |chip| chip.width(ui) + 12.0);
    let edited = edit(ui, colors, id, look, text, rect.with_max_x(rect.right() - chip));
    if let Some(chip) = look.chip {
        place::within(ui, rect.shrink2(vec2(15.0, 0.0)), Layout::right_to_left(Align::Center), |ui| {
            let shown = chip.show(ui);
            ui.ctx().accesskit_node_builder(shown.id, |node| node.set_live(accesskit::Live::Polite));
        });
    }
    edited
}

/// The text itself, in `rect` between icon and right edge.
fn edit(
    ui: &mut Ui,
    colors: &Palette,
    id: Id,
    look: &FieldLook<'_>,
    text: &str,
    rect: Rect,
) -> (Response, Option<String>) {
    let inner = Rect::from_min_max(rect.min + vec2(42.0, 1.0), rect.max - vec2(14.0, 1.0));
    let mut buffer = text.to_owned();
    let color = if look.enabled { colors.text } else { colors.text_3 };
    let mut child = ui.new_child(UiBuilder::new().id_salt(("field", look.name)).max_rect(inner));
    let mut ordered = |ui: &Ui, text: &dyn TextBuffer, _width: f32| text::edited(ui, text::FIELD, color, text.as_str());
    let mixed = EditedLine::new(ui, text::FIELD, color, text);
    let mut edit = TextEdit::singleline(&mut buffer);
    if mixed.is_some() {
        edit = edit.layouter(&mut ordered);
    }
    let mut output = edit
        .id(id)
        .font(text::FIELD.font())
        .text_color(color)
        .hint_text(text::placeholder(text::FIELD, colors.text_3, look.hint))
        .frame(Frame::NONE)
        .margin(Margin::ZERO)
        .align(if bidi::is_leftwards(text) { Align2::RIGHT_CENTER } else { Align2::LEFT_CENTER })
        .min_size(inner.size())
        .desired_width(inner.width())
        .interactive(look.enabled)
        .char_limit(2000)
        .show(&mut child);
    if let Some(line) = mixed {
        place_cursor(ui, id, &mut output, &line);
    }
    let response = output.response.response;
    let response = response.accessible_name(look.name);
    let changed = (buffer != text).then_some(buffer);
    (response, changed)
}

/// Moves the cursor in mixed text to where the pointer presses; egui looks for it as if all text went from left to right.
fn place_cursor(ui: &Ui, id: Id, output: &mut TextEditOutput, line: &EditedLine) {
    let response = &output.response.response;
    let Some(pointer) = response.interact_pointer_pos().filter(|_| response.is_pointer_button_down_on()) else {
        return;
    };
    let here = CCursor::new(line.nearest(pointer.x - output.galley_pos.x));
    let before = output.state.cursor.char_range().filter(|_| !ui.input(|i| i.pointer.any_pressed()));
    let range = CCursorRange { primary: here, secondary: before.map_or(here, |range| range.secondary), h_pos: None };
    output.state.cursor.set_char_range(Some(range));
    output.state.clone().store(ui.ctx(), id);
}

/// How a picker looks.
pub(in crate::ui) struct Picker<'a> {
    /// Accessible name: "Camera".
    pub(in crate::ui) name: &'a str,
    /// Before the value.
    pub(in crate::ui) icon: char,
    /// The chosen one.
    pub(in crate::ui) value: &'a str,
    /// A word about a problem, with the colours of its ground, its text and the picker's edge.
    pub(in crate::ui) problem: Option<(&'a str, [Color32; 3])>,
    /// Whether it stands on a card, which needs a stronger edge.
    pub(in crate::ui) on_card: bool,
    /// Whether its menu is open.
    pub(in crate::ui) open: bool,
    pub(in crate::ui) height: f32,
}

/// Adds a button that opens a menu of choices, over the available width.
pub(in crate::ui) fn picker(ui: &mut Ui, colors: &Palette, look: &Picker<'_>) -> Response {
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), look.height));
    let info = WidgetInfo::labeled(Role::ComboBox, true, look.name);
    let picker = clickable(ui, rect, Id::unique(("picker", look.name)), info);
    let hover = if look.open { 1.0 } else { picker.hover };
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
    let value = bidi::plain(look.value);
    let value = match look.problem {
        Some((word, _)) => format!("{value}, {word}"),
        None => value.into_owned(),
    };
    ui.ctx().accesskit_node_builder(picker.response.id, |node| {
        node.set_value(value);
        node.set_expanded(look.open);
        node.set_has_popup(accesskit::HasPopup::Menu);
    });
    picker.ring(ui, colors, radius::CONTROL);
    picker.response
}

/// Adds a row of `height` with `words` at its left and a switch at its right; a press anywhere in it counts.
pub(in crate::ui) fn switch(
    ui: &mut Ui,
    colors: &Palette,
    height: f32,
    (name, on): (&str, bool),
    words: impl FnOnce(&mut Ui),
) -> Response {
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), height));
    let info = WidgetInfo::selected(Role::Switch, true, on, name);
    let row = clickable(ui, rect, Id::unique(("switch", name)), info);
    let [width, height] = size::SWITCH;
    let track = Align2::RIGHT_CENTER.align_size_within_rect(vec2(width, height), rect);
    place::within(ui, rect.with_max_x(track.left() - 16.0), Layout::left_to_right(Align::Center), words);
    let radius = CornerRadius::same((height / 2.0) as u8);
    let t = animate(ui, row.response.id.with("on"), on, time::HOVER);
    ui.painter().rect_filled(track, radius, mix(colors.control, colors.accent, t));
    if !on {
        let edge = Stroke::new(1.0, colors.border_strong);
        ui.painter().rect_stroke(track, radius, edge, StrokeKind::Inside);
    }
    let knob = pos2(track.left() + height / 2.0 + (width - height) * t, track.center().y);
    ui.painter().circle_filled(knob, 8.0, mix(colors.text, colors.on_accent, t));
    focus_ring(ui, &row.response.clone().with_new_rect(track), radius, colors);
    row.response
}
