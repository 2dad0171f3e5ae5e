//! A participant: a real session with fake devices, peer connections and sockets.

use super::data::Channels;
use super::machine::Machine;
use super::network::Net;
use super::rules::Cause;
use super::{Delivery, ROOM, Stage};
use crate::base::{
    DeviceKind, EventKind, ExitReason, MediaKind, Moment, SimulcastLayer, StepState, TrackRef, TrackSid, UserId,
};
use crate::hub::{self, Admission, LinkId, MemberId, Mid};
use crate::session::{
    self, DeviceInput, Epoch, Generation, LinkInput, PeerCommand, PeerInput, Session, SessionConfig, TrackHandle,
};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How a participant's devices behave.
#[derive(Clone, Copy, Debug)]
pub struct DeviceBehaviour {
    /// Time to open, in ms.
    pub open_ms: u64,
    /// Time to close, in ms; the driver takes the device away by force at the session's limit.
    pub release_ms: u64,
    /// Whether opening fails.
    pub fails: bool,
    /// Whether they report nothing.
    pub hangs: bool,
}

impl DeviceBehaviour {
    /// Devices that open and close at once.
    pub const PROMPT: Self = Self { open_ms: 30, release_ms: 5, fails: false, hangs: false };
}

/// The devices that are on at first, apart from the speaker.
pub(super) const DEVICES_ON: [DeviceKind; 2] = [DeviceKind::Camera, DeviceKind::Microphone];

/// A participant.
#[derive(Clone)]
pub struct Person {
    /// What decides.
    pub session: Session,
    /// The user id.
    pub user: UserId,
    /// One peer connection (v1) or two (v0).
    pub single: bool,
    /// The token's time of issue in Unix seconds.
    pub(crate) issued_at: i64,
    /// The token's permission.
    pub(crate) permission: lk::ParticipantPermission,
    /// Whether the token is a host's.
    pub(crate) is_host: bool,
    /// The attributes of the token, which the server renews.
    pub(crate) attributes: Vec<(String, String)>,
    /// Whether the token has expired.
    pub is_expired: bool,
    pub(crate) links: BTreeMap<Epoch, LinkId>,
    /// The last connection that was asked for.
    pub(crate) epoch: Epoch,
    pub(crate) has_peers: bool,
    /// The m-lines of our offers, with the track that each sends; an empty name for one that has ended.
    m_lines: Vec<(MediaKind, Option<String>)>,
    /// v0: the m-lines of the server's offers.
    pub(crate) offered: BTreeMap<Mid, (TrackSid, MediaKind)>,
    pub(crate) next_mid: u32,
    pub(crate) member: Option<MemberId>,
    /// `PA_…` of the last join.
    pub sid: String,
    /// The way to the server.
    pub net: Net,
    /// Messages that the link holds back until a resume is done.
    unsent: Vec<Request>,
    is_resuming: bool,
    /// Deliveries that wait for the end of a black hole.
    pub waiting: Vec<Delivery>,
    /// While the process is stopped: since when, and what has arrived.
    pub(crate) stopped: Option<(Moment, Vec<Delivery>)>,
    /// For how long the process has been stopped: its clock does not count that.
    pub(crate) stood_still: Duration,
    /// Whether the process exists.
    pub alive: bool,
    /// When the client was killed.
    pub(crate) died: Option<Moment>,
    pub(crate) behaviour: DeviceBehaviour,
    /// Devices that may be open, with the number of their opening.
    pub held: BTreeMap<DeviceKind, Generation>,
    pub(crate) machine: Machine,
    pub(crate) channels: Channels,
    pub(crate) tracks: u64,
    /// Received media that is shown or played.
    pub bound: BTreeMap<TrackHandle, TrackRef>,
    /// What has happened to them, with its time.
    pub events: Vec<(Moment, EventKind)>,
    /// Whether ExitRoom was among them.
    pub(crate) has_left: bool,
    /// The reason that the stay must end with, by the input that ended it.
    pub(crate) cause: Option<ExitReason>,
    /// How the server ended this stay, or refuses it.
    pub(crate) expected_end: Option<ExitReason>,
}

impl Person {
    pub(crate) fn die(&mut self, now: Moment) {
        self.alive = false;
        self.died.get_or_insert(now);
    }

