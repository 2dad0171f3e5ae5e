//! The actions of a host: a question first where others are affected, then a request to the server, which decides.

use crate::call::view::{CallCommand, HostRequest};
use crate::ui::action::HostAction;
use crate::ui::bidi::isolate;
use crate::ui::effects::Effects;
use crate::ui::icons;
use crate::ui::model::Model;
use crate::ui::parts::{Focus, Question};
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
        HostAction::End => {
            focus_stage(model);
            model.ended_by_us = model.call().map(|call| call.session);
            HostRequest::EndForEveryone
        }
        HostAction::Invite => HostRequest::Invite,
    };
    effects.commands.push(CallCommand::AsHost(wish));
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
        HostRequest::Remove { name, .. } | HostRequest::LowerHand { name, .. } => {
            sentence.replace(name.as_str(), &isolate(name))
        }
        HostRequest::EndForEveryone | HostRequest::Invite => sentence,
    };
    model.toast(icons::WARNING_CIRCLE, sentence);
}
