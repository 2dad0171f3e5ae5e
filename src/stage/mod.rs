//! Real sessions against the real hub, in memory: networks with latency, stalls, cuts and black holes, devices that hang,
//! clients that are killed, a server that restarts, and a clock moved by hand.
//!
//! Signalling messages are passed as values. The fake peer connections make descriptions with only what the hub reads.
//! `rules` checks each step: a broken rule is a panic. `tests/stage` plays random and exhaustive sequences on it, and
//! `visavis scenario run --stage` what somebody has written down.

mod data;
mod host;
mod machine;
mod network;
mod people;
mod rules;
mod seen;
mod server;

pub use machine::{Fault, Stop, TalkEnd};
pub use network::Net;
pub use people::{DeviceBehaviour, Person};
pub use seen::Checked;

use crate::base::{DeviceKind, EntryErrorKind, ExitRequestedBy, Moment, SignalTarget};
use crate::hub::{self, AdminCall, BanList, ConnectionId, Hub, HubConfig, LinkId};
use crate::session::{self, Epoch, LinkInput};
use livekit_protocol as lk;
use people::DEVICES_ON;
use std::collections::BTreeMap;
use std::time::Duration;

/// Unix time in ms at the stage's origin.
pub const UNIX_MS: i64 = 1_800_000_000_000;
/// The room of all participants.
pub const ROOM: &str = "stage";
/// Time until the SFU and a client notice a media outage.
pub(crate) const MEDIA_SILENCE: Duration = Duration::from_millis(3300);
/// How long the others see a killed client at most.
const STALE_PEER_LIMIT: Duration = Duration::from_secs(6);
/// Time that a server takes to shut down.
const SHUTDOWN_TIME: Duration = Duration::from_millis(700);

/// A scheduled input.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// A join request reaches the server.
    Connect(LinkId, Box<hub::Input>),
    /// From a client to the server.
    Up(LinkId, Box<hub::Input>),
    /// From the server to a client.
    Down(LinkId, Box<LinkInput>),
    /// An input of a session from its devices, peer connections, or a socket that does not open.
    Input(usize, Box<session::Input>),
    /// An input of the hub from the SFU, or the end of a socket.
    Sfu(Box<hub::Input>),
    /// A media path is up.
    MediaUp {
        /// The participant.
        who: usize,
        /// Of its connection attempt.
        epoch: Epoch,
        /// The peer connection.
        connection: ConnectionId,
    },
    /// Both sides notice a media outage, if it still lasts.
    MediaLost {
        /// The participant.
        who: usize,
        /// The number of the outage.
        outage: u32,
    },
    /// A participant has written a message.
    Write(usize),
    /// Packets of a participant's data channels arrive.
    Data(usize),
    /// A client pings, or gives up a silent server.
    Ping(LinkId),
    /// A killed client must not be seen any more.
    CheckGone(usize),
    /// A fault of a participant's machine or network is over.
    Over(usize, Fault),
    /// The server starts.
    ServerStarts,
    /// The server process ends.
    ServerEnds,
}

/// One signalling connection.
#[derive(Clone, Debug)]
pub struct Socket {
    pub(crate) who: usize,
    pub(crate) epoch: Epoch,
    /// Whether it was opened for a resume.
    pub(crate) is_resume: bool,
    /// Whether the server has answered.
    pub(crate) is_answered: bool,
    /// The answer to a resume, if the server has lost the participant.
    pub(crate) refusal: Option<Box<lk::LeaveRequest>>,
    /// Whether the client has not received the answer yet.
    pub(crate) is_opening: bool,
    /// Whether the client's side is open.
    pub(crate) client: bool,
    /// Whether the server's side is open.
    pub server: bool,
    /// Arrival of the last delivery to the server: later ones must not overtake it.
    pub(crate) last_up: Moment,
    /// The same, to the client.
    pub(crate) last_down: Moment,
    /// When the client last received a message.
    pub(crate) heard: Moment,
}

/// A hub, its clients and the network between them.
#[derive(Clone)]
pub struct Stage {
    /// `None` while the server is down.
    pub hub: Option<Hub>,
    seed: u64,
    /// The participants in the order of their joining.
    pub people: Vec<Person>,
    /// The time.
    pub now: Moment,
    /// What is on its way, by its time and its number.
    pub scheduled: BTreeMap<(Moment, u64), Delivery>,
    next: u64,
    /// The signalling connections that one side at least has open.
    pub sockets: BTreeMap<LinkId, Socket>,
    next_link: u64,
    /// The participant whose join the hub handles now.
    pub(crate) joining: Option<(usize, Epoch)>,
    /// The server's persistent bans.
    pub bans: BanList,
    /// Whether joins reach the hub without the check before the upgrade, as in a race between the two.
    pub(crate) skips_admission: bool,
    /// How often the server was asked to stop.
    pub(crate) stops: u32,
    /// When the server last started or ended.
    pub(crate) server_since: Moment,
    /// Whether clients ping; without pings nothing stays scheduled.
    pub pings: bool,
}

