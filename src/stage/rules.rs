//! The rules that every run must keep, checked at each step and at the end.

use super::Stage;
use super::people::{DeviceBehaviour, Person};
use super::server::shows_a_departure;
use crate::base::{DeviceKind, EventKind, ExitReason, Moment, RemoteLeaveReason, StepName, StepState, TrackSource};
use crate::hub::{self, Ban, Hub};
use crate::session::{self, LinkInput, PeerCommand, Phase};
use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_response::Message as Response;
use std::time::Duration;

/// Latest time of ExitRoom after the beginning of an exit, in ms.
const CEILING_MS: f64 = 2000.0;
/// Time after which a session gives up reconnecting; its last attempt may take some seconds more.
const GIVES_UP: Duration = Duration::from_secs(60);

/// The expected effect of an input on a stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    was_staying: bool,
    /// The input must end the stay for this reason.
    ends: Option<ExitReason>,
    /// The reason if the stay ends although the input need not end it: a limit has expired, or a return is refused.
    otherwise: ExitReason,
}

impl Cause {
    /// Of an input that is about to be given.
    pub(crate) fn of(person: &Person, input: &session::Input) -> Self {
        let is_entering = matches!(person.session.phase(), Phase::Entering(_));
        let mut otherwise = if is_entering { ExitReason::EntryFailed } else { ExitReason::ConnectionLost };
        let ends = match input {
            session::Input::Exit(_) => Some(ExitReason::Left),
            session::Input::Link(epoch, input) if *epoch == person.epoch => match input {
                LinkInput::Message(message) => match &**message {
                    Response::Leave(leave) => ending(leave, is_entering),
                    _ => None,
                },
                LinkInput::ResumeFailed(Some(leave)) => ending(leave, is_entering),
                LinkInput::ConnectFailed(error) if !is_entering => {
                    otherwise = error.kind.ended_stay().unwrap_or(otherwise);
                    error.kind.ended_stay()
                }
                _ => None,
            },
            _ => None,
        };
        Self { was_staying: stays(person.session.phase()), ends, otherwise }
    }

    /// Checks the effect. Returns whether the exit had not begun before the input.
    pub(crate) fn judge(self, person: &mut Person) -> bool {
        let still_stays = stays(person.session.phase());
        if self.was_staying && !still_stays {
            person.cause = Some(self.ends.unwrap_or(self.otherwise));
        } else if let (true, Some(reason)) = (self.was_staying, self.ends) {
            panic!("{}: {reason:?} did not end the stay in {:?}", person.user, person.session.phase());
        }
        assert!(self.was_staying || !still_stays, "{} came back out of an exit", person.user);
        self.was_staying
    }
}

const fn stays(phase: &Phase) -> bool {
    !matches!(phase, Phase::Leaving(_) | Phase::Ended(_))
}

/// The reason for which a leave of the server ends a stay; `None` if it does not: that the server has lost somebody who is
/// there is no end.
fn ending(leave: &lk::LeaveRequest, is_entering: bool) -> Option<ExitReason> {
    use lk::DisconnectReason as Why;
    if leave.action() != Action::Disconnect || leave.can_reconnect {
        return None;
    }
    match leave.reason() {
        Why::ClientInitiated => Some(ExitReason::Left),
        Why::ParticipantRemoved => Some(ExitReason::Kicked),
        Why::RoomDeleted => Some(ExitReason::Dismissed),
        Why::DuplicateIdentity => Some(ExitReason::JoinedElsewhere),
        Why::ServerShutdown => Some(ExitReason::ServerStopped),
        _ => is_entering.then_some(ExitReason::EntryFailed),
    }
}

impl Stage {
    // ---- at each step

    /// During an exit nothing new begins, and after ExitRoom there are no outputs.
    pub(crate) fn check_output(&self, who: usize, stayed: bool, output: &session::Output) {
        use session::Output;
        let person = &self.people[who];
        let begins = match output {
            Output::Connect(_) | Output::Resume(..) | Output::OpenDevice { .. } => true,
            Output::Peers(_, command) => !matches!(command, PeerCommand::Close),
            Output::Attach(_) => true,
            _ => false,
        };
        assert!(stayed || !begins, "{} begins something while leaving: {output:?}", person.user);
        assert!(!person.has_left, "{} does something after ExitRoom: {output:?}", person.user);
    }

