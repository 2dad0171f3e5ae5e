//! The thread that accepts TCP connections and finds out whose they are.

use super::super::WorkerSender;
use super::super::counters::SfuCounters;
use super::super::worker::{WorkerCommand, ufrag};
use crate::proto::stream::{FrameReader, Framing};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Connections that have not said whose they are at most; the oldest is closed for a new one.
const STRANGERS: usize = 512;
/// The same from one address; a new one is closed.
const STRANGERS_OF_ADDRESS: usize = 64;
/// How long a connection may take to say whose it is.
const INTRODUCTION: Duration = Duration::from_secs(5);
/// How long the thread waits at most before it looks at the time.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Pause after the system refused to accept, for want of file descriptors for example.
const PAUSE: Duration = Duration::from_millis(100);

const LISTENER: Token = Token(0);
const WAKE: Token = Token(1);
const FIRST_STREAM: usize = 2;

/// Which worker has the connection of a local user name fragment.
#[derive(Clone, Debug, Default)]
pub(in crate::sfu) struct Ufrags(Arc<Mutex<HashMap<String, usize>>>);

/// A worker's share in the port for TCP.
#[derive(Debug)]
pub(in crate::sfu) struct WorkerTcp {
    /// The port; `None` if there is none.
    pub(in crate::sfu) port: Option<u16>,
    /// Whose connections the acceptor hands to whom.
    pub(in crate::sfu) ufrags: Ufrags,
    /// The number of this worker.
    pub(in crate::sfu) worker: usize,
}

impl WorkerTcp {
    /// From now on TCP connections with this user name fragment are this worker's.
    pub(in crate::sfu) fn add(&self, ufrag: &str) {
        self.ufrags.0.lock().insert(ufrag.to_owned(), self.worker);
    }

    /// Forgets a user name fragment.
    pub(in crate::sfu) fn remove(&self, ufrag: &str) {
        self.ufrags.0.lock().remove(ufrag);
    }
}

impl Ufrags {
    fn worker(&self, ufrag: &str) -> Option<usize> {
        self.0.lock().get(ufrag).copied()
    }
}

/// A connection for a worker.
#[derive(Debug)]
pub(in crate::sfu) struct NewStream {
    pub(super) io: TcpStream,
    pub(super) source: SocketAddr,
    /// What it sent so far, from its first datagram on.
    pub(super) received: Vec<u8>,
}

/// The listening socket, and the connections that have not said whose they are.
pub(in crate::sfu) struct Acceptor {
    listener: TcpListener,
    poll: Poll,
    strangers: BTreeMap<usize, Stranger>,
    next: usize,
    ufrags: Ufrags,
    workers: Vec<WorkerSender>,
    counters: Arc<SfuCounters>,
    stopping: Arc<AtomicBool>,
}

struct Stranger {
    io: TcpStream,
    source: SocketAddr,
    since: Instant,
    received: Vec<u8>,
}

/// What is to become of a stranger.
enum Introduction {
    Waits,
    Is(usize),
    Refused,
}

impl Acceptor {
    /// Listens at `address`. Returns the waker that ends [`Acceptor::run`] together with `stopping`.
    pub(in crate::sfu) fn bind(
        address: SocketAddr,
        ufrags: Ufrags,
        counters: Arc<SfuCounters>,
        stopping: Arc<AtomicBool>,
    ) -> io::Result<(Self, Waker)> {
        let mut listener = listen(address)?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let (strangers, workers) = (BTreeMap::new(), vec![]);
        Ok((Self { listener, poll, strangers, next: FIRST_STREAM, ufrags, workers, counters, stopping }, waker))
    }

