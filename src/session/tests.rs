//! A session against a scripted world: devices that open, hang or fail, a server that answers or does not, and a clock
//! that is moved by hand. Scenarios by name, then random sequences of operations and faults.

use super::*;
use crate::base::{EventKind, ExitRequestedBy, StepName, StepState};
use lk::signal_response::Message as Response;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const ME: &str = "PA_me";

/// How the world behaves.
#[derive(Clone, Copy, Debug)]
struct Manners {
    /// Devices open and release.
    devices: bool,
    /// The server lets us in and answers.
    server: bool,
    /// Peers come up and close.
    peers: bool,
}

const KIND: Manners = Manners { devices: true, server: true, peers: true };

/// The world round one session.
struct World {
    session: Session,
    now: Moment,
    manners: Manners,
    /// What will happen, and when.
    coming: BTreeMap<(Moment, u64), Input>,
    next: u64,
    events: Vec<EventKind>,
    outputs: Vec<String>,
    /// Devices of which a handle exists, by the outputs' own account.
    held: BTreeMap<DeviceKind, Generation>,
    /// Devices of which the window was told that they are open.
    told_open: BTreeSet<DeviceKind>,
    epoch: Epoch,
    link_up: bool,
}

impl World {
    fn new(manners: Manners) -> Self {
        let config = SessionConfig { camera_on: true, microphone_on: true, ..Default::default() };
        let mut world = Self {
            session: Session::new(config, Moment::ZERO),
            now: Moment::ZERO,
            manners,
            coming: BTreeMap::new(),
            next: 0,
            events: Vec::new(),
            outputs: Vec::new(),
            held: BTreeMap::new(),
            told_open: BTreeSet::new(),
            epoch: Epoch(1),
            link_up: false,
        };
        world.drain();
        world
    }

    fn entered() -> Self {
        let mut world = Self::new(KIND);
        world.run(200);
        assert!(matches!(world.session.phase(), Phase::InRoom(_)), "{:?}", world.session.phase());
        world
    }

    fn give(&mut self, input: Input) {
        if let Input::Device(kind, generation, DeviceInput::Released { .. } | DeviceInput::Failed { .. }) = &input
            && self.held.get(kind) == Some(generation)
        {
            self.held.remove(kind);
        }
        self.session.handle(input, self.now);
        self.drain();
    }

    fn later(&mut self, ms: u64, input: Input) {
        self.next += 1;
        self.coming.insert((self.now + Duration::from_millis(ms), self.next), input);
    }

