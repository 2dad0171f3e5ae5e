//! What is open is allowed and seen, and everybody sees who is in the room. These rules hold once a participant's machine
//! and network have been whole for a while: [`RETURN`] for the way back into the room, [`DEVICES`] for devices.

use super::Stage;
use crate::base::{DeviceKind, Moment};
use crate::session::Phase;
use livekit_protocol as lk;
use std::time::Duration;

/// Time until a participant with a whole network is in the room, or has left it.
const RETURN: Duration = Duration::from_secs(30);
/// Time until a device and its track have followed a change: a slow device closes and opens in between.
const DEVICES: Duration = Duration::from_secs(8);
/// Time until the release of a device is requested that may not be open any more: the way to the client.
const CLOSES: Duration = Duration::from_millis(1000);
/// Longer than any message is on its way, in ms.
const UNDER_WAY: u64 = 700;
/// Changes that may follow upon each other without an operation.
const CHANGES: usize = 5;
/// Time until a device that has failed is opened again: the longest pause is 30 s.
const RETRIES: Duration = Duration::from_secs(40);

/// The devices that feed tracks, with the sources as LiveKit names them.
pub(crate) const FEEDING: [(DeviceKind, lk::TrackSource); 3] = [
    (DeviceKind::Camera, lk::TrackSource::Camera),
    (DeviceKind::Microphone, lk::TrackSource::Microphone),
    (DeviceKind::Screen, lk::TrackSource::ScreenShare),
];

/// How many checks took place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// Devices that were open, allowed and seen.
    pub open: u64,
    /// Devices that were closed, and unseen.
    pub closed: u64,
    /// Lists of the others that were complete.
    pub lists: u64,
    /// Ways back into the room.
    pub returns: u64,
}

impl Stage {
    /// Since when nothing disturbed a participant; `None` while something does.
    fn whole_since(&self, who: usize) -> Option<Moment> {
        let person = &self.people[who];
        let is_whole = person.is_running() && person.net.is_up() && self.hub.is_some();
        is_whole.then(|| person.net.troubled.max(self.server_since).max(person.machine.woke()))
    }

    /// Checks every participant. `touched` is when each was last touched by an operation, `all` any of them.
    pub fn check_seen(&mut self, touched: &[Moment], checked: &mut Checked) {
        let members = self.members();
        for who in 0..self.people.len() {
            let Some(whole) = self.whole_since(who) else { continue };
            let last = touched.get(who).copied().unwrap_or_default();
            let calm = self.now.since(whole.max(last));
            if calm >= RETURN {
                self.check_returned(who, &members);
                checked.returns += 1;
            }
            if self.is_in_room(who) && calm >= CLOSES {
                self.check_allowed(who, &members);
            }
            let has_been_in = self.is_in_room(who) && self.has_been_in_since(who, DEVICES);
            if has_been_in && self.now.since(whole) >= RETURN && self.now.since(last) >= DEVICES {
                self.check_devices(who, &members, checked);
            }
        }
        for who in 0..self.people.len() {
            let last = touched.get(who).copied().unwrap_or_default();
            let is_calm = self.whole_since(who).is_some_and(|whole| self.now.since(whole.max(last)) >= RETURN);
            if is_calm && self.is_in_room(who) && self.has_been_in_since(who, DEVICES) {
                self.check_list(who);
                checked.lists += 1;
            }
        }
    }

    fn check_returned(&self, who: usize, members: &[lk::ParticipantInfo]) {
        let person = &self.people[who];
        let is_settled = matches!(person.session.phase(), Phase::InRoom(_) | Phase::Ended(_));
        assert!(is_settled, "{} hangs in {:?}", person.user, person.session.phase());
        if self.is_in_room(who) {
            let is_member = members.iter().any(|m| m.sid == person.sid);
            assert!(is_member, "{} believes to be in the room as {}: {members:#?}", person.user, person.sid);
        }
    }

