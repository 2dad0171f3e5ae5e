//! The lobby: preview and devices on one side, the form to join on the other. Nothing leaves the computer before
//! Join.

use super::{View, form, header, preview, recent, release, report, waiting};
use crate::base::{DeviceKind, ExitRequestedBy};
use crate::call::view::{DeviceProblem, DeviceState, LocalDevice};
use crate::ui::action::{Action, Setting};
use crate::ui::parts::Menu;
use crate::ui::screens::Screen;
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Button, Look, Picker, add_sign, lamp, picker, place, switch};
use crate::ui::{icons, strings, text};
use egui::{Key, Margin, Modifiers, ScrollArea, Ui, vec2};

/// Draws the lobby.
pub(super) fn lobby(ui: &mut Ui, view: &mut View<'_>) {
    let window = ui.max_rect();
    header::header(ui, view, 0.0);
    ScrollArea::vertical().id_salt("lobby").auto_shrink(false).show(ui, |ui| {
        if window.width() >= size::NARROW_BELOW {
            two_columns(ui, view, window.bottom());
        } else {
            one_column(ui, view, if super::compact(window) { 48.0 } else { 96.0 });
        }
        ui.add_space(32.0);
    });
    let stopping = view.model.screen == Screen::Joining && view.model.menu.is_none();
    if stopping && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
        view.dispatch(Action::Leave(ExitRequestedBy::User));
    }
}

/// Devices and form beside each other; the rooms that were left last end above `bottom`.
fn two_columns(ui: &mut Ui, view: &mut View<'_>, bottom: f32) {
    let width = (ui.available_width() - 64.0).min(size::LOBBY);
    place::centred_column(ui, width, |ui| {
        place::beside(ui, |ui| {
            // In reading order the form comes second, but its first empty field has the focus.
            place::column(ui, width - 64.0 - size::LOBBY_FORM, |ui| {
                ui.add_space(34.0);
                devices(ui, view);
            });
            ui.add_space(64.0);
            place::column(ui, size::LOBBY_FORM, |ui| {
                ui.add_space(24.0);
                form_or_waiting(ui, view);
                below_form(ui, view, bottom);
            });
        });
    });
}

/// Form, devices, and one room below them; the `margins` at both sides together.
fn one_column(ui: &mut Ui, view: &mut View<'_>, margins: f32) {
    let width = (ui.available_width() - margins).min(size::LOBBY_ONE_COLUMN);
    place::centred_column(ui, width, |ui| {
        form_or_waiting(ui, view);
        ui.add_space(32.0);
        devices(ui, view);
        ui.add_space(16.0);
        below_form(ui, view, f32::NEG_INFINITY);
    });
}

/// The form to join, or the words of somebody who waits to be let in.
fn form_or_waiting(ui: &mut Ui, view: &mut View<'_>) {
    match view.model.screen {
        Screen::Waiting => waiting::waiting(ui, view),
        _ => form::form(ui, view),
    }
}

/// The note about a newer version and the rooms that were left last; neither while a room is being entered.
fn below_form(ui: &mut Ui, view: &mut View<'_>, bottom: f32) {
    if view.model.screen != Screen::Lobby {
        return;
    }
    report::crash_note(ui, view);
    release::release(ui, view);
    ui.add_space(8.0);
    recent::recent(ui, view, bottom - 24.0);
}

