//! The way into a call: link or room, name, Join, "Start a call on this computer", and the server under "Advanced".

use super::View;
use crate::base::{ExitRequestedBy, NO_DEVICE, RoomState};
use crate::call::view::{DeviceState, LocalDevice, RoomStatus};
use crate::proto::link;
use crate::ui::action::Action;
use crate::ui::model::{Field, Focus};
use crate::ui::screens::Screen;
use crate::ui::tokens::{Palette, size};
use crate::ui::widgets::{Button, FieldLook, Look, field, pill, pill_width};
use crate::ui::{icons, strings, text};
use egui::{Align, Align2, Key, Pos2, Rect, Ui, accesskit, pos2, vec2};

/// Draws the form; returns where it ends.
pub(super) fn form(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32) -> f32 {
    let colors = view.colors;
    let mut y = at.y;
    for line in ["Face to face,", "and out again."] {
        text::label(ui, pos2(at.x, y + 20.0), Align2::LEFT_CENTER, text::DISPLAY, colors.text, line, width);
        y += text::DISPLAY.line;
    }
    let lead = text::LEAD.sized(16.0);
    text::label(
        ui,
        pos2(at.x, y + 20.0),
        Align2::LEFT_CENTER,
        lead,
        colors.text_2,
        "Calls that end when you say so.",
        width,
    );
    y += 59.0;
    y = room_field(ui, view, pos2(at.x, y), width);
    y = name_field(ui, view, pos2(at.x, y), width);
    y = join_button(ui, view, pos2(at.x, y + 3.0), width);
    if view.model.screen == Screen::Lobby {
        y = below(ui, view, pos2(at.x, y), width);
    }
    y
}

fn room_field(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32) -> f32 {
    let look = ("Link or room name", icons::LINK, "design-review or https://…");
    one_field(ui, view, at, width, Field::Room, look, Some(Focus::Room))
}

/// Says in the field whether there is such a call.
fn room_chip(ui: &mut Ui, colors: &Palette, field: Rect, news: RoomStatus) {
    let (ground, icon) = match news {
        RoomStatus::Checking => ((colors.control, colors.text_2), icons::HOURGLASS),
        RoomStatus::Known(RoomState { is_open: true, .. }) => ((colors.live_soft, colors.live_text), icons::CHECK),
        RoomStatus::Known(RoomState { is_open: false, .. }) => ((colors.warn_soft, colors.warn_text), icons::WARNING),
    };
    let next = ui.next_auto_id();
    pill(ui, [field.right() - 15.0, field.center().y, 24.0], ground, icon, strings::room_word(news));
    ui.ctx().accesskit_node_builder(next, |node| node.set_live(accesskit::Live::Polite));
}

fn name_field(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32) -> f32 {
    one_field(
        ui,
        view,
        at,
        width,
        Field::Name,
        ("Your name", icons::USER, "What the others will see"),
        Some(Focus::Name),
    )
}

/// A label, a field, and the sentence about what is wrong with it.
fn one_field(
    ui: &mut Ui,
    view: &mut View<'_>,
    at: Pos2,
    width: f32,
    which: Field,
    (name, icon, hint): (&str, char, &str),
    focus: Option<Focus>,
) -> f32 {
    let colors = view.colors;
    let lobby = &view.model.lobby;
    let value = match which {
        Field::Room => &lobby.room,
        Field::Name => &lobby.name,
        Field::Server | Field::Form => &lobby.server,
    };
    let error = lobby.error.as_ref().filter(|e| e.field == which).map(|e| e.sentence.as_str());
    let enabled = view.model.screen == Screen::Lobby;
    text::paint(ui, pos2(at.x, at.y + 9.0), Align2::LEFT_CENTER, text::LABEL, colors.text_2, name, width);
    let rect = Rect::from_min_size(pos2(at.x, at.y + 25.0), vec2(width, size::FIELD));
    let news = view.model.room_news().filter(|_| which == Field::Room && enabled && error.is_none());
    let reserved = news.map_or(0.0, |news| pill_width(ui, strings::room_word(news)) + 12.0);
    let look = FieldLook { name, icon, hint, error: error.is_some(), enabled, reserved };
    let (response, changed) = field(ui, colors, rect, &look, value);
    if let Some(news) = news {
        room_chip(ui, colors, rect, news);
    }
    if let Some(text) = changed {
        view.dispatch(Action::Type(which, text));
    }
    if let Some(focus) = focus {
        view.focus(&response, focus);
    }
    if response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter)) {
        view.dispatch(Action::Join);
    }
    let bottom = match error {
        Some(sentence) => {
            let sentence = sentence.to_owned();
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_invalid(accesskit::Invalid::True));
            said(ui, view, pos2(at.x, rect.bottom() + 6.0), width, &sentence)
        }
        None => rect.bottom(),
    };
    bottom + 17.0
}

