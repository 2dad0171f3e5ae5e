//! Real sessions against the real hub, in memory: networks with latency, stalls, cuts and black holes, devices that hang,
//! clients that are killed, a server that restarts, and a clock moved by hand.
//!
//! Signalling is carried as messages; peer connections are played by descriptions that hold only what the hub reads of
//! them. What must hold whatever happens is checked as it happens (`rules`).

use crate::people::{Manners, Person};
use livekit_protocol as lk;
use std::collections::BTreeMap;
use std::time::Duration;
use visavis::base::{EntryErrorKind, ExitRequestedBy, Moment, SignalTarget};
use visavis::hub::{self, AdminCall, BanList, ConnectionId, Hub, HubConfig, LinkId};
use visavis::session::{self, Epoch, LinkInput};

/// Unix time in ms at the stage's start.
pub(crate) const UNIX_MS: i64 = 1_800_000_000_000;
pub(crate) const ROOM: &str = "stage";
/// The forwarding plane misses somebody after so long.
pub(crate) const MEDIA_SILENCE: Duration = Duration::from_millis(3300);
/// A killed client is gone for the others within this time and one way through their network.
const GHOST: Duration = Duration::from_secs(6);
/// A server that was told to stop is gone after this.
const FAREWELL: Duration = Duration::from_millis(700);

/// Something on its way.
#[derive(Clone, Debug)]
pub(crate) enum Delivery {
    /// A client asks to be let in.
    Knock(LinkId, Box<hub::Input>),
    /// From a client to the server.
    Up(LinkId, Box<hub::Input>),
    /// From the server to a client.
    Down(LinkId, Box<LinkInput>),
    /// A client's own: devices, peers, sockets that do not open.
    Own(usize, Box<session::Input>),
    /// The forwarding plane's own.
    Plane(Box<hub::Input>),
    /// Media flows.
    MediaUp { who: usize, epoch: Epoch, connection: ConnectionId },
    /// Media has been missed for a while, if the outage lasts.
    MediaLost { who: usize, outage: u32 },
    /// A client pings, or finds out that nobody answers.
    Ping(LinkId),
    /// Whoever was killed must be gone.
    Ghost(usize),
    /// The server is there again.
    ServerStarts,
    /// The server is gone.
    ServerEnds,
}

/// One signalling connection.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) who: usize,
    pub(crate) epoch: Epoch,
    /// Opened to resume.
    pub(crate) is_resume: bool,
    /// The server has answered.
    pub(crate) is_answered: bool,
    /// The client has not heard an answer yet.
    pub(crate) is_opening: bool,
    /// Whether the client holds it.
    pub(crate) client: bool,
    /// Whether the server holds it.
    pub(crate) server: bool,
    /// Nothing overtakes what was sent before.
    pub(crate) last_up: Moment,
    pub(crate) last_down: Moment,
    /// When the client last heard something.
    pub(crate) heard: Moment,
}

/// The stage.
#[derive(Clone)]
pub(crate) struct Stage {
    /// `None` while the server is down.
    pub(crate) hub: Option<Hub>,
    seed: u64,
    pub(crate) people: Vec<Person>,
    pub(crate) now: Moment,
    pub(crate) coming: BTreeMap<(Moment, u64), Delivery>,
    next: u64,
    pub(crate) wires: BTreeMap<LinkId, Wire>,
    next_link: u64,
    /// Whose join the hub handles.
    pub(crate) joining: Option<(usize, Epoch)>,
    /// The server's state folder.
    pub(crate) bans: BanList,
    /// The server's door lets everybody knock at the hub itself, as in a race between the two.
    pub(crate) door_is_open: bool,
    /// How often the server was told to stop.
    pub(crate) stops: u32,
    /// When the server was last away, or began.
    pub(crate) server_since: Moment,
    /// Whether clients ping; without it the stage comes to rest.
    pub(crate) pings: bool,
}

