//! Clients, fake forwarding plane and hub, with a message queue in each direction. Scenarios deliver everything at
//! once; random sequences deliver in any order that keeps each queue's order.

use super::client::Client;
use super::fake_sfu::FakeSfu;
use crate::base::{MediaKind, Moment, TrackSid};
use crate::hub::*;
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(super) const ROOM: &str = "design-review";
/// Unix seconds at [`Moment::ZERO`].
pub(super) const START_S: i64 = 1_763_850_000;
const PING: Duration = Duration::from_secs(5);

pub(super) struct Stage {
    pub(super) hub: Hub,
    pub(super) now: Moment,
    pub(super) clients: Vec<Client>,
    pub(super) sfu: FakeSfu,
    pub(super) events: Vec<HubEvent>,
    /// Events for webhooks.
    pub(super) notices: Vec<lk::WebhookEvent>,
    /// New tokens: the link and the contents.
    pub(super) renewed: Vec<(LinkId, Box<lk::ParticipantInfo>)>,
    pub(super) answer: Option<Result<Box<AdminAnswer>, AdminError>>,
    /// Messages and closes in flight to clients, by link, in the hub's order.
    to_clients: BTreeMap<LinkId, VecDeque<Delivery>>,
    /// Open links, with their clients.
    live: BTreeMap<LinkId, usize>,
    commands: VecDeque<MediaCommand>,
    last_link: u64,
    next_ping: Moment,
    pub(super) spare_m_lines: usize,
}

