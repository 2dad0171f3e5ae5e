//! The network between clients and server: latency, stalls, cuts and black holes, and how a killed client appears on it.

use super::{Delivery, MEDIA_SILENCE, Socket, Stage, target};
use crate::base::{EntryErrorKind, Moment};
use crate::hub::{self, ConnectionId, ConnectionRole, LinkId, MediaEvent};
use crate::session::{self, EntryError, Epoch, LinkInput, PeerInput};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use std::time::Duration;

/// Time until opening a socket fails without a network.
const NO_NETWORK: Duration = Duration::from_secs(2);
/// Time until opening a socket fails in a black hole.
const NO_ANSWER: Duration = Duration::from_secs(5);
/// Interval of a client's pings.
const PING: Duration = Duration::from_secs(5);
/// Silence after which a client gives up the server.
const SILENCE: Duration = Duration::from_secs(15);

/// A process that stands still for longer learns of it.
const LONG_STANDSTILL: Duration = Duration::from_secs(2);

/// A participant's network path to the server.
#[derive(Clone, Debug)]
pub struct Net {
    /// Sockets have ended on both sides, and none can be opened.
    pub is_cut: bool,
    /// Nothing arrives, and no socket ends.
    pub(crate) is_black_hole: bool,
    /// In one direction.
    pub(crate) latency: Duration,
    /// Nothing arrives before this time: lost packets are retransmitted, and everything waits behind them.
    pub(crate) stalled_until: Moment,
    /// Counts the media outages and their ends.
    pub(crate) outage: u32,
    /// Whether both sides have noticed the current media outage.
    pub(crate) is_media_lost: bool,
    /// When the path was last disturbed.
    pub(crate) troubled: Moment,
}

impl Net {
    pub(crate) const fn good() -> Self {
        Self {
            is_cut: false,
            is_black_hole: false,
            latency: Duration::from_millis(20),
            stalled_until: Moment::ZERO,
            outage: 0,
            is_media_lost: false,
            troubled: Moment::ZERO,
        }
    }

    pub(crate) const fn is_up(&self) -> bool {
        !self.is_cut && !self.is_black_hole
    }
}

impl Stage {
    // ---- faults

    /// Cuts or mends a network. A cut loses what is in flight and ends the sockets on both sides.
    pub fn network(&mut self, who: usize, up: bool) {
        // The network of a killed client has no effect.
        if self.people[who].alive {
            self.set_network(who, up);
        }
    }

    fn set_network(&mut self, who: usize, up: bool) {
        let now = self.now;
        let net = &mut self.people[who].net;
        net.troubled = now;
        if net.is_cut != up {
            return;
        }
        net.is_cut = !up;
        if up {
            self.way_is_there(who);
            return self.media_may_return(who);
        }
        self.people[who].waiting.clear();
        for link in self.sockets_of(who) {
            self.lose_in_flight(link);
            let Some(socket) = self.sockets.get_mut(&link) else { continue };
            let (lost, epoch) = (socket.loss(), socket.epoch);
            let (had_client, had_server) = (std::mem::take(&mut socket.client), std::mem::take(&mut socket.server));
            if had_client {
                self.later_input(who, Duration::ZERO, session::Input::Link(epoch, lost));
            }
            if had_server {
                self.later(Duration::from_millis(20), Delivery::Sfu(Box::new(hub::Input::LinkGone { link })));
            }
            self.sockets.remove(&link);
        }
        self.people[who].links.clear();
        self.media_stops(who);
    }

    /// Turns a black hole on or off: nothing arrives, sockets stay open, and continue afterwards if they still exist.
    pub fn black_hole(&mut self, who: usize, on: bool) {
        if self.people[who].alive {
            self.set_black_hole(who, on);
        }
    }

