//! Notices of the call service, which come once; most become a toast.

use crate::base::{DeviceKind, DeviceProblemKind, UserId, Withheld};
use crate::call::view::{CallCommand, CallPhase, DeviceState, JoinSound, Notice};
use crate::ui::action::{Action, HostAction};
use crate::ui::bidi::isolate;
use crate::ui::effects::Effects;
use crate::ui::model::Model;
use crate::ui::notifications::News;
use crate::ui::parts::Menu;
use crate::ui::share::ShareAction;
use crate::ui::update::update;
use crate::ui::{hosting, icons, reactions, strings};

/// Applies one notice. Joins and leaves become toasts in calls of up to six people only.
pub(super) fn apply(model: &mut Model, notice: Notice, effects: &mut Effects) {
    tell(model, &notice, effects);
    let few = model.call().is_none_or(|c| c.people.len() < 6);
    let (icon, text) = match notice {
        Notice::Joined(name) if few => (icons::USER_PLUS, format!("{} joined", isolate(&name))),
        Notice::Left(name) if few => (icons::SIGN_OUT, format!("{} left", isolate(&name))),
        Notice::Joined(_) | Notice::Left(_) => return,
        Notice::Removed(name) => (icons::USER_MINUS, format!("{} was removed", isolate(&name))),
        Notice::Dropped(name) => (icons::WIFI_SLASH, format!("{} lost the connection", isolate(&name))),
        Notice::LockedWhileSharing => {
            (icons::MONITOR_ARROW_UP, "Sharing has ended, because the screen was locked".to_owned())
        }
        Notice::Waits(user, name) => return guest_waits(model, user, &name),
        Notice::HandRaised(name) => (icons::HAND, format!("{} raised a hand", isolate(&name))),
        Notice::HandLowered(why) => return reactions::hand_lowered(model, why),
        Notice::Reaction { name, reaction, .. } => return reactions::reacted(model, &name, reaction),
        Notice::BackInCall => (icons::WIFI_HIGH, "You are back in the call".to_owned()),
        Notice::Device(kind) => return device_failed(model, kind),
        Notice::Withheld(kind, why) => return device_withheld(model, kind, why),
        Notice::Allowed(kind) => return device_allowed(model, kind),
        Notice::Asked(kind) => return device_asked(model, kind),
        Notice::DeviceMissing { kind, name } => {
            let instead = strings::default_device(&model.snapshot.devices, kind);
            (icons::PLUGS, strings::missing_device(kind, &name, instead))
        }
        Notice::DeviceBack { name, .. } => (icons::PLUGS, format!("“{}” is back and in use", isolate(&name))),
        Notice::DefaultDevice { kind, name } => (icons::PLUGS, strings::default_changed(kind, &name)),
        Notice::Saved(Ok(file)) => (icons::FLOPPY_DISK, format!("Saved as {}", isolate(&file))),
        Notice::Saved(Err(reason)) => (icons::WARNING_CIRCLE, format!("The file could not be written: {reason}")),
        Notice::Refused { request, sentence } => return hosting::refused(model, &request, sentence),
        Notice::Link(link) => {
            effects.raise = true;
            return update(model, Action::OpenLink(link), effects);
        }
        Notice::Invitation(link) => {
            return update(model, Action::Copy { text: link, said: "Link copied" }, effects);
        }
        Notice::NewRelease(release) => {
            model.release = Some(release);
            return;
        }
    };
    model.toast(icon, text);
}

/// Takes the news of a notice in for the system's notification, and lets coming and going be heard.
fn tell(model: &mut Model, notice: &Notice, effects: &mut Effects) {
    let news = match notice {
        Notice::Joined(name) => Some(News::Joined(name.clone())),
        Notice::Waits(_, name) => Some(News::Waits(name.clone())),
        Notice::HandRaised(name) => Some(News::HandRaised(name.clone())),
        _ => None,
    };
    if let Some(news) = news {
        model.notifications.note(news, model.now);
    }
    let sound = match notice {
        Notice::Joined(_) => JoinSound::Came,
        Notice::Left(_) | Notice::Removed(_) | Notice::Dropped(_) => JoinSound::Went,
        _ => return,
    };
    let in_call = model.call().is_some_and(|call| matches!(call.phase, CallPhase::InCall { .. }));
    if in_call && model.settings.join_sounds && model.join_sounds.is_heard(model.now) {
        effects.commands.push(CallCommand::PlaySound(sound));
    }
}

/// Tells that a device failed during a call, with a button that opens the list of the others.
fn device_failed(model: &mut Model, kind: DeviceKind) {
    let device = model.device(kind);
    let DeviceState::Failed(problem) = &device.state else { return };
    let (title, sentence) = strings::device_problem(kind, device, problem);
    // Only the sentence says what is wrong with it.
    let title = if problem.kind == DeviceProblemKind::Unreadable { sentence } else { title.to_owned() };
    let (menu, word) = match kind {
        DeviceKind::Camera => (Menu::Tool(DeviceKind::Camera), "Choose another camera"),
        DeviceKind::Microphone => (Menu::Tool(DeviceKind::Microphone), "Choose another microphone"),
        DeviceKind::Speaker => (Menu::Tool(DeviceKind::Microphone), "Choose a speaker"),
        DeviceKind::Screen => {
            let again = Action::Share(ShareAction::Change);
            return model.toast_with(icons::MONITOR_ARROW_UP, title, Some(("Share again", again)));
        }
    };
    model.toast_with(icons::PLUGS, title, Some((word, Action::ToggleMenu(menu))));
}

