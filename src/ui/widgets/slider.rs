//! A slider for whole numbers.

use super::{focus_ring, mix};
use crate::ui::text;
use crate::ui::tokens::{Palette, size};
use egui::{
    Align2, CornerRadius, EventFilter, Id, Key, Modifiers, Rect, Response, Role, Sense, Ui, WidgetInfo, accesskit,
};
use egui::{pos2, vec2};

/// The knob's diameter, and the height of the line.
const KNOB: f32 = 18.0;
const LINE: f32 = 4.0;
/// Width of the value at the right end.
const VALUE: f32 = 52.0;

/// How a slider looks.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Slider<'a> {
    /// Accessible name.
    pub(in crate::ui) name: &'a str,
    /// From 0 to `most`.
    pub(in crate::ui) value: u16,
    pub(in crate::ui) most: u16,
    /// How far an arrow key moves it; the pointer moves it by multiples of this too.
    pub(in crate::ui) step: u16,
    /// Behind the value: "%".
    pub(in crate::ui) unit: &'a str,
}

impl Slider<'_> {
    /// Adds it over the available width; returns its response, and the value when it was changed.
    pub(in crate::ui) fn show(&self, ui: &mut Ui, colors: &Palette) -> (Response, Option<u16>) {
        let (_, rect) = ui.allocate_space(vec2(ui.available_width(), size::BUTTON_TINY));
        let track = rect.with_max_x(rect.right() - VALUE).shrink2(vec2(KNOB / 2.0, 0.0));
        let id = Id::unique(("slider", self.name));
        let response = ui.interact(rect.with_max_x(rect.right() - VALUE), id, Sense::click_and_drag());
        let value = self.moved(ui, &response, track).unwrap_or(self.value);
        response.widget_info(|| WidgetInfo::slider(true, f64::from(value), self.name));
        ui.ctx().accesskit_node_builder(id, |node| {
            node.set_role(Role::Slider);
            node.set_min_numeric_value(0.0);
            node.set_max_numeric_value(f64::from(self.most));
            node.set_numeric_value(f64::from(value));
            node.set_numeric_value_step(f64::from(self.step));
            node.add_action(accesskit::Action::Increment);
            node.add_action(accesskit::Action::Decrement);
        });
        self.paint(ui, colors, rect, track, value, response.hovered() || response.dragged());
        focus_ring(ui, &response, CornerRadius::same(9), colors);
        (response, Some(value).filter(|value| *value != self.value))
    }

    /// The value that the pointer, a key or a screen reader chooses.
    fn moved(&self, ui: &Ui, response: &Response, track: Rect) -> Option<u16> {
        if let Some(at) = response.interact_pointer_pos() {
            let part = ((at.x - track.left()) / track.width().max(1.0)).clamp(0.0, 1.0);
            let steps = (part * f32::from(self.most) / f32::from(self.step.max(1))).round() as u16;
            return Some((steps * self.step).min(self.most));
        }
        if !response.has_focus() {
            return None;
        }
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
        let pressed = |key: Key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
        let asked = |action| ui.input(|i| i.has_accesskit_action_request(response.id, action));
        let up = pressed(Key::ArrowRight) || pressed(Key::ArrowUp) || asked(accesskit::Action::Increment);
        let down = pressed(Key::ArrowLeft) || pressed(Key::ArrowDown) || asked(accesskit::Action::Decrement);
        match (up, down, pressed(Key::Home), pressed(Key::End)) {
            (true, ..) => Some((self.value + self.step).min(self.most)),
            (_, true, ..) => Some(self.value.saturating_sub(self.step)),
            (_, _, true, _) => Some(0),
            (_, _, _, true) => Some(self.most),
            _ => None,
        }
    }

    fn paint(&self, ui: &Ui, colors: &Palette, rect: Rect, track: Rect, value: u16, held: bool) {
        let line = Rect::from_center_size(track.center(), vec2(track.width() + KNOB, LINE));
        let knob = pos2(track.left() + track.width() * f32::from(value) / f32::from(self.most.max(1)), line.center().y);
        ui.painter().rect_filled(line, CornerRadius::same(2), colors.border_strong);
        ui.painter().rect_filled(line.with_max_x(knob.x), CornerRadius::same(2), colors.accent);
        let color = mix(colors.accent, colors.text, if held { 0.15 } else { 0.0 });
        ui.painter().circle_filled(knob, KNOB / 2.0, color);
        let words = format!("{value} {}", self.unit);
        let at = rect.right_center();
        text::paint(ui, at, Align2::RIGHT_CENTER, text::MONO, colors.text_2, &words, VALUE);
    }
}