    /// Nothing is open that may not be sent, or that the user has turned off: by a button, by the end of push to talk, or by
    /// going away from the screen.
    fn check_allowed(&self, who: usize, members: &[lk::ParticipantInfo]) {
        let person = &self.people[who];
        let Some(member) = members.iter().find(|m| m.sid == person.sid) else { return };
        for (kind, source) in FEEDING {
            let is_open = person.machine.open.contains_key(&kind);
            assert!(!is_open || may_send(member, source), "the {kind:?} of {} is open without the right", person.user);
            let is_on = person.machine.wanted.contains(&kind);
            assert!(!is_open || is_on, "the {kind:?} of {} is open although it is off", person.user);
        }
    }

    fn check_devices(&self, who: usize, members: &[lk::ParticipantInfo], checked: &mut Checked) {
        let person = &self.people[who];
        let Some(member) = members.iter().find(|m| m.sid == person.sid) else { return };
        for (kind, source) in FEEDING {
            let sends = member.tracks.iter().any(|t| t.source() == source && !t.muted);
            let user = &person.user;
            let failed = person.machine.failed.get(&kind);
            let waits = failed.map_or(Duration::ZERO, |at| person.machine.ran_between(*at, self.now));
            // A shared screen that is gone does not come back.
            assert!(waits < RETRIES || kind == DeviceKind::Screen, "the {kind:?} of {user} is not opened again");
            match person.machine.open.get(&kind) {
                Some(since) if self.now.since(*since) >= DEVICES => {
                    assert!(sends, "the {kind:?} of {user} is open and not seen: {:#?}", member.tracks);
                    checked.open += 1;
                }
                None if !person.held.contains_key(&kind) => {
                    assert!(!sends, "the {kind:?} of {user} is closed and seen as on: {:#?}", member.tracks);
                    checked.closed += 1;
                }
                _ => {}
            }
        }
    }

    /// A participant sees everybody in the room with their tracks, and nobody else.
    fn check_list(&mut self, who: usize) {
        for _ in 0..CHANGES {
            let members = self.members();
            if !self.is_in_room(who) || self.whole_since(who).is_none() || self.lists(who, &members) {
                return;
            }
            self.run(UNDER_WAY);
        }
        let (person, members) = (&self.people[who].session.people().to_vec(), self.members());
        panic!("{} sees {person:#?}, and in the room are {members:#?}", self.people[who].user);
    }

    fn lists(&self, who: usize, members: &[lk::ParticipantInfo]) -> bool {
        let person = &self.people[who];
        let mut expected: Vec<(&str, Vec<(&str, bool)>)> = Vec::new();
        for member in members.iter().filter(|m| m.identity != person.user.as_str()) {
            expected.push((&member.sid, member.tracks.iter().map(|t| (t.sid.as_str(), t.muted)).collect()));
        }
        let mut seen: Vec<(&str, Vec<(&str, bool)>)> = Vec::new();
        for other in person.session.people() {
            seen.push((&other.sid, other.tracks.iter().map(|t| (t.sid.as_str(), t.muted)).collect()));
        }
        for list in [&mut expected, &mut seen] {
            list.sort();
            list.iter_mut().for_each(|(_, tracks)| tracks.sort_unstable());
        }
        seen == expected
    }

    /// After everybody has left: no device is open, and nothing waits to be delivered.
    pub fn check_cleared(&self) {
        for person in self.people.iter().filter(|p| p.alive) {
            assert!(person.channels.is_empty(), "{} has {:?}", person.user, person.channels);
            assert!(person.held.is_empty(), "{} holds {:?}", person.user, person.held);
            assert!(person.session.people().is_empty() && person.bound.is_empty(), "{} shows somebody", person.user);
            assert!(person.waiting.is_empty() && person.stopped.is_none() && person.links.is_empty());
        }
        assert!(self.scheduled.is_empty(), "scheduled: {:?}", self.scheduled);
    }
}

/// Whether a member may publish this source.
fn may_send(member: &lk::ParticipantInfo, source: lk::TrackSource) -> bool {
    let permission = member.permission.clone().unwrap_or_default();
    let sources = &permission.can_publish_sources;
    permission.can_publish && (sources.is_empty() || sources.contains(&(source as i32)))
}