/// Tells that others keep a device off; with a button that turns it on, where that is possible.
fn device_withheld(model: &mut Model, kind: DeviceKind, why: Withheld) {
    let (icon, turn_on) = switch(kind);
    let word = match why {
        Withheld::Host if kind == DeviceKind::Screen => Some("Share again"),
        Withheld::Host => Some("Turn on"),
        Withheld::Refused => Some("Try again"),
        Withheld::NotAllowed => None,
    };
    let sentence = strings::withheld(kind, why);
    model.toasts.retain(|toast| toast.icon != icon);
    model.toast_with(icon, sentence.to_owned(), word.zip(turn_on));
}

/// Tells that a device may be used now. It is off until the user turns it on.
fn device_allowed(model: &mut Model, kind: DeviceKind) {
    let (icon, turn_on) = switch(kind);
    let Some(turn_on) = turn_on else { return };
    model.toasts.retain(|toast| toast.icon != icon);
    model.toast_with(
        icon,
        strings::allowed(kind).to_owned(),
        Some((if kind == DeviceKind::Screen { "Share" } else { "Turn on" }, turn_on)),
    );
}

/// Tells that somebody waits, while the bar about it is not seen.
fn guest_waits(model: &mut Model, user: UserId, name: &str) {
    if model.settings_open || model.full_screen {
        let admit = Action::AsHost(HostAction::Admit(Some(user)));
        model.toast_with(icons::HOURGLASS, format!("{} waits to come in", isolate(name)), Some(("Let in", admit)));
    }
}

/// Tells that a host asks for a device. It stays off until the user turns it on.
fn device_asked(model: &mut Model, kind: DeviceKind) {
    let (icon, turn_on) = switch(kind);
    model.toasts.retain(|toast| toast.icon != icon);
    model.toast_with(icon, strings::asked(kind).to_owned(), turn_on.map(|turn_on| ("Turn on", turn_on)));
}

/// The icon of a device that is off, and the action that turns it on; `None` for a device without a button.
const fn switch(kind: DeviceKind) -> (char, Option<Action>) {
    match kind {
        DeviceKind::Camera => (icons::VIDEO_CAMERA_SLASH, Some(Action::TurnOn(kind))),
        DeviceKind::Microphone => (icons::MICROPHONE_SLASH, Some(Action::TurnOn(kind))),
        DeviceKind::Screen => (icons::MONITOR_ARROW_UP, Some(Action::TurnOn(kind))),
        DeviceKind::Speaker => (icons::PLUGS, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::view::Snapshot;
    use crate::store::Settings;
    use std::sync::Arc;

    #[test]
    fn plugging_is_told_with_what_is_used_now() {
        let mut model = Model::new(Settings::default());
        let mut snapshot = Snapshot { devices: crate::ui::testing::devices(), ..Snapshot::default() };
        model.snapshot = Arc::new(snapshot.clone());
        let missing = || Notice::DeviceMissing { kind: DeviceKind::Microphone, name: "Desk".into() };
        apply(&mut model, missing(), &mut Effects::default());
        let said = |model: &Model| model.toasts.last().map(|t| t.text.clone()).unwrap_or_default();
        assert_eq!(said(&model), "“Desk” is not plugged in. “Headset microphone” is used until it is back.");
        snapshot.devices.microphones.retain(|e| e.synthetic);
        model.snapshot = Arc::new(snapshot);
        apply(&mut model, missing(), &mut Effects::default());
        assert_eq!(said(&model), "“Desk” is not plugged in, and there is no other microphone.");
        apply(
            &mut model,
            Notice::DefaultDevice { kind: DeviceKind::Speaker, name: "Desk".into() },
            &mut Effects::default(),
        );
        assert_eq!(said(&model), "The speaker is now “Desk”, the system's default");
    }

    #[test]
    fn comings_and_goings_are_told_in_small_calls_only() {
        let mut model = Model::new(Settings::default());
        apply(&mut model, Notice::Left("Mina Park".into()), &mut Effects::default());
        assert_eq!(model.toasts[0].text, "Mina Park left");
        let mut call = crate::ui::testing::call(crate::call::view::CallPhase::Entering);
        let person = call.people[0].clone();
        call.people = vec![person; 7];
        model.snapshot = Arc::new(Snapshot { call: Some(call), ..Snapshot::default() });
        apply(&mut model, Notice::Joined("Priya Nair".into()), &mut Effects::default());
        assert_eq!(model.toasts.len(), 1);
    }

    #[test]
    fn a_newer_note_about_a_device_replaces_the_older_one() {
        let mut model = Model::new(Settings::default());
        let mut tell = |notice| {
            apply(&mut model, notice, &mut Effects::default());
            model.toasts.iter().map(|t| (t.text.clone(), t.button.is_some())).collect::<Vec<_>>()
        };
        let toasts = tell(Notice::Withheld(DeviceKind::Microphone, Withheld::Host));
        assert_eq!(toasts, [("The host has turned your microphone off".to_owned(), true)]);
        let toasts = tell(Notice::Withheld(DeviceKind::Microphone, Withheld::NotAllowed));
        assert_eq!(toasts, [("You may not speak in this room".to_owned(), false)]);
        tell(Notice::Withheld(DeviceKind::Camera, Withheld::NotAllowed));
        let toasts = tell(Notice::Allowed(DeviceKind::Microphone));
        let expected = [("You may not show your camera in this room", false), ("You may speak now", true)];
        assert_eq!(toasts, expected.map(|(text, button)| (text.to_owned(), button)));
    }
}