impl Stage {
    pub(crate) fn new(seed: u64) -> Self {
        let mut stage = Self {
            hub: None,
            seed,
            people: Vec::new(),
            now: Moment::from_millis(1),
            coming: BTreeMap::new(),
            next: 0,
            wires: BTreeMap::new(),
            next_link: 0,
            joining: None,
            bans: BanList::default(),
            door_is_open: seed % 2 == 1,
            stops: 0,
            server_since: Moment::ZERO,
            pings: true,
        };
        stage.start_server();
        stage
    }

    fn start_server(&mut self) {
        if self.hub.is_none() {
            let config = HubConfig { unix_ms_at_zero: UNIX_MS, ..HubConfig::default() };
            self.seed += 1;
            let mut hub = Hub::new(config, self.seed);
            hub.restore(self.bans.clone());
            self.hub = Some(hub);
            self.server_since = self.now;
        }
    }

    pub(crate) fn unix_s(&self) -> i64 {
        UNIX_MS / 1000 + (self.now.as_micros() / 1_000_000) as i64
    }

    // ---- what people do

    /// Somebody enters over one connection with a token made now.
    pub(crate) fn enter(&mut self, name: &str) -> usize {
        self.enter_with(name, true, self.unix_s())
    }

    /// Somebody enters, over one connection or two, with a token made at a time in unix seconds.
    pub(crate) fn enter_with(&mut self, name: &str, single: bool, issued_at: i64) -> usize {
        let who = self.people.len();
        self.people.push(Person::new(name, single, issued_at, self.now));
        self.people[who].verdict = self.find_ban(who);
        self.drain_session(who, true);
        who
    }

    pub(crate) fn exit(&mut self, who: usize) {
        self.give(who, session::Input::Exit(ExitRequestedBy::User));
    }

    pub(crate) fn input(&mut self, who: usize, input: session::Input) {
        self.give(who, input);
    }

    pub(crate) fn manners(&mut self, who: usize, manners: Manners) {
        self.people[who].manners = manners;
    }

    pub(crate) fn remove(&mut self, user: &str) {
        let request = lk::RoomParticipantIdentity { room: ROOM.into(), identity: user.into(), ..Default::default() };
        self.admin(AdminCall::RemoveParticipant(request));
    }

    pub(crate) fn dismiss(&mut self) {
        self.admin(AdminCall::DeleteRoom(lk::DeleteRoomRequest { room: ROOM.into() }));
    }

    fn admin(&mut self, call: AdminCall) {
        self.tell_hub(hub::Input::Admin { call: 1, request: Box::new(call) });
    }

    // ---- the server comes and goes

    /// The server is told to stop, and comes back after `away` if that is said.
    pub(crate) fn stop_server(&mut self, away: Option<Duration>) {
        if self.hub.is_none() {
            return;
        }
        self.stops += 1;
        self.tell_hub(hub::Input::Shutdown);
        self.later(FAREWELL, Delivery::ServerEnds);
        if let Some(away) = away {
            self.later(FAREWELL + away, Delivery::ServerStarts);
        }
    }

    /// The server is killed, and comes back after `away`.
    pub(crate) fn kill_server(&mut self, away: Duration) {
        if self.hub.is_some() {
            self.server_ends();
            self.later(away, Delivery::ServerStarts);
        }
    }

    fn server_ends(&mut self) {
        self.hub = None;
        self.server_since = self.now;
        self.coming.retain(|_, d| !matches!(d, Delivery::Up(..) | Delivery::Knock(..) | Delivery::Plane(_)));
        for person in &mut self.people {
            person.member = None;
            person.waiting.retain(|d| !matches!(d, Delivery::Up(..) | Delivery::Knock(..)));
        }
        let open = self.wires.iter().filter(|(_, w)| w.server || w.is_opening);
        let open: Vec<LinkId> = open.map(|(id, _)| *id).collect();
        for link in open {
            self.send_down(link, LinkInput::Lost);
            self.end_wire(link, false, true);
        }
    }

    // ---- time

