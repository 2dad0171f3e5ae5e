//! The camera's preview in the lobby, mirrored, with the buttons that say what to join with, and the meter.

use super::View;
use crate::base::DeviceKind;
use crate::call::view::{DeviceProblem, DeviceState, LocalDevice};
use crate::ui::action::Action;
use crate::ui::model::Menu;
use crate::ui::tokens::{meter, overlay, radius, size};
use crate::ui::video::{VideoKey, VideoLook};
use crate::ui::widgets::{Button, Look, avatar, chip, focus_ring, lamp, level_bar, spinner};
use crate::ui::{icons, strings, text};
use egui::epaint::{Mesh, Vertex, WHITE_UV};
use egui::{Align, Align2, Color32, CornerRadius, CursorIcon, Pos2, Rect, Role, Sense, Stroke, StrokeKind, Ui};
use egui::{WidgetInfo, pos2, vec2};

/// Draws the preview.
pub(super) fn preview(ui: &mut Ui, view: &mut View<'_>, rect: Rect) {
    let camera = &view.model.snapshot.camera;
    if let DeviceState::Failed(problem) = &camera.state {
        return broken(ui, view, rect, camera, problem);
    }
    let mirror = view.model.settings.mirror;
    let look = VideoLook { mirror, cover: true, radius: radius::PREVIEW, light: 1.0 };
    let open = matches!(camera.state, DeviceState::Open | DeviceState::Closing);
    let slot = &view.model.snapshot.own_picture;
    let shown = open && view.videos.show(ui, rect, &VideoKey::Own, slot, &look);
    let spoken = if shown { "Your picture, as only you see it" } else { "Your camera is off" };
    let response = ui.interact(rect, ui.scope_id().with("preview"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, spoken));
    if shown {
        shade(ui, rect);
    } else {
        dark(ui, view, rect);
    }
    if shown && mirror {
        let ground = Rect::from_min_size(rect.min + vec2(14.0, 14.0), vec2(172.0, 28.0));
        chip(ui, ground, radius::CHIP);
        text::icon(ui, pos2(ground.left() + 18.0, ground.center().y), 16.0, overlay::TEXT, icons::FLIP_HORIZONTAL);
        let at = pos2(ground.left() + 32.0, ground.center().y);
        text::label(ui, at, Align2::LEFT_CENTER, text::LABEL, overlay::TEXT, "Mirrored for you only", 140.0);
    }
    let wide = rect.width() >= 600.0;
    if wide && shown {
        let at = pos2(rect.left() + 18.0, rect.bottom() - 36.0);
        let name = view.model.lobby.name.trim();
        text::paint(ui, at, Align2::LEFT_CENTER, text::NAME, overlay::TEXT, name, rect.width() / 2.0 - 90.0);
    }
    let x = if wide { rect.center().x - 33.0 } else { rect.left() + 40.0 };
    let y = rect.bottom() - 44.0;
    round_button(ui, view, pos2(x, y), DeviceKind::Microphone);
    round_button(ui, view, pos2(x + 66.0, y), DeviceKind::Camera);
    level(ui, view, rect);
}

/// Darkens the lower edge, so that the name can be read on any picture.
fn shade(ui: &Ui, rect: Rect) {
    let r = f32::from(radius::PREVIEW.sw);
    let top = rect.bottom() - rect.height() * 0.4;
    let vertex = |pos, color| Vertex { pos, uv: WHITE_UV, color };
    let mut mesh = Mesh::default();
    // A fan of strips that follows the round corners.
    let steps = 12;
    let mut edges: Vec<(Pos2, Pos2, Color32)> =
        vec![(pos2(rect.left(), top), pos2(rect.right(), top), Color32::TRANSPARENT)];
    let straight = rect.bottom() - r;
    edges.push((pos2(rect.left(), straight), pos2(rect.right(), straight), overlay::SHADE.gamma_multiply(0.86)));
    for i in 1..=steps {
        let angle = std::f32::consts::FRAC_PI_2 * i as f32 / steps as f32;
        let (inset, down) = (r * (1.0 - angle.cos()), r * angle.sin());
        let color = overlay::SHADE.gamma_multiply(0.86 + 0.14 * down / r);
        edges.push((pos2(rect.left() + inset, straight + down), pos2(rect.right() - inset, straight + down), color));
    }
    for (left, right, color) in edges {
        let n = mesh.vertices.len() as u32;
        mesh.vertices.extend([vertex(left, color), vertex(right, color)]);
        if n > 0 {
            mesh.add_triangle(n - 2, n - 1, n);
            mesh.add_triangle(n - 1, n, n + 1);
        }
    }
    ui.painter().add(mesh);
}

/// No picture: off, or on its way.
fn dark(ui: &mut Ui, view: &View<'_>, rect: Rect) {
    let colors = view.colors;
    ui.painter().rect_filled(rect, radius::PREVIEW, colors.raised);
    ui.painter().rect_stroke(rect, radius::PREVIEW, Stroke::new(1.0, colors.border), StrokeKind::Inside);
    let middle = rect.center() - vec2(0.0, rect.height() * 0.1);
    let opening = matches!(view.model.snapshot.camera.state, DeviceState::Opening | DeviceState::Open);
    if opening {
        spinner(ui, middle - vec2(0.0, 10.0), 28.0, colors.text_2);
        let at = middle + vec2(0.0, 26.0);
        text::label(ui, at, Align2::CENTER_CENTER, text::BODY, colors.text_2, "Your camera is starting", rect.width());
        return;
    }
    let name = view.model.lobby.name.trim();
    let diameter = (rect.height() * 0.3).min(112.0);
    avatar(ui, middle - vec2(0.0, 14.0), diameter, name, name);
    let at = middle + vec2(0.0, diameter / 2.0 + 10.0);
    text::label(ui, at, Align2::CENTER_CENTER, text::BODY, colors.text_2, "Your camera is off", rect.width());
}

