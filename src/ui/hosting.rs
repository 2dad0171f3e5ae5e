//! The actions of a host: a question first where others are affected, then a request to the server, which decides.

use crate::base::{TrackRole, UserId};
use crate::call::view::{CallCommand, HostRequest};
use crate::proto::room_settings::RoomSettings;
use crate::ui::action::HostAction;
use crate::ui::bidi::isolate;
use crate::ui::effects::Effects;
use crate::ui::icons;
use crate::ui::model::Model;
use crate::ui::parts::{Focus, Question};
use crate::ui::people;
use crate::ui::screens::Screen;
use crate::ui::update::focus_stage;

/// Applies one action of a host.
pub(super) fn act(model: &mut Model, action: HostAction, effects: &mut Effects) {
    model.menu = None;
    model.question = None;
    if model.screen != Screen::Call {
        return;
    }
    let wish = match action {
        HostAction::AskToRemove(user) => return ask(model, Question::Remove(user)),
        HostAction::AskToEnd => return ask(model, Question::End),
        HostAction::Remove(user) => {
            focus_stage(model);
            let Some(name) = model.person(&user).map(|p| p.name.clone()) else { return };
            HostRequest::Remove { user, name }
        }
        HostAction::LowerHand(user) => {
            focus_stage(model);
            let Some(name) = model.person(&user).map(|p| p.name.clone()) else { return };
            HostRequest::LowerHand { user, name }
        }
        HostAction::TurnOff(user, role) => {
            let Some(person) = model.person(&user) else { return };
            let tracks = people::sending(person, role);
            HostRequest::Mute { whose: person.name.clone(), tracks }
        }
        HostAction::MuteAll => {
            let people = model.call().map(|call| call.people.as_slice()).unwrap_or_default();
            let tracks = people.iter().flat_map(|person| people::sending(person, TrackRole::Voice)).collect();
            HostRequest::Mute { whose: "everybody".to_owned(), tracks }
        }
        HostAction::AskToTurnOn(user, kind) => {
            let Some(name) = model.person(&user).map(|p| p.name.clone()) else { return };
            model.toast(icons::USER, format!("{} is asked", isolate(&name)));
            HostRequest::AskToTurnOn { user, name, kind }
        }
        HostAction::MakeHost(user) => {
            let Some(name) = model.person(&user).map(|p| p.name.clone()) else { return };
            HostRequest::MakeHost { user, name }
        }
        HostAction::Spotlight(user) => return set(model, effects, |settings| settings.spotlight = user),
        HostAction::Lock(on) => return set(model, effects, |settings| settings.locked = on),
        HostAction::WaitingRoom(on) => return set(model, effects, |settings| settings.waiting_room = on),
        HostAction::Admit(user) => {
            let guests = model.call().map(|call| call.guests.clone()).unwrap_or_default();
            let chosen = |(guest, _): &(UserId, String)| user.as_ref().is_none_or(|user| user == guest);
            let people: Vec<_> = guests.into_iter().filter(chosen).collect();
            if people.is_empty() {
                return;
            }
            HostRequest::Admit(people)
        }
        HostAction::Refuse(user) => {
            let guests = model.call().map(|call| call.guests.as_slice()).unwrap_or_default();
            let Some((user, name)) = guests.iter().find(|(guest, _)| *guest == user).cloned() else { return };
            HostRequest::Refuse { user, name }
        }
        HostAction::MuteOnEntry(on) => return set(model, effects, |settings| settings.muted_on_entry = on),
        HostAction::End => {
            focus_stage(model);
            model.ended_by_us = model.call().map(|call| call.session);
            HostRequest::EndForEveryone
        }
        HostAction::Invite => HostRequest::Invite,
    };
    effects.commands.push(CallCommand::AsHost(wish));
}

/// Changes what is set for the whole room.
fn set(model: &Model, effects: &mut Effects, change: impl FnOnce(&mut RoomSettings)) {
    let Some(mut settings) = model.call().map(|call| call.settings.clone()) else { return };
    change(&mut settings);
    effects.commands.push(CallCommand::AsHost(HostRequest::Set(settings)));
}

fn ask(model: &mut Model, question: Question) {
    model.question = Some(question);
    model.focus = Some(Focus::Dialog);
}

/// Tells that the server refused a request.
pub(super) fn refused(model: &mut Model, request: &HostRequest, sentence: String) {
    if *request == HostRequest::EndForEveryone {
        model.ended_by_us = None;
    }
    let sentence = match request {
        HostRequest::Remove { name, .. }
        | HostRequest::LowerHand { name, .. }
        | HostRequest::Mute { whose: name, .. }
        | HostRequest::AskToTurnOn { name, .. }
        | HostRequest::Refuse { name, .. }
        | HostRequest::MakeHost { name, .. } => sentence.replace(name.as_str(), &isolate(name)),
        HostRequest::Set(_) | HostRequest::Admit(_) | HostRequest::EndForEveryone | HostRequest::Invite => sentence,
    };
    model.toast(icons::WARNING_CIRCLE, sentence);
}