    /// Lets so many milliseconds pass.
    fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            let next = self.coming.first_key_value().map(|((at, _), _)| *at);
            let due = [next, self.session.deadline()].into_iter().flatten().min();
            let Some(at) = due.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            match next.filter(|n| *n <= self.now).and_then(|_| self.coming.pop_first()) {
                Some((_, input)) => self.give(input),
                None => self.give(Input::Tick),
            }
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            self.outputs.push(format!("{output:?}").chars().take(60).collect());
            self.obey(output);
        }
    }

    fn link(&mut self, ms: u64, input: LinkInput) {
        self.later(ms, Input::Link(self.epoch, input));
    }

    fn message(&mut self, message: Response) {
        let input = Input::Link(self.epoch, LinkInput::Message(Box::new(message)));
        self.give(input);
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Connect(epoch) => {
                self.epoch = epoch;
                if self.manners.server {
                    self.link_up = true;
                    self.link(10, LinkInput::Joined { response: Box::new(join()), single: true });
                    self.link(12, LinkInput::Message(Box::new(Response::Answer(lk::SessionDescription::default()))));
                    if self.manners.peers {
                        self.later(30, Input::Peers(epoch, PeerInput::Up(Target::Publisher)));
                    }
                }
            }
            Output::Resume(..) if self.manners.server => {
                self.link_up = true;
                self.link(10, LinkInput::Resumed);
                if self.manners.peers {
                    self.later(30, Input::Peers(self.epoch, PeerInput::Up(Target::Publisher)));
                }
            }
            Output::Resume(..) => self.link(10, LinkInput::ResumeFailed(None)),
            Output::SayGoodbye(_) => {
                self.link(1, LinkInput::GoodbyeSent);
                if self.manners.server && self.link_up {
                    self.link(3, LinkInput::Message(Box::new(leave(lk::DisconnectReason::ClientInitiated))));
                }
            }
            Output::CloseLink(epoch) => self.later(1, Input::Link(epoch, LinkInput::Closed)),
            Output::Peers(epoch, PeerCommand::Close) if self.manners.peers => {
                self.later(2, Input::Peers(epoch, PeerInput::Closed));
            }
            Output::Peers(epoch, PeerCommand::Offer { .. }) => {
                self.later(1, Input::Peers(epoch, PeerInput::OfferMade("v=0".into())));
                self.link(5, LinkInput::Message(Box::new(Response::Answer(lk::SessionDescription::default()))));
            }
            Output::OpenDevice { kind, generation, .. } => {
                assert!(self.held.insert(kind, generation).is_none(), "{kind:?} opened twice");
                if self.manners.devices {
                    self.later(20, Input::Device(kind, generation, DeviceInput::Opened { id: "x".into() }));
                }
            }
            Output::ReleaseDevice { kind, generation, limit } => {
                assert!(self.held.contains_key(&kind), "{kind:?} released but not held");
                // A driver that hangs is taken away by force at the limit.
                let ms = if self.manners.devices { 5 } else { limit.as_millis() as u64 };
                let done = DeviceInput::Released { state: StepState::Confirmed, detail: String::new() };
                self.later(ms, Input::Device(kind, generation, done));
            }
            Output::Event(event) => {
                match &event {
                    EventKind::DeviceOpened { kind, .. } => {
                        assert!(self.told_open.insert(*kind), "{kind:?} opened twice")
                    }
                    EventKind::DeviceClosed { kind, .. } => {
                        assert!(!self.held.contains_key(kind), "{kind:?} is said to be closed, but held");
                        assert!(self.told_open.remove(kind), "{kind:?} closed, but never opened");
                    }
                    EventKind::DeviceFailed { kind, .. } => {
                        self.held.remove(kind);
                        self.told_open.remove(kind);
                    }
                    EventKind::ExitRoom { .. } => assert!(self.exits().is_empty(), "a second ExitRoom"),
                    _ => {}
                }
                self.events.push(event);
            }
            _ => {}
        }
    }

    fn exits(&self) -> Vec<(ExitReason, f64, Receipt)> {
        let exit = |e: &EventKind| match e {
            EventKind::ExitRoom { reason, total_ms, receipt } => Some((*reason, *total_ms, receipt.clone())),
            _ => None,
        };
        self.events.iter().filter_map(exit).collect()
    }

    /// The one exit: its reason, after checking what holds for every exit.
    fn exit(&mut self) -> (ExitReason, f64, Receipt) {
        self.run(2500);
        let exits = self.exits();
        assert_eq!(exits.len(), 1, "{:?}", self.events);
        let (reason, total_ms, receipt) = exits[0].clone();
        assert!(total_ms <= 2000.0, "over the ceiling: {total_ms}");
        assert_eq!(receipt.steps.len(), 5);
        assert_eq!(self.session.deadline(), None, "a timer is left");
        assert!(self.session.people().is_empty());
        (reason, total_ms, receipt)
    }
}

fn join() -> lk::JoinResponse {
    lk::JoinResponse {
        participant: Some(lk::ParticipantInfo { sid: ME.into(), identity: "me".into(), ..Default::default() }),
        ..Default::default()
    }
}

fn leave(reason: lk::DisconnectReason) -> Response {
    Response::Leave(lk::LeaveRequest { reason: reason as i32, ..Default::default() })
}

fn person(name: &str, state: lk::participant_info::State, muted: Option<bool>) -> lk::ParticipantInfo {
    let track = muted.map(|muted| lk::TrackInfo {
        sid: format!("TR_{name}"),
        r#type: lk::TrackType::Video as i32,
        source: lk::TrackSource::Camera as i32,
        muted,
        ..Default::default()
    });
    lk::ParticipantInfo {
        sid: format!("PA_{name}"),
        identity: name.into(),
        name: name.into(),
        state: state as i32,
        tracks: track.into_iter().collect(),
        ..Default::default()
    }
}

fn update(infos: Vec<lk::ParticipantInfo>) -> Response {
    Response::Update(lk::ParticipantUpdate { participants: infos })
}