    /// Lets time pass.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        for _ in 0..500_000 {
            let Some(at) = self.next_moment().filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(at);
            self.step();
        }
        panic!("the stage does not come to rest");
    }

    /// When something happens next.
    pub(crate) fn next_moment(&self) -> Option<Moment> {
        let next = self.coming.first_key_value().map(|((at, _), _)| *at);
        [next, self.next_deadline()].into_iter().flatten().min()
    }

    /// The next deadline of a session or the hub.
    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        let sessions = self.people.iter().filter(|p| p.alive).filter_map(|p| p.session.deadline()).min();
        [sessions, self.hub.as_ref().and_then(Hub::deadline)].into_iter().flatten().min()
    }

    /// Carries out one thing that is due.
    fn step(&mut self) {
        let is_due = self.coming.first_key_value().is_some_and(|((at, _), _)| *at <= self.now);
        match is_due.then(|| self.coming.pop_first()).flatten() {
            Some((_, delivery)) => self.dispatch(delivery),
            None => self.tick(),
        }
    }

    /// Everybody whose deadline has passed is told so.
    pub(crate) fn tick(&mut self) {
        if self.hub.as_ref().and_then(Hub::deadline).is_some_and(|d| d <= self.now) {
            self.tell_hub(hub::Input::Tick);
        }
        for who in 0..self.people.len() {
            if self.people[who].session.deadline().is_some_and(|d| d <= self.now) {
                self.give(who, session::Input::Tick);
            }
        }
    }

    pub(crate) fn later(&mut self, after: Duration, delivery: Delivery) {
        self.at(self.now + after, delivery);
    }

    pub(crate) fn at(&mut self, at: Moment, delivery: Delivery) {
        self.next += 1;
        self.coming.insert((at, self.next), delivery);
    }

    pub(crate) fn next_link(&mut self) -> LinkId {
        self.next_link += 1;
        LinkId(self.next_link)
    }

    pub(crate) fn dispatch(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Knock(link, join) => self.knock(link, *join),
            Delivery::Up(link, input) => {
                let is_end = matches!(*input, hub::Input::LinkGone { .. });
                self.tell_hub(*input);
                if is_end {
                    self.end_wire(link, false, true);
                }
            }
            Delivery::Down(link, input) => self.arrive(link, *input),
            Delivery::Own(who, input) => self.give(who, *input),
            Delivery::Plane(input) => self.tell_hub(*input),
            Delivery::MediaUp { who, epoch, connection } => self.media_up(who, epoch, connection),
            Delivery::MediaLost { who, outage } => self.media_lost(who, outage),
            Delivery::Ping(link) => self.ping(link),
            Delivery::Ghost(who) => self.check_ghost(who),
            Delivery::ServerStarts => self.start_server(),
            Delivery::ServerEnds => {
                if self.hub.is_some() {
                    self.server_ends();
                }
            }
        }
    }

    /// What is to be looked at when a client was killed. Whoever is not the one that the room has, because the same user
    /// came from elsewhere, is not looked for: they might see that one.
    pub(crate) fn expect_gone(&mut self, who: usize) {
        if self.people[who].member.is_none() {
            return;
        }
        self.later(GHOST, Delivery::Ghost(who));
    }
}

impl Wire {
    /// What the client is told when it ends.
    pub(crate) fn loss(&self) -> LinkInput {
        let message = "The server cannot be reached.".to_owned();
        match (self.is_opening, self.is_resume) {
            (false, _) => LinkInput::Lost,
            (true, true) => LinkInput::ResumeFailed(None),
            (true, false) => LinkInput::ConnectFailed(session::EntryError {
                kind: EntryErrorKind::Unreachable,
                message,
                retry: true,
            }),
        }
    }
}

/// Which of a client's connections one of the plane's is.
pub(crate) const fn target(role: hub::Role) -> SignalTarget {
    match role {
        hub::Role::Single | hub::Role::Publisher => SignalTarget::Publisher,
        hub::Role::Subscriber => SignalTarget::Subscriber,
    }
}