    fn set_black_hole(&mut self, who: usize, on: bool) {
        let now = self.now;
        let net = &mut self.people[who].net;
        net.troubled = now;
        if net.is_black_hole == on {
            return;
        }
        net.is_black_hole = on;
        if !on {
            for delivery in std::mem::take(&mut self.people[who].waiting) {
                self.put(delivery);
            }
            return self.media_may_return(who);
        }
        let links = self.sockets_of(who);
        let is_theirs = |d: &Delivery| link_of(d).is_some_and(|link| links.contains(&link));
        let keys: Vec<_> = self.scheduled.iter().filter(|(_, d)| is_theirs(d)).map(|(key, _)| *key).collect();
        for key in keys {
            let moved = self.scheduled.remove(&key);
            self.people[who].waiting.extend(moved);
        }
        self.media_stops(who);
    }

    /// Delays what is in flight or sent meanwhile to `ms` from now at the earliest, as retransmissions do.
    pub fn stall(&mut self, who: usize, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        let net = &mut self.people[who].net;
        net.stalled_until = net.stalled_until.max(end);
        net.troubled = net.troubled.max(end);
        let links = self.sockets_of(who);
        let is_late =
            |(at, d): (&(Moment, u64), &Delivery)| at.0 < end && link_of(d).is_some_and(|link| links.contains(&link));
        let keys: Vec<_> = self.scheduled.iter().filter(|(at, d)| is_late((at, d))).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(delivery) = self.scheduled.remove(&key) {
                self.scheduled.insert((end, key.1), delivery);
            }
        }
        for link in links {
            if let Some(socket) = self.sockets.get_mut(&link) {
                (socket.last_up, socket.last_down) = (socket.last_up.max(end), socket.last_down.max(end));
            }
        }
    }

    /// Sets the latency of the way to the server, in ms in one direction.
    pub fn set_latency(&mut self, who: usize, ms: u64) {
        self.people[who].net.latency = Duration::from_millis(ms);
        self.people[who].net.troubled = self.now;
    }

    /// SIGKILL: the system closes the sockets and answers datagrams with "port unreachable".
    pub fn kill(&mut self, who: usize) {
        if !self.people[who].alive {
            return;
        }
        self.people[who].die(self.now);
        self.people[who].stopped = None;
        if self.people[who].net.is_up() {
            let latency = self.people[who].net.latency;
            for connection in self.connections(who) {
                let closed = hub::Input::Media(MediaEvent::Closed { connection });
                self.later(latency, Delivery::Sfu(Box::new(closed)));
            }
            self.set_network(who, false);
            self.expect_gone(who);
        } else {
            self.lose_power(who);
        }
    }

    /// A power failure: the server receives nothing more, no end of a socket either.
    pub fn lose_power(&mut self, who: usize) {
        let was_well = self.people[who].alive && self.people[who].is_reachable();
        let is_known = self.is_in_room(who) && self.has_been_in_since(who, Duration::from_secs(1));
        self.people[who].die(self.now);
        self.people[who].stopped = None;
        self.set_black_hole(who, true);
        self.people[who].waiting.clear();
        for link in self.sockets_of(who) {
            self.let_go(link, true, false);
        }
        if was_well && is_known {
            self.expect_gone(who);
        }
    }

    pub(crate) fn lose_in_flight(&mut self, link: LinkId) {
        self.scheduled.retain(|_, d| link_of(d) != Some(link));
    }

    pub(crate) fn sockets_of(&self, who: usize) -> Vec<LinkId> {
        self.sockets.iter().filter(|(_, w)| w.who == who).map(|(id, _)| *id).collect()
    }

    /// SIGSTOP, or sleep: the process does nothing, while the system goes on to acknowledge what arrives.
    pub fn stop_process(&mut self, who: usize) {
        let now = self.now;
        let person = &mut self.people[who];
        if !person.alive || person.stopped.is_some() {
            return;
        }
        person.stopped = Some((now, Vec::new()));
        person.net.troubled = now;
        self.media_stops(who);
    }

    /// The process goes on: with its timers, or with what has arrived.
    pub fn continue_process(&mut self, who: usize, timers_first: bool) {
        let now = self.now;
        let person = &mut self.people[who];
        let Some((since, arrived)) = person.stopped.take() else { return };
        let standstill = now.since(since);
        person.stood_still += standstill;
        person.net.troubled = now;
        if standstill > LONG_STANDSTILL {
            self.input_now(who, session::Input::Woke(standstill));
        }
        if timers_first {
            self.input_now(who, session::Input::Tick);
        }
        for delivery in arrived {
            self.at(now, delivery);
        }
        self.media_may_return(who);
    }

    /// Keeps a delivery to a stopped process for later.
    pub(crate) fn keep_for_stopped(&mut self, delivery: Delivery) -> Option<Delivery> {
        let who = match &delivery {
            Delivery::Input(who, _) | Delivery::MediaUp { who, .. } | Delivery::Write(who) => Some(*who),
            Delivery::Down(link, _) | Delivery::Ping(link) => self.sockets.get(link).map(|s| s.who),
            _ => None,
        };
        let Some((_, arrived)) = who.and_then(|who| self.people[who].stopped.as_mut()) else { return Some(delivery) };
        arrived.push(delivery);
        None
    }

    /// The server has lost a participant, and says so on the link that it still has, or as the answer to a resume.
    pub fn lose_member(&mut self, who: usize, reason: lk::DisconnectReason, action: lk::leave_request::Action) {
        let can_reconnect = action != lk::leave_request::Action::Disconnect;
        let (reason, action) = (reason as i32, action as i32);
        let leave = lk::LeaveRequest { can_reconnect, reason, action, ..Default::default() };
        let Some((link, socket)) = self.sockets.iter_mut().rfind(|(_, s)| s.who == who && s.client) else { return };
        if !socket.server {
            socket.refusal = socket.is_resume.then(|| Box::new(leave));
            return;
        }
        let link = *link;
        self.send_down(link, LinkInput::Message(Box::new(lk::signal_response::Message::Leave(leave))));
        self.send_down(link, LinkInput::Lost);
        self.let_go(link, false, true);
        self.tell_hub(hub::Input::LinkGone { link });
    }

    // ---- media

    pub(crate) fn media_stops(&mut self, who: usize) {
        self.people[who].net.outage += 1;
        let outage = self.people[who].net.outage;
        self.later(MEDIA_SILENCE, Delivery::MediaLost { who, outage });
    }

    pub(crate) fn media_lost(&mut self, who: usize, outage: u32) {
        let person = &mut self.people[who];
        if person.is_reachable() || person.net.outage != outage {
            return;
        }
        person.net.is_media_lost = true;
        for connection in self.connections(who) {
            self.tell_hub(hub::Input::Media(MediaEvent::Disconnected { connection }));
            let epoch = self.people[who].epoch;
            let down = session::Input::Peers(epoch, PeerInput::Down(target(connection.role)));
            self.later_input(who, Duration::ZERO, down);
        }
    }

    /// Media returns unless another obstacle is left.
    fn media_may_return(&mut self, who: usize) {
        if self.people[who].is_reachable() {
            self.media_returns(who);
        }
    }

    fn media_returns(&mut self, who: usize) {
        self.people[who].net.outage += 1;
        self.data_goes_on(who);
        if std::mem::take(&mut self.people[who].net.is_media_lost) {
            let (latency, epoch) = (self.people[who].net.latency, self.people[who].epoch);
            for connection in self.connections(who) {
                self.later(latency, Delivery::MediaUp { who, epoch, connection });
            }
        }
    }

    pub(crate) fn media_up(&mut self, who: usize, epoch: Epoch, connection: ConnectionId) {
        let person = &self.people[who];
        let is_there = person.alive && person.is_reachable() && person.has_peers;
        if !is_there || person.epoch != epoch || person.member != Some(connection.member) {
            return;
        }
        self.people[who].machine.connected.insert(connection);
        self.people[who].channels.opened(connection);
        self.data_goes_on(who);
        self.tell_hub(hub::Input::Media(MediaEvent::Connected { connection }));
        self.input_now(who, session::Input::Peers(epoch, PeerInput::Up(target(connection.role))));
    }

    pub(crate) fn connections(&self, who: usize) -> Vec<ConnectionId> {
        let Some(member) = self.people[who].member else { return Vec::new() };
        let roles: &[ConnectionRole] = if self.people[who].single {
            &[ConnectionRole::Single]
        } else {
            &[ConnectionRole::Publisher, ConnectionRole::Subscriber]
        };
        roles.iter().map(|role| ConnectionId { member, role: *role }).collect()
    }

    // ---- signalling

    /// Opens a socket and sends the join request, of a fresh join or a resume.
    pub(crate) fn connect(&mut self, who: usize, epoch: Epoch, resume: Option<String>) {
        self.people[who].epoch = epoch;
        let unreachable =
            || EntryError { kind: EntryErrorKind::Unreachable, message: "no network".into(), retry: true };
        let failed = match resume {
            Some(_) => LinkInput::ResumeFailed(None),
            None => LinkInput::ConnectFailed(unreachable()),
        };
        let net = &self.people[who].net;
        let fails_after = match (net.is_cut, net.is_black_hole, self.hub.is_none()) {
            (true, _, _) => Some(NO_NETWORK),
            (_, true, _) => Some(NO_ANSWER),
            (_, _, true) => Some(net.latency * 2),
            _ => None,
        };
        if let Some(after) = fails_after {
            return self.later_input(who, after, session::Input::Link(epoch, failed));
        }
        let link = self.next_link();
        let is_resume = resume.is_some();
        let single = self.people[who].single;
        let request = Box::new(self.people[who].request(resume));
        let admission = Box::new(self.people[who].admission());
        let socket = Socket {
            who,
            epoch,
            is_resume,
            is_answered: false,
            refusal: None,
            is_opening: true,
            client: true,
            server: false,
            last_up: self.now,
            last_down: self.now,
            heard: self.now,
        };
        self.sockets.insert(link, socket);
        self.people[who].links.insert(epoch, link);
        let join = hub::Input::Join { link, admission, request, single };
        self.put(Delivery::Connect(link, Box::new(join)));
    }

    /// The server's admission: a refused join is answered, any other is passed to the hub.
    pub(crate) fn admit(&mut self, link: LinkId, join: hub::Input) {
        let (Some(hub), hub::Input::Join { admission, request, .. }) = (&self.hub, &join) else { return };
        if let Some(leave) = self.sockets.get_mut(&link).and_then(|s| s.refusal.take()) {
            return self.send_down(link, LinkInput::ResumeFailed(Some(leave)));
        }
        let refusal = hub.refusal(admission, request.reconnect).filter(|_| !self.skips_admission);
        if self.is_expired(link) {
            return self.refuse_token(link);
        }
        let Some(refusal) = refusal else {
            if let Some(socket) = self.sockets.get_mut(&link) {
                socket.server = true;
            }
            return self.tell_hub(join);
        };
        let kind = match refusal {
            hub::Refusal::Removed => EntryErrorKind::Removed,
            hub::Refusal::Dismissed => EntryErrorKind::Dismissed,
            hub::Refusal::Full => EntryErrorKind::RoomFull,
            hub::Refusal::Locked => EntryErrorKind::Locked,
            hub::Refusal::NoRoom => EntryErrorKind::NoRoom,
        };
        let error = EntryError { kind, message: refusal.to_string(), retry: false };
        self.send_down(link, LinkInput::ConnectFailed(error));
    }

    pub(crate) fn send_up(&mut self, who: usize, epoch: Epoch, message: Request) {
        let Some(link) = self.people[who].links.get(&epoch).copied() else { return };
        self.put(Delivery::Up(link, Box::new(hub::Input::Signal { link, message: Box::new(message) })));
    }

    pub(crate) fn send_down(&mut self, link: LinkId, input: LinkInput) {
        self.put(Delivery::Down(link, Box::new(input)));
    }

    /// Schedules a delivery over a socket, after everything that was sent before.
    fn put(&mut self, delivery: Delivery) {
        let Some(link) = link_of(&delivery) else { return };
        let Some(socket) = self.sockets.get_mut(&link) else { return };
        let person = &mut self.people[socket.who];
        if person.net.is_black_hole {
            person.waiting.push(delivery);
            return;
        }
        let last = if matches!(delivery, Delivery::Down(..)) { &mut socket.last_down } else { &mut socket.last_up };
        *last = (self.now + person.net.latency).max(person.net.stalled_until).max(*last);
        let at = *last;
        self.at(at, delivery);
    }

    /// A message of the server arrives at a client.
    pub(crate) fn arrive(&mut self, link: LinkId, input: LinkInput) {
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(&link).filter(|w| w.client) else { return };
        let (who, epoch) = (socket.who, socket.epoch);
        // The meaning of the socket's end depends on what has arrived before.
        let input = if matches!(input, LinkInput::Lost) { socket.loss() } else { input };
        socket.heard = now;
        let is_first = std::mem::take(&mut socket.is_opening);
        if is_first && self.pings && matches!(input, LinkInput::Joined { .. } | LinkInput::Resumed(_)) {
            self.later(Duration::ZERO, Delivery::Ping(link));
        }
        if let LinkInput::Joined { response, .. } = &input {
            self.people[who].sid = response.participant.as_ref().map(|p| p.sid.clone()).unwrap_or_default();
        }
        let is_end = matches!(input, LinkInput::Lost | LinkInput::ResumeFailed(_) | LinkInput::ConnectFailed(_));
        if is_end {
            self.people[who].links.retain(|_, l| *l != link);
            self.let_go(link, true, false);
        }
        self.input_now(who, session::Input::Link(epoch, input));
    }

    /// Closes one side of a socket, or both.
    pub(crate) fn let_go(&mut self, link: LinkId, client: bool, server: bool) {
        let Some(socket) = self.sockets.get_mut(&link) else { return };
        socket.client &= !client;
        socket.server &= !server;
        if !socket.client && !socket.server {
            self.sockets.remove(&link);
        }
    }

    /// Closes a socket on the client's side, in any state.
    pub(crate) fn close_socket(&mut self, who: usize, epoch: Epoch) {
        let Some(link) = self.people[who].links.remove(&epoch) else { return };
        let is_connecting = |d: &Delivery| matches!(d, Delivery::Connect(l, _) if *l == link);
        self.scheduled.retain(|_, d| !is_connecting(d));
        self.people[who].waiting.retain(|d| !is_connecting(d));
        self.put(Delivery::Up(link, Box::new(hub::Input::LinkGone { link })));
        self.let_go(link, true, false);
    }

    /// Lets the clients ping again.
    pub fn start_pings(&mut self) {
        self.pings = true;
        let open: Vec<LinkId> =
            self.sockets.iter().filter(|(_, w)| w.client && !w.is_opening).map(|(link, _)| *link).collect();
        for link in open {
            self.later(Duration::ZERO, Delivery::Ping(link));
        }
    }

    pub(crate) fn ping(&mut self, link: LinkId) {
        let now = self.now;
        let Some(socket) = self.sockets.get(&link).filter(|w| w.client) else { return };
        let (who, epoch) = (socket.who, socket.epoch);
        if !self.people[who].alive {
            return;
        }
        if now.since(socket.heard) >= SILENCE {
            self.close_socket(who, epoch);
            return self.input_now(who, session::Input::Link(epoch, LinkInput::Lost));
        }
        self.send_up(who, epoch, Request::PingReq(lk::Ping::default()));
        self.later(PING, Delivery::Ping(link));
    }
}

/// The socket of a delivery.
pub(crate) const fn link_of(delivery: &Delivery) -> Option<LinkId> {
    match delivery {
        Delivery::Connect(link, _) | Delivery::Up(link, _) | Delivery::Down(link, _) => Some(*link),
        _ => None,
    }
}
