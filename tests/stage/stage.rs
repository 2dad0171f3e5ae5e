//! Real sessions against the real hub, in memory: latency, cut links, killed clients, and a clock moved by hand.
//!
//! Signalling is carried as messages; peer connections are played by descriptions that hold only what the hub reads of
//! them. Devices open and close after some milliseconds.

use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use visavis::base::{
    DeviceKind, EventKind, ExitReason, ExitRequestedBy, MediaKind, Moment, PictureLayer, RemoteLeaveReason, StepState,
    UserId,
};
use visavis::hub::{
    self, AdminCall, Admission, ConnectionId, Hub, HubConfig, LinkId, MediaCommand, MediaEvent, MemberId,
};
use visavis::session::{
    self, DeviceInput, EntryError, Epoch, LinkInput, PeerCommand, PeerInput, Session, SessionConfig, Target,
    TrackHandle,
};

/// Unix time in ms at the stage's start.
const UNIX_MS: i64 = 1_800_000_000_000;
const ROOM: &str = "stage";

/// One way through the network.
const LATENCY: Duration = Duration::from_millis(20);
/// A socket without network gives up after so long.
const NO_NETWORK: Duration = Duration::from_secs(2);

/// Something on its way.
enum Delivery {
    ToHub(Box<hub::Input>),
    ToSession(usize, Box<session::Input>),
}

/// One participant.
pub(crate) struct Person {
    session: Session,
    pub(crate) user: UserId,
    /// The token's time of issue, unix seconds.
    issued_at: i64,
    links: HashMap<Epoch, LinkId>,
    sections: Vec<(MediaKind, Option<String>)>,
    member: Option<MemberId>,
    /// `PA_…` of the last join.
    sid: String,
    network: bool,
    alive: bool,
    held: BTreeSet<DeviceKind>,
    tracks: u64,
    pub(crate) events: Vec<(Moment, EventKind)>,
}

/// The stage.
pub(crate) struct Stage {
    hub: Hub,
    pub(crate) people: Vec<Person>,
    pub(crate) now: Moment,
    coming: BTreeMap<(Moment, u64), Delivery>,
    next: u64,
    /// Whose a link is, and whether it was opened to resume.
    links: BTreeMap<LinkId, (usize, Epoch, bool)>,
    next_link: u64,
    joining: Option<usize>,
}

impl Stage {
    pub(crate) fn new(seed: u64) -> Self {
        let config = HubConfig { unix_ms_at_zero: UNIX_MS, ..HubConfig::default() };
        Self {
            hub: Hub::new(config, seed),
            people: Vec::new(),
            now: Moment::from_millis(1),
            coming: BTreeMap::new(),
            next: 0,
            links: BTreeMap::new(),
            next_link: 0,
            joining: None,
        }
    }

    /// Somebody enters with a fresh token.
    pub(crate) fn enter(&mut self, name: &str) -> usize {
        let config = SessionConfig {
            camera_on: true,
            microphone_on: true,
            camera_layers: PictureLayer::for_camera(640, 360),
            ..SessionConfig::default()
        };
        let who = self.people.len();
        self.people.push(Person {
            session: Session::new(config, self.now),
            user: name.parse().expect("a user id"),
            issued_at: UNIX_MS / 1000 + self.now.as_micros() as i64 / 1_000_000,
            links: HashMap::new(),
            sections: vec![(MediaKind::Audio, None); 3].into_iter().chain(vec![(MediaKind::Video, None); 3]).collect(),
            member: None,
            sid: String::new(),
            network: true,
            alive: true,
            held: BTreeSet::new(),
            tracks: 0,
            events: Vec::new(),
        });
        self.drain_session(who);
        who
    }

    pub(crate) fn exit(&mut self, who: usize) {
        self.give(who, session::Input::Exit(ExitRequestedBy::User));
    }

    pub(crate) fn input(&mut self, who: usize, input: session::Input) {
        self.give(who, input);
    }

    pub(crate) fn remove(&mut self, who: usize) {
        let identity = self.people[who].user.to_string();
        let request = lk::RoomParticipantIdentity { room: ROOM.into(), identity, ..Default::default() };
        self.admin(AdminCall::RemoveParticipant(request));
    }

    pub(crate) fn dismiss(&mut self) {
        self.admin(AdminCall::DeleteRoom(lk::DeleteRoomRequest { room: ROOM.into() }));
    }

    pub(crate) fn stop_server(&mut self) {
        self.tell_hub(hub::Input::Shutdown);
    }

    fn admin(&mut self, call: AdminCall) {
        self.tell_hub(hub::Input::Admin { call: 1, request: Box::new(call) });
    }