impl Stage {
    /// A stage with a server and without participants. `seed` is that of the ids which the server gives.
    pub fn new(seed: u64) -> Self {
        let mut stage = Self {
            hub: None,
            seed,
            people: Vec::new(),
            now: Moment::from_millis(1),
            scheduled: BTreeMap::new(),
            next: 0,
            sockets: BTreeMap::new(),
            next_link: 0,
            joining: None,
            bans: BanList::default(),
            skips_admission: seed % 2 == 1,
            stops: 0,
            server_since: Moment::ZERO,
            pings: true,
        };
        stage.start_server();
        stage
    }

    fn start_server(&mut self) {
        if self.hub.is_none() {
            let config = HubConfig { unix_ms_at_zero: UNIX_MS, departure_timeout_s: 0, ..HubConfig::default() };
            self.seed += 1;
            let mut hub = Hub::new(config, self.seed);
            hub.restore(self.bans.clone());
            self.hub = Some(hub);
            self.server_since = self.now;
        }
    }

    /// The time in Unix seconds.
    pub fn unix_s(&self) -> i64 {
        UNIX_MS / 1000 + (self.now.as_micros() / 1_000_000) as i64
    }

    // ---- what participants do

    /// Adds a participant with one peer connection and a token made now.
    pub fn enter(&mut self, name: &str) -> usize {
        self.enter_with(name, true, self.unix_s())
    }

    /// Adds a participant with one peer connection or two and a token made at `issued_at` (Unix seconds).
    pub fn enter_with(&mut self, name: &str, single: bool, issued_at: i64) -> usize {
        self.add(Person::new(name, single, issued_at, &DEVICES_ON, self.now))
    }

    /// Adds a participant with these devices, over a way to the server with this latency in one direction.
    pub(crate) fn enter_as(
        &mut self,
        name: &str,
        on: &[DeviceKind],
        behaviour: DeviceBehaviour,
        latency: Duration,
    ) -> usize {
        let mut person = Person::new(name, true, self.unix_s(), on, self.now);
        person.behaviour = behaviour;
        person.net.latency = latency;
        self.add(person)
    }

    fn add(&mut self, person: Person) -> usize {
        let who = self.people.len();
        self.people.push(person);
        self.people[who].expected_end = self.find_ban(who);
        self.drain_session(who, true);
        who
    }

    /// The user presses Leave.
    pub fn exit(&mut self, who: usize) {
        self.input(who, session::Input::Exit(ExitRequestedBy::User));
    }

    /// Gives a session an input, once its process is not stopped.
    pub fn input(&mut self, who: usize, input: session::Input) {
        self.dispatch(Delivery::Input(who, Box::new(input)));
    }

    /// Sets how devices behave from now on.
    pub fn behaviour(&mut self, who: usize, behaviour: DeviceBehaviour) {
        self.people[who].behaviour = behaviour;
    }

    /// A host removes a user from the room.
    pub fn remove(&mut self, user: &str) {
        let request = lk::RoomParticipantIdentity { room: ROOM.into(), identity: user.into(), ..Default::default() };
        self.admin(AdminCall::RemoveParticipant(request));
    }

    /// A host ends the call for everybody.
    pub fn dismiss(&mut self) {
        self.admin(AdminCall::DeleteRoom(lk::DeleteRoomRequest { room: ROOM.into() }));
    }

    /// A call of the admin API.
    pub fn admin(&mut self, call: AdminCall) {
        self.tell_hub(hub::Input::Admin { call: 1, request: Box::new(call) });
    }

    // ---- the server stops and starts

    /// Shuts the server down, and starts it again after `away`, if given.
    pub fn stop_server(&mut self, away: Option<Duration>) {
        if self.hub.is_none() {
            return;
        }
        self.stops += 1;
        self.tell_hub(hub::Input::Shutdown);
        self.later(SHUTDOWN_TIME, Delivery::ServerEnds);
        if let Some(away) = away {
            self.later(SHUTDOWN_TIME + away, Delivery::ServerStarts);
        }
    }

    /// Kills the server, and starts it again after `away`.
    pub fn kill_server(&mut self, away: Duration) {
        if self.hub.is_some() {
            self.server_ends();
            self.later(away, Delivery::ServerStarts);
        }
    }

