//! The camera's preview in the lobby, mirrored, with the buttons that say what to join with, and the meter.

use super::View;
use crate::base::DeviceKind;
use crate::call::view::{DeviceProblem, DeviceState, LocalDevice};
use crate::ui::action::Action;
use crate::ui::parts::Menu;
use crate::ui::tokens::{overlay, radius, size};
use crate::ui::video::{Crop, VideoKey, VideoLook};
use crate::ui::widgets::{
    Button, Look, add_avatar, add_sign, add_spinner, buttons, chip, clickable, lamp, level_bar, place,
};
use crate::ui::zoom::Zoom;
use crate::ui::{icons, strings, text};
use egui::epaint::{Mesh, Vertex, WHITE_UV};
use egui::{Align, Align2, Color32, CornerRadius, Id, Layout, Pos2, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2};
use egui::{WidgetInfo, pos2, vec2};

/// Draws the preview into `rect`.
pub(super) fn preview(ui: &mut Ui, view: &mut View<'_>, rect: Rect) {
    let camera = &view.model.snapshot.camera;
    if let DeviceState::Failed(problem) = &camera.state {
        return broken(ui, view, rect, camera, problem);
    }
    let mirror = view.model.settings.mirror;
    let bars = view.colors.camera_off;
    let look = VideoLook { mirror, crop: Crop::Some, bars, radius: radius::PREVIEW, light: 1.0, zoom: Zoom::default() };
    let open = matches!(camera.state, DeviceState::Open | DeviceState::Closing);
    let slot = &view.model.snapshot.own_frames;
    let shown = open && view.videos.show(ui, rect, &VideoKey::Own, slot, &look);
    let spoken = if shown { "Your picture, as only you see it" } else { "Your camera is off" };
    let response = ui.interact(rect, Id::unique("preview"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, spoken));
    if shown {
        shade(ui, rect);
    } else {
        dark(ui, view, rect);
    }
    if shown && mirror {
        mirrored_chip(ui, rect.shrink(14.0));
    }
    let wide = rect.width() >= 600.0;
    if wide && shown {
        let room = vec2(rect.width() / 2.0 - 90.0, text::NAME.line);
        place::overlay(ui, rect.shrink2(vec2(18.0, 24.0)), Align2::LEFT_BOTTOM, room, |ui| {
            text::add_words(ui, text::NAME, overlay::TEXT, view.model.form.name.trim());
        });
    }
    let lower = rect.shrink2(vec2(14.0, 18.0));
    let align = if wide { Align2::CENTER_BOTTOM } else { Align2::LEFT_BOTTOM };
    place::overlay(ui, lower, align, vec2(2.0 * size::ROUND_BUTTON + 14.0, size::ROUND_BUTTON), |ui| {
        round_button(ui, view, DeviceKind::Microphone);
        ui.add_space(14.0);
        round_button(ui, view, DeviceKind::Camera);
    });
    place::overlay(ui, lower, Align2::RIGHT_BOTTOM, vec2(169.0, 52.0), |ui| level(ui, view));
}

/// Says at the top left of `rect` that the others see it the right way round.
fn mirrored_chip(ui: &mut Ui, rect: Rect) {
    place::overlay(ui, rect, Align2::LEFT_TOP, vec2(172.0, 28.0), |ui| {
        chip(ui, ui.max_rect(), radius::CHIP);
        ui.add_space(10.0);
        text::add_icon(ui, [size::ICON_SMALL; 2], size::ICON_SMALL, overlay::TEXT, icons::FLIP_HORIZONTAL);
        ui.add_space(6.0);
        text::add_line(ui, text::LABEL, overlay::TEXT, "Mirrored for you only");
    });
}

/// Darkens the lower edge, so that the name can be read on any video.
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

/// Without video: the camera is off, or starting.
fn dark(ui: &mut Ui, view: &View<'_>, rect: Rect) {
    let colors = view.colors;
    ui.painter().rect_filled(rect, radius::PREVIEW, colors.raised);
    ui.painter().rect_stroke(rect, radius::PREVIEW, Stroke::new(1.0, colors.border), StrokeKind::Inside);
    // The lower part belongs to the buttons.
    let middle = rect.height() * 0.4;
    place::within(ui, rect, Layout::top_down(Align::Center), |ui| {
        if matches!(view.model.snapshot.camera.state, DeviceState::Opening | DeviceState::Open) {
            ui.add_space(middle - 24.0);
            add_spinner(ui, 28.0, colors.text_2);
            ui.add_space(12.0);
            text::add_line(ui, text::BODY, colors.text_2, "Your camera is starting");
            return;
        }
        let name = view.model.form.name.trim();
        let diameter = (rect.height() * 0.3).min(112.0);
        ui.add_space(middle - 14.0 - diameter / 2.0);
        add_avatar(ui, diameter, name, name);
        ui.add_space(14.0);
        text::add_line(ui, text::BODY, colors.text_2, "Your camera is off");
    });
}

