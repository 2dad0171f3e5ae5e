//! What must hold whatever happens, checked as it happens and at the end.

use crate::people::{Manners, Person};
use crate::server::shows_a_departure;
use crate::stage::Stage;
use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_response::Message as Response;
use std::time::Duration;
use visavis::base::{DeviceKind, EventKind, ExitReason, Moment, RemoteLeaveReason, StepName, StepState};
use visavis::hub::{self, Ban, Hub};
use visavis::session::{self, LinkInput, PeerCommand, Phase};

/// ExitRoom comes after so many milliseconds at the latest.
const CEILING_MS: f64 = 2000.0;
/// Whoever lost the connection gives up after so long; the last try may take some seconds.
const GIVES_UP: Duration = Duration::from_secs(60);

/// What an input makes of a stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    was_staying: bool,
    /// It ends the stay, for this reason.
    ends: Option<ExitReason>,
    /// If the stay ends nevertheless: a limit was over, or nothing else could be done.
    otherwise: ExitReason,
}

impl Cause {
    /// Judges an input before it is given.
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

    /// Judges what became of it. Whether the exit had not begun before.
    pub(crate) fn judge(self, person: &mut Person) -> bool {
        let still_stays = stays(person.session.phase());
        if self.was_staying && !still_stays {
            person.cause = Some(self.ends.unwrap_or(self.otherwise));
        } else if let (true, Some(reason)) = (self.was_staying, self.ends) {
            panic!("{}: {reason:?} was not obeyed in {:?}", person.user, person.session.phase());
        }
        assert!(self.was_staying || !still_stays, "{} came back out of an exit", person.user);
        self.was_staying
    }
}

const fn stays(phase: &Phase) -> bool {
    !matches!(phase, Phase::Leaving(_) | Phase::Ended(_))
}

/// The reason for which the server's word ends a stay.
fn ending(leave: &lk::LeaveRequest, is_entering: bool) -> Option<ExitReason> {
    use lk::DisconnectReason as Why;
    (leave.action() == Action::Disconnect && !leave.can_reconnect).then(|| match leave.reason() {
        Why::ClientInitiated => ExitReason::Left,
        Why::ParticipantRemoved => ExitReason::Kicked,
        Why::RoomDeleted => ExitReason::Dismissed,
        Why::DuplicateIdentity => ExitReason::JoinedElsewhere,
        Why::ServerShutdown => ExitReason::ServerStopped,
        Why::JoinFailure => ExitReason::EntryFailed,
        _ if is_entering => ExitReason::EntryFailed,
        _ => ExitReason::ConnectionLost,
    })
}

impl Stage {
    // ---- as it happens

