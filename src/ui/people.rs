//! The list of people: whether it is open, what is searched, whose picture is hidden for us.

use crate::base::{LOUDEST, SessionId, TrackRole, TrackSid, UserId};
use crate::call::view::{CallCommand, CallView, Person};
use crate::ui::details;
use crate::ui::effects::Effects;
use crate::ui::icons;
use crate::ui::model::Model;
use crate::ui::parts::Focus;
use crate::ui::strings;
use std::collections::BTreeSet;

/// What a person did with the list of people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PeopleAction {
    /// Opened or closed the panel.
    Toggle,
    /// Typed into the search.
    Search(String),
    /// Opened somebody's volume, or closed it.
    ShowVolume(UserId),
    /// Hears somebody louder or quieter: in percent of what they send.
    SetVolume(UserId, u16),
    /// Hides somebody's picture for us, or shows it again.
    HidePicture(UserId, bool),
}

/// The state of the list.
#[derive(Clone, Debug, Default)]
pub(super) struct PeoplePanel {
    session: Option<SessionId>,
    pub(super) open: bool,
    pub(super) search: String,
    /// Whose volume is open.
    pub(super) volume: Option<UserId>,
    /// Whose pictures we do not want to see. Nothing of them is received.
    hidden: BTreeSet<UserId>,
    /// Whom a host showed large to everybody before.
    spotlight: Option<UserId>,
}

impl PeoplePanel {
    /// Whether we do not want to see the pictures of this person.
    pub(super) fn hides(&self, user: &UserId) -> bool {
        self.hidden.contains(user)
    }
}

/// A row of the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Row<'a> {
    You,
    Other(&'a Person),
}

/// Those whose name is found: raised hands in their order, then you, then the others in the order in which they came.
pub(super) fn rows<'a>(call: &'a CallView, search: &str) -> Vec<Row<'a>> {
    let wanted = search.trim().to_lowercase();
    let is_found = |name: &str| name.to_lowercase().contains(&wanted);
    let you = is_found(&call.name).then_some((call.hand, Row::You));
    let others = call.people.iter().filter(|p| is_found(&p.name)).map(|p| (p.hand, Row::Other(p)));
    let mut rows: Vec<_> = you.into_iter().chain(others).collect();
    rows.sort_by_key(|(hand, _)| hand.unwrap_or(usize::MAX));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The tracks of a role that a person sends.
pub(super) fn sending(person: &Person, role: TrackRole) -> Vec<(UserId, TrackSid)> {
    let tracks = person.tracks.iter().filter(|track| !track.muted && track.role() == role);
    tracks.map(|track| (person.user.clone(), track.track.sid.clone())).collect()
}

/// Forgets a call that is over, and people who have left it; tells us that everybody sees us large.
pub(super) fn observe(model: &mut Model) {
    let snapshot = model.snapshot.clone();
    let session = snapshot.call.as_ref().map(|call| call.session);
    if model.people.session != session {
        model.people = PeoplePanel { session, ..PeoplePanel::default() };
    }
    let Some(call) = &snapshot.call else { return };
    let is_here = |user: &UserId| call.people.iter().any(|p| p.user == *user);
    model.people.volume = model.people.volume.take().filter(is_here);
    let before = std::mem::replace(&mut model.people.spotlight, call.settings.spotlight.clone());
    let is_us = |user: Option<&UserId>| user == Some(&call.user);
    if is_us(call.settings.spotlight.as_ref()) && !is_us(before.as_ref()) {
        model.toast(icons::USER, strings::people::IN_SPOTLIGHT.to_owned());
    }
}

/// Applies one action.
pub(super) fn act(model: &mut Model, action: PeopleAction, effects: &mut Effects) {
    model.menu = None;
    match action {
        // Under the settings it is not seen.
        PeopleAction::Toggle if model.people.open && model.panel_open() && !details::is_shown(model) => {
            model.people.open = false;
            model.focus = Some(Focus::PeopleButton);
        }
        PeopleAction::Toggle => open(model, effects),
        PeopleAction::Search(text) => model.people.search = text,
        PeopleAction::ShowVolume(user) => {
            open(model, effects);
            let is_closed = model.people.volume.as_ref() != Some(&user);
            model.people.volume = is_closed.then_some(user);
            model.focus = Some(if is_closed { Focus::Volume } else { Focus::SearchPeople });
        }
        PeopleAction::SetVolume(user, percent) => {
            effects.commands.push(CallCommand::SetVolume(user, percent.min(LOUDEST)));
        }
        PeopleAction::HidePicture(user, true) => drop(model.people.hidden.insert(user)),
        PeopleAction::HidePicture(user, false) => drop(model.people.hidden.remove(&user)),
    }
}

fn open(model: &mut Model, effects: &mut Effects) {
    details::close(model, effects);
    model.people.open = true;
    model.settings_open = false;
    model.focus = Some(Focus::SearchPeople);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{call, in_call};

    #[test]
    fn raised_hands_come_first_and_a_search_finds_parts_of_names() {
        let mut call = call(in_call());
        call.people[2].hand = Some(1);
        call.hand = Some(2);
        let names = |search: &str| {
            let name = |row: Row<'_>| match row {
                Row::You => "you".to_owned(),
                Row::Other(person) => person.name.clone(),
            };
            rows(&call, search).into_iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["Priya Nair", "you", "Mina Park", "Tomás Rivera"]);
        assert_eq!(names(" RIVERA"), ["Tomás Rivera"]);
        assert_eq!(names("ada"), ["you"]);
        assert_eq!(names("nobody"), Vec::<String>::new());
    }
}
