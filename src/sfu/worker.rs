//! One worker: a thread with a socket, and all connections of its rooms.
//!
//! A round executes commands, runs due timers, waits, and handles datagrams in batches. After each datagram its connection
//! is drained, because str0m holds one received packet at a time. Packets for other connections are only written to them,
//! which marks them dirty; dirty connections are driven once a batch. Timers are rounded up to 10 ms; one that is due
//! already is run at once.

use super::addresses::{Addresses, SharedAddresses};
use super::connection::{Connection, ConnectionFault, LinkState};
use super::counters::SfuCounters;
use super::held::{HeldDatagram, RELEASE, carries_data, must_hold};
use super::reporter::Reporter;
use super::socket::{Datagram, Socket};
use super::tcp::{NewStream, Streams, WorkerTcp};
use super::track::ForwardedTrack;
use crate::base::TrackSid;
use crate::hub::{ConnectionId, MediaCommand, MediaEvent};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};
use str0m::Output;
use str0m::config::DtlsCert;
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Receive, Transmit};

/// Timers are rounded up to this grid.
const GRID: Duration = Duration::from_millis(10);
/// Interval of work that is not urgent: audio levels, bandwidth, silent clients.
const TICK: Duration = Duration::from_millis(100);
/// Datagrams in a batch at most; then dirty connections are driven.
const BATCH: usize = 32;
/// Batches in a round at most.
const BATCHES: usize = 8;
/// Commands in a round at most.
const COMMANDS: usize = 256;
/// Timers due within this time are run at once. With bandwidth estimation str0m sends one packet for each timeout and asks
/// for the next one a microsecond later: rounded up to the grid that would be a hundred packets a second.
const SOON: Duration = Duration::from_micros(50);
/// Timeouts of one connection that are run at once at most; the next one waits for its timer.
const DUE: usize = 256;
/// Silence after which a client is lost: all clients send ICE checks at least each 2.5 s.
pub(super) const SILENCE: Duration = Duration::from_secs(3);
/// A connection is driven at least at this interval.
const MAX_TIMER: Duration = Duration::from_secs(1);
/// Silence after which a client whose port is closed, or whose TCP connection has ended, is lost.
const SILENCE_OF_CLOSED_PORT: Duration = Duration::from_millis(300);
/// Outputs of a connection that is being closed that are sent at most: the DTLS close_notify is among them.
const CLOSING_OUTPUTS: usize = 32;

/// A command of the queue to a worker.
#[derive(Debug)]
pub(super) enum WorkerCommand {
    Media(Box<MediaCommand>),
    /// A TCP connection for one of the worker's peer connections.
    Stream(NewStream),
    Stop,
}

/// How datagrams came from a remote address last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) connection: ConnectionId,
    /// The address of this computer that they were sent to.
    own: Option<IpAddr>,
}

/// The state of a worker.
pub(super) struct Worker {
    pub(super) socket: Socket,
    pub(super) streams: Streams,
    shared_addresses: SharedAddresses,
    /// The list in use.
    pub(super) addresses: Arc<Addresses>,
    /// The port for ICE over TCP.
    pub(super) tcp: WorkerTcp,
    pub(super) certificate: DtlsCert,
    pub(super) reporter: Reporter,
    pub(super) connections: HashMap<ConnectionId, Connection>,
    pub(super) tracks: HashMap<TrackSid, ForwardedTrack>,
    /// Tracks for which a key frame may have to be requested.
    pub(super) needs_keyframe: BTreeSet<TrackSid>,
    /// Connections that were written to, to be driven before the round ends.
    pub(super) dirty: Vec<ConnectionId>,
    /// Connections with datagrams that wait for slow receivers of their data messages.
    pub(super) holding: Vec<ConnectionId>,
    pub(super) by_address: HashMap<SocketAddr, Path>,
    pub(super) by_ufrag: HashMap<String, ConnectionId>,
    commands: Receiver<WorkerCommand>,
    timers: BinaryHeap<Reverse<(Instant, ConnectionId)>>,
    pub(super) started: Instant,
    next_tick: Instant,
    /// When to look for key frame requests.
    pub(super) next_request: Option<Instant>,
    /// The connection that is being handled: the one to close on a panic.
    pub(super) current: Option<ConnectionId>,
    /// Whether more commands may be queued than were executed in this round.
    more_commands: bool,
    stopped: bool,
}