/// Preview, device pickers, the microphone's error, and the meaning of the lamp.
fn devices(ui: &mut Ui, view: &mut View<'_>) {
    let width = ui.available_width();
    let (_, picture) = ui.allocate_space(vec2(width, (width * 9.0 / 16.0).round()));
    preview::preview(ui, view, picture);
    ui.add_space(21.0);
    pair(ui, |[left, right]| {
        device_picker(left, view, DeviceKind::Camera);
        device_picker(right, view, DeviceKind::Microphone);
    });
    if let DeviceState::Failed(problem) = &view.model.snapshot.microphone.state {
        ui.add_space(14.0);
        problem_card(ui, view, &view.model.snapshot.microphone, problem);
    }
    ui.add_space(13.0);
    pair(ui, |[left, right]| {
        device_picker(left, view, DeviceKind::Speaker);
        mirror_switch(right, view);
    });
    for kind in [DeviceKind::Camera, DeviceKind::Microphone, DeviceKind::Speaker] {
        if let Some(sentence) = super::devices::missing(view, kind) {
            ui.add_space(13.0);
            text::add_paragraph(ui, text::SMALL, view.colors.text_2, &sentence);
        }
    }
    ui.add_space(22.0);
    place::beside(ui, |ui| {
        let colors = view.colors;
        let (_, rect) = ui.allocate_space(vec2(14.0, text::SMALL.line));
        lamp(ui, rect.center(), &DeviceState::Open, colors.lamp, colors.lamp);
        ui.add_space(8.0);
        let sentence =
            "The amber lamp is lit only while a device is really on. It goes dark when the device is released.";
        text::add_paragraph(ui, text::SMALL, colors.text_3, sentence);
    });
}

/// Two columns of equal width.
fn pair(ui: &mut Ui, content: impl FnOnce(&mut [Ui; 2])) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 16.0;
        ui.columns_const(|columns| {
            for column in &mut *columns {
                column.spacing_mut().item_spacing.x = 0.0;
            }
            content(columns);
        });
    });
}

fn label(ui: &mut Ui, view: &View<'_>, words: &str) {
    text::add_words(ui, text::LABEL, view.colors.text_2, words);
    ui.add_space(7.0);
}

fn device_picker(ui: &mut Ui, view: &mut View<'_>, kind: DeviceKind) {
    let name = super::devices::word(kind);
    label(ui, view, name);
    let menu = Menu::Picker(kind);
    let (problem, icon) = (super::devices::problem(view, kind), super::devices::icon(view, kind));
    let value = super::devices::chosen(view, kind);
    let open = view.model.menu.as_ref() == Some(&menu);
    let look = Picker { name, icon, value: &value, problem, on_card: false, open, height: size::PICKER };
    let response = picker(ui, view.colors, &look);
    view.on_click(&response, Action::ToggleMenu(menu));
    if open {
        super::devices::picker_menu(ui, view, kind, &response);
    }
}

fn mirror_switch(ui: &mut Ui, view: &mut View<'_>) {
    label(ui, view, "Your picture");
    let (name, mirror) = ("Mirror my own picture", view.model.settings.mirror);
    let colors = view.colors;
    let response = switch(ui, colors, size::PICKER, (name, mirror), |ui| {
        text::add_words(ui, text::BODY, colors.text, name);
    });
    view.on_click(&response, Action::Set(Setting::Mirror(!mirror)));
}

/// The microphone's problem in a card, with a button to try again.
fn problem_card(ui: &mut Ui, view: &mut View<'_>, device: &LocalDevice, problem: &DeviceProblem) {
    let c = view.colors;
    let (title, sentence) = strings::device_problem(DeviceKind::Microphone, device, problem);
    let button = Button::new("Try again", Look::Plain).named("Try the microphone again").height(size::BUTTON_SMALL);
    let margin = Margin { left: 16, right: 16, top: 14, bottom: 9 };
    let (again, _) = place::card(ui, c, c.raised, margin, |ui| {
        let words = ui.available_width() - size::SIGN - 14.0 - 17.0 - button.size(ui).x;
        let sentences = text::height(ui, text::SMALL, &sentence, words);
        let height = text::BODY_STRONG.line + 3.0 + sentences + 2.0 + text::MONO_SMALL.line;
        place::row(ui, height, |ui| {
            let middle = add_sign(ui, size::SIGN, radius::CONTROL, c.danger_soft);
            text::icon_bold(ui, middle, 20.0, c.danger_text, icons::PROHIBIT);
            ui.add_space(14.0);
            place::stack(ui, vec2(words, height), |ui| {
                text::add_line(ui, text::BODY_STRONG, c.text, title);
                ui.add_space(3.0);
                text::add_paragraph(ui, text::SMALL, c.text_2, &sentence);
                ui.add_space(2.0);
                text::add_line(ui, text::MONO_SMALL, c.text_3, &problem.message);
            });
            ui.add_space(17.0);
            button.show(ui, c)
        })
    });
    view.on_click(&again, Action::Retry);
}