    pub(crate) fn check_event(&self, who: usize, event: &EventKind) {
        let person = &self.people[who];
        match event {
            EventKind::ExitRoom { reason, total_ms, receipt } => {
                assert!(*total_ms <= CEILING_MS, "{} over the ceiling: {total_ms} ms", person.user);
                for kind in person.held.keys() {
                    let step = match kind {
                        DeviceKind::Camera => StepName::CameraReleased,
                        DeviceKind::Microphone => StepName::MicrophoneReleased,
                        DeviceKind::Screen => StepName::ScreenReleased,
                        DeviceKind::Speaker => StepName::ConnectionsClosed,
                    };
                    let state = receipt.step(step).map(|s| s.state);
                    let is_named = matches!(state, Some(StepState::Failed | StepState::Unconfirmed));
                    assert!(is_named, "{}: {kind:?} is held at ExitRoom, and the receipt says {state:?}", person.user);
                }
                assert_eq!(receipt.steps.len(), 5);
                let closed = receipt.step(StepName::ConnectionsClosed).map(|s| s.state);
                let is_true = closed != Some(StepState::Confirmed) || !person.has_peers;
                assert!(is_true, "{}: the receipt says that open peer connections are closed", person.user);
                assert_eq!(Some(*reason), person.cause, "{}: the first cause stands", person.user);
                assert_eq!(person.session.deadline(), None, "a timer outlives ExitRoom");
                self.check_reason(who, *reason);
            }
            EventKind::RemoteUserLeaveRoom { user, .. } => {
                assert_ne!(*user, person.user, "told of their own leaving");
                assert!(stays(person.session.phase()), "{} is told that {user} left while leaving", person.user);
            }
            _ => {}
        }
    }

    /// The reason of an exit agrees with what happened.
    fn check_reason(&self, who: usize, reason: ExitReason) {
        let person = &self.people[who];
        let others = self.people.iter().enumerate().filter(|(n, p)| *n != who && p.user == person.user).count();
        let is_true = match reason {
            ExitReason::Kicked | ExitReason::Dismissed => person.expected_end.is_some(),
            ExitReason::ServerStopped => self.stops > 0,
            ExitReason::JoinedElsewhere => others > 0,
            // A removed user learns it, unless they could not be reached for that long.
            ExitReason::ConnectionLost => person.expected_end.is_none() || self.was_away(who),
            ExitReason::Left | ExitReason::EntryFailed => true,
        };
        assert!(is_true, "{} left for {reason:?}, but {:?} happened", person.user, person.expected_end);
        if reason == ExitReason::ConnectionLost {
            let lost = person.events.iter().rev().find(|(_, e)| matches!(e, EventKind::ConnectionLost { .. }));
            let tried = lost.map_or(Duration::ZERO, |(at, _)| person.machine.ran_between(*at, self.now));
            // A token that has expired is refused for good.
            assert!(tried >= GIVES_UP || person.is_expired, "{} gave up after {tried:?}", person.user);
        }
    }

    fn was_away(&self, who: usize) -> bool {
        let net = &self.people[who].net;
        !self.people[who].is_reachable()
            || self.hub.is_none()
            || self.now.since(net.troubled.max(self.server_since)) < GIVES_UP
    }

    /// A token that was made before a removal is not admitted.
    pub(crate) fn check_admitted(&self, who: usize) {
        assert_eq!(self.find_ban(who), None, "{} is let in again", self.people[who].user);
    }

    /// The ban that applies to a participant's token, as the reason of the removal.
    pub(crate) fn find_ban(&self, who: usize) -> Option<ExitReason> {
        let person = &self.people[who];
        let ban = self.bans.iter().find(|b| b.user == person.user && person.issued_at <= b.removed_at)?;
        Some(if ban.dismissed { ExitReason::Dismissed } else { ExitReason::Kicked })
    }

    /// A dismissal is not shown as participants leaving.
    pub(crate) fn check_dismissal(output: &hub::Output) {
        if let hub::Output::Signal { message, .. } = output {
            assert!(!shows_a_departure(message), "a dismissal shows somebody leaving: {message:?}");
        }
    }

    /// A user was banned: every stay with an older token must end for that reason.
    pub(crate) fn banned(&mut self, ban: Ban) {
        let reason = if ban.dismissed { ExitReason::Dismissed } else { ExitReason::Kicked };
        for person in self.people.iter_mut().filter(|p| p.user == ban.user && p.issued_at <= ban.removed_at) {
            if stays(person.session.phase()) {
                person.expected_end = Some(reason);
            }
        }
        self.bans.add(ban);
    }

    /// A client that was killed six seconds ago is not seen any more, except by participants whose own network was disturbed.
    pub(crate) fn check_gone(&mut self, ghost: usize) {
        let user = &self.people[ghost].user;
        let Some(killed) = self.people[ghost].died else { return };
        let mut elsewhere = self.people.iter().enumerate().filter(|(n, p)| *n != ghost && p.user == *user);
        // The same user may be seen for a stay elsewhere, which, if it was killed later, has a check of its own.
        let is_seen = |p: &Person| {
            p.events.iter().any(|(at, e)| *at >= killed && matches!(e, EventKind::EnterRoom { .. }))
                || (p.alive && p.member.is_some())
                || p.died.is_some_and(|at| at > killed)
        };
        if elsewhere.any(|(_, p)| is_seen(p)) || self.server_since > killed || self.hub.is_none() {
            return;
        }
        for (who, person) in self.people.iter().enumerate().filter(|(_, p)| p.alive && p.is_reachable()) {
            let latency = person.net.latency;
            let is_clear = person.net.troubled < killed && latency <= Duration::from_millis(100);
            let was_there = self.is_in_room(who) && self.has_been_in_since(who, self.now.since(killed));
            let sees = person.session.people().iter().any(|p| p.user == *user);
            assert!(!(is_clear && was_there && sees), "{} still sees {user}", person.user);
        }
    }