impl Worker {
    pub(super) fn new(
        socket: Socket,
        streams: Streams,
        shared_addresses: SharedAddresses,
        tcp: WorkerTcp,
        certificate: DtlsCert,
        reporter: Reporter,
        commands: Receiver<WorkerCommand>,
    ) -> Self {
        let now = Instant::now();
        Self {
            socket,
            streams,
            addresses: shared_addresses.get(),
            shared_addresses,
            tcp,
            certificate,
            reporter,
            connections: HashMap::new(),
            tracks: HashMap::new(),
            needs_keyframe: BTreeSet::new(),
            dirty: vec![],
            holding: vec![],
            by_address: HashMap::new(),
            by_ufrag: HashMap::new(),
            commands,
            timers: BinaryHeap::new(),
            started: now,
            next_tick: now + TICK,
            next_request: None,
            current: None,
            more_commands: false,
            stopped: false,
        }
    }

    /// Runs until [`WorkerCommand::Stop`], or until the sender of commands is dropped.
    pub(super) fn run(mut self) {
        while !self.stopped {
            if catch_unwind(AssertUnwindSafe(|| self.round())).is_err() {
                match self.current.take() {
                    Some(id) => self.fail(id, &ConnectionFault::Panicked),
                    None => std::thread::sleep(GRID),
                }
            }
        }
        let all: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in all {
            self.close(id);
        }
    }

    fn round(&mut self) {
        self.take_commands();
        let now = Instant::now();
        self.run_timers(now);
        self.release_held(now);
        self.drive_dirty(now);
        let wait = if self.more_commands || self.stopped { Duration::ZERO } else { self.until_next(Instant::now()) };
        self.socket.wait(wait, &mut self.streams);
        self.take_streams(Instant::now());
        for _ in 0..BATCHES {
            let now = Instant::now();
            if self.take_datagrams(now) < BATCH {
                break;
            }
        }
    }

    fn take_commands(&mut self) {
        self.more_commands = true;
        for _ in 0..COMMANDS {
            match self.commands.try_recv() {
                Ok(WorkerCommand::Media(command)) => self.execute(*command, Instant::now()),
                Ok(WorkerCommand::Stream(new)) => self.take_stream(new, Instant::now()),
                Ok(WorkerCommand::Stop) | Err(TryRecvError::Disconnected) => {
                    self.stopped = true;
                    return;
                }
                Err(TryRecvError::Empty) => {
                    self.more_commands = false;
                    return;
                }
            }
            self.current = None;
        }
    }

    /// Handles a batch of datagrams and drives dirty connections. How many datagrams there were.
    fn take_datagrams(&mut self, now: Instant) -> usize {
        let mut count = 0;
        while count < BATCH {
            let Some(Datagram { source, own, payload }) = self.socket.receive() else { break };
            count += 1;
            SfuCounters::add(&self.reporter.counters.packets_in, 1);
            SfuCounters::add(&self.reporter.counters.bytes_in, payload.len());
            let known = self.by_address.get(&source).copied();
            let claimed = ufrag(payload).and_then(|u| self.by_ufrag.get(&u)).copied();
            let Some(id) = claimed.or(known.map(|path| path.connection)) else { continue };
            let Some(local) = self.connections.get(&id).and_then(|c| c.candidate_for(own, source)) else { continue };
            let is_known = known.is_some_and(|path| path.connection == id);
            if carries_data(payload) && is_known && must_hold(&self.connections, &self.reporter, id, now) {
                let datagram = HeldDatagram { source, local, stream: None, payload: payload.to_vec() };
                self.hold(id, datagram, now);
                continue;
            }
            let Ok(received) = Receive::new(Protocol::Udp, source, local, payload) else { continue };
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            self.current = Some(id);
            let Some(outcome) = connection.receive(received, None, now) else { continue };
            let path = Path { connection: id, own };
            if known != Some(path) || connection.addresses.last() != Some(&source) || connection.link == LinkState::Lost
            {
                self.update_address(path, source, now);
            }
            self.received(id, outcome, now);
        }
        self.drive_dirty(now);
        for _ in 0..BATCH {
            let Some(address) = self.socket.unreachable() else { break };
            self.on_unreachable(address, now);
        }
        count
    }

    /// A connection was given a datagram: drains it.
    pub(super) fn received(&mut self, id: ConnectionId, outcome: Result<(), ConnectionFault>, now: Instant) {
        match outcome {
            Ok(()) => self.drain(id, now),
            // The datagram is lost. If the connection failed, draining shows it.
            Err(ConnectionFault::Rtc(error)) => {
                tracing::debug!(?id, %error, "a datagram was refused");
                self.drain(id, now);
            }
            Err(fault) => self.fail(id, &fault),
        }
        self.current = None;
    }