    pub(crate) fn new(name: &str, single: bool, issued_at: i64, on: &[DeviceKind], now: Moment) -> Self {
        let config = SessionConfig {
            camera_on: on.contains(&DeviceKind::Camera),
            microphone_on: on.contains(&DeviceKind::Microphone),
            camera_layers: SimulcastLayer::for_camera(640, 360),
            ..SessionConfig::default()
        };
        let user: UserId = name.parse().expect("a user id");
        Self {
            session: Session::new(config, now),
            single,
            issued_at,
            permission: Admission::for_tests(ROOM, user.clone(), issued_at).permission,
            is_host: false,
            attributes: Vec::new(),
            is_expired: false,
            user,
            links: BTreeMap::new(),
            epoch: Epoch(0),
            has_peers: false,
            m_lines: Vec::new(),
            offered: BTreeMap::new(),
            next_mid: 0,
            member: None,
            sid: String::new(),
            net: Net::good(),
            unsent: Vec::new(),
            is_resuming: false,
            waiting: Vec::new(),
            stopped: None,
            stood_still: Duration::ZERO,
            alive: true,
            died: None,
            behaviour: DeviceBehaviour::PROMPT,
            held: BTreeMap::new(),
            machine: Machine::with(on),
            channels: Channels::default(),
            tracks: 0,
            bound: BTreeMap::new(),
            events: Vec::new(),
            has_left: false,
            cause: None,
            expected_end: None,
        }
    }

    /// Whether packets reach the process and come from it.
    pub(crate) fn is_reachable(&self) -> bool {
        self.net.is_up() && self.stopped.is_none()
    }

    /// When the session wants its next tick, in the stage's time. A stopped process has none.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.is_running().then(|| self.session.deadline()).flatten().map(|at| at + self.stood_still)
    }

    /// The first message on a new socket.
    pub(crate) fn request(&mut self, resume: Option<String>) -> lk::JoinRequest {
        let is_fresh = resume.is_none();
        if is_fresh {
            self.offered.clear();
            self.m_lines.clear();
            if self.single {
                self.m_lines.extend(vec![(MediaKind::Audio, None); 3]);
                self.m_lines.extend(vec![(MediaKind::Video, None); 3]);
            }
        }
        let first =
            || lk::SessionDescription { r#type: "offer".into(), sdp: self.offer(), id: 1, ..Default::default() };
        lk::JoinRequest {
            publisher_offer: (is_fresh && self.single).then(first),
            client_info: Some(lk::ClientInfo { protocol: 17, ..Default::default() }),
            connection_settings: Some(lk::ConnectionSettings { auto_subscribe: true, ..Default::default() }),
            reconnect: !is_fresh,
            participant_sid: resume.unwrap_or_default(),
            ..Default::default()
        }
    }

    pub(crate) fn admission(&self) -> Admission {
        let permission = self.permission.clone();
        let (room_admin, attributes) = (self.is_host, self.attributes.clone());
        Admission {
            permission,
            room_admin,
            attributes,
            ..Admission::for_tests(ROOM, self.user.clone(), self.issued_at)
        }
    }

    /// An offer with what the hub reads: kinds, m-lines, directions and track ids.
    fn offer(&self) -> String {
        let mut sdp = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        for (mid, (kind, cid)) in self.m_lines.iter().enumerate() {
            let kind = if *kind == MediaKind::Audio { "audio" } else { "video" };
            let direction = match cid {
                Some(cid) if cid.is_empty() => "a=inactive\r\n".to_owned(),
                Some(cid) => format!("a=sendonly\r\na=msid:- {cid}\r\n"),
                None => "a=recvonly\r\n".to_owned(),
            };
            sdp += &format!("m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n{direction}");
        }
        sdp
    }
}

/// Everything that determines the future: without the events.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, links, epoch, has_peers, m_lines, offered, member, sid, net, waiting, held, .. } = self;
        write!(f, "{session:?}{links:?}{epoch:?}{has_peers}{m_lines:?}{offered:?}{member:?}{sid}{net:?}{waiting:?}")?;
        write!(f, "{held:?}{}{:?}{:?}", self.alive, self.cause, self.expected_end)?;
        write!(f, "{:?}{:?}{:?}{}", self.stopped, self.stood_still, self.unsent, self.is_resuming)?;
        write!(f, "{:?}", self.channels)
    }
}

impl Stage {
    pub(crate) fn later_input(&mut self, who: usize, after: Duration, input: session::Input) {
        self.later(after, Delivery::Input(who, Box::new(input)));
    }

