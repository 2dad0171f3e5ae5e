//! The list of people: who is here, who speaks, whose microphone and camera are on; and what a host sets for all.

use super::{View, guests, host, panel, person_menu};
use crate::base::LOUDEST;
use crate::call::view::{CallView, Person};
use crate::ui::action::{Action, HostAction};
use crate::ui::bidi::{isolate, plain};
use crate::ui::parts::{Focus, Menu};
use crate::ui::people::{self, PeopleAction, Row};
use crate::ui::screens::Screen;
use crate::ui::tile_layout::TileKey;
use crate::ui::tokens::{Palette, radius, size};
use crate::ui::widgets::{
    Button, FieldLook, IconButton, Look, MenuResult, Slider, add_avatar, field, menu_above, place, speaking_bars,
    switch,
};
use crate::ui::{icons, text};
use egui::{Align, Id, Key, Layout, Modifiers, Rect, Role, ScrollArea, Sense, Ui, Vec2, WidgetInfo, vec2};

/// Height of a person's row.
const ROW: f32 = 48.0;
/// Diameter of an avatar, and the gap after it.
const AVATAR: f32 = 32.0;
const AVATAR_GAP: f32 = 11.0;
/// Width of a mark: microphone, camera.
const MARK: f32 = 30.0;

/// Draws the panel in `area`.
pub(super) fn panel(ui: &mut Ui, view: &mut View<'_>, area: Rect) {
    let Some(call) = view.model.call() else { return };
    let [title, body] = panel::panel(ui, view.colors, area);
    head(ui, view, call, title);
    let list = body.with_max_y(body.bottom() - 8.0);
    place::within(ui, list, Layout::top_down(Align::Min), |ui| {
        let scroll = ScrollArea::vertical().id_salt("people").auto_shrink(false).max_height(list.height());
        scroll.show(ui, |ui| {
            ui.spacing_mut().item_spacing = Vec2::ZERO;
            ui.set_width(list.width());
            if host::is_host(view) && !call.guests.is_empty() {
                guests::rows(ui, view, call);
            }
            search(ui, view);
            ui.add_space(8.0);
            rows(ui, view, call);
            if host::is_host(view) {
                for_all(ui, view, call);
            }
        });
    });
    escape(ui, view);
}

/// Escape closes the panel, unless the chat below has the first word.
fn escape(ui: &Ui, view: &mut View<'_>) {
    let model = view.model;
    let is_alone = model.menu.is_none() && !model.in_dialog() && model.screen == Screen::Call;
    let has_focus = ui.memory(|m| m.has_focus(Id::unique(("field", SEARCH))));
    let is_ours = is_alone && (!model.chat.open || has_focus);
    if is_ours && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
        view.dispatch(Action::People(PeopleAction::Toggle));
    }
}

/// The title with the number of people; Invite for a host, and the button that closes.
fn head(ui: &mut Ui, view: &mut View<'_>, call: &CallView, rect: Rect) {
    let colors = view.colors;
    let is_host = host::is_host(view);
    place::within(ui, rect, Layout::top_down(Align::Min), |ui| {
        let left = |ui: &mut Ui| {
            text::add_words(ui, text::HEADING, colors.text, "People");
            ui.add_space(6.0);
            text::add_words(ui, text::HEADING, colors.text_3, &(call.people.len() + 1).to_string());
        };
        let (_, (close, invite)) = place::sides(ui, rect.height(), 8.0, left, |ui| {
            let close = IconButton::new("Close the list of people", icons::X).show(ui, colors);
            let button = Button::new("Invite", Look::Ghost).icon(icons::USER_PLUS).height(size::BUTTON_TINY);
            (close, is_host.then(|| button.named("Invite people").show(ui, colors)))
        });
        view.on_click(&close, Action::People(PeopleAction::Toggle));
        if let Some(invite) = invite {
            view.on_click(&invite, Action::AsHost(HostAction::Invite));
        }
    });
}

/// The accessible name of the search.
const SEARCH: &str = "Search people";

fn search(ui: &mut Ui, view: &mut View<'_>) {
    let look =
        FieldLook { name: SEARCH, icon: icons::USER, hint: "Search by name", error: false, enabled: true, chip: None };
    let (response, changed) = field(ui, view.colors, &look, &view.model.people.search);
    view.focus(&response, Focus::SearchPeople);
    if let Some(text) = changed {
        view.dispatch(Action::People(PeopleAction::Search(text)));
    }
}