    /// Cuts or mends somebody's network: what is under way is lost, both sides see their sockets end.
    pub(crate) fn network(&mut self, who: usize, up: bool) {
        let was = std::mem::replace(&mut self.people[who].network, up);
        if was && !up {
            let links: Vec<LinkId> = self.links.iter().filter(|(_, l)| l.0 == who).map(|(id, _)| *id).collect();
            self.coming.retain(|_, d| match d {
                Delivery::ToSession(to, input) => *to != who || !matches!(**input, session::Input::Link(..)),
                Delivery::ToHub(input) => match &**input {
                    hub::Input::Join { link, .. } | hub::Input::Signal { link, .. } => !links.contains(link),
                    _ => true,
                },
            });
            let epochs: Vec<Epoch> = self.people[who].links.keys().copied().collect();
            for link in links {
                self.links.remove(&link);
                self.later(LATENCY, Delivery::ToHub(Box::new(hub::Input::LinkGone { link })));
            }
            for epoch in epochs {
                self.people[who].links.remove(&epoch);
                self.send_to_session(who, LATENCY, session::Input::Link(epoch, LinkInput::Lost));
            }
            if let Some(member) = self.people[who].member {
                let connection = ConnectionId { member, role: hub::Role::Single };
                let gone = hub::Input::Media(MediaEvent::Disconnected { connection });
                self.later(Duration::from_secs(3), Delivery::ToHub(Box::new(gone)));
            }
        }
    }

    /// kill -9.
    pub(crate) fn kill(&mut self, who: usize) {
        self.network(who, false);
        self.people[who].alive = false;
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        for _ in 0..200_000 {
            let next = self.coming.first_key_value().map(|((at, _), _)| *at);
            let sessions = self.people.iter().filter(|p| p.alive).filter_map(|p| p.session.deadline()).min();
            let Some(at) = [next, sessions, self.hub.deadline()].into_iter().flatten().min().filter(|at| *at <= end)
            else {
                self.now = end;
                return;
            };
            self.now = self.now.max(at);
            if next.is_some_and(|n| n <= self.now) {
                if let Some((_, delivery)) = self.coming.pop_first() {
                    match delivery {
                        Delivery::ToHub(input) => self.tell_hub(*input),
                        Delivery::ToSession(who, input) => self.give(who, *input),
                    }
                }
            } else if self.hub.deadline().is_some_and(|d| d <= self.now) {
                self.tell_hub(hub::Input::Tick);
            } else {
                for who in 0..self.people.len() {
                    if self.people[who].session.deadline().is_some_and(|d| d <= self.now) {
                        self.give(who, session::Input::Tick);
                    }
                }
            }
        }
        panic!("the stage does not come to rest");
    }

    fn later(&mut self, after: Duration, delivery: Delivery) {
        self.next += 1;
        self.coming.insert((self.now + after, self.next), delivery);
    }

    fn send_to_session(&mut self, who: usize, after: Duration, input: session::Input) {
        self.later(after, Delivery::ToSession(who, Box::new(input)));
    }

    fn give(&mut self, who: usize, input: session::Input) {
        if self.people[who].alive {
            if let session::Input::Device(kind, _, DeviceInput::Released { .. }) = &input {
                self.people[who].held.remove(kind);
            }
            self.people[who].session.handle(input, self.now);
            self.drain_session(who);
        }
    }

    // ---- what sessions want

    fn drain_session(&mut self, who: usize) {
        while let Some(output) = self.people[who].session.poll() {
            self.obey(who, output);
        }
    }

    fn obey(&mut self, who: usize, output: session::Output) {
        use session::Output;
        match output {
            Output::Connect(epoch) => self.connect(who, epoch, None),
            Output::CancelConnect(epoch) => self.cancel(who, epoch),
            Output::Resume(epoch, _) => {
                let sid = self.people[who].sid.clone();
                self.connect(who, epoch, Some(sid));
            }
            Output::Send(epoch, message) => self.send(who, epoch, *message),
            Output::SyncState(epoch, state) => self.send(who, epoch, Request::SyncState(*state)),
            Output::SayGoodbye(epoch) => {
                if self.people[who].links.contains_key(&epoch) {
                    self.send(who, epoch, Request::Leave(lk::LeaveRequest::default()));
                    self.send_to_session(who, Duration::ZERO, session::Input::Link(epoch, LinkInput::GoodbyeSent));
                }
            }
            Output::CloseLink(epoch) => {
                if let Some(link) = self.people[who].links.remove(&epoch) {
                    self.links.remove(&link);
                    self.later(LATENCY, Delivery::ToHub(Box::new(hub::Input::LinkGone { link })));
                }
                self.send_to_session(who, Duration::ZERO, session::Input::Link(epoch, LinkInput::Closed));
            }
            Output::Peers(epoch, command) => self.peers(who, epoch, command),
            Output::OpenDevice { kind, generation, .. } => {
                assert!(self.people[who].held.insert(kind), "{kind:?} is opened twice");
                let opened = DeviceInput::Opened { id: "x".into() };
                self.send_to_session(who, Duration::from_millis(30), session::Input::Device(kind, generation, opened));
            }
            Output::ReleaseDevice { kind, generation, .. } => {
                let done = DeviceInput::Released { state: StepState::Confirmed, detail: String::new() };
                self.send_to_session(who, Duration::from_millis(5), session::Input::Device(kind, generation, done));
            }
            Output::Event(event) => {
                let now = self.now;
                self.people[who].events.push((now, event));
            }
            Output::ResumeDone(_) | Output::Attach(_) | Output::Detach(_) | Output::Feed { .. } => {}
        }
    }

