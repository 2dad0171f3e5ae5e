//! Places: rows, cards and overlays. egui computes every position; the views only say what stands where.

use crate::ui::tokens::{Palette, radius};
use egui::{Align, Align2, Color32, Frame, Layout, Margin, Rect, Sides, Stroke, Ui, UiBuilder, Vec2, vec2};

/// A row of `height` over the available width, its content from left to right and centred vertically.
pub(in crate::ui) fn row<R>(ui: &mut Ui, height: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    group(ui, vec2(ui.available_width(), height), content)
}

/// A row of `height`: `left` is cut off `gap` before `right`, which is laid out first, from the right edge.
pub(in crate::ui) fn sides<L, R>(
    ui: &mut Ui,
    height: f32,
    gap: f32,
    left: impl FnOnce(&mut Ui) -> L,
    right: impl FnOnce(&mut Ui) -> R,
) -> (L, R) {
    Sides::new().height(height).spacing(gap).shrink_left().show(ui, left, right)
}

/// Columns beside each other, aligned at their tops.
pub(in crate::ui) fn beside<R>(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> R) -> R {
    let size = vec2(ui.available_width(), 0.0);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Min), content).inner
}

/// A column of `width`, as high as its content; in a column that is centred itself, in the middle.
pub(in crate::ui) fn column<R>(ui: &mut Ui, width: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    stack(ui, vec2(width, 0.0), |ui| {
        ui.set_width(width);
        content(ui)
    })
}

/// A column of `width` in the middle of the available width.
pub(in crate::ui) fn centred_column<R>(ui: &mut Ui, width: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    ui.vertical_centered(|ui| column(ui, width, content)).inner
}

/// A block of `size`, its content from top to bottom; in a row it stands in the middle.
pub(in crate::ui) fn stack<R>(ui: &mut Ui, size: Vec2, content: impl FnOnce(&mut Ui) -> R) -> R {
    ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), content).inner
}

/// A group of `size`, its content from left to right and centred vertically.
pub(in crate::ui) fn group<R>(ui: &mut Ui, size: Vec2, content: impl FnOnce(&mut Ui) -> R) -> R {
    let group = ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_size(size);
        content(ui)
    });
    group.inner
}

/// A group of `size` at that end (or in the middle) of the available width, its content from left to right.
pub(in crate::ui) fn aligned<R>(ui: &mut Ui, align: Align, size: Vec2, content: impl FnOnce(&mut Ui) -> R) -> R {
    let (_, row) = ui.allocate_space(vec2(ui.available_width(), size.y));
    overlay(ui, row, Align2([align, Align::Center]), size, content)
}

/// Content of `size` over what is drawn in `rect` already, `align` of it at the same place of `rect`.
pub(in crate::ui) fn overlay<R>(
    ui: &mut Ui,
    rect: Rect,
    align: Align2,
    size: Vec2,
    content: impl FnOnce(&mut Ui) -> R,
) -> R {
    let place = align.align_size_within_rect(size, rect);
    within(ui, place, Layout::left_to_right(Align::Center), content)
}

/// Content that is laid out in `rect`, without moving what follows.
pub(in crate::ui) fn within<R>(ui: &mut Ui, rect: Rect, layout: Layout, content: impl FnOnce(&mut Ui) -> R) -> R {
    content(&mut ui.new_child(UiBuilder::new().max_rect(rect).layout(layout)))
}

/// A card over the available width, filled with `fill`, its content from top to bottom within `margin`; returns its
/// rectangle too.
pub(in crate::ui) fn card<R>(
    ui: &mut Ui,
    colors: &Palette,
    fill: Color32,
    margin: Margin,
    content: impl FnOnce(&mut Ui) -> R,
) -> (R, Rect) {
    let frame = Frame::new()
        .fill(fill)
        .stroke(Stroke::new(1.0, colors.border))
        .corner_radius(radius::CARD)
        .inner_margin(margin);
    let shown = frame.show(ui, |ui| {
        ui.with_layout(Layout::top_down(Align::Min), |ui| {
            ui.set_width(ui.available_width());
            content(ui)
        })
        .inner
    });
    (shown.inner, shown.response.rect)
}