fn rows(ui: &mut Ui, view: &mut View<'_>, call: &CallView) {
    let found = people::rows(call, &view.model.people.search);
    if found.is_empty() {
        place::row(ui, ROW, |ui| text::add_line(ui, text::BODY, view.colors.text_3, "Nobody has this name."));
    }
    for row in found {
        let height = match row {
            Row::Other(person) if view.model.people.volume.as_ref() == Some(&person.user) => ROW + size::BUTTON,
            _ => ROW,
        };
        let place = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), height));
        let has_menu = matches!(row, Row::Other(person) if view.model.menu == Some(Menu::Person(person.user.clone())));
        // Rows out of sight are not laid out: hundreds of people cost nothing.
        if !has_menu && !ui.is_rect_visible(place.expand(ROW)) {
            ui.allocate_space(place.size());
            continue;
        }
        match row {
            Row::You => one(ui, view, &Shown::you(view, call), None),
            Row::Other(person) => {
                one(ui, view, &Shown::other(call, person), Some(person));
                if height > ROW {
                    volume(ui, view, person);
                }
            }
        }
    }
}

/// A person as their row shows them.
struct Shown {
    user: String,
    name: String,
    /// Below the name; may be empty.
    note: String,
    hand: Option<usize>,
    speaking: bool,
    microphone: bool,
    camera: bool,
    is_you: bool,
}

impl Shown {
    fn you(view: &View<'_>, call: &CallView) -> Self {
        let snapshot = &view.model.snapshot;
        Self {
            user: call.user.to_string(),
            name: call.name.clone(),
            note: note(call.host, call.settings.spotlight.as_ref() == Some(&call.user)),
            hand: call.hand,
            speaking: call.speaking,
            microphone: snapshot.microphone.wanted,
            camera: snapshot.camera.wanted,
            is_you: true,
        }
    }

    fn other(call: &CallView, person: &Person) -> Self {
        Self {
            user: person.user.to_string(),
            name: person.name.clone(),
            note: note(person.host, call.settings.spotlight.as_ref() == Some(&person.user)),
            hand: person.hand,
            speaking: person.speaking,
            microphone: person.microphone_on(),
            camera: person.cameras().next().is_some(),
            is_you: false,
        }
    }

    /// "Mina Park, host, hand raised, number 1, speaking, microphone on, camera off".
    fn spoken(&self) -> String {
        let mut parts = vec![plain(&self.name).into_owned()];
        if self.is_you {
            parts.push("you".to_owned());
        }
        if !self.note.is_empty() {
            parts.push(self.note.to_lowercase());
        }
        if let Some(place) = self.hand {
            parts.push(format!("hand raised, number {place}"));
        }
        if self.speaking {
            parts.push("speaking".to_owned());
        }
        parts.push(format!("microphone {}", if self.microphone { "on" } else { "off" }));
        parts.push(format!("camera {}", if self.camera { "on" } else { "off" }));
        parts.join(", ")
    }
}

fn note(host: bool, spotlight: bool) -> String {
    match (host, spotlight) {
        (true, true) => "Host, in the spotlight".to_owned(),
        (true, false) => "Host".to_owned(),
        (false, true) => "In the spotlight".to_owned(),
        (false, false) => String::new(),
    }
}

/// A person's row: avatar, name, marks, and the button of the menu about `person`.
fn one(ui: &mut Ui, view: &mut View<'_>, shown: &Shown, person: Option<&Person>) {
    let colors = view.colors;
    let place = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), ROW));
    let id = Id::unique(("person", &shown.user));
    let response = ui.interact(place, id, Sense::HOVER);
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, shown.spoken()));
    let is_open = person.is_some_and(|p| view.model.menu == Some(Menu::Person(p.user.clone())));
    if is_open {
        ui.painter().rect_filled(place.expand2(vec2(8.0, 0.0)), radius::CONTROL, colors.control);
    }
    place::row(ui, ROW, |ui| {
        add_avatar(ui, AVATAR, &shown.user, &shown.name);
        ui.add_space(AVATAR_GAP);
        let left = |ui: &mut Ui| names(ui, colors, shown);
        place::sides(ui, ROW, 8.0, left, |ui| {
            match person {
                Some(person) => more(ui, view, person, is_open),
                None => ui.add_space(size::ICON_BUTTON[0]),
            }
            marks(ui, colors, shown);
        });
    });
}