#[derive(Debug)]
enum Delivery {
    Message(Box<Message>),
    Close,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(HubConfig::default())
    }

    pub(super) fn with(config: HubConfig) -> Self {
        let config = HubConfig { unix_ms_at_zero: START_S * 1000, notifies: true, ..config };
        Self {
            hub: Hub::new(config, 7),
            now: Moment::ZERO,
            clients: Vec::new(),
            sfu: FakeSfu::default(),
            events: Vec::new(),
            notices: Vec::new(),
            renewed: Vec::new(),
            answer: None,
            to_clients: BTreeMap::new(),
            live: BTreeMap::new(),
            commands: VecDeque::new(),
            last_link: 0,
            next_ping: Moment::ZERO + PING,
            spare_m_lines: 3,
        }
    }

    pub(super) fn admission(&self, name: &str) -> Admission {
        Admission::for_tests(ROOM, name.parse().expect("a user id"), self.unix_s())
    }

    pub(super) fn unix_s(&self) -> i64 {
        START_S + (self.now.as_micros() / 1_000_000) as i64
    }

    /// Adds a client that has not joined.
    pub(super) fn client(&mut self, name: &str, single: bool) -> usize {
        self.clients.push(Client::new(name, single));
        self.clients.len() - 1
    }

    /// A v1 client joins; everything is delivered.
    pub(super) fn join(&mut self, name: &str) -> usize {
        let c = self.client(name, true);
        self.enter(c);
        self.settle();
        c
    }

    /// A v0 client joins; everything is delivered.
    pub(super) fn join_v0(&mut self, name: &str) -> usize {
        let c = self.client(name, false);
        self.enter(c);
        self.settle();
        c
    }

    /// Joins with a token made now, without delivering anything.
    pub(super) fn enter(&mut self, c: usize) {
        let admission = self.admission(&self.clients[c].name.clone());
        self.enter_with(c, admission);
    }

    pub(super) fn enter_with(&mut self, c: usize, admission: Admission) {
        self.enter_asking(c, admission, |_| ());
    }

    /// A client joins with a request that `change` has changed.
    pub(super) fn enter_asking(&mut self, c: usize, admission: Admission, change: impl FnOnce(&mut lk::JoinRequest)) {
        let link = self.new_link(c);
        let mut request = Box::new(self.clients[c].start(link, self.spare_m_lines));
        change(&mut request);
        let single = self.clients[c].single;
        self.input(Input::Join { link, admission: Box::new(admission), request, single });
    }

    /// Resumes on a new link with a token made at the start.
    pub(super) fn resume(&mut self, c: usize) {
        if let Some(old) = self.clients[c].link {
            self.to_clients.remove(&old);
        }
        let link = self.new_link(c);
        let request = Box::new(self.clients[c].come_back(link));
        let admission = Box::new(Admission { issued_at: START_S, ..self.admission(&self.clients[c].name.clone()) });
        let single = self.clients[c].single;
        self.input(Input::Join { link, admission, request, single });
    }

    fn new_link(&mut self, c: usize) -> LinkId {
        self.last_link += 1;
        let link = LinkId(self.last_link);
        self.live.insert(link, c);
        link
    }

    /// The link breaks; messages in flight are lost in both directions.
    pub(super) fn cut(&mut self, c: usize) {
        self.clients[c].outbox.clear();
        if let Some(link) = self.clients[c].link.take() {
            self.to_clients.remove(&link);
            if self.live.remove(&link).is_some() {
                self.input(Input::LinkGone { link });
            }
        }
    }

    pub(super) fn say(&mut self, c: usize, message: Request) {
        self.clients[c].outbox.push_back(message);
    }

    /// Sends a message; everything is delivered.
    pub(super) fn tell(&mut self, c: usize, message: Request) {
        self.say(c, message);
        self.settle();
    }

    pub(super) fn leave(&mut self, c: usize) {
        let reason = lk::DisconnectReason::ClientInitiated as i32;
        self.say(c, Request::Leave(lk::LeaveRequest { reason, ..Default::default() }));
    }

    pub(super) fn publish(&mut self, c: usize, cid: &str, kind: MediaKind) -> TrackSid {
        self.clients[c].publish(cid, kind);
        self.settle();
        self.clients[c].own.get(cid).cloned().expect("the track was published")
    }

    pub(super) fn admin(&mut self, call: AdminCall) -> Result<AdminAnswer, AdminError> {
        self.input(Input::Admin { call: 1, request: Box::new(call) });
        self.answer.take().expect("every call is answered at once").map(|answer| *answer)
    }

    pub(super) fn kick(&mut self, name: &str) -> Result<AdminAnswer, AdminError> {
        let who = lk::RoomParticipantIdentity { room: ROOM.into(), identity: name.into(), ..Default::default() };
        self.admin(AdminCall::RemoveParticipant(who))
    }

    pub(super) fn dismiss(&mut self) -> Result<AdminAnswer, AdminError> {
        self.admin(AdminCall::DeleteRoom(lk::DeleteRoomRequest { room: ROOM.into() }))
    }

    pub(super) fn input(&mut self, input: Input) {
        self.hub.handle(input, self.now);
        while let Some(output) = self.hub.poll() {
            self.output(output);
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Signal { link, message } => {
                assert!(self.live.contains_key(&link), "{link:?} is dead: {message:?}");
                self.to_clients.entry(link).or_default().push_back(Delivery::Message(message));
            }
            Output::CloseLink { link } => {
                assert!(self.live.remove(&link).is_some(), "{link:?} is closed twice");
                self.to_clients.entry(link).or_default().push_back(Delivery::Close);
            }
            Output::Answer { answer, .. } => self.answer = Some(answer),
            Output::RenewToken { link, holder } => {
                assert!(self.live.contains_key(&link), "{link:?} is closed and gets a token");
                self.renewed.push((link, holder));
            }
            Output::Media(command) => self.commands.push_back(command),
            Output::Notify(event) => self.notices.push(*event),
            Output::Event(event) => self.events.push(event),
        }
    }

    /// Delivers one message, chosen by `pick`. Returns whether there was one.
    pub(super) fn step(&mut self, pick: usize) -> bool {
        let downlinks: Vec<LinkId> = self.to_clients.iter().filter(|(_, q)| !q.is_empty()).map(|(l, _)| *l).collect();
        let uplinks: Vec<usize> = (0..self.clients.len()).filter(|c| !self.clients[*c].outbox.is_empty()).collect();
        let sfu = [!self.commands.is_empty(), !self.sfu.events.is_empty()];
        let total = downlinks.len() + uplinks.len() + sfu.iter().filter(|b| **b).count();
        if total == 0 {
            return false;
        }
        let pick = pick % total;
        if let Some(link) = downlinks.get(pick) {
            self.deliver(*link);
        } else if let Some(c) = uplinks.get(pick - downlinks.len()) {
            self.send(*c);
        } else if sfu[0] && (pick - downlinks.len() - uplinks.len() == 0) {
            if let Some(command) = self.commands.pop_front() {
                self.sfu.execute(command);
            }
        } else if let Some(event) = self.sfu.events.pop_front() {
            self.input(Input::Media(event));
        }
        true
    }

    fn deliver(&mut self, link: LinkId) {
        let Some(delivery) = self.to_clients.get_mut(&link).and_then(VecDeque::pop_front) else { return };
        let Some(c) = self.clients.iter().position(|c| c.link == Some(link)) else { return };
        match delivery {
            Delivery::Message(message) => self.clients[c].receive(*message),
            Delivery::Close => {
                self.clients[c].link = None;
                self.clients[c].outbox.clear();
                self.to_clients.remove(&link);
            }
        }
    }

    fn send(&mut self, c: usize) {
        let Some(message) = self.clients[c].outbox.pop_front() else { return };
        if let Some(link) = self.clients[c].link {
            self.input(Input::Signal { link, message: Box::new(message) });
        }
    }

    /// Delivers everything in flight.
    pub(super) fn settle(&mut self) {
        for _ in 0..100_000 {
            if !self.step(0) {
                return;
            }
        }
        panic!("the exchange of messages does not end");
    }

    /// Time passes; clients ping, timers fire, everything is delivered.
    pub(super) fn wait(&mut self, time: Duration) {
        self.pass(time, true);
    }

    /// Time passes for the hub, with or without pings of the clients.
    pub(super) fn pass(&mut self, time: Duration, pings: bool) {
        let end = self.now + time;
        loop {
            self.settle();
            let due = self.hub.deadline().map_or(end, |at| at.max(self.now)).min(end).min(self.next_ping);
            self.now = due;
            self.input(Input::Tick);
            let stuck = self.hub.deadline().is_some_and(|at| at <= self.now);
            assert!(!stuck, "the hub handles a deadline that has passed");
            if self.now >= self.next_ping {
                self.next_ping += PING;
                for c in 0..self.clients.len() {
                    if pings && self.clients[c].link.is_some() {
                        self.say(c, Request::PingReq(lk::Ping::default()));
                    }
                }
            }
            if self.now >= end && self.now < self.next_ping {
                self.settle();
                return;
            }
        }
    }

    /// The connection that carries media to a client in its newest stay.
    pub(super) fn down(&self, c: usize) -> Option<ConnectionId> {
        let role = if self.clients[c].single { ConnectionRole::Single } else { ConnectionRole::Subscriber };
        let member = self.hub.members.values().find(|m| m.sid() == self.clients[c].sid)?;
        Some(ConnectionId { member: member.id, role })
    }

    /// Takes a client's inbox; returns the messages of one kind.
    pub(super) fn got<T>(&mut self, c: usize, pick: impl Fn(Message) -> Option<T>) -> Vec<T> {
        std::mem::take(&mut self.clients[c].inbox).into_iter().filter_map(pick).collect()
    }

    /// Takes a client's inbox; returns the departures in it.
    pub(super) fn departures(&mut self, c: usize) -> Vec<(String, lk::DisconnectReason)> {
        let updates = self.got(c, |m| if let Message::Update(u) = m { Some(u) } else { None });
        let gone = updates.into_iter().flat_map(|u| u.participants);
        let gone = gone.filter(|p| p.state() == lk::participant_info::State::Disconnected);
        gone.map(|p| (p.identity.clone(), p.disconnect_reason())).collect()
    }

    /// Everybody leaves; then the hub and the forwarding plane are empty.
    pub(super) fn end(mut self) {
        for c in 0..self.clients.len() {
            if self.clients[c].link.is_some() {
                self.leave(c);
            }
        }
        self.wait(Duration::from_secs(30));
        assert!(self.hub.is_empty(), "the hub is not empty: {:?}", self.hub);
        assert!(self.sfu.open.is_empty(), "open: {:?}", self.sfu.open);
        assert!(self.sfu.published.is_empty(), "published: {:?}", self.sfu.published);
        assert!(self.live.is_empty(), "links: {:?}", self.live);
    }
}