    /// In an exit nothing new begins, and after ExitRoom nothing at all.
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
        assert_eq!(self.exits(who), 0, "{} does something after ExitRoom: {output:?}", person.user);
    }

    pub(crate) fn check_event(&self, who: usize, event: &EventKind) {
        let person = &self.people[who];
        match event {
            EventKind::ExitRoom { reason, total_ms, receipt } => {
                assert!(*total_ms <= CEILING_MS, "{} over the ceiling: {total_ms} ms", person.user);
                for kind in &person.held {
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
                assert_eq!(Some(*reason), person.cause, "{}: the first cause stands", person.user);
                assert_eq!(person.session.deadline(), None, "a timer outlives ExitRoom");
                self.check_truth(who, *reason);
            }
            EventKind::RemoteUserLeaveRoom { user, .. } => {
                assert_ne!(*user, person.user, "told of their own leaving");
                assert!(stays(person.session.phase()), "{} is told that {user} left while leaving", person.user);
            }
            _ => {}
        }
    }

    /// The reason is what really happened.
    fn check_truth(&self, who: usize, reason: ExitReason) {
        let person = &self.people[who];
        let others = self.people.iter().enumerate().filter(|(n, p)| *n != who && p.user == person.user).count();
        let is_true = match reason {
            ExitReason::Kicked | ExitReason::Dismissed => person.verdict.is_some(),
            ExitReason::ServerStopped => self.stops > 0,
            ExitReason::JoinedElsewhere => others > 0,
            // Whoever was removed is told so, unless they could not be told for so long.
            ExitReason::ConnectionLost => person.verdict.is_none() || self.was_away(who),
            ExitReason::Left | ExitReason::EntryFailed => true,
        };
        assert!(is_true, "{} left for {reason:?}, but {:?} happened", person.user, person.verdict);
    }

    fn was_away(&self, who: usize) -> bool {
        let net = &self.people[who].net;
        !net.is_up() || self.hub.is_none() || self.now.since(net.troubled.max(self.server_since)) < GIVES_UP
    }

    /// A token that was made before a removal lets nobody in.
    pub(crate) fn check_admitted(&self, who: usize) {
        assert_eq!(self.find_ban(who), None, "{} is let in again", self.people[who].user);
    }

    /// What the server remembers against somebody's token.
    pub(crate) fn find_ban(&self, who: usize) -> Option<ExitReason> {
        let person = &self.people[who];
        let ban = self.bans.iter().find(|b| b.user == person.user && person.issued_at <= b.removed_at)?;
        Some(if ban.dismissed { ExitReason::Dismissed } else { ExitReason::Kicked })
    }

    /// A dismissal shows nobody the others' leaving.
    pub(crate) fn check_dismissal(output: &hub::Output) {
        if let hub::Output::Signal { message, .. } = output {
            assert!(!shows_a_departure(message), "a dismissal shows somebody leaving: {message:?}");
        }
    }

    /// Somebody was removed, or dismissed: everybody who stays by such a token is to be told so.
    pub(crate) fn banned(&mut self, ban: Ban) {
        let reason = if ban.dismissed { ExitReason::Dismissed } else { ExitReason::Kicked };
        for person in self.people.iter_mut().filter(|p| p.user == ban.user && p.issued_at <= ban.removed_at) {
            if stays(person.session.phase()) {
                person.verdict = Some(reason);
            }
        }
        self.bans.add(ban);
    }

    /// Nobody sees somebody who was killed six seconds ago, unless their own view was troubled since.
    pub(crate) fn check_ghost(&mut self, ghost: usize) {
        let user = &self.people[ghost].user;
        let Some(killed) = self.people[ghost].died else { return };
        let mut elsewhere = self.people.iter().enumerate().filter(|(n, p)| *n != ghost && p.user == *user);
        // The same user who came from elsewhere is seen for that, and if killed too, is looked for on their own.
        let is_seen = |p: &Person| {
            p.events.iter().any(|(at, e)| *at >= killed && matches!(e, EventKind::EnterRoom { .. }))
                || (p.alive && p.member.is_some())
                || p.died.is_some_and(|at| at > killed)
        };
        if elsewhere.any(|(_, p)| is_seen(p)) || self.server_since > killed || self.hub.is_none() {
            return;
        }
        for (who, person) in self.people.iter().enumerate().filter(|(_, p)| p.alive && p.net.is_up()) {
            let latency = person.net.latency;
            let is_clear = person.net.troubled < killed && latency <= Duration::from_millis(100);
            let was_there = self.is_in_room(who) && self.has_been_in_since(who, self.now.since(killed));
            let sees = person.session.people().iter().any(|p| p.user == *user);
            assert!(!(is_clear && was_there && sees), "{} still sees {user}", person.user);
        }
    }

    // ---- what is asked

    /// Whether somebody's call has gone on without a break for so long.
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

    /// Names of those whom somebody sees.
    pub(crate) fn sees(&self, who: usize) -> Vec<String> {
        let mut names: Vec<String> = self.people[who].session.people().iter().map(|p| p.user.to_string()).collect();
        names.sort();
        names
    }

    pub(crate) fn is_in_room(&self, who: usize) -> bool {
        matches!(self.people[who].session.phase(), Phase::InRoom(_))
    }

    fn exits(&self, who: usize) -> usize {
        self.people[who].events.iter().filter(|(_, e)| matches!(e, EventKind::ExitRoom { .. })).count()
    }

    /// The one ExitRoom of somebody: reason and milliseconds.
    pub(crate) fn exit_of(&self, who: usize) -> (ExitReason, f64) {
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

    /// When and why somebody was told that another is gone.
    pub(crate) fn told_gone(&self, who: usize, other: usize) -> Vec<(Moment, RemoteLeaveReason)> {
        let other = &self.people[other].user;
        let gone = |(at, e): &(Moment, EventKind)| match e {
            EventKind::RemoteUserLeaveRoom { user, reason, .. } if user == other => Some((*at, *reason)),
            _ => None,
        };
        self.people[who].events.iter().filter_map(gone).collect()
    }

    // ---- at the end

    /// All faults end, and everything comes to rest: then everybody is out, or in and sees exactly the others.
    pub(crate) fn calm_down(&mut self) {
        for who in 0..self.people.len() {
            self.people[who].manners = Manners::KIND;
            if self.people[who].alive {
                self.hole(who, false);
                self.network(who, true);
            }
        }
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
            assert_eq!(person.verdict, None, "{} was removed and is still here", person.user);
            let mut others: Vec<String> =
                here.iter().filter(|w| *w != who).map(|w| self.people[*w].user.to_string()).collect();
            others.sort();
            assert_eq!(self.sees(*who), others, "what {} sees", person.user);
        }
    }

    /// Everybody who lives leaves; then nothing may be left anywhere.
    pub(crate) fn finish(&mut self) {
        self.calm_down();
        for who in 0..self.people.len() {
            self.exit(who);
        }
        self.run(10_000);
        for who in 0..self.people.len() {
            if self.people[who].alive {
                self.exit_of(who);
                assert_eq!(self.people[who].session.deadline(), None);
            }
        }
        self.check_nothing_left();
    }

    fn check_nothing_left(&self) {
        if let Some(hub) = &self.hub {
            assert!(hub.is_empty(), "members or rooms are left: {hub:?}");
            assert_eq!(Hub::deadline(hub), None, "the hub still waits for something");
        }
        let open: Vec<_> = self.wires.values().filter(|w| w.server || self.people[w.who].alive).collect();
        assert!(open.is_empty(), "connections are left: {open:?}");
    }
}
