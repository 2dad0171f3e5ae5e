//! A session against fakes: devices that open, hang or fail, a server that answers or does not, and a clock moved by hand.
//! Named scenarios, and random sequences of operations and faults.

mod chat;
mod connection;
mod devices;
mod hands;
mod leaving;
mod outages;
mod people;
mod publishing;
mod random;
mod rights;
mod room;
mod tracks;
mod undecodable;
mod watching;

use super::entering::ENTER_LIMIT;
use super::reconnecting::{ATTEMPT_LIMIT, RESUME_WINDOW};
use super::*;
use crate::base::{EntryErrorKind, EventKind, ExitRequestedBy, SignalTarget, StepName, StepState, TrackSource};
use lk::signal_response::Message as Response;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const ME: &str = "PA_me";

/// How the fakes behave.
#[derive(Clone, Copy, Debug)]
struct Behaviour {
    /// Whether devices open and close.
    devices: bool,
    /// Whether the server admits us and answers.
    server: bool,
    /// Whether peer connections come up and close.
    peers: bool,
}

const PROMPT: Behaviour = Behaviour { devices: true, server: true, peers: true };

/// One session and the fakes around it.
struct World {
    session: Session,
    now: Moment,
    behaviour: Behaviour,
    /// Future inputs by time.
    scheduled: BTreeMap<(Moment, u64), Input>,
    next: u64,
    events: Vec<EventKind>,
    outputs: Vec<String>,
    /// The commands to the peer connections.
    commands: Vec<PeerCommand>,
    /// The messages to the server.
    sent: Vec<lk::signal_request::Message>,
    /// The outputs `WantLayers`.
    layers: Vec<(String, Vec<(usize, bool)>)>,
    /// Devices that are open, by the outputs.
    held: BTreeMap<DeviceKind, Generation>,
    /// Devices that are open, by the events.
    shown_open: BTreeSet<DeviceKind>,
    epoch: Epoch,
    link_up: bool,
    /// Our permission in the next join response.
    permission: Option<lk::ParticipantPermission>,
    /// Our attributes in it, and the room.
    own_attributes: std::collections::HashMap<String, String>,
    room: lk::Room,
    /// Whether the server answers the announcements of tracks.
    publishes: bool,
    /// Media that is shown or played.
    bound: BTreeMap<TrackHandle, crate::base::TrackRef>,
}

impl World {
    fn new(behaviour: Behaviour) -> Self {
        Self::prepared(behaviour, |_| ())
    }

    /// `prepare` sets what the server answers from the first join on.
    fn prepared(behaviour: Behaviour, prepare: impl FnOnce(&mut Self)) -> Self {
        let config = SessionConfig { camera_on: true, microphone_on: true, ..Default::default() };
        let mut world = Self {
            session: Session::new(config, Moment::ZERO),
            now: Moment::ZERO,
            behaviour,
            scheduled: BTreeMap::new(),
            next: 0,
            events: Vec::new(),
            outputs: Vec::new(),
            commands: Vec::new(),
            sent: Vec::new(),
            layers: Vec::new(),
            held: BTreeMap::new(),
            shown_open: BTreeSet::new(),
            epoch: Epoch(1),
            link_up: false,
            permission: None,
            own_attributes: Default::default(),
            room: lk::Room::default(),
            publishes: true,
            bound: BTreeMap::new(),
        };
        prepare(&mut world);
        world.drain();
        world
    }

    fn entered() -> Self {
        let mut world = Self::new(PROMPT);
        world.run(200);
        assert!(matches!(world.session.phase(), Phase::InRoom(_)), "{:?}", world.session.phase());
        world
    }

    /// In the room, with a server that does not answer the announcements of tracks.
    fn unanswered() -> Self {
        let mut world = Self { publishes: false, ..Self::new(PROMPT) };
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
        self.scheduled.insert((self.now + Duration::from_millis(ms), self.next), input);
    }