    /// Gives a session an input, applies its outputs, and checks the effect on its stay.
    pub(crate) fn input_now(&mut self, who: usize, input: session::Input) {
        let person = &mut self.people[who];
        if !person.alive {
            return;
        }
        let now = Moment::ZERO + self.now.since(Moment::ZERO + person.stood_still);
        person.takes_report(&input, self.now);
        let cause = Cause::of(person, &input);
        person.session.handle(input, now);
        let stayed = cause.judge(person);
        self.drain_session(who, stayed);
    }

    /// Applies the outputs of a session. `stayed`: whether its exit had not begun before the input.
    pub(crate) fn drain_session(&mut self, who: usize, stayed: bool) {
        while let Some(output) = self.people[who].session.poll() {
            self.check_output(who, stayed, &output);
            self.apply(who, output);
        }
    }

    fn apply(&mut self, who: usize, output: session::Output) {
        use session::Output;
        match output {
            Output::Connect(epoch) => {
                self.people[who].has_peers = true;
                self.people[who].unsent.clear();
                self.people[who].is_resuming = false;
                self.connect(who, epoch, None);
            }
            Output::CancelConnect(epoch) => self.cancel(who, epoch),
            Output::Resume(epoch, _) => {
                self.close_socket(who, epoch);
                self.people[who].is_resuming = true;
                let sid = self.people[who].sid.clone();
                self.connect(who, epoch, Some(sid));
            }
            Output::Send(_, message) if self.waits_for_resume(who, &message) => {
                self.people[who].unsent.push(*message);
            }
            Output::Send(epoch, message) => self.send_up(who, epoch, *message),
            Output::ResumeDone(epoch) => {
                self.people[who].is_resuming = false;
                for message in std::mem::take(&mut self.people[who].unsent) {
                    self.send_up(who, epoch, message);
                }
            }
            Output::SyncState(epoch, state) => self.send_up(who, epoch, Request::SyncState(*state)),
            Output::SayGoodbye(epoch) => {
                if self.people[who].links.contains_key(&epoch) {
                    self.send_up(who, epoch, Request::Leave(lk::LeaveRequest::default()));
                    self.later_input(who, Duration::ZERO, session::Input::Link(epoch, LinkInput::GoodbyeSent));
                }
            }
            Output::CloseLink(epoch) => {
                self.close_socket(who, epoch);
                self.later_input(who, Duration::ZERO, session::Input::Link(epoch, LinkInput::Closed));
            }
            Output::Peers(epoch, command) => self.peers(who, epoch, command),
            Output::OpenDevice { kind, generation, .. } => self.open_device(who, kind, generation),
            Output::ReleaseDevice { kind, generation, limit } => self.release_device(who, kind, generation, limit),
            Output::Event(event) => {
                self.check_event(who, &event);
                self.check_heard(who, &event);
                if let EventKind::ExitRoom { .. } = &event {
                    // The driver drops what did not close in time.
                    self.peers_close(who);
                    self.people[who].has_peers = false;
                    self.people[who].has_left = true;
                    self.people[who].channels.close();
                }
                if let EventKind::DeviceWithheld { kind, .. } = &event {
                    self.people[who].machine.want(*kind, false);
                }
                let now = self.now;
                self.people[who].events.push((now, event));
            }
            Output::Attach(bound) => {
                let before = self.people[who].bound.insert(bound.handle, bound.track);
                assert!(before.is_none(), "{:?} is attached twice", bound.handle);
            }
            Output::Detach(handle) => {
                let before = self.people[who].bound.remove(&handle);
                assert!(before.is_some(), "{handle:?} is detached, but was not attached");
            }
            Output::SetSending { .. }
            | Output::SetReceiving { .. }
            | Output::SetWatched { .. }
            | Output::WantLayers { .. } => {}
        }
    }

    /// Whether the link holds a message back: all but those about the connection, until a resume is done.
    fn waits_for_resume(&self, who: usize, message: &Request) -> bool {
        let person = &self.people[who];
        let is_reconnecting = person.is_resuming || !person.links.contains_key(&person.epoch);
        let is_about_connection = matches!(
            message,
            Request::Offer(_)
                | Request::Answer(_)
                | Request::Trickle(_)
                | Request::SyncState(_)
                | Request::Leave(_)
                | Request::Ping(_)
                | Request::PingReq(_)
        );
        is_reconnecting && !is_about_connection
    }