    fn server_ends(&mut self) {
        self.hub = None;
        self.server_since = self.now;
        self.scheduled.retain(|_, d| !matches!(d, Delivery::Up(..) | Delivery::Connect(..) | Delivery::Sfu(_)));
        for person in &mut self.people {
            person.member = None;
            person.waiting.retain(|d| !matches!(d, Delivery::Up(..) | Delivery::Connect(..)));
        }
        let open = self.sockets.iter().filter(|(_, w)| w.server || w.is_opening);
        let open: Vec<LinkId> = open.map(|(id, _)| *id).collect();
        for link in open {
            self.send_down(link, LinkInput::Lost);
            self.let_go(link, false, true);
        }
    }

    // ---- time

    /// Lets `ms` pass.
    pub fn run(&mut self, ms: u64) {
        self.run_until(self.now + Duration::from_millis(ms));
    }

    /// Lets time pass until `end`.
    pub(crate) fn run_until(&mut self, end: Moment) {
        for _ in 0..500_000 {
            let Some(at) = self.next_moment().filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(at);
            self.step();
        }
        panic!("the stage does not settle");
    }

    /// The time of the next delivery or deadline.
    pub fn next_moment(&self) -> Option<Moment> {
        let next = self.scheduled.first_key_value().map(|((at, _), _)| *at);
        [next, self.next_deadline()].into_iter().flatten().min()
    }

    /// The next deadline of a session or the hub.
    pub fn next_deadline(&self) -> Option<Moment> {
        let sessions = self.people.iter().filter_map(Person::deadline).min();
        [sessions, self.hub.as_ref().and_then(Hub::deadline)].into_iter().flatten().min()
    }

    /// Takes the next delivery, or ticks.
    fn step(&mut self) {
        let is_due = self.scheduled.first_key_value().is_some_and(|((at, _), _)| *at <= self.now);
        match is_due.then(|| self.scheduled.pop_first()).flatten() {
            Some((_, delivery)) => self.dispatch(delivery),
            None => self.tick(),
        }
    }

    /// Gives a tick to the hub and to the sessions whose deadline has passed.
    pub fn tick(&mut self) {
        if self.hub.as_ref().and_then(Hub::deadline).is_some_and(|d| d <= self.now) {
            self.tell_hub(hub::Input::Tick);
        }
        for who in 0..self.people.len() {
            if self.people[who].deadline().is_some_and(|d| d <= self.now) {
                self.input_now(who, session::Input::Tick);
            }
        }
    }

    /// Schedules a delivery `after` now.
    pub fn later(&mut self, after: Duration, delivery: Delivery) {
        self.at(self.now + after, delivery);
    }

    pub(crate) fn at(&mut self, at: Moment, delivery: Delivery) {
        self.next += 1;
        self.scheduled.insert((at, self.next), delivery);
    }

    pub(crate) fn next_link(&mut self) -> LinkId {
        self.next_link += 1;
        LinkId(self.next_link)
    }

    /// Delivers now.
    pub fn dispatch(&mut self, delivery: Delivery) {
        let Some(delivery) = self.keep_for_stopped(delivery) else { return };
        match delivery {
            Delivery::Connect(link, join) => self.admit(link, *join),
            Delivery::Up(link, input) => {
                let is_end = matches!(*input, hub::Input::LinkGone { .. });
                self.tell_hub(*input);
                if is_end {
                    self.let_go(link, false, true);
                }
            }
            Delivery::Down(link, input) => self.arrive(link, *input),
            Delivery::Input(who, input) => self.input_now(who, *input),
            Delivery::Sfu(input) => self.tell_hub(*input),
            Delivery::MediaUp { who, epoch, connection } => self.media_up(who, epoch, connection),
            Delivery::MediaLost { who, outage } => self.media_lost(who, outage),
            Delivery::Write(who) => self.written(who),
            Delivery::Data(who) => self.move_data(who),
            Delivery::Ping(link) => self.ping(link),
            Delivery::CheckGone(who) => self.check_gone(who),
            Delivery::Over(who, fault) => self.fault_over(who, fault),
            Delivery::ServerStarts => self.start_server(),
            Delivery::ServerEnds => {
                if self.hub.is_some() {
                    self.server_ends();
                }
            }
        }
    }

    /// Schedules the check that a killed client is not seen any more, if it is a member of the room: a stay that the same
    /// user has replaced is none.
    pub(crate) fn expect_gone(&mut self, who: usize) {
        if self.people[who].member.is_none() {
            return;
        }
        self.later(STALE_PEER_LIMIT, Delivery::CheckGone(who));
    }
}

impl Socket {
    /// The input by which the client learns of the loss.
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

/// The client's connection for one of the hub's.
pub(crate) const fn target(role: hub::ConnectionRole) -> SignalTarget {
    match role {
        hub::ConnectionRole::Single | hub::ConnectionRole::Publisher => SignalTarget::Publisher,
        hub::ConnectionRole::Subscriber => SignalTarget::Subscriber,
    }
}
