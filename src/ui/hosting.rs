//! What a host does in the window: asked first where somebody else is hit, then sent to the desk. The server decides.

use crate::base::UserId;
use crate::call::view::{CallCommand, HostRequest};
use crate::ui::icons;
use crate::ui::model::{Focus, Model, Question};
use crate::ui::screens::Screen;
use crate::ui::update::Effects;

/// One thing a host did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostAction {
    /// Chose "Remove from call…".
    AskToRemove(UserId),
    /// Said yes to it.
    Remove(UserId),
    /// Chose "End call for everyone…".
    AskToEnd,
    /// Said yes to it.
    End,
    /// Pressed Invite.
    Invite,
}

/// Carries one out.
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
            model.focus = Some(Focus::Tiles);
            let Some(name) = model.person(&user).map(|p| p.name.clone()) else { return };
            HostRequest::Remove { user, name }
        }
        HostAction::End => {
            model.focus = Some(Focus::Leave);
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

/// The server did not do it.
pub(super) fn refused(model: &mut Model, request: &HostRequest, sentence: String) {
    if *request == HostRequest::EndForEveryone {
        model.ended_by_us = None;
    }
    model.toast(icons::WARNING_CIRCLE, sentence);
}