    /// A client's port is closed. It is lost if nothing came from it recently; else it uses another path.
    fn on_unreachable(&mut self, address: SocketAddr, now: Instant) {
        let Some(id) = self.by_address.get(&address).map(|path| path.connection) else { return };
        let gone = |c: &Connection| {
            c.addresses.last() == Some(&address)
                && now.saturating_duration_since(c.last_received) >= SILENCE_OF_CLOSED_PORT
        };
        if self.connections.get(&id).is_some_and(gone) {
            self.on_lost(id);
        }
    }

    /// A datagram came from a new address of a client, or to another one of ours, or after a long silence.
    fn update_address(&mut self, path: Path, source: SocketAddr, now: Instant) {
        let id = path.connection;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if let Some(forgotten) = connection.add_address(source) {
            self.by_address.remove(&forgotten);
        }
        self.by_address.insert(source, path);
        if connection.link == LinkState::Lost {
            self.on_up(id, now);
        }
    }

    /// Drives dirty connections.
    pub(super) fn drive_dirty(&mut self, now: Instant) {
        while let Some(id) = self.dirty.pop() {
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            connection.dirty = false;
            self.drive(id, now);
        }
    }

    /// Gives a connection the time and drains it.
    fn drive(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        self.current = Some(id);
        match connection.handle_timeout(now) {
            Ok(()) => self.drain(id, now),
            Err(fault) => self.fail(id, &fault),
        }
        self.current = None;
    }

    /// Handles all outputs of a connection.
    pub(super) fn drain(&mut self, id: ConnectionId, now: Instant) {
        let mut due = 0;
        loop {
            let Some(connection) = self.connections.get_mut(&id) else { return };
            match connection.poll() {
                Ok(Output::Transmit(t)) => self.send(id, &t),
                Ok(Output::Event(event)) => self.on_event(id, event, now),
                Ok(Output::Timeout(at)) if due < DUE && at <= Instant::now() + SOON => {
                    due += 1;
                    if let Err(fault) = connection.handle_timeout(at.max(Instant::now())) {
                        return self.fail(id, &fault);
                    }
                }
                Ok(Output::Timeout(at)) => {
                    if !connection.rtc.is_alive() {
                        self.on_closed(id);
                    }
                    return self.wake_at(id, at);
                }
                Err(fault) => return self.fail(id, &fault),
            }
        }
    }

    /// Sends a datagram from the address of this computer that the client's checks were sent to.
    fn send(&mut self, id: ConnectionId, transmit: &Transmit) {
        if transmit.proto == Protocol::Tcp {
            return self.send_on_stream(id, transmit);
        }
        let counters = &self.reporter.counters;
        // An advertised address is none of this computer: address translation puts it in place of the own one.
        let candidate = Some(transmit.source.ip()).filter(|ip| self.addresses.own.contains(ip));
        let own = candidate.or_else(|| self.by_address.get(&transmit.destination)?.own);
        if self.socket.send(own, transmit.destination, &transmit.contents) {
            SfuCounters::add(&counters.packets_out, 1);
            SfuCounters::add(&counters.bytes_out, transmit.contents.len());
        } else {
            SfuCounters::add(&counters.send_failures, 1);
        }
    }

    /// Addresses and port of new ICE candidates.
    pub(super) fn candidates(&mut self) -> Vec<SocketAddr> {
        self.addresses = self.shared_addresses.get();
        let port = self.socket.address().port();
        self.addresses.offered.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
    }

    /// Tells the clients that have no connection of addresses that their descriptions do not have: an interface that comes
    /// up while somebody enters is noticed a moment later.
    fn offer_new_addresses(&mut self) {
        let candidates = self.candidates();
        let waits = |c: &&mut Connection| c.is_described && matches!(c.link, LinkState::New | LinkState::Lost);
        for connection in self.connections.values_mut().filter(waits) {
            for candidate in connection.offer_addresses(&candidates) {
                self.reporter.report(MediaEvent::Candidate { connection: connection.id, candidate });
            }
        }
    }