    fn cancel(&mut self, who: usize, epoch: Epoch) {
        let Some(link) = self.people[who].links.get(&epoch).copied() else { return };
        self.coming.retain(|_, d| {
            let join =
                matches!(d, Delivery::ToHub(i) if matches!(&**i, hub::Input::Join { link: l, .. } if *l == link));
            !join
        });
    }

    fn connect(&mut self, who: usize, epoch: Epoch, resume: Option<String>) {
        let fail = |message: &str, retry| EntryError { kind: "unreachable", message: message.into(), retry };
        if !self.people[who].network {
            let input = match resume {
                Some(_) => LinkInput::ResumeFailed(None),
                None => LinkInput::ConnectFailed(fail("no network", true)),
            };
            return self.send_to_session(who, NO_NETWORK, session::Input::Link(epoch, input));
        }
        let admission = self.admission(who);
        if self.hub.refusal(&admission, resume.is_some()).is_some() {
            let input = LinkInput::ConnectFailed(fail("refused", false));
            return self.send_to_session(who, LATENCY * 2, session::Input::Link(epoch, input));
        }
        self.next_link += 1;
        let link = LinkId(self.next_link);
        self.links.insert(link, (who, epoch, resume.is_some()));
        self.people[who].links.insert(epoch, link);
        let offer = resume.is_none().then(|| {
            let person = &mut self.people[who];
            person.sections.truncate(6);
            lk::SessionDescription { r#type: "offer".into(), sdp: person.offer(), id: 1, ..Default::default() }
        });
        let request = lk::JoinRequest {
            publisher_offer: offer,
            connection_settings: Some(lk::ConnectionSettings { auto_subscribe: true, ..Default::default() }),
            reconnect: resume.is_some(),
            participant_sid: resume.unwrap_or_default(),
            ..Default::default()
        };
        let join = hub::Input::Join { link, admission: Box::new(admission), request: Box::new(request), single: true };
        self.later(LATENCY, Delivery::ToHub(Box::new(join)));
    }

    fn admission(&self, who: usize) -> Admission {
        let person = &self.people[who];
        Admission {
            room: ROOM.into(),
            user: person.user.clone(),
            name: person.user.to_string(),
            metadata: String::new(),
            attributes: Vec::new(),
            permission: lk::ParticipantPermission {
                can_subscribe: true,
                can_publish: true,
                can_publish_data: true,
                ..Default::default()
            },
            room_admin: false,
            issued_at: person.issued_at,
            max_participants: 0,
        }
    }

    fn send(&mut self, who: usize, epoch: Epoch, message: Request) {
        let Some(link) = self.people[who].links.get(&epoch).copied() else { return };
        self.later(LATENCY, Delivery::ToHub(Box::new(hub::Input::Signal { link, message: Box::new(message) })));
    }

    fn peers(&mut self, who: usize, epoch: Epoch, command: PeerCommand) {
        let person = &mut self.people[who];
        let answer = match command {
            PeerCommand::AddSections { audios, videos } => {
                for (kind, n) in [(MediaKind::Audio, audios), (MediaKind::Video, videos)] {
                    person.sections.extend(vec![(kind, None); n as usize]);
                }
                None
            }
            PeerCommand::Publish { cid, source } => {
                person.sections.push((source.kind(), Some(cid)));
                None
            }
            PeerCommand::Offer { .. } => Some(PeerInput::OfferMade(person.offer())),
            PeerCommand::Close => Some(PeerInput::Closed),
            PeerCommand::SetAnswer(_) | PeerCommand::Answer { .. } | PeerCommand::AddCandidate { .. } => None,
        };
        if let Some(answer) = answer {
            self.send_to_session(who, Duration::from_millis(1), session::Input::Peers(epoch, answer));
        }
    }

    // ---- what the hub wants

    fn tell_hub(&mut self, input: hub::Input) {
        self.joining = match &input {
            hub::Input::Join { link, .. } => self.links.get(link).map(|l| l.0),
            _ => None,
        };
        self.hub.handle(input, self.now);
        while let Some(output) = self.hub.poll() {
            match output {
                hub::Output::Signal { link, message } => self.deliver(link, *message),
                hub::Output::CloseLink { link } => {
                    if let Some((who, epoch, _)) = self.links.remove(&link) {
                        if self.people[who].links.get(&epoch) == Some(&link) {
                            self.people[who].links.remove(&epoch);
                        }
                        self.send_to_session(who, LATENCY, session::Input::Link(epoch, LinkInput::Lost));
                    }
                    self.later(LATENCY, Delivery::ToHub(Box::new(hub::Input::LinkGone { link })));
                }
                hub::Output::Media(command) => self.media(command),
                hub::Output::Answer { .. } | hub::Output::Note(_) => {}
            }
        }
    }

    fn deliver(&mut self, link: LinkId, message: Response) {
        let Some((who, epoch, resuming)) = self.links.get(&link).copied() else { return };
        let input = match message {
            Response::Join(response) => {
                self.people[who].sid = response.participant.as_ref().map(|p| p.sid.clone()).unwrap_or_default();
                LinkInput::Joined { response: Box::new(response), single: true }
            }
            Response::Reconnect(_) => {
                self.links.insert(link, (who, epoch, false));
                LinkInput::Resumed
            }
            Response::Leave(leave) if resuming => LinkInput::ResumeFailed(Some(Box::new(leave))),
            message => LinkInput::Message(Box::new(message)),
        };
        self.send_to_session(who, LATENCY, session::Input::Link(epoch, input));
    }

    fn media(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::Open { connection, .. } => {
                if let Some(who) = self.joining {
                    self.people[who].member = Some(connection.member);
                }
            }
            MediaCommand::AcceptOffer { connection, offer_id, publish, bind, .. } => {
                let answered = MediaEvent::Answered { connection, offer_id, sdp: "v=0".into() };
                self.later(Duration::ZERO, Delivery::ToHub(Box::new(hub::Input::Media(answered))));
                let Some(who) = self.people.iter().position(|p| p.member == Some(connection.member)) else { return };
                let Some(epoch) = self.people[who].links.keys().max().copied() else { return };
                let up = hub::Input::Media(MediaEvent::Connected { connection });
                self.later(LATENCY * 2, Delivery::ToHub(Box::new(up)));
                let up = session::Input::Peers(epoch, PeerInput::Up(Target::Publisher));
                self.send_to_session(who, LATENCY * 3, up);
                for p in publish {
                    let seen = hub::Input::Media(MediaEvent::MediaSeen { track: p.track });
                    self.later(LATENCY * 3, Delivery::ToHub(Box::new(seen)));
                }
                for b in bind {
                    self.people[who].tracks += 1;
                    let track = PeerInput::Track {
                        handle: TrackHandle(self.people[who].tracks),
                        mid: b.mid,
                        stream_id: b.what.stream_id,
                        track_id: b.what.track,
                        kind: b.what.kind,
                    };
                    self.send_to_session(who, LATENCY * 2, session::Input::Peers(epoch, track));
                }
            }
            _ => {}
        }
    }

