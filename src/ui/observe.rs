//! Takes a new snapshot and new notices into the model: the changes that no action of the user causes.

use crate::base::UserId;
use crate::call::view::{CallPhase, Notice, Snapshot};
use crate::ui::chat;
use crate::ui::details;
use crate::ui::effects::Effects;
use crate::ui::model::Model;
use crate::ui::notices;
use crate::ui::parts::{Focus, Menu, Question};
use crate::ui::people;
use crate::ui::reactions;
use crate::ui::screens::Screen;
use crate::ui::tile_layout::{RemoteTile, TileKey};
use crate::ui::update::{focus_stage, full_screen, screen_changed};
use std::sync::Arc;

/// The input of one frame.
pub(super) struct Observation {
    /// The window's clock, in seconds.
    pub(super) now: f64,
    /// Unix time in ms.
    pub(super) unix_ms: f64,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) notices: Vec<Notice>,
}

/// Applies it, and changes the screen when it is time.
pub(super) fn observe(model: &mut Model, seen: Observation, effects: &mut Effects) {
    model.now = seen.now;
    model.unix_ms = seen.unix_ms;
    model.snapshot = seen.snapshot;
    let snapshot = model.snapshot.clone();
    model.screens.observe(snapshot.call.as_ref(), model.now);
    follow_people(model, effects);
    chat::observe(model);
    people::observe(model);
    reactions::observe(model);
    for notice in seen.notices {
        notices::apply(model, notice, effects);
    }
    model.toasts.retain(|toast| toast.until > model.now);
    change_screen(model, effects);
    details::observe(model, effects);
    let stuck = model.stuck_microphone().is_some();
    if stuck && !model.stuck_shown {
        model.focus = Some(Focus::Dialog);
    }
    model.stuck_shown = stuck;
    if model.meter_shown() {
        model.meter.follow(model.snapshot.own_level, model.now);
    }
}

/// Lets the layout follow who speaks, and closes the menu and the question about somebody who has left.
fn follow_people(model: &mut Model, effects: &mut Effects) {
    let snapshot = model.snapshot.clone();
    let Some(call) = &snapshot.call else { return };
    model.tile_layout.spotlight.clone_from(&call.settings.spotlight);
    model.tile_layout.only_with_camera = model.settings.only_with_camera;
    model.tile_layout.observe(&call.people, model.now);
    if !RemoteTile::all(&call.people).iter().any(RemoteTile::shows_screen) {
        full_screen(model, false, effects);
    }
    let left = |user: &UserId| call.people.iter().all(|p| p.user != *user);
    let ended = |key: &TileKey| RemoteTile::all(&call.people).iter().all(|tile| tile.key() != *key);
    model.menu = model.menu.take().filter(|menu| match menu {
        Menu::Tile(key) => !ended(key),
        Menu::Person(user) => !left(user),
        _ => true,
    });
    if matches!(&model.question, Some(Question::Remove(user)) if left(user)) {
        model.question = None;
        focus_stage(model);
    }
}

fn change_screen(model: &mut Model, effects: &mut Effects) {
    let screen = match model.screens.screen(model.call(), model.now) {
        Screen::End if !model.settings.show_receipt && model.stuck_microphone().is_none() => Screen::Lobby,
        screen => screen,
    };
    // A refusal may come before any frame has shown the joining: then the screen stays the lobby, but the call must
    // still be dismissed and its message shown.
    let ended = model.call().filter(|c| matches!(c.phase, CallPhase::Ended(_))).map(|c| c.session);
    let refused = screen == Screen::Lobby && ended.is_some() && ended != model.dismissed;
    if refused {
        model.dismissed = ended;
    }
    if screen == model.screen && !refused {
        return;
    }
    let from = std::mem::replace(&mut model.screen, screen);
    screen_changed(model, from, effects);
    if screen.name() != from.name() {
        effects.shown = Some(screen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ExitReason;
    use crate::call::view::CallCommand;
    use crate::store::Settings;
    use crate::ui::testing::{call, ending, in_call};

    fn see(model: &mut Model, now: f64, phase: Option<CallPhase>, notices: Vec<Notice>) -> Effects {
        let snapshot = Arc::new(Snapshot { call: phase.map(call), ..Snapshot::default() });
        let mut effects = Effects::default();
        observe(model, Observation { now, unix_ms: 0.0, snapshot, notices }, &mut effects);
        effects
    }

    fn model(settings: impl FnOnce(&mut Settings)) -> Model {
        let mut chosen = Settings::default();
        settings(&mut chosen);
        Model::new(chosen)
    }

    #[test]
    fn a_refusal_that_comes_first_is_told_and_dismissed_once() {
        let mut model = model(|_| ());
        let mut refused = ending(ExitReason::EntryFailed);
        refused.message = "This call is full.".into();
        let ended = CallPhase::Ended(refused);
        let effects = see(&mut model, 0.0, Some(ended.clone()), vec![]);
        assert!(matches!(effects.commands[..], [CallCommand::Dismiss, CallCommand::UseDevices(_)]), "{effects:?}");
        assert_eq!(effects.shown, None, "the lobby was there already");
        assert_eq!(model.form.error.as_ref().map(|e| e.sentence.as_str()), Some("This call is full."));
        assert_eq!(see(&mut model, 0.1, Some(ended), vec![]), Effects::default());
    }

    #[test]
    fn without_the_receipt_an_exit_ends_in_the_lobby() {
        for (show_receipt, screen) in [(true, Screen::End), (false, Screen::Lobby)] {
            let mut model = model(|s| s.show_receipt = show_receipt);
            see(&mut model, 0.0, Some(in_call()), vec![]);
            let effects = see(&mut model, 1.0, Some(CallPhase::Ended(ending(ExitReason::Left))), vec![]);
            assert_eq!((model.screen, effects.shown), (screen, Some(screen)));
        }
    }

    #[test]
    fn menu_and_question_about_somebody_close_when_they_leave() {
        let mut model = model(|_| ());
        let people = call(in_call()).people;
        let user = people[0].user.clone();
        see(&mut model, 0.0, Some(in_call()), vec![]);
        model.menu = Some(Menu::Tile(RemoteTile::all(&people)[0].key()));
        model.question = Some(Question::Remove(user));
        see(&mut model, 0.1, Some(in_call()), vec![]);
        assert!(model.menu.is_some() && model.question.is_some());
        let mut without = call(in_call());
        without.people.remove(0);
        let snapshot = Arc::new(Snapshot { call: Some(without), ..Snapshot::default() });
        let seen = Observation { now: 0.2, unix_ms: 0.0, snapshot, notices: vec![] };
        observe(&mut model, seen, &mut Effects::default());
        assert_eq!((model.menu, model.question, model.focus), (None, None, Some(Focus::Tiles)));
    }

    #[test]
    fn a_link_raises_the_window_and_an_invitation_is_copied() {
        let mut model = model(|_| ());
        let effects = see(&mut model, 0.0, None, vec![Notice::Link("visavis://calls.example/tea".into())]);
        assert!(effects.raise && effects.commands.is_empty());
        assert_eq!(model.form.room, "tea");
        let link = "https://meet.example/j/tea?i=x";
        let effects = see(&mut model, 0.1, None, vec![Notice::Invitation(link.into())]);
        assert_eq!((effects.raise, effects.copy.as_deref()), (false, Some(link)));
    }
}