    /// Stops connecting, and closes a socket that was opened meanwhile.
    fn cancel(&mut self, who: usize, epoch: Epoch) {
        let link = self.people[who].links.get(&epoch);
        let is_opening = link.and_then(|l| self.sockets.get(l)).is_some_and(|w| w.is_opening);
        if is_opening {
            self.close_socket(who, epoch);
        }
    }

    fn open_device(&mut self, who: usize, kind: DeviceKind, generation: Generation) {
        let person = &mut self.people[who];
        assert!(person.held.insert(kind, generation).is_none(), "{kind:?} is opened twice");
        let DeviceBehaviour { open_ms, fails, hangs, .. } = person.behaviour;
        let fails = fails || person.machine.unplugged.contains(&kind);
        person.machine.failed.remove(&kind);
        let report = match fails {
            true => DeviceInput::Failed { id: "x".into(), message: "it fails".into() },
            false => DeviceInput::Opened { id: "x".into() },
        };
        if !hangs {
            self.later_input(who, Duration::from_millis(open_ms), session::Input::Device(kind, generation, report));
        }
    }

    /// Releases a device, also one that is still opening; or shortens a release.
    fn release_device(&mut self, who: usize, kind: DeviceKind, generation: Generation, limit: Duration) {
        let is_its = |d: &Delivery| match d {
            Delivery::Input(w, input) => {
                *w == who && matches!(**input, session::Input::Device(k, g, _) if k == kind && g == generation)
            }
            _ => false,
        };
        let is_release = |d: &Delivery| {
            let Delivery::Input(_, input) = d else { return false };
            matches!(**input, session::Input::Device(_, _, DeviceInput::Released { .. }))
        };
        let under_way = self.scheduled.iter().find(|(_, d)| is_its(d) && is_release(d)).map(|((at, _), _)| *at);
        self.scheduled.retain(|_, d| !is_its(d));
        self.people[who].machine.open.remove(&kind);
        let DeviceBehaviour { release_ms, hangs, .. } = self.people[who].behaviour;
        let needs = under_way.map_or(Duration::from_millis(release_ms), |at| at.since(self.now));
        let state = if needs > limit { StepState::Failed } else { StepState::Confirmed };
        let report = DeviceInput::Released { state, detail: String::new() };
        if !hangs {
            let after = needs.min(limit + Duration::from_millis(50));
            self.later_input(who, after, session::Input::Device(kind, generation, report));
        }
    }

    fn peers(&mut self, who: usize, epoch: Epoch, command: PeerCommand) {
        let person = &mut self.people[who];
        let answer = match command {
            PeerCommand::AddMLines { audios, videos } => {
                for (kind, n) in [(MediaKind::Audio, audios), (MediaKind::Video, videos)] {
                    person.m_lines.extend(vec![(kind, None); n as usize]);
                }
                None
            }
            PeerCommand::Publish { cid, source } => {
                person.m_lines.push((source.kind(), Some(cid)));
                None
            }
            PeerCommand::Unpublish { cid } => {
                let m_line = person.m_lines.iter_mut().find(|(_, sent)| sent.as_ref() == Some(&cid));
                m_line.expect("it was published").1 = Some(String::new());
                None
            }
            PeerCommand::Offer { .. } => Some(PeerInput::OfferMade(person.offer())),
            PeerCommand::Answer { id, .. } => Some(PeerInput::AnswerMade { id, sdp: "v=0".into() }),
            PeerCommand::SendData { sequence, payload } => return self.send_data(who, sequence, payload),
            PeerCommand::Close => {
                self.peers_close(who);
                self.people[who].channels.close();
                let person = &mut self.people[who];
                person.has_peers &= person.epoch != epoch;
                Some(PeerInput::Closed)
            }
            PeerCommand::SetIceServers(_) | PeerCommand::SetAnswer(_) | PeerCommand::AddCandidate { .. } => None,
        };
        if let Some(answer) = answer {
            self.later_input(who, Duration::from_millis(1), session::Input::Peers(epoch, answer));
        }
    }

    /// Media of a track begins to arrive at a participant.
    pub(crate) fn track_arrives(&mut self, who: usize, mid: Mid, what: hub::Subscribed) {
        let person = &mut self.people[who];
        person.tracks += 1;
        let (handle, epoch, latency) = (TrackHandle(person.tracks), person.epoch, person.net.latency);
        let (stream_id, track_id, kind) = (what.stream_id, what.track.to_string(), what.kind);
        let track = PeerInput::Track { handle, mid, stream_id, track_id, kind };
        self.later_input(who, latency * 2, session::Input::Peers(epoch, track));
    }
}