    /// Marks a connection as written to.
    pub(super) fn mark_dirty(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id).filter(|c| !c.dirty) {
            connection.dirty = true;
            self.dirty.push(id);
        }
    }

    /// Sets a connection's timer. The heap keeps old entries; the connection knows the valid one.
    fn wake_at(&mut self, id: ConnectionId, at: Instant) {
        let now = Instant::now();
        // When nothing is due, str0m returns a time that is far away.
        let since = at.clamp(now, now + MAX_TIMER).saturating_duration_since(self.started);
        let steps = since.as_micros().div_ceil(GRID.as_micros());
        let at = self.started + GRID * u32::try_from(steps).unwrap_or(u32::MAX);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.wakes_at.is_none_or(|earlier| at < earlier) {
            connection.wakes_at = Some(at);
            self.timers.push(Reverse((at, id)));
        }
    }

    fn run_timers(&mut self, now: Instant) {
        while let Some(Reverse((at, id))) = self.timers.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.timers.pop();
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            if connection.wakes_at == Some(at) {
                connection.wakes_at = None;
                self.drive(id, now);
            }
        }
        if self.next_request.is_some_and(|at| at <= now) {
            self.request_keyframes(now);
        }
        if self.next_tick <= now {
            self.next_tick = now + TICK;
            self.tick(now);
        }
    }

    fn until_next(&self, now: Instant) -> Duration {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let next = [timer, self.next_request].into_iter().flatten().fold(self.next_tick, Instant::min);
        let wait = next.saturating_duration_since(now);
        if self.holding.is_empty() { wait } else { wait.min(RELEASE) }
    }

    fn tick(&mut self, now: Instant) {
        self.offer_new_addresses();
        self.report_levels();
        self.share_bandwidth(now);
        let silent = |c: &&Connection| {
            let limit = if c.stream_ended { SILENCE_OF_CLOSED_PORT } else { SILENCE };
            c.link == LinkState::Up && now.saturating_duration_since(c.last_received) >= limit
        };
        let silent: Vec<ConnectionId> = self.connections.values().filter(silent).map(|c| c.id).collect();
        for id in silent {
            self.on_lost(id);
        }
    }

    /// ICE and DTLS are connected, or datagrams come again.
    pub(super) fn on_up(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if matches!(connection.link, LinkState::Up | LinkState::Closed) {
            return;
        }
        (connection.link, connection.last_received) = (LinkState::Up, now);
        self.start_forwarding(id, now);
        self.reporter.report(MediaEvent::Connected { connection: id });
    }

    pub(super) fn on_lost(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id).filter(|c| c.link == LinkState::Up) else { return };
        connection.link = LinkState::Lost;
        self.reporter.report(MediaEvent::Disconnected { connection: id });
    }

    /// The connection is over. It stays, closed, until the hub closes it.
    pub(super) fn on_closed(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id).filter(|c| c.link != LinkState::Closed) else { return };
        connection.link = LinkState::Closed;
        self.reporter.report(MediaEvent::Closed { connection: id });
    }

    /// Handling one connection failed: it is closed.
    pub(super) fn fail(&mut self, id: ConnectionId, fault: &ConnectionFault) {
        tracing::warn!(?id, error = %fault, "a connection failed");
        SfuCounters::add(&self.reporter.counters.faults, 1);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.rtc.disconnect();
        }
        self.on_closed(id);
    }

    /// Closes a connection (DTLS close_notify) and forgets everything that belongs to it.
    pub(super) fn close(&mut self, id: ConnectionId) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        let closing = connection.guarded(|c| Ok(c.rtc.close()?));
        for _ in 0..CLOSING_OUTPUTS {
            match connection.poll() {
                Ok(Output::Transmit(t)) if closing.is_ok() => self.send(id, &t),
                Ok(Output::Event(_)) => {}
                _ => break,
            }
        }
        self.by_address.retain(|_, path| path.connection != id);
        self.tcp.remove(&connection.ufrag);
        self.by_ufrag.retain(|_, other| *other != id);
        self.streams.close(id);
        for track in self.tracks.values_mut() {
            track.subscribers.retain(|s| s.connection != id);
            track.origin = track.origin.take().filter(|o| o.connection != id);
        }
        self.forget_idle_tracks();
        self.reporter.counters.connections.fetch_sub(1, Relaxed);
    }
}

/// The server's user name fragment in a STUN check, which names the connection (RFC 8445, section 7.2.2).
pub(super) fn ufrag(payload: &[u8]) -> Option<String> {
    if payload.first().is_none_or(|b| *b > 1) {
        return None;
    }
    let message = StunMessage::parse(payload).ok()?;
    message.split_username().map(|(local, _)| local.to_owned())
}