    /// Lets `ms` pass.
    fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            let next = self.scheduled.first_key_value().map(|((at, _), _)| *at);
            let due = [next, self.session.deadline()].into_iter().flatten().min();
            let Some(at) = due.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            match next.filter(|n| *n <= self.now).and_then(|_| self.scheduled.pop_first()) {
                Some((_, input)) => self.give(input),
                None => self.give(Input::Tick),
            }
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            self.outputs.push(format!("{output:?}").chars().take(60).collect());
            if let Output::Peers(_, command) = &output {
                self.commands.push(command.clone());
            }
            self.apply(output);
        }
    }

    fn link(&mut self, ms: u64, input: LinkInput) {
        self.later(ms, Input::Link(self.epoch, input));
    }

    fn message(&mut self, message: Response) {
        let input = Input::Link(self.epoch, LinkInput::Message(Box::new(message)));
        self.give(input);
    }

    fn apply(&mut self, output: Output) {
        match output {
            Output::Connect(epoch) => {
                self.epoch = epoch;
                if self.behaviour.server {
                    self.link_up = true;
                    self.link(10, LinkInput::Joined { response: Box::new(self.join()), single: true });
                    self.link(12, LinkInput::Message(Box::new(Response::Answer(lk::SessionDescription::default()))));
                    if self.behaviour.peers {
                        self.later(30, Input::Peers(epoch, PeerInput::Up(SignalTarget::Publisher)));
                    }
                }
            }
            Output::Resume(..) if self.behaviour.server => {
                self.link_up = true;
                let response = lk::ReconnectResponse { ice_servers: turn("resumed"), ..Default::default() };
                self.link(10, LinkInput::Resumed(Box::new(response)));
                if self.behaviour.peers {
                    self.later(30, Input::Peers(self.epoch, PeerInput::Up(SignalTarget::Publisher)));
                }
            }
            Output::Resume(..) => self.link(10, LinkInput::ResumeFailed(None)),
            Output::SayGoodbye(_) => {
                self.link(1, LinkInput::GoodbyeSent);
                if self.behaviour.server && self.link_up {
                    self.link(3, LinkInput::Message(Box::new(leave(lk::DisconnectReason::ClientInitiated))));
                }
            }
            Output::CloseLink(epoch) => self.later(1, Input::Link(epoch, LinkInput::Closed)),
            Output::Peers(epoch, PeerCommand::Close) if self.behaviour.peers => {
                self.later(2, Input::Peers(epoch, PeerInput::Closed));
            }
            Output::Peers(epoch, PeerCommand::Offer { .. }) => {
                self.later(1, Input::Peers(epoch, PeerInput::OfferMade("v=0".into())));
                if self.behaviour.server {
                    self.link(5, LinkInput::Message(Box::new(Response::Answer(lk::SessionDescription::default()))));
                }
            }
            Output::OpenDevice { kind, generation, .. } => {
                assert!(self.held.insert(kind, generation).is_none(), "{kind:?} opened twice");
                if self.behaviour.devices {
                    self.later(20, Input::Device(kind, generation, DeviceInput::Opened { id: "x".into() }));
                }
            }
            Output::ReleaseDevice { kind, generation, limit } => {
                assert!(self.held.contains_key(&kind), "{kind:?} released but not held");
                // A device that hangs is taken away by force at the limit.
                let ms = if self.behaviour.devices { 5 } else { limit.as_millis() as u64 };
                let done = DeviceInput::Released { state: StepState::Confirmed, detail: String::new() };
                self.later(ms, Input::Device(kind, generation, done));
            }
            Output::Attach(BoundTrack { handle, track }) => {
                assert!(self.bound.insert(handle, track).is_none(), "{handle:?} is attached twice");
            }
            Output::Detach(handle) => {
                assert!(self.bound.remove(&handle).is_some(), "{handle:?} is not attached");
            }
            Output::Event(event) => {
                match &event {
                    EventKind::DeviceOpened { kind, .. } => {
                        assert!(self.shown_open.insert(*kind), "{kind:?} opened twice")
                    }
                    EventKind::DeviceClosed { kind, .. } => {
                        assert!(!self.held.contains_key(kind), "{kind:?} is said to be closed, but held");
                        assert!(self.shown_open.remove(kind), "{kind:?} closed, but never opened");
                    }
                    EventKind::DeviceFailed { kind, .. } => {
                        self.held.remove(kind);
                        self.shown_open.remove(kind);
                    }
                    EventKind::ExitRoom { .. } => assert!(self.exits().is_empty(), "a second ExitRoom"),
                    _ => {}
                }
                self.events.push(event);
            }
            Output::Send(_, message) => {
                self.answer(&message);
                self.sent.push(*message);
            }
            Output::WantLayers { cid, layers } => self.layers.push((cid, layers)),
            _ => {}
        }
    }

    /// The server's answer to a message.
    fn answer(&mut self, message: &lk::signal_request::Message) {
        if let lk::signal_request::Message::AddTrack(request) = message
            && self.publishes
            && self.behaviour.server
        {
            let track = Some(lk::TrackInfo { sid: format!("TR_{}", request.cid), ..Default::default() });
            let published = lk::TrackPublishedResponse { cid: request.cid.clone(), track };
            self.link(5, LinkInput::Message(Box::new(Response::TrackPublished(published))));
        }
    }

    fn join(&self) -> lk::JoinResponse {
        let me = lk::ParticipantInfo {
            sid: ME.into(),
            identity: "me".into(),
            permission: self.permission.clone(),
            attributes: self.own_attributes.clone(),
            ..Default::default()
        };
        let room = Some(self.room.clone());
        lk::JoinResponse { participant: Some(me), room, ice_servers: turn("joined"), ..Default::default() }
    }

    fn exits(&self) -> Vec<(ExitReason, f64, Receipt)> {
        let exit = |e: &EventKind| match e {
            EventKind::ExitRoom { reason, total_ms, receipt } => Some((*reason, *total_ms, receipt.clone())),
            _ => None,
        };
        self.events.iter().filter_map(exit).collect()
    }

    /// The only exit, after checking what holds for every exit.
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

/// A TURN server with credentials of this name.
fn turn(name: &str) -> Vec<lk::IceServer> {
    let urls = vec!["turn:turn.example.com?transport=udp".to_owned()];
    vec![lk::IceServer { urls, username: name.into(), credential: format!("secret of {name}") }]
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
