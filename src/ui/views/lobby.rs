//! The lobby: preview and devices on one side, the way into a call on the other. Nothing leaves the computer before
//! Join.

use super::{View, form, header, preview, recent, release};
use crate::base::{DeviceKind, ExitRequestedBy};
use crate::call::view::{DeviceProblem, DeviceState, LocalDevice};
use crate::ui::action::{Action, Setting};
use crate::ui::model::Menu;
use crate::ui::screens::Screen;
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Button, Look, Picker, lamp, picker, switch};
use crate::ui::{icons, strings, text};
use egui::{Align, Align2, Key, Modifiers, Pos2, Rect, ScrollArea, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

/// Draws the lobby.
pub(super) fn lobby(ui: &mut Ui, view: &mut View<'_>) {
    let area = ui.max_rect();
    header::header(ui, view, area, 0.0);
    let body = Rect::from_min_max(pos2(area.left(), area.top() + header::HEIGHT), area.max);
    let mut child = ui.new_child(egui::UiBuilder::new().id_salt("lobby").max_rect(body));
    ScrollArea::vertical().auto_shrink(false).show(&mut child, |ui| columns(ui, view, area));
    let stopping = view.model.screen == Screen::Joining && view.model.menu.is_none();
    if stopping && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
        view.dispatch(Action::Leave(ExitRequestedBy::User));
    }
}

fn columns(ui: &mut Ui, view: &mut View<'_>, area: Rect) {
    let width = area.width();
    let top = ui.min_rect().top();
    let bottom = if width >= size::NARROW_BELOW {
        let total = (width - 64.0).min(1152.0);
        let left = (width - total) / 2.0;
        // In reading order the form comes second, but its first empty field has the focus.
        let devices = devices(ui, view, pos2(left, top + 34.0), total - 64.0 - 432.0);
        let x = left + total - 432.0;
        let form = form::form(ui, view, pos2(x, top + 24.0), 432.0);
        devices.max(below_form(ui, view, pos2(x, form), 432.0, area.bottom()))
    } else {
        let total = (width - if width < size::COMPACT_BELOW { 48.0 } else { 96.0 }).min(656.0);
        let left = (width - total) / 2.0;
        let form = form::form(ui, view, pos2(left, top), total);
        let devices = devices(ui, view, pos2(left, form + 32.0), total);
        below_form(ui, view, pos2(left, devices + 16.0), total, devices)
    };
    let all = Rect::from_min_max(pos2(0.0, top), pos2(width, bottom + 32.0));
    ui.allocate_rect(all, Sense::hover());
}

/// A note about a newer version, and the rooms that were left last; not while one is being entered.
fn below_form(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32, limit: f32) -> f32 {
    if view.model.screen != Screen::Lobby {
        return at.y;
    }
    let y = release::release(ui, view, at, width);
    recent::recent(ui, view, pos2(at.x, y + 8.0), width, limit - 24.0)
}

/// Preview, pickers, and what is wrong with a device; returns where it ends.
fn devices(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32) -> f32 {
    let picture = Rect::from_min_size(at, vec2(width, (width * 9.0 / 16.0).round()));
    preview::preview(ui, view, picture);
    let half = (width - 16.0) / 2.0;
    let mut y = picture.bottom() + 21.0;
    let second = at.x + half + 16.0;
    device_picker(ui, view, pos2(at.x, y), half, DeviceKind::Camera);
    device_picker(ui, view, pos2(second, y), half, DeviceKind::Microphone);
    y += 69.0;
    if let DeviceState::Failed(problem) = &view.model.snapshot.microphone.state {
        y = problem_card(ui, view, pos2(at.x, y + 14.0), width, &view.model.snapshot.microphone, problem);
    }
    y += 13.0;
    device_picker(ui, view, pos2(at.x, y), half, DeviceKind::Speaker);
    mirror_switch(ui, view, pos2(second, y), half);
    y += 69.0 + 31.0;
    let colors = view.colors;
    lamp(ui, pos2(at.x + 7.0, y), &DeviceState::Open, colors.lamp, colors.lamp);
    let sentence = "The amber lamp is lit only while a device is really on. It goes dark when the device is released.";
    let words = pos2(at.x + 22.0, y - 9.0);
    let rect = text::paragraph(ui, words, Align::Min, text::SMALL, colors.text_3, sentence, width - 22.0);
    rect.bottom()
}

