//! What can be done with somebody: the entries of the menu of their tile, and of their row in the list of people.

use super::{View, host};
use crate::base::{DeviceKind, TrackRole};
use crate::call::view::Person;
use crate::ui::action::{Action, HostAction};
use crate::ui::bidi::plain;
use crate::ui::chat::ChatAction;
use crate::ui::icons;
use crate::ui::people::PeopleAction;
use crate::ui::tile_layout::{MOST_PINNED, RemoteTile, TileKey};
use crate::ui::widgets::MenuEntry;

/// The entries about `person`; `key` is the tile that can be pinned, and `title` its name.
pub(super) fn entries(view: &View<'_>, person: &Person, key: &TileKey, title: &str) -> Vec<MenuEntry<Action>> {
    let model = view.model;
    let mut entries = vec![MenuEntry::Title(title.to_owned())];
    if model.call().is_some_and(|call| RemoteTile::all(&call.people).len() > 1) {
        let pinned = &model.tile_layout.pinned;
        if pinned.contains(key) {
            entries.push(item("Unpin", icons::PUSH_PIN_SLASH, Action::Pin(key.clone(), false)));
        } else if pinned.len() < MOST_PINNED {
            entries.push(item("Pin for me", icons::PUSH_PIN, Action::Pin(key.clone(), true)));
        }
    }
    let write = Action::Chat(ChatAction::WriteTo(Some(person.user.clone())));
    entries.push(item("Message", icons::CHAT_CIRCLE_TEXT, write));
    let volume = Action::People(PeopleAction::ShowVolume(person.user.clone()));
    entries.push(item("Volume", icons::SPEAKER_HIGH, volume));
    let hides = model.people.hides(&person.user);
    let hide = Action::People(PeopleAction::HidePicture(person.user.clone(), !hides));
    entries.push(if hides {
        item("Show picture", icons::VIDEO_CAMERA, hide)
    } else {
        item("Hide picture for me", icons::VIDEO_CAMERA_SLASH, hide)
    });
    if host::is_host(view) {
        add_host_entries(view, person, &mut entries);
    }
    entries
}

fn add_host_entries(view: &View<'_>, person: &Person, entries: &mut Vec<MenuEntry<Action>>) {
    let user = || person.user.clone();
    let mut add = |label, icon, action| entries.push(item(label, icon, Action::AsHost(action)));
    if person.hand.is_some() {
        add("Lower hand", icons::HAND, HostAction::LowerHand(user()));
    }
    if person.sends(TrackRole::Voice) {
        add("Mute microphone", icons::MICROPHONE_SLASH, HostAction::TurnOff(user(), TrackRole::Voice));
    } else {
        add("Ask to unmute", icons::MICROPHONE, HostAction::AskToTurnOn(user(), DeviceKind::Microphone));
    }
    if person.sends(TrackRole::Camera) {
        add("Turn camera off", icons::VIDEO_CAMERA_SLASH, HostAction::TurnOff(user(), TrackRole::Camera));
    } else {
        add("Ask to turn camera on", icons::VIDEO_CAMERA, HostAction::AskToTurnOn(user(), DeviceKind::Camera));
    }
    if person.sends(TrackRole::Screen) {
        add("Stop sharing", icons::MONITOR_ARROW_UP, HostAction::TurnOff(user(), TrackRole::Screen));
    }
    let is_lit = view.model.call().is_some_and(|call| call.settings.spotlight.as_ref() == Some(&person.user));
    let (label, lit) = if is_lit { ("End spotlight", None) } else { ("Spotlight for everyone", Some(user())) };
    add(label, icons::SUN, HostAction::Spotlight(lit));
    if !person.host {
        add("Make host", icons::USER_PLUS, HostAction::MakeHost(user()));
    }
    entries.push(MenuEntry::Item {
        label: "Remove from call…".to_owned(),
        note: String::new(),
        icon: icons::USER_MINUS,
        danger: true,
        value: Action::AsHost(HostAction::AskToRemove(user())),
    });
}

fn item(label: &str, icon: char, value: Action) -> MenuEntry<Action> {
    MenuEntry::Item { label: label.to_owned(), note: String::new(), icon, danger: false, value }
}

/// The accessible name of the menu.
pub(super) fn name(person: &Person) -> String {
    format!("Actions for {}", plain(&person.name))
}
