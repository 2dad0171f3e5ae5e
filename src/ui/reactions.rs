//! Our raised hand, and the reactions that fly over the stage.

use crate::base::{Reaction, SessionId, Withheld};
use crate::call::view::{CallCommand, CallPhase};
use crate::ui::bidi::isolate;
use crate::ui::effects::Effects;
use crate::ui::icons;
use crate::ui::model::Model;
use crate::ui::parts::Focus;
use crate::ui::screens::Screen;
use crate::ui::strings;
use crate::ui::tokens::time;

/// How long a reaction flies, in seconds.
pub(super) const FLIGHT: f64 = 3.5;
/// Reactions that fly at once at most; of more the oldest goes.
const FLYING: usize = 24;

/// A reaction on its way over the stage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flying {
    /// Counts the reactions of a call, for a place of its own.
    pub(super) number: usize,
    /// Who reacts, as it is shown.
    pub(super) name: String,
    pub(super) reaction: Reaction,
    /// When it began, in seconds of the window's clock.
    pub(super) since: f64,
}

/// The reactions of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Reactions {
    session: Option<SessionId>,
    pub(super) flying: Vec<Flying>,
    count: usize,
    /// What screen readers are told of the newest one, and until when.
    news: Option<(String, f64)>,
}

impl Reactions {
    /// What screen readers are told of the newest reaction.
    pub(super) fn news(&self) -> Option<&str> {
        self.news.as_ref().map(|(words, _)| words.as_str())
    }

    fn fly(&mut self, name: String, reaction: Reaction, now: f64) {
        if self.flying.len() == FLYING {
            self.flying.remove(0);
        }
        self.count += 1;
        self.flying.push(Flying { number: self.count, name, reaction, since: now });
    }
}

/// Lets go of reactions that have flown, and of those of another call.
pub(super) fn observe(model: &mut Model) {
    let session = model.call().map(|call| call.session);
    let now = model.now;
    if model.reactions.session != session || model.screen != Screen::Call {
        model.reactions = Reactions { session, ..Reactions::default() };
    }
    model.reactions.flying.retain(|flying| now - flying.since < FLIGHT);
    model.reactions.news = model.reactions.news.take().filter(|(_, until)| *until > now);
}

/// Somebody else reacts.
pub(super) fn reacted(model: &mut Model, name: &str, reaction: Reaction) {
    let now = model.now;
    model.reactions.news = Some((format!("{}: {}", isolate(name), strings::reaction(reaction)), now + time::TOAST));
    model.reactions.fly(name.to_owned(), reaction, now);
}

/// We react, if the others can see it now.
pub(super) fn react(model: &mut Model, reaction: Reaction, effects: &mut Effects) {
    model.menu = None;
    model.focus = Some(Focus::ReactButton);
    if is_in_call(model) {
        let now = model.now;
        model.reactions.fly("You".to_owned(), reaction, now);
        effects.commands.push(CallCommand::React(reaction));
    }
}

/// We raise the hand, or lower it.
pub(super) fn toggle_hand(model: &mut Model, effects: &mut Effects) {
    model.menu = None;
    if let Some(call) = model.call().filter(|_| model.screen == Screen::Call) {
        effects.commands.push(CallCommand::RaiseHand(call.hand.is_none()));
    }
}

/// Whether the others can see now what we do.
pub(super) fn is_in_call(model: &Model) -> bool {
    model.screen == Screen::Call && matches!(model.call().map(|c| &c.phase), Some(CallPhase::InCall { .. }))
}

/// Tells that our hand was lowered.
pub(super) fn hand_lowered(model: &mut Model, why: Withheld) {
    model.toast(icons::HAND, strings::hand_lowered(why).to_owned());
}

/// The icon of a reaction.
pub(super) const fn icon(reaction: Reaction) -> char {
    match reaction {
        Reaction::ThumbsUp => icons::THUMBS_UP,
        Reaction::ThumbsDown => icons::THUMBS_DOWN,
        Reaction::Clapping => icons::HANDS_CLAPPING,
        Reaction::Heart => icons::HEART,
        Reaction::Joy => icons::SMILEY,
        Reaction::Surprise => icons::SMILEY_BLANK,
        Reaction::Party => icons::CONFETTI,
        Reaction::Thanks => icons::HANDS_PRAYING,
    }
}