fn state_of(receipt: &Receipt, step: StepName) -> StepState {
    receipt.step(step).expect("a line").state
}

#[test]
fn leave_releases_tells_and_then_says_exit_room() {
    let mut w = World::entered();
    w.give(Input::Exit(ExitRequestedBy::User));
    let asked = w.outputs.len();
    let together = w.outputs[..asked].iter().rev().take(8).collect::<Vec<_>>();
    assert!(together.iter().any(|o| o.starts_with("ReleaseDevice")), "{together:?}");
    assert!(together.iter().any(|o| o.starts_with("SayGoodbye")), "the same drain: {together:?}");
    let (reason, total_ms, receipt) = w.exit();
    assert_eq!(reason, ExitReason::Left);
    assert!(total_ms < 50.0, "{total_ms}");
    for step in
        [StepName::CameraReleased, StepName::MicrophoneReleased, StepName::OthersTold, StepName::ConnectionsClosed]
    {
        assert_eq!(state_of(&receipt, step), StepState::Confirmed, "{step:?}");
    }
    assert_eq!(state_of(&receipt, StepName::ScreenReleased), StepState::NotApplicable);
    let closed = w.events.iter().rposition(|e| matches!(e, EventKind::DeviceClosed { .. })).expect("closed");
    let exit = w.events.iter().position(|e| matches!(e, EventKind::ExitRoom { .. })).expect("exit");
    assert!(closed < exit);
}

/// Another place of ours joins while we are out of reach: the server tells us of it before it sends us away.
#[test]
fn whoever_comes_with_our_own_identity_is_nobody_beside_us() {
    let mut w = World::entered();
    let me = lk::ParticipantInfo { sid: "PA_elsewhere".into(), identity: "me".into(), ..Default::default() };
    for state in [lk::participant_info::State::Active, lk::participant_info::State::Disconnected] {
        let participants = vec![lk::ParticipantInfo { state: state as i32, ..me.clone() }];
        w.link(1, LinkInput::Message(Box::new(Response::Update(lk::ParticipantUpdate { participants }))));
        w.run(10);
        assert!(w.session.people().is_empty(), "{:?}", w.session.people());
    }
    let told =
        |e: &EventKind| matches!(e, EventKind::RemoteUserEnterRoom { .. } | EventKind::RemoteUserLeaveRoom { .. });
    assert!(!w.events.iter().any(told), "{:?}", w.events);
}