    /// The bound address.
    pub(in crate::sfu) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts connections for these workers until the SFU stops.
    pub(in crate::sfu) fn run(mut self, workers: Vec<WorkerSender>) {
        self.workers = workers;
        let mut events = Events::with_capacity(64);
        while !self.stopping.load(Relaxed) {
            if let Err(error) = self.poll.poll(&mut events, Some(LONGEST_WAIT))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::warn!(%error, "waiting for TCP connections failed");
                std::thread::sleep(PAUSE);
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    WAKE => {}
                    Token(number) => self.read(number),
                }
            }
            self.close_silent(Instant::now());
        }
    }

    fn accept(&mut self) {
        loop {
            match self.listener.accept() {
                // An IPv4 client of a socket of both families.
                Ok((io, source)) => self.welcome(io, SocketAddr::new(source.ip().to_canonical(), source.port())),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
                Err(error) => {
                    tracing::warn!(%error, "a TCP connection cannot be accepted");
                    // Strangers hold file descriptors that participants need more.
                    self.strangers.pop_first();
                    return std::thread::sleep(PAUSE);
                }
            }
        }
    }

    fn welcome(&mut self, mut io: TcpStream, source: SocketAddr) {
        let of_address = |s: &&Stranger| network(s.source.ip()) == network(source.ip());
        if self.strangers.values().filter(of_address).count() >= STRANGERS_OF_ADDRESS {
            SfuCounters::add(&self.counters.tcp_refused, 1);
            return;
        }
        if self.strangers.len() >= STRANGERS {
            SfuCounters::add(&self.counters.tcp_refused, 1);
            self.strangers.pop_first();
        }
        let number = self.next;
        if self.poll.registry().register(&mut io, Token(number), Interest::READABLE).is_ok() {
            self.next += 1;
            self.strangers.insert(number, Stranger { io, source, since: Instant::now(), received: vec![] });
        }
    }

    fn read(&mut self, number: usize) {
        let Some(stranger) = self.strangers.get_mut(&number) else { return };
        match stranger.introduction(&self.ufrags) {
            Introduction::Waits => {}
            Introduction::Is(worker) => self.hand_over(number, worker),
            Introduction::Refused => {
                SfuCounters::add(&self.counters.tcp_refused, 1);
                self.strangers.remove(&number);
            }
        }
    }

    fn hand_over(&mut self, number: usize, worker: usize) {
        let Some(Stranger { mut io, source, received, .. }) = self.strangers.remove(&number) else { return };
        if self.poll.registry().deregister(&mut io).is_err() {
            return;
        }
        if let Some(worker) = self.workers.get(worker) {
            // If the worker's queue is full, the client tries again.
            worker.try_send(WorkerCommand::Stream(NewStream { io, source, received })).ok();
        }
    }

    fn close_silent(&mut self, now: Instant) {
        // Oldest first.
        while let Some(first) = self.strangers.first_entry() {
            if now.saturating_duration_since(first.get().since) < INTRODUCTION {
                return;
            }
            SfuCounters::add(&self.counters.tcp_refused, 1);
            first.remove();
        }
    }
}

impl Stranger {
    /// Reads until the first datagram is whole.
    fn introduction(&mut self, ufrags: &Ufrags) -> Introduction {
        let mut buffer = [0; 2048];
        loop {
            match self.io.read(&mut buffer) {
                Ok(0) => return Introduction::Refused,
                Ok(length) => self.received.extend(buffer.iter().take(length)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Introduction::Waits,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Introduction::Refused,
            }
            let mut reader = FrameReader::new(Framing::Length);
            reader.add(&self.received);
            match reader.next() {
                Ok(None) => {}
                Ok(Some(first)) => {
                    let worker = ufrag(first).and_then(|ufrag| ufrags.worker(&ufrag));
                    return worker.map_or(Introduction::Refused, Introduction::Is);
                }
                Err(_) => return Introduction::Refused,
            }
        }
    }
}

/// What counts as one address: an IPv6 network has more addresses than can be counted.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Listens at an address; at the unspecified one of either family, in both families if the system has both.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let bound = |address: SocketAddr| -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if address.ip().is_unspecified() && address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        // A port whose old connections are still ending is free. On Windows the option would mean another thing.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(1024)?;
        Ok(TcpListener::from_std(socket.into()))
    };
    if address.ip().is_unspecified() {
        match bound(SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), address.port())) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => tracing::debug!(%error, "no IPv6 for ICE over TCP"),
        }
    }
    bound(address)
}