fn device_picker(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32, kind: DeviceKind) {
    let c = view.colors;
    let name = super::devices::word(kind);
    let label = pos2(at.x, at.y + 9.0);
    text::paint(ui, label, Align2::LEFT_CENTER, text::LABEL, c.text_2, name, width);
    let rect = Rect::from_min_size(pos2(at.x, at.y + 25.0), vec2(width, size::PICKER));
    let menu = Menu::Picker(kind);
    let (problem, icon) = (super::devices::problem(view, kind), super::devices::icon(view, kind));
    let value = super::devices::chosen(view, kind);
    let open = view.model.menu.as_ref() == Some(&menu);
    let response = picker(ui, c, rect, &Picker { name, icon, value: &value, problem, on_card: false, open });
    view.on_click(&response, Action::ToggleMenu(menu));
    if open {
        super::devices::picker_menu(ui, view, kind, &response);
    }
}

fn mirror_switch(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32) {
    let c = view.colors;
    text::paint(ui, pos2(at.x, at.y + 9.0), Align2::LEFT_CENTER, text::LABEL, c.text_2, "Your picture", width);
    let rect = Rect::from_min_size(pos2(at.x, at.y + 25.0), vec2(width, size::PICKER));
    let words = pos2(rect.left(), rect.center().y);
    text::paint(ui, words, Align2::LEFT_CENTER, text::BODY, c.text, "Mirror my own picture", width - 52.0);
    let response = switch(ui, c, rect, "Mirror my own picture", view.model.settings.mirror);
    let set = Setting::Mirror(!view.model.settings.mirror);
    view.on_click(&response, Action::Set(set));
}

/// What is wrong with the microphone, and what to do.
fn problem_card(
    ui: &mut Ui,
    view: &mut View<'_>,
    at: Pos2,
    width: f32,
    device: &LocalDevice,
    problem: &DeviceProblem,
) -> f32 {
    let c = view.colors;
    let (title, sentence) = strings::device_problem(DeviceKind::Microphone, device, problem);
    let button = Button::new("Try again", Look::Plain).named("Try the microphone again").height(size::BUTTON_SMALL);
    let space = width - 71.0 - button.size(ui).x - 34.0;
    let text_at = pos2(at.x + 71.0, at.y + 38.0);
    let words = text::SMALL.wrapped(&sentence, c.text_2, space);
    let height = 38.0 + text::layout(ui, words).size().y + 30.0;
    let card = Rect::from_min_size(at, vec2(width, height));
    ui.painter().rect_filled(card, radius::CARD, c.raised);
    ui.painter().rect_stroke(card, radius::CARD, Stroke::new(1.0, c.border), StrokeKind::Inside);
    let sign = Rect::from_center_size(pos2(card.left() + 37.0, card.center().y), vec2(40.0, 40.0));
    ui.painter().rect_filled(sign, radius::CONTROL, c.danger_soft);
    text::icon_bold(ui, sign.center(), 20.0, c.danger_text, icons::PROHIBIT);
    let title_at = pos2(text_at.x, card.top() + 25.0);
    text::label(ui, title_at, Align2::LEFT_CENTER, text::BODY_STRONG, c.text, title, space);
    let body = text::paragraph(ui, text_at, Align::Min, text::SMALL, c.text_2, &sentence, space);
    let code = pos2(text_at.x, body.bottom() + 11.0);
    text::label(ui, code, Align2::LEFT_CENTER, text::MONO_SMALL, c.text_3, &problem.message, space);
    let response = button.show_left_of(ui, c, card.right() - 17.0, card.center().y);
    view.on_click(&response, Action::Retry);
    card.bottom()
}