#[test]
fn leave_twice_is_leave_once_and_close_now_shortens() {
    let mut w = World::entered();
    w.manners.server = false;
    w.give(Input::Exit(ExitRequestedBy::User));
    w.give(Input::Exit(ExitRequestedBy::Window));
    w.run(100);
    w.give(Input::CloseNow);
    let (reason, total_ms, receipt) = w.exit();
    assert_eq!(reason, ExitReason::Left);
    assert!(total_ms < 400.0, "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::Unconfirmed);
    let asked = w.events.iter().filter(|e| matches!(e, EventKind::ExitRequested { .. })).count();
    assert_eq!(asked, 1);
}

/// The speaker counts with the connections in the receipt; what is late among them does not end the wait for it.
#[test]
fn peers_that_do_not_close_do_not_bring_exit_room_before_the_speaker_is_closed() {
    let mut w = World::entered();
    w.manners.peers = false;
    w.give(Input::Exit(ExitRequestedBy::User));
    w.coming.retain(|_, input| !matches!(input, Input::Device(DeviceKind::Speaker, ..)));
    let done = DeviceInput::Released { state: StepState::Confirmed, detail: String::new() };
    w.later(800, Input::Device(DeviceKind::Speaker, w.held[&DeviceKind::Speaker], done));
    let (_, total_ms, receipt) = w.exit();
    assert!((800.0..1000.0).contains(&total_ms), "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::ConnectionsClosed), StepState::Unconfirmed);
    assert!(w.told_open.is_empty(), "{:?}", w.told_open);
}

#[test]
fn close_now_hurries_a_driver_that_hangs() {
    let mut w = World::entered();
    w.manners.devices = false;
    w.give(Input::Exit(ExitRequestedBy::User));
    w.run(50);
    w.give(Input::CloseNow);
    let (_, total_ms, receipt) = w.exit();
    assert!(total_ms < 350.0, "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::CameraReleased), StepState::Confirmed, "taken away by force");
}

#[test]
fn pressing_again_and_again_never_lengthens_the_wait() {
    let mut w = World::entered();
    w.manners = Manners { devices: false, server: false, peers: false };
    w.give(Input::Exit(ExitRequestedBy::User));
    for _ in 0..30 {
        w.run(100);
        w.give(Input::CloseNow);
    }
    let limit = (CLOSE_NOW + Duration::from_millis(100)).as_secs_f64() * 1000.0;
    assert!(w.exit().1 <= limit, "{} ms", w.exit().1);
}

#[test]
fn a_silent_server_costs_the_goodbye_limit_and_is_named() {
    let mut w = World::entered();
    w.manners.server = false;
    w.give(Input::Exit(ExitRequestedBy::User));
    let (_, total_ms, receipt) = w.exit();
    assert!((1500.0..1950.0).contains(&total_ms), "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::Unconfirmed);
    assert_eq!(state_of(&receipt, StepName::CameraReleased), StepState::Confirmed);
    assert!(receipt.step(StepName::CameraReleased).expect("line").ms < 20.0, "devices do not wait for the network");
}

#[test]
fn a_hung_camera_does_not_delay_the_goodbye() {
    let mut w = World::entered();
    w.manners.devices = false;
    w.give(Input::Exit(ExitRequestedBy::User));
    let (_, total_ms, receipt) = w.exit();
    assert!(total_ms < 1500.0, "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::Confirmed);
    assert!(receipt.step(StepName::OthersTold).expect("line").ms < 20.0);
}

#[test]
fn a_device_that_reports_nothing_at_all_is_given_up_and_named() {
    let mut w = World::entered();
    w.give(Input::Exit(ExitRequestedBy::User));
    w.coming.retain(|_, input| !matches!(input, Input::Device(DeviceKind::Microphone, ..)));
    let (_, total_ms, receipt) = w.exit();
    assert!(total_ms <= 1950.0, "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::MicrophoneReleased), StepState::Failed);
}

#[test]
fn a_kick_releases_first_and_sends_no_goodbye() {
    for (wire, reason) in [
        (lk::DisconnectReason::ParticipantRemoved, ExitReason::Kicked),
        (lk::DisconnectReason::RoomDeleted, ExitReason::Dismissed),
        (lk::DisconnectReason::DuplicateIdentity, ExitReason::JoinedElsewhere),
        (lk::DisconnectReason::ServerShutdown, ExitReason::ServerStopped),
    ] {
        let mut w = World::entered();
        w.outputs.clear();
        w.message(leave(wire));
        w.give(Input::Exit(ExitRequestedBy::User));
        let (got, _, receipt) = w.exit();
        assert_eq!(got, reason, "a kick that came first stands");
        assert!(!w.outputs.iter().any(|o| o.starts_with("SayGoodbye")));
        assert!(!w.outputs.iter().any(|o| o.starts_with("Connect") || o.starts_with("Resume")));
        assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::NotApplicable);
        assert_eq!(state_of(&receipt, StepName::CameraReleased), StepState::Confirmed);
    }
}

#[test]
fn an_own_exit_beats_a_later_kick() {
    let mut w = World::entered();
    w.give(Input::Exit(ExitRequestedBy::User));
    w.message(leave(lk::DisconnectReason::ParticipantRemoved));
    assert_eq!(w.exit().0, ExitReason::Left);
}

#[test]
fn leave_while_everything_is_still_opening() {
    for ms in [0, 5, 11, 15, 25] {
        let mut w = World::new(KIND);
        w.run(ms);
        w.give(Input::Exit(ExitRequestedBy::User));
        let (reason, total_ms, _) = w.exit();
        assert_eq!(reason, ExitReason::Left);
        assert!(total_ms < 500.0, "after {ms} ms: {total_ms}");
        assert!(w.held.is_empty(), "after {ms} ms: {:?}", w.held);
        assert!(!w.events.iter().any(|e| matches!(e, EventKind::EnterRoom { .. })), "after {ms} ms");
    }
}

#[test]
fn a_refused_entry_ends_with_103_and_everything_released() {
    let mut w = World::new(Manners { server: false, ..KIND });
    w.run(30);
    let error = EntryError { kind: "token_refused", message: "no".into(), retry: false };
    w.link(0, LinkInput::ConnectFailed(error));
    let (reason, _, receipt) = w.exit();
    assert_eq!(reason, ExitReason::EntryFailed);
    assert!(w.held.is_empty());
    assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::NotApplicable);
    assert!(w.events.iter().any(|e| matches!(e, EventKind::EnterRoomFailed { .. })));
}

#[test]
fn a_server_that_never_answers_ends_with_103() {
    let mut w = World::new(Manners { server: false, ..KIND });
    w.run(ENTER_LIMIT.as_millis() as u64);
    assert_eq!(w.exit().0, ExitReason::EntryFailed);
}

#[test]
fn a_short_outage_is_resumed_with_the_same_people() {
    use lk::participant_info::State;
    let mut w = World::entered();
    w.message(update(vec![person("mina", State::Active, Some(false)), person("tom", State::Active, None)]));
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(5);
    assert!(matches!(w.session.phase(), Phase::Reconnecting(_)));
    w.run(10);
    let me = lk::ParticipantInfo { sid: ME.into(), identity: "me".into(), ..Default::default() };
    w.message(update(vec![me, person("mina", State::Active, Some(true))]));
    w.run(100);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)));
    let names: Vec<&str> = w.session.people().iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["mina"], "tom left meanwhile");
    assert!(!w.session.people()[0].video);
    assert!(w.outputs.iter().any(|o| o.starts_with("ResumeDone")));
}

