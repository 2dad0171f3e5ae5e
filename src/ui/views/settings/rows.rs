//! The rows of a card, one under the other: a label at the left, a control at the right.

use super::super::View;
use crate::ui::action::Action;
use crate::ui::text::{self, Type};
use crate::ui::tokens::Palette;
use crate::ui::widgets::{Part, segments, switch};
use egui::{Align2, CornerRadius, Rect, Ui, pos2, vec2};

/// What a row is called.
const NAME: Type = text::LABEL.sized(14.0);

/// Where the next row goes.
pub(super) struct Rows {
    pub(super) left: f32,
    pub(super) right: f32,
    pub(super) y: f32,
}

impl Rows {
    /// The next row of that height.
    pub(super) fn next(&mut self, height: f32) -> Rect {
        let rect = Rect::from_min_max(pos2(self.left, self.y), pos2(self.right, self.y + height));
        self.y += height;
        rect
    }

    /// A row's name, and a small sentence under it.
    pub(super) fn name(ui: &mut Ui, colors: &Palette, row: Rect, name: &str, more: &str, space: f32) {
        let middle = row.left_center();
        if more.is_empty() {
            text::paint(ui, middle, Align2::LEFT_CENTER, NAME, colors.text, name, space);
            return;
        }
        let up = middle - vec2(0.0, 9.0);
        text::paint(ui, up, Align2::LEFT_CENTER, NAME, colors.text, name, space);
        let down = middle + vec2(0.0, 9.0);
        text::label(ui, down, Align2::LEFT_CENTER, text::CAPTION, colors.text_3, more, space);
    }

    /// A switch: `set` says what a press does.
    pub(super) fn switch(&mut self, ui: &mut Ui, view: &mut View<'_>, name: &str, more: &str, on: bool, set: Action) {
        let row = self.next(if more.is_empty() { 45.0 } else { 56.0 });
        Self::name(ui, view.colors, row, name, more, row.width() - 56.0);
        let response = switch(ui, view.colors, row, name, on);
        view.on_click(&response, set);
    }

    /// A choice of a few words.
    pub(super) fn choice(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        name: &str,
        words: &[&str],
        chosen: Option<usize>,
        set: impl Fn(usize) -> Action,
    ) {
        let row = self.next(45.0);
        let parts: Vec<Part<'_>> = words.iter().map(|word| Part::word(word)).collect();
        let (pressed, left) = segments(ui, view.colors, row.right_center(), name, &parts, chosen);
        Self::name(ui, view.colors, row, name, "", left - row.left() - 12.0);
        if let Some(i) = pressed {
            view.dispatch(set(i));
        }
    }

    /// What some keys do.
    pub(super) fn keys(&mut self, ui: &mut Ui, colors: &Palette, name: &str, keys: &[&str]) {
        let row = self.next(33.0);
        let mut x = row.right();
        for key in keys.iter().rev() {
            let kind = text::MONO_STRONG.sized(12.0);
            let width = (text::width(ui, kind, key).ceil() + 16.0).max(24.0);
            let cap = Rect::from_min_size(pos2(x - width, row.center().y - 12.0), vec2(width, 24.0));
            ui.painter().rect_filled(cap, CornerRadius::same(6), colors.control);
            text::paint(ui, cap.center(), Align2::CENTER_CENTER, kind, colors.text_2, key, width);
            x = cap.left() - 4.0;
        }
        let space = x - row.left() - 8.0;
        text::paint(ui, row.left_center(), Align2::LEFT_CENTER, text::BODY, colors.text, name, space);
        text::announce(ui, row, &format!("{name}: {}", keys.join(" ")));
    }
}