/// The camera does not work: what happened, then what to do.
fn broken(ui: &mut Ui, view: &mut View<'_>, rect: Rect, camera: &LocalDevice, problem: &DeviceProblem) {
    let c = view.colors;
    ui.painter().rect_filled(rect, radius::PREVIEW, c.raised);
    ui.painter().rect_stroke(rect, radius::PREVIEW, Stroke::new(1.0, c.border), StrokeKind::Inside);
    let (title, sentence) = strings::device_problem(DeviceKind::Camera, camera, problem);
    place::within(ui, rect.shrink2(vec2(16.0, 0.0)), Layout::top_down(Align::Center), |ui| {
        ui.add_space(if rect.height() >= 320.0 { rect.height() * 0.15 } else { 16.0 });
        if rect.height() >= 280.0 {
            let middle = add_sign(ui, 64.0, radius::CARD, c.warn_soft);
            text::icon(ui, middle, 32.0, c.warn_text, icons::VIDEO_CAMERA_SLASH);
            ui.add_space(16.0);
        } else {
            ui.add_space(4.0);
        }
        text::add_line(ui, text::TITLE, c.text, title);
        ui.add_space(6.0);
        place::centred_column(ui, (rect.width() - 48.0).min(520.0), |ui| {
            ui.vertical_centered(|ui| text::add_paragraph(ui, text::LEAD, c.text_2, &sentence));
        });
        ui.add_space(20.0);
        let again = Button::new("Try again", Look::Plain).icon(icons::ARROW_CLOCKWISE).named("Try the camera again");
        let other = Button::new("Choose another camera", Look::Outline);
        let [again, other] = buttons(ui, c, Align::Center, 10.0, [again, other]);
        view.on_click(&again, Action::Retry);
        view.on_click(&other, Action::ToggleMenu(Menu::Picker(DeviceKind::Camera)));
        if sentence != problem.message {
            ui.add_space(17.0);
            text::add_line(ui, text::MONO_SMALL, c.text_3, &problem.message);
        }
    });
}

/// A round button over the video: whether to join with that device on.
fn round_button(ui: &mut Ui, view: &mut View<'_>, kind: DeviceKind) {
    let microphone = kind == DeviceKind::Microphone;
    let device = view.model.device(kind);
    let (name, key) = if microphone { ("Microphone", "Ctrl+D") } else { ("Camera", "Ctrl+E") };
    let on = device.wanted;
    let (_, rect) = ui.allocate_space(Vec2::splat(size::ROUND_BUTTON));
    let info = WidgetInfo::selected(Role::Button, true, on, name);
    let button = clickable(ui, rect, Id::unique(("round button", name)), info);
    let action = format!("Join with {} {}", name.to_lowercase(), if on { "off" } else { "on" });
    let description = format!("{action}, {key}");
    ui.ctx().accesskit_node_builder(button.response.id, |node| node.set_description(description));
    let failed = matches!(device.state, DeviceState::Failed(_));
    let icon = match (microphone, on && !failed) {
        (true, true) => icons::MICROPHONE,
        (true, false) => icons::MICROPHONE_SLASH,
        (false, true) => icons::VIDEO_CAMERA,
        (false, false) => icons::VIDEO_CAMERA_SLASH,
    };
    let color = if on && !failed { overlay::TEXT } else { overlay::MUTED };
    let (at, radius) = (rect.center(), size::ROUND_BUTTON / 2.0);
    ui.painter().circle_filled(at, radius, overlay::BACKGROUND);
    ui.painter().circle_filled(at, radius, overlay::BAR_EMPTY.gamma_multiply(0.4 * button.hover));
    text::icon(ui, at, size::ICON_TOOL, color, icon);
    lamp(ui, at + vec2(13.5, -13.5), &device.state, overlay::LAMP, overlay::MUTED);
    button.ring(ui, view.colors, CornerRadius::same(radius as u8));
    let response = text::hint(button.response, &format!("{action} ({key})"));
    view.on_click(&response, if microphone { Action::ToggleMicrophone } else { Action::ToggleCamera });
}

/// The microphone's meter, and a word about its level.
fn level(ui: &mut Ui, view: &View<'_>) {
    let microphone = &view.model.snapshot.microphone;
    let open = matches!(microphone.state, DeviceState::Open | DeviceState::Closing);
    let words = if open { view.model.meter.words(view.model.now) } else { "Your microphone is off" };
    let lit = if open { view.model.meter.lit() } else { 0 };
    let ground = ui.max_rect();
    chip(ui, ground, radius::CONTROL);
    place::within(ui, ground.shrink2(vec2(14.0, 10.0)), Layout::top_down(Align::Max), |ui| {
        text::add_line(ui, text::CAPTION, overlay::TEXT_2, words);
        ui.add_space(5.0);
        level_bar(ui, lit, [overlay::BAR_EMPTY, overlay::SPEAKING, overlay::WEAK]);
    });
}