/// The camera does not work: what happened, then what to do.
fn broken(ui: &mut Ui, view: &mut View<'_>, rect: Rect, camera: &LocalDevice, problem: &DeviceProblem) {
    let c = view.colors;
    ui.painter().rect_filled(rect, radius::PREVIEW, c.raised);
    ui.painter().rect_stroke(rect, radius::PREVIEW, Stroke::new(1.0, c.border), StrokeKind::Inside);
    let (x, tall) = (rect.center().x, rect.height() >= 320.0);
    let mut y = rect.top() + if tall { rect.height() * 0.15 } else { 16.0 };
    if rect.height() >= 280.0 {
        let square = Rect::from_min_size(pos2(x - 32.0, y), vec2(64.0, 64.0));
        ui.painter().rect_filled(square, radius::CARD, c.warn_soft);
        text::icon(ui, square.center(), 32.0, c.warn_text, icons::VIDEO_CAMERA_SLASH);
        y += 94.0;
    } else {
        y += 18.0;
    }
    let (title, sentence) = strings::device_problem(DeviceKind::Camera, camera, problem);
    text::label(ui, pos2(x, y), Align2::CENTER_CENTER, text::TITLE, c.text, title, rect.width() - 32.0);
    y += 20.0;
    let width = (rect.width() - 48.0).min(520.0);
    let body = text::paragraph(ui, pos2(x, y), Align::Center, text::LEAD, c.text_2, &sentence, width);
    y = body.bottom() + 20.0 + size::BUTTON / 2.0;
    let again = Button::new("Try again", Look::Plain).icon(icons::ARROW_CLOCKWISE).named("Try the camera again");
    let other = Button::new("Choose another camera", Look::Outline);
    let total = again.size(ui).x + 10.0 + other.size(ui).x;
    let again = again.show_at(ui, c, x - total / 2.0, y);
    let other = other.show_at(ui, c, again.rect.right() + 10.0, y);
    view.on_click(&again, Action::Retry);
    view.on_click(&other, Action::ToggleMenu(Menu::Picker(DeviceKind::Camera)));
    let code = pos2(x, y + size::BUTTON / 2.0 + 26.0);
    text::label(ui, code, Align2::CENTER_CENTER, text::MONO_SMALL, c.text_3, &problem.message, rect.width() - 32.0);
}

/// A round button over the picture: what to join with.
fn round_button(ui: &mut Ui, view: &mut View<'_>, at: Pos2, kind: DeviceKind) {
    let device = view.model.device(kind);
    let microphone = kind == DeviceKind::Microphone;
    let (name, key) = if microphone { ("Microphone", "Ctrl+D") } else { ("Camera", "Ctrl+E") };
    let rect = Rect::from_center_size(at, vec2(52.0, 52.0));
    let response = ui.interact(rect, ui.scope_id().with(("round", name)), Sense::click());
    let on = device.wanted;
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, on, name));
    let action = format!("Join with {} {}", name.to_lowercase(), if on { "off" } else { "on" });
    let description = format!("{action}, {key}");
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(description));
    let failed = matches!(device.state, DeviceState::Failed(_));
    let icon = match (microphone, on && !failed) {
        (true, true) => icons::MICROPHONE,
        (true, false) => icons::MICROPHONE_SLASH,
        (false, true) => icons::VIDEO_CAMERA,
        (false, false) => icons::VIDEO_CAMERA_SLASH,
    };
    let color = if on && !failed { overlay::TEXT } else { overlay::MUTED };
    ui.painter().circle_filled(at, 26.0, overlay::BACKGROUND);
    if response.hovered() {
        ui.painter().circle_filled(at, 26.0, overlay::BAR_EMPTY.gamma_multiply(0.4));
    }
    text::icon(ui, at, size::ICON_TOOL, color, icon);
    lamp(ui, at + vec2(13.5, -13.5), &device.state, overlay::LAMP, overlay::MUTED);
    focus_ring(ui, &response, CornerRadius::same(26), view.colors);
    let response = response.on_hover_text(format!("{action} ({key})")).on_hover_cursor(CursorIcon::PointingHand);
    view.on_click(&response, if microphone { Action::ToggleMicrophone } else { Action::ToggleCamera });
}

/// The microphone's meter with a word over it.
fn level(ui: &mut Ui, view: &View<'_>, rect: Rect) {
    let microphone = &view.model.snapshot.microphone;
    let open = matches!(microphone.state, DeviceState::Open | DeviceState::Closing);
    let ground = Rect::from_min_size(pos2(rect.right() - 183.0, rect.bottom() - 70.0), vec2(169.0, 52.0));
    chip(ui, ground, radius::CONTROL);
    let words = if open { view.model.meter.words(view.model.now) } else { "Your microphone is off" };
    let at = pos2(ground.right() - 14.0, ground.top() + 18.0);
    text::label(ui, at, Align2::RIGHT_CENTER, text::CAPTION, overlay::TEXT_2, words, 145.0);
    let id = ui.scope_id().with("meter");
    let response = ui.interact(ground, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Meter, true, "Microphone level"));
    let lit = if open { view.model.meter.lit() } else { 0 };
    ui.ctx().accesskit_node_builder(id, |node| {
        node.set_min_numeric_value(0.0);
        node.set_max_numeric_value(meter::SEGMENTS as f64);
        node.set_numeric_value(lit as f64);
    });
    let marks = [overlay::BAR_EMPTY, overlay::SPEAKING, overlay::WEAK];
    level_bar(ui.painter(), pos2(ground.right() - 14.0, ground.top() + 36.0), lit, marks);
}