#[test]
fn a_kick_during_the_outage_is_told_as_what_it_was() {
    let mut w = World::entered();
    w.manners.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(3);
    let reason = lk::DisconnectReason::ParticipantRemoved as i32;
    let kick = Box::new(lk::LeaveRequest { reason, ..Default::default() });
    w.give(Input::Link(w.epoch, LinkInput::ResumeFailed(Some(kick))));
    assert_eq!(w.exit().0, ExitReason::Kicked);
}

#[test]
fn a_fresh_join_that_is_refused_tells_what_happened_meanwhile() {
    for (kind, expected) in [
        ("removed", ExitReason::Kicked),
        ("dismissed", ExitReason::Dismissed),
        ("no_permission", ExitReason::ConnectionLost),
    ] {
        let mut w = World::entered();
        w.manners.server = false;
        w.give(Input::Link(w.epoch, LinkInput::Lost));
        w.run(RESUME_WINDOW.as_millis() as u64 + 5000);
        assert!(w.epoch > Epoch(1), "it joins afresh");
        let error = EntryError { kind, message: "no".into(), retry: false };
        w.give(Input::Link(w.epoch, LinkInput::ConnectFailed(error)));
        assert_eq!(w.exit().0, expected);
        assert!(!w.outputs.iter().any(|o| o.starts_with("SayGoodbye")));
    }
}

#[test]
fn leave_while_reconnecting_must_not_rejoin() {
    let mut w = World::entered();
    w.manners.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(700);
    w.give(Input::Exit(ExitRequestedBy::User));
    w.manners.server = true;
    w.outputs.clear();
    let (reason, total_ms, receipt) = w.exit();
    assert_eq!(reason, ExitReason::Left);
    assert!(total_ms < 500.0, "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::Unconfirmed);
    w.run(10_000);
    assert!(!w.outputs.iter().any(|o| o.starts_with("Connect") || o.starts_with("Resume")), "{:?}", w.outputs);
}

#[test]
fn an_outage_without_end_is_102_within_the_limit() {
    let mut w = World::entered();
    w.manners.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(RECONNECT_LIMIT.as_millis() as u64 + 100);
    assert_eq!(w.exit().0, ExitReason::ConnectionLost);
}

#[test]
fn whoever_will_not_wait_gets_the_next_try_at_once() {
    let attempts = |w: &World| w.events.iter().filter(|e| e.name() == "TryToReconnect").count();
    let mut w = World::entered();
    w.manners.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(5_200);
    // The fifth try is over; the pause before the sixth lasts until 5.95 s.
    let before = attempts(&w);
    w.run(50);
    assert_eq!(attempts(&w), before, "in a pause");
    w.give(Input::TryNow);
    w.run(1);
    assert_eq!(attempts(&w), before + 1);
    w.manners.server = true;
    w.run(10_000);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{:?}", w.session.phase());
    w.give(Input::TryNow);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "in a call it means nothing");
}