    // ---- what is asserted

    /// Names of those whom somebody sees.
    pub(crate) fn sees(&self, who: usize) -> Vec<String> {
        let mut names: Vec<String> = self.people[who].session.people().iter().map(|p| p.user.to_string()).collect();
        names.sort();
        names
    }

    pub(crate) fn is_in_room(&self, who: usize) -> bool {
        matches!(self.people[who].session.phase(), session::Phase::InRoom(_))
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

    /// Everybody who lives leaves; then nothing may be left anywhere.
    pub(crate) fn finish(&mut self) {
        for who in 0..self.people.len() {
            self.exit(who);
        }
        self.run(90_000);
        for who in 0..self.people.len() {
            if self.people[who].alive {
                let (_, ms) = self.exit_of(who);
                assert!(ms <= 2000.0, "over the ceiling: {ms}");
                assert!(self.people[who].held.is_empty(), "{:?}", self.people[who].held);
                assert_eq!(self.people[who].session.deadline(), None);
            }
        }
        assert!(self.hub.is_empty(), "members or rooms are left");
        assert_eq!(self.hub.deadline(), None, "the hub still waits for something");
    }
}

impl Person {
    /// An offer that holds what the hub reads: kinds, sections, directions, and the ids of what is sent.
    fn offer(&self) -> String {
        let mut sdp = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        for (mid, (kind, cid)) in self.sections.iter().enumerate() {
            let kind = if *kind == MediaKind::Audio { "audio" } else { "video" };
            let direction = match cid {
                Some(cid) => format!("a=sendonly\r\na=msid:- {cid}\r\n"),
                None => "a=recvonly\r\n".to_owned(),
            };
            sdp += &format!("m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n{direction}");
        }
        sdp
    }
}