    // ---- queries

    /// Whether a participant has been in the room without an outage for this time.
    pub(crate) fn has_been_in_since(&self, who: usize, time: Duration) -> bool {
        let is_break = |e: &EventKind| {
            matches!(
                e,
                EventKind::EnterRoom { .. } | EventKind::ConnectionLost { .. } | EventKind::ConnectionRecovery { .. }
            )
        };
        let last = self.people[who].events.iter().rev().find(|(_, e)| is_break(e));
        last.is_some_and(|(at, _)| self.now.since(*at) >= time)
    }

    /// The users whom a participant sees, sorted.
    pub fn sees(&self, who: usize) -> Vec<String> {
        let mut names: Vec<String> = self.people[who].session.people().iter().map(|p| p.user.to_string()).collect();
        names.sort();
        names
    }

    /// The sources of a user's tracks that a participant receives, and of those that send.
    pub fn received(&self, who: usize, user: &str) -> (Vec<TrackSource>, Vec<TrackSource>) {
        let person = &self.people[who];
        let mut bound: Vec<_> = person.bound.values().filter(|t| t.user.as_str() == user).map(|t| t.source).collect();
        let remote = person.session.people().iter().find(|p| p.user.as_str() == user).expect("in the room");
        let mut sending: Vec<_> = remote.tracks.iter().filter(|t| !t.muted).map(|t| t.source).collect();
        bound.sort();
        sending.sort();
        (bound, sending)
    }

    /// Whether a participant is in the room, with a connection.
    pub fn is_in_room(&self, who: usize) -> bool {
        let session = &self.people[who].session;
        matches!(session.phase(), Phase::InRoom(_)) && !session.is_waiting()
    }

    /// Reason and duration in ms of a participant's only ExitRoom.
    pub fn exit_of(&self, who: usize) -> (ExitReason, f64) {
        let exits: Vec<(ExitReason, f64)> = self.people[who]
            .events
            .iter()
            .filter_map(|(_, e)| match e {
                EventKind::ExitRoom { reason, total_ms, .. } => Some((*reason, *total_ms)),
                _ => None,
            })
            .collect();
        assert_eq!(exits.len(), 1, "{}: {:?}", self.people[who].user, self.people[who].events);
        exits[0]
    }

    /// When and why a participant saw another leave.
    pub fn leaves_seen(&self, who: usize, other: usize) -> Vec<(Moment, RemoteLeaveReason)> {
        let other = &self.people[other].user;
        let gone = |(at, e): &(Moment, EventKind)| match e {
            EventKind::RemoteUserLeaveRoom { user, reason, .. } if user == other => Some((*at, *reason)),
            _ => None,
        };
        self.people[who].events.iter().filter_map(gone).collect()
    }

    // ---- at the end

    /// Ends all faults, opens the door, and lets everything settle: then every participant has left, or is in the room and sees exactly the
    /// others.
    pub(crate) fn settle(&mut self) {
        for who in 0..self.people.len() {
            self.people[who].behaviour = DeviceBehaviour::PROMPT;
            if self.people[who].alive {
                self.continue_process(who, false);
                self.black_hole(who, false);
                self.network(who, true);
            }
        }
        self.set_door("{}");
        self.run(90_000);
        let here: Vec<usize> =
            (0..self.people.len()).filter(|w| self.people[*w].alive && self.is_in_room(*w)).collect();
        for who in 0..self.people.len() {
            let person = &self.people[who];
            let is_settled = here.contains(&who) || matches!(person.session.phase(), Phase::Ended(_));
            assert!(is_settled || !person.alive, "{} hangs in {:?}", person.user, person.session.phase());
        }
        for who in &here {
            let person = &self.people[*who];
            assert_eq!(person.expected_end, None, "{} was removed and is still here", person.user);
            let mut others: Vec<String> =
                here.iter().filter(|w| *w != who).map(|w| self.people[*w].user.to_string()).collect();
            others.sort();
            assert_eq!(self.sees(*who), others, "what {} sees", person.user);
        }
        self.check_hands(&here);
    }

    /// Lets every client that is alive leave; then nothing may be left.
    pub fn finish(&mut self) {
        self.settle();
        for who in 0..self.people.len() {
            self.exit(who);
        }
        self.run(10_000);
        for who in 0..self.people.len() {
            if self.people[who].alive {
                self.exit_of(who);
                assert_eq!(self.people[who].session.deadline(), None);
                assert_eq!(self.hands(who), Vec::<String>::new(), "hands are left");
            }
        }
        self.check_nothing_left();
    }

    fn check_nothing_left(&self) {
        if let Some(hub) = &self.hub {
            assert!(hub.is_empty(), "members or rooms are left: {hub:?}");
            assert_eq!(Hub::deadline(hub), None, "the hub still waits for something");
        }
        let open: Vec<_> = self.sockets.values().filter(|w| w.server || self.people[w.who].alive).collect();
        assert!(open.is_empty(), "connections are left: {open:?}");
    }
}