/// A black hole: the socket's silence is noticed later than that of the media.
#[test]
fn missing_media_is_told_before_the_link_is_given_up() {
    let mut w = World::entered();
    let down_for = |w: &World| match w.session.phase() {
        Phase::InRoom(room) => room.media_down.map(|since| w.now.since(since)),
        other => panic!("{other:?}"),
    };
    assert_eq!(down_for(&w), None);
    w.manners.peers = false;
    w.give(Input::Peers(w.epoch, PeerInput::Down(Target::Publisher)));
    w.run(100);
    assert_eq!(down_for(&w), Some(Duration::from_millis(100)));
    let restarts = |w: &World| w.outputs.iter().filter(|o| o.contains("Offer { ice_restart: true")).count();
    assert_eq!(restarts(&w), 0, "it may come back by itself");
    w.give(Input::TryNow);
    assert_eq!(restarts(&w), 1, "whoever will not wait gets an ICE restart at once");
    w.give(Input::Peers(w.epoch, PeerInput::Up(Target::Publisher)));
    assert_eq!(down_for(&w), None);
}

#[test]
fn a_try_under_way_is_followed_without_a_pause() {
    let mut w = World::entered();
    w.manners.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(1);
    w.give(Input::TryNow);
    let attempt = |w: &World| match w.session.phase() {
        Phase::Reconnecting(r) => r.attempt,
        other => panic!("{other:?}"),
    };
    assert_eq!(attempt(&w), 1, "the first try is left alone");
    // Refused after 10 ms; the usual pause would be 200 ms.
    w.run(20);
    assert_eq!(attempt(&w), 2);
    w.run(20);
    assert_eq!(attempt(&w), 2, "only once");
}

#[test]
fn a_long_outage_joins_afresh_and_publishes_again() {
    let mut w = World::entered();
    w.manners.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(RESUME_WINDOW.as_millis() as u64 + 100);
    w.manners.server = true;
    w.outputs.clear();
    w.run(8000);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{:?}", w.session.phase());
    assert!(w.epoch > Epoch(1));
    assert_eq!(w.outputs.iter().filter(|o| o.contains("Publish")).count(), 2, "{:?}", w.outputs);
}

#[test]
fn people_and_their_tracks_come_and_go() {
    use lk::participant_info::State;
    let mut w = World::entered();
    let media = |h, mid: &str| PeerInput::Track {
        handle: TrackHandle(h),
        mid: mid.into(),
        stream_id: String::new(),
        track_id: "x".into(),
        kind: crate::base::MediaKind::Video,
    };
    w.give(Input::Peers(w.epoch, media(1, "3")));
    w.message(Response::Answer(lk::SessionDescription {
        mid_to_track_id: [("3".to_owned(), "TR_mina".to_owned())].into(),
        ..Default::default()
    }));
    assert!(!w.outputs.iter().any(|o| o.starts_with("Attach")), "nobody knows yet whose it is");
    w.message(update(vec![person("mina", State::Active, Some(false))]));
    assert!(w.outputs.last().is_some_and(|o| o.starts_with("Attach")), "{:?}", w.outputs);
    w.message(update(vec![person("mina", State::Disconnected, None)]));
    assert!(w.outputs.iter().any(|o| o.starts_with("Detach")));
    let told: Vec<&str> = w.events.iter().map(EventKind::name).filter(|n| n.contains("User")).collect();
    assert_eq!(told, ["RemoteUserEnterRoom", "UserVideoAvailable", "RemoteUserLeaveRoom"]);
}