/// A sentence about what went wrong, announced at once.
fn said(ui: &mut Ui, view: &View<'_>, at: Pos2, width: f32, sentence: &str) -> f32 {
    let colors = view.colors;
    text::icon_fill(ui, pos2(at.x + 8.0, at.y + 9.0), 16.0, colors.danger_text, icons::WARNING_CIRCLE);
    let next = ui.next_auto_id();
    let words = pos2(at.x + 23.0, at.y);
    let rect = text::paragraph(ui, words, Align::Min, text::SMALL, colors.danger_text, sentence, width - 23.0);
    ui.ctx().accesskit_node_builder(next, |node| node.set_live(accesskit::Live::Assertive));
    rect.bottom()
}

fn join_button(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32) -> f32 {
    let colors = view.colors;
    let joining = view.model.screen == Screen::Joining;
    let (camera, microphone) = (works(&view.model.snapshot.camera), works(&view.model.snapshot.microphone));
    let word = match (camera, microphone) {
        _ if joining => "Joining…".to_owned(),
        (true, true) => match link::parse(&view.model.lobby.room) {
            Ok(place) => format!("Join {}", place.room),
            Err(_) => "Join".to_owned(),
        },
        (false, true) => "Join without camera".to_owned(),
        (true, false) => "Join without mic".to_owned(),
        (false, false) => "Join without camera and mic".to_owned(),
    };
    let rect = Rect::from_min_size(at, vec2(width, size::BUTTON_LARGE));
    let name = if joining { "Joining" } else { "Join" };
    let button = Button::new(&word, Look::Main).named(name).icon_after(icons::ARROW_RIGHT).busy(joining);
    let response = button.height(size::BUTTON_LARGE).show(ui, colors, rect);
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(word.as_str()));
    view.focus(&response, Focus::Join);
    view.on_click(&response, Action::Join);
    let mut y = rect.bottom() + 10.0;
    let error = view.model.lobby.error.as_ref().filter(|e| e.field == Field::Form).map(|e| e.sentence.clone());
    if let Some(sentence) = error {
        y = said(ui, view, pos2(at.x, y), width, &sentence) + 6.0;
    }
    if joining {
        let stop = Button::new("Stop", Look::Ghost).icon(icons::X).named("Stop joining").height(size::BUTTON_SMALL);
        let x = rect.center().x - stop.size(ui).x / 2.0;
        let response = stop.show_at(ui, colors, x, y + 18.0);
        view.on_click(&response, Action::Leave(ExitRequestedBy::User));
        return y + 36.0;
    }
    let hint = match (camera, microphone) {
        (false, false) => "You will see and hear the others. They get your name only.".to_owned(),
        _ => strings::before_joining(view.model.room_news()),
    };
    let middle = pos2(rect.center().x, y);
    let hint = text::paragraph(ui, middle, Align::Center, text::SMALL, colors.text_3, &hint, width);
    hint.bottom().max(y + 18.0)
}

/// Whether a device can be joined with: it may be turned off, but it is there and does not fail.
fn works(device: &LocalDevice) -> bool {
    device.id != NO_DEVICE && !matches!(device.state, DeviceState::Failed(_))
}

/// A call of one's own, and the server's address.
fn below(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32) -> f32 {
    let colors = view.colors;
    let mut y = at.y + 22.0;
    let rect = Rect::from_min_size(pos2(at.x, y), vec2(width, size::BUTTON));
    let host = Button::new("Start a call on this computer", Look::Plain).icon(icons::DESKTOP);
    let response = host.show(ui, colors, rect);
    view.on_click(&response, Action::Host);
    y = rect.bottom() + 10.0 + size::BUTTON_SMALL / 2.0;
    let open = view.model.lobby.advanced;
    let caret = if open { icons::CARET_UP } else { icons::CARET_DOWN };
    let advanced = Button::new("Advanced", Look::Ghost).icon_after(caret).height(size::BUTTON_SMALL);
    let response = advanced.show_at(ui, colors, at.x - 14.0, y);
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_expanded(open));
    view.on_click(&response, Action::ToggleAdvanced);
    y += size::BUTTON_SMALL / 2.0 + 6.0;
    if open {
        let look = ("Server address", icons::HARD_DRIVES, "wss://call.example");
        y = one_field(ui, view, pos2(at.x, y), width, Field::Server, look, None);
    }
    y
}
