//! The lobby's form: link or room, name, Join, "Start a call on this computer", and the server under "Advanced".

use super::View;
use crate::base::{ExitRequestedBy, NO_DEVICE, RoomState};
use crate::call::view::{DeviceState, LocalDevice, RoomStatus};
use crate::proto::link;
use crate::ui::action::Action;
use crate::ui::bidi::{isolate, plain};
use crate::ui::parts::{Field, Focus};
use crate::ui::screens::Screen;
use crate::ui::tokens::{Palette, size};
use crate::ui::widgets::{Button, FieldLook, Look, Pill, buttons, field, place};
use crate::ui::{icons, strings, text};
use egui::{Align, Key, Ui, accesskit};

/// Draws the form.
pub(super) fn form(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    for line in ["Face to face,", "and out again."] {
        text::add_line(ui, text::DISPLAY, colors.text, line);
    }
    ui.add_space(10.0);
    text::add_line(ui, text::LEAD.sized(16.0), colors.text_2, "Calls that end when you say so.");
    ui.add_space(29.0);
    one_field(ui, view, Field::Room, ("Link or room name", icons::LINK, "design-review or https://…"));
    one_field(ui, view, Field::Name, ("Your name", icons::USER, "What the others will see"));
    ui.add_space(3.0);
    join_button(ui, view);
    below_button(ui, view);
    if view.model.screen == Screen::Lobby {
        other_ways(ui, view);
    }
}

/// The room field's chip: whether the call that the field names exists.
fn room_chip(colors: &Palette, status: RoomStatus) -> Pill<'static> {
    let (fill, color, icon) = match status {
        RoomStatus::Checking => (colors.control, colors.text_2, icons::HOURGLASS),
        RoomStatus::Known(RoomState { is_open: true, .. }) => (colors.live_soft, colors.live_text, icons::CHECK),
        RoomStatus::Known(RoomState { is_open: false, .. }) => (colors.warn_soft, colors.warn_text, icons::WARNING),
    };
    Pill { word: strings::room_word(status), icon, fill, color, height: 24.0 }
}

/// A label, a field, and its error message.
fn one_field(ui: &mut Ui, view: &mut View<'_>, which: Field, (name, icon, hint): (&str, char, &str)) {
    let colors = view.colors;
    let lobby = &view.model.form;
    let (value, focus) = match which {
        Field::Room => (&lobby.room, Some(Focus::Room)),
        Field::Name => (&lobby.name, Some(Focus::Name)),
        Field::Server | Field::Form => (&lobby.server, None),
    };
    let error = lobby.error.as_ref().filter(|e| e.field == which).map(|e| e.sentence.as_str());
    let enabled = view.model.screen == Screen::Lobby;
    text::add_words(ui, text::LABEL, colors.text_2, name);
    ui.add_space(7.0);
    let status = view.model.room_status().filter(|_| which == Field::Room && enabled && error.is_none());
    let chip = status.map(|status| room_chip(colors, status));
    let look = FieldLook { name, icon, hint, error: error.is_some(), enabled, chip };
    let (response, changed) = field(ui, colors, &look, value);
    if let Some(text) = changed {
        view.dispatch(Action::Type(which, text));
    }
    if let Some(focus) = focus {
        view.focus(&response, focus);
    }
    if response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter)) {
        view.dispatch(Action::Join);
    }
    if let Some(sentence) = error {
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_invalid(accesskit::Invalid::True));
        ui.add_space(6.0);
        error_line(ui, colors, sentence);
    }
    ui.add_space(17.0);
}

/// A sentence about what went wrong, announced at once.
fn error_line(ui: &mut Ui, colors: &Palette, sentence: &str) {
    place::beside(ui, |ui| {
        text::add_icon_fill(ui, [16.0, text::SMALL.line], 16.0, colors.danger_text, icons::WARNING_CIRCLE);
        ui.add_space(7.0);
        let words = text::add_paragraph(ui, text::SMALL, colors.danger_text, sentence);
        ui.ctx().accesskit_node_builder(words.id, |node| node.set_live(accesskit::Live::Assertive));
    });
}

fn join_button(ui: &mut Ui, view: &mut View<'_>) {
    let joining = view.model.screen == Screen::Joining;
    let word = match (works(&view.model.snapshot.camera), works(&view.model.snapshot.microphone)) {
        _ if joining => "Joining…".to_owned(),
        (true, true) => match link::parse(&view.model.form.room) {
            Ok(place) => format!("Join {}", isolate(&place.room.shown())),
            Err(_) => "Join".to_owned(),
        },
        (false, true) => "Join without camera".to_owned(),
        (true, false) => "Join without mic".to_owned(),
        (false, false) => "Join without camera and mic".to_owned(),
    };
    let name = if joining { "Joining" } else { "Join" };
    let button = Button::new(&word, Look::Main).named(name).icon_after(icons::ARROW_RIGHT).busy(joining);
    let response = button.height(size::BUTTON_LARGE).show_wide(ui, view.colors);
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(plain(&word).into_owned()));
    view.focus(&response, Focus::Join);
    view.on_click(&response, Action::Join);
}

/// The server's answer; then Stop while joining, otherwise a sentence about the call.
fn below_button(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    ui.add_space(10.0);
    if let Some(error) = view.model.form.error.as_ref().filter(|e| e.field == Field::Form) {
        error_line(ui, colors, &error.sentence);
        ui.add_space(6.0);
    }
    if view.model.screen == Screen::Joining {
        let stop = Button::new("Stop", Look::Ghost).icon(icons::X).named("Stop joining").height(size::BUTTON_SMALL);
        let [stop] = buttons(ui, colors, Align::Center, 0.0, [stop]);
        return view.on_click(&stop, Action::Leave(ExitRequestedBy::User));
    }
    let hint = match (works(&view.model.snapshot.camera), works(&view.model.snapshot.microphone)) {
        (false, false) => "You will see and hear the others. They get your name only.".to_owned(),
        _ => strings::before_joining(view.model.room_status()),
    };
    ui.vertical_centered(|ui| text::add_paragraph(ui, text::SMALL, colors.text_3, &hint));
}

/// Whether a device can be joined with: it may be turned off, but it exists and has not failed.
fn works(device: &LocalDevice) -> bool {
    device.id != NO_DEVICE && !matches!(device.state, DeviceState::Failed(_))
}

/// A call on this computer, and the server's address.
fn other_ways(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    ui.add_space(22.0);
    let host = Button::new("Start a call on this computer", Look::Plain).icon(icons::DESKTOP).show_wide(ui, colors);
    view.on_click(&host, Action::Host);
    ui.add_space(10.0);
    let open = view.model.form.advanced;
    let caret = if open { icons::CARET_UP } else { icons::CARET_DOWN };
    let advanced = Button::new("Advanced", Look::Ghost).icon_after(caret).height(size::BUTTON_SMALL);
    let advanced = advanced.hang(Align::Min).show(ui, colors);
    ui.ctx().accesskit_node_builder(advanced.id, |node| node.set_expanded(open));
    view.on_click(&advanced, Action::ToggleAdvanced);
    ui.add_space(6.0);
    if open {
        one_field(ui, view, Field::Server, ("Server address", icons::HARD_DRIVES, "wss://call.example"));
    }
}