#[test]
fn camera_off_mutes_the_track_and_releases_the_device() {
    let mut w = World::entered();
    let camera = w.session.tracks.iter().find(|t| t.source == TrackSource::Camera).expect("published").cid.clone();
    let track = Some(lk::TrackInfo { sid: "TR_own".into(), ..Default::default() });
    w.message(Response::TrackPublished(lk::TrackPublishedResponse { cid: camera, track }));
    w.outputs.clear();
    w.give(Input::SetDevice(DeviceKind::Camera, false));
    assert!(w.outputs.iter().any(|o| o.starts_with("ReleaseDevice")), "{:?}", w.outputs);
    assert!(w.outputs.iter().any(|o| o.contains("Mute") && o.contains("TR_own")), "{:?}", w.outputs);
    w.run(50);
    w.give(Input::SetDevice(DeviceKind::Camera, true));
    w.run(50);
    assert!(matches!(w.session.slot(DeviceKind::Camera).expect("slot").state(), SlotState::Open { .. }));
}

/// One thing that a random sequence may do.
#[derive(Clone, Debug)]
enum Op {
    Pass(u64),
    Exit,
    CloseNow,
    TryNow,
    Device(bool, bool),
    Choose(bool, u8),
    Leave(u8),
    Lost,
    Manners(bool, bool, bool),
    DeviceFails(bool),
    PeersDown,
    DropWhatIsComing,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0u64..400).prop_map(Op::Pass),
        1 => (400u64..9000).prop_map(Op::Pass),
        1 => Just(Op::Exit),
        1 => Just(Op::CloseNow),
        1 => Just(Op::TryNow),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(k, on)| Op::Device(k, on)),
        1 => (any::<bool>(), 0u8..3).prop_map(|(k, n)| Op::Choose(k, n)),
        1 => (0u8..16).prop_map(Op::Leave),
        1 => Just(Op::Lost),
        2 => (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(d, s, p)| Op::Manners(d, s, p)),
        1 => any::<bool>().prop_map(Op::DeviceFails),
        1 => Just(Op::PeersDown),
        1 => Just(Op::DropWhatIsComing),
    ]
}

fn kind(camera: bool) -> DeviceKind {
    if camera { DeviceKind::Camera } else { DeviceKind::Microphone }
}

fn act(w: &mut World, op: Op) {
    match op {
        Op::Pass(ms) => w.run(ms),
        Op::Exit => w.give(Input::Exit(ExitRequestedBy::User)),
        Op::CloseNow => w.give(Input::CloseNow),
        Op::TryNow => w.give(Input::TryNow),
        Op::Device(camera, on) => w.give(Input::SetDevice(kind(camera), on)),
        Op::Choose(camera, n) => {
            let id = [None, Some("none".to_owned()), Some("other".to_owned())][n as usize].clone();
            w.give(Input::ChooseDevice(kind(camera), id));
        }
        Op::Leave(n) => {
            let reason = lk::DisconnectReason::try_from(i32::from(n)).unwrap_or(lk::DisconnectReason::UnknownReason);
            let action = i32::from(n % 3);
            w.message(Response::Leave(lk::LeaveRequest { reason: reason as i32, action, ..Default::default() }));
        }
        Op::Lost => {
            w.link_up = false;
            w.give(Input::Link(w.epoch, LinkInput::Lost));
        }
        Op::Manners(devices, server, peers) => w.manners = Manners { devices, server, peers },
        Op::DeviceFails(camera) => {
            let generation = Generation(1);
            let failed = DeviceInput::Failed { id: "x".into(), message: "gone".into() };
            w.give(Input::Device(kind(camera), generation, failed));
        }
        Op::PeersDown => w.give(Input::Peers(w.epoch, PeerInput::Down(Target::Publisher))),
        // The network and the drivers swallow what was under way; devices are still taken away at their limit.
        Op::DropWhatIsComing => w.coming.retain(|_, i| matches!(i, Input::Device(..))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: one ExitRoom, in time, nothing held, no timer, no rejoin.
    #[test]
    fn whatever_happens_there_is_one_exit_in_time(ops in proptest::collection::vec(op(), 0..25)) {
        let mut w = World::new(KIND);
        for op in ops {
            act(&mut w, op);
        }
        w.give(Input::Exit(ExitRequestedBy::User));
        let (_, _, receipt) = w.exit();
        prop_assert!(w.held.is_empty() || !receipt.is_clean(), "{:?}", w.held);
        w.outputs.clear();
        w.manners = KIND;
        w.run(120_000);
        prop_assert!(w.outputs.is_empty(), "after ExitRoom: {:?}", w.outputs);
    }
}
