//! How a large shared screen is seen: all of it or in real size, larger and smaller by wheel and keys, dragged, and on the
//! whole screen.

use super::View;
use crate::base::VideoFrame;
use crate::ui::action::Action;
use crate::ui::icons;
use crate::ui::text;
use crate::ui::tile_layout::TileKey;
use crate::ui::tokens::{overlay, radius};
use crate::ui::video;
use crate::ui::widgets::{chip, clickable};
use crate::ui::zoom::Zoom;
use egui::{Align2, Id, Key, Modifiers, Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo, pos2, vec2};

/// One step of the keys.
const STEP: f32 = 1.25;
/// One step of the arrow keys, as a part of the tile.
const PAN: f32 = 0.1;
/// Magnification for each point of the wheel.
const WHEEL: f32 = 1.004;
const HEIGHT: f32 = 30.0;

/// Adds them to the tile of a screen that shows `frame`.
pub(super) fn stage_tools(ui: &mut Ui, view: &mut View<'_>, tile: &Response, key: &TileKey, frame: &VideoFrame) {
    let rect = tile.rect;
    let whole = video::whole(frame, rect.size());
    let zoom = view.model.tile_layout.zoom_of(key);
    let real = zoom.real_size(whole, frame.width() as f32, rect.width() * ui.ctx().pixels_per_point());
    let mut next = zoom;
    if let Some(moved) = by_pointer(ui, rect, zoom, whole, tile.id) {
        next = moved;
    }
    if tile.has_focus()
        && let Some(moved) = by_keys(ui, zoom, whole, real)
    {
        next = moved;
    }
    let alone = view.model.full_screen;
    let top = pos2(rect.right() - 10.0, rect.bottom() - 10.0 - HEIGHT - if alone { 0.0 } else { HEIGHT + 8.0 });
    let size = format!("{:.0} %", 100.0 * zoom.times / real.times.max(0.01));
    let (word, name) = match zoom.is_whole() {
        true => ("Fit".to_owned(), "Show the screen in real size"),
        false => (size, "Fit the screen into the window"),
    };
    let wide = text::width(ui, text::CHIP, &word).ceil() + 20.0;
    let full = Rect::from_min_size(top - vec2(36.0, 0.0), vec2(36.0, HEIGHT));
    let fit = Rect::from_min_size(full.min - vec2(wide, 0.0), vec2(wide, HEIGHT));
    chip(ui, fit.union(full), radius::CHIP_LARGE);
    if button(ui, view, fit, name, |ui| {
        text::paint(ui, fit.center(), Align2::CENTER_CENTER, text::CHIP, overlay::TEXT, &word, fit.width());
    }) {
        next = if zoom.is_whole() { real } else { Zoom::default() };
    }
    let (icon, name) = match alone {
        true => (icons::CORNERS_IN, "Leave full screen"),
        false => (icons::CORNERS_OUT, "Show the screen on the whole screen"),
    };
    if button(ui, view, full, name, |ui| text::icon(ui, full.center(), 16.0, overlay::TEXT, icon)) {
        view.dispatch(Action::FullScreen(!alone));
    }
    if next != zoom {
        view.dispatch(Action::Zoom(key.clone(), next));
    }
}

/// A part of the chip that can be pressed.
fn button(ui: &mut Ui, view: &View<'_>, rect: Rect, name: &str, content: impl FnOnce(&mut Ui)) -> bool {
    let info = WidgetInfo::labeled(Role::Button, true, name);
    let button = clickable(ui, rect, Id::unique(("stage", name)), info);
    if button.hover > 0.0 {
        ui.painter().rect_filled(rect, radius::CHIP_LARGE, overlay::BAR_EMPTY.gamma_multiply(0.4 * button.hover));
    }
    content(ui);
    button.ring(ui, view.colors, radius::CHIP_LARGE);
    text::hint(button.response, name).clicked()
}

/// The wheel makes it larger and smaller round the pointer; a magnified one is dragged.
fn by_pointer(ui: &Ui, rect: Rect, zoom: Zoom, whole: Rect, id: Id) -> Option<Zoom> {
    let mut next = zoom;
    if !zoom.is_whole() {
        let drag = ui.interact(rect, id.with("pan"), Sense::DRAG);
        if drag.dragged() {
            next = next.moved(whole, drag.drag_delta() / rect.size());
        }
    }
    let pointer = ui.input(|i| i.pointer.hover_pos()).filter(|at| rect.contains(*at) && ui.rect_contains_pointer(rect));
    if let Some(at) = pointer {
        let (wheel, pinch) = ui.input(|i| (i.smooth_scroll_delta().y, i.zoom_delta()));
        let factor = WHEEL.powf(wheel) * pinch;
        if (factor - 1.0).abs() > f32::EPSILON {
            next = next.zoomed(whole, factor, (at - rect.min) / rect.size());
        }
    }
    (next != zoom).then_some(next)
}

/// Keys while the tile has the focus: + and − change the size, 0 shows all, 1 the real size, Shift with the arrows moves.
fn by_keys(ui: &Ui, zoom: Zoom, whole: Rect, real: Zoom) -> Option<Zoom> {
    let pressed = |modifiers, key| ui.input_mut(|i| i.consume_key(modifiers, key));
    let any = |keys: &[Key]| keys.iter().any(|key| pressed(Modifiers::NONE, *key));
    let middle = Vec2::splat(0.5);
    if any(&[Key::Plus, Key::Equals]) || pressed(Modifiers::SHIFT, Key::Plus) {
        return Some(zoom.zoomed(whole, STEP, middle));
    }
    if any(&[Key::Minus]) {
        return Some(zoom.zoomed(whole, 1.0 / STEP, middle));
    }
    if any(&[Key::Num0]) {
        return Some(Zoom::default());
    }
    if any(&[Key::Num1]) {
        return Some(real);
    }
    let arrows = [
        (Key::ArrowLeft, vec2(PAN, 0.0)),
        (Key::ArrowRight, vec2(-PAN, 0.0)),
        (Key::ArrowUp, vec2(0.0, PAN)),
        (Key::ArrowDown, vec2(0.0, -PAN)),
    ];
    let by = arrows.into_iter().find(|(key, _)| pressed(Modifiers::SHIFT, *key)).map(|(_, by)| by);
    by.map(|by| zoom.moved(whole, by))
}