/// The name, and below it what the person is here.
fn names(ui: &mut Ui, colors: &Palette, shown: &Shown) {
    let name = if shown.is_you { format!("{} (you)", isolate(&shown.name)) } else { shown.name.clone() };
    let height = text::BODY.line + if shown.note.is_empty() { 0.0 } else { text::CAPTION.line };
    place::stack(ui, vec2(ui.available_width(), height), |ui| {
        text::add_line(ui, text::LABEL.sized(14.0), colors.text, &name);
        if !shown.note.is_empty() {
            text::add_line(ui, text::CAPTION, colors.text_3, &shown.note);
        }
    });
}

/// From the right: camera, microphone or the bars of somebody who speaks, and the raised hand.
fn marks(ui: &mut Ui, colors: &Palette, shown: &Shown) {
    let mark = |ui: &mut Ui, on: bool, [lit, dark]: [char; 2]| {
        let (icon, color) = if on { (lit, colors.text_2) } else { (dark, colors.danger_text) };
        text::add_icon(ui, [MARK, ROW], size::ICON, color, icon);
    };
    mark(ui, shown.camera, [icons::VIDEO_CAMERA, icons::VIDEO_CAMERA_SLASH]);
    if shown.speaking && shown.microphone {
        let (_, bars) = ui.allocate_space(vec2(MARK, ROW));
        speaking_bars(ui.painter(), bars.center(), colors.live);
    } else {
        mark(ui, shown.microphone, [icons::MICROPHONE, icons::MICROPHONE_SLASH]);
    }
    if let Some(place) = shown.hand {
        text::add_words(ui, text::LABEL_STRONG, colors.accent_text, &place.to_string());
        ui.add_space(4.0);
        text::add_icon_fill(ui, [size::ICON_SMALL; 2], size::ICON_SMALL, colors.accent_text, icons::HAND);
    }
}

/// The button of the menu about somebody, and the menu.
fn more(ui: &mut Ui, view: &mut View<'_>, person: &Person, is_open: bool) {
    let name = person_menu::name(person);
    let button = IconButton::new(&name, icons::DOTS_THREE).icon_size(20.0).show(ui, view.colors);
    view.on_click(&button, Action::ToggleMenu(Menu::Person(person.user.clone())));
    if !is_open {
        return;
    }
    let key = TileKey::Person(person.user.clone());
    let entries = person_menu::entries(view, person, &key, &person.name);
    let limit = super::above_tools(ui);
    match menu_above(ui, view.colors, &button, (&name, limit), 248.0, &entries) {
        MenuResult::Open => {}
        MenuResult::Close => view.dispatch(Action::CloseMenu),
        MenuResult::Chosen(action) => view.dispatch(action),
    }
}

/// How loud somebody is for us.
fn volume(ui: &mut Ui, view: &mut View<'_>, person: &Person) {
    place::row(ui, size::BUTTON, |ui| {
        ui.add_space(AVATAR + AVATAR_GAP);
        text::add_icon(ui, [MARK, size::BUTTON], size::ICON, view.colors.text_2, icons::SPEAKER_HIGH);
        let name = format!("Volume of {}", plain(&person.name));
        let slider = Slider { name: &name, value: person.volume, most: LOUDEST, step: 10, unit: "%" };
        let (response, changed) = slider.show(ui, view.colors);
        view.focus(&response, Focus::Volume);
        if let Some(percent) = changed {
            view.dispatch(Action::People(PeopleAction::SetVolume(person.user.clone(), percent)));
        }
    });
}

/// What a host does to all, and sets for the room.
fn for_all(ui: &mut Ui, view: &mut View<'_>, call: &CallView) {
    let colors = view.colors;
    ui.add_space(8.0);
    let mute = Button::new("Mute everyone", Look::Plain).icon(icons::MICROPHONE_SLASH).height(size::BUTTON_SMALL);
    if !call.people.is_empty() {
        let response = mute.show_wide(ui, colors);
        view.on_click(&response, Action::AsHost(HostAction::MuteAll));
        ui.add_space(8.0);
    }
    let settings = &call.settings;
    for (name, on, action) in [
        ("Mute everyone who comes in", settings.muted_on_entry, HostAction::MuteOnEntry(!settings.muted_on_entry)),
        ("Lock the call", settings.locked, HostAction::Lock(!settings.locked)),
        ("Waiting room", settings.waiting_room, HostAction::WaitingRoom(!settings.waiting_room)),
    ] {
        let words = |ui: &mut Ui| text::add_words(ui, text::LABEL.sized(14.0), colors.text, name);
        let response = switch(ui, colors, size::SETTINGS_ROW, (name, on), words);
        view.on_click(&response, Action::AsHost(action));
    }
}
