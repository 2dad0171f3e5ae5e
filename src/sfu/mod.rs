//! The selective forwarding unit (SFU) of the room server: the only folder that names str0m.
//!
//! [`Sfu::start`] starts the workers, each with one thread and one UDP socket. [`Sfu::command`] sends them the hub's
//! [`MediaCommand`]s; events come back as [`MediaEvent`]s. A room lives on one worker, so that forwarding needs no locks.
//! str0m does ICE, DTLS, SRTP, RTCP and SCTP; this folder decides which packet goes to whom with which numbers.
//!
//! | file | decides |
//! |---|---|
//! | `addresses` | pure: which addresses are offered |
//! | `worker`, `socket` | the round of a thread: commands, timers, datagrams |
//! | `channels`, `held` | data messages: what waits for a slow receiver, and who has to wait then |
//! | `tcp` | ICE over TCP: whose a connection is, what is dropped when it is slow |
//! | `commands`, `negotiation` | the hub's commands; offers and answers |
//! | `forward` | a publisher's packets to its subscribers; key frame requests |
//! | `track`, `layers`, `bandwidth` | pure: which layer a subscriber gets, when to request a key frame |
//! | `stun` | pure: asking for our public address |
//! | `rewrite`, `clock`, `level` | pure: which numbers, which moment, how loud |

mod addresses;
mod bandwidth;
mod capture_clock;
mod channels;
mod commands;
mod connection;
mod counters;
mod forward;
mod held;
mod layers;
mod level;
mod negotiation;
mod quality;
mod reporter;
mod rewrite;
mod sdp;
mod socket;
mod stun;
mod tcp;
#[cfg(test)]
mod tests;
mod track;
mod unreachable;
mod worker;

pub(crate) use addresses::{AddressPolicy, Addresses, Advertised, Resolved, SharedAddresses};
pub(crate) use counters::SfuStatistics;
pub(crate) use stun::{binding_request, mapped_address};

use crate::hub::{ConnectionId, MediaCommand, MediaEvent};
use crate::net::{local_addresses, outward_addresses};
use counters::SfuCounters;
use mio::Waker;
use parking_lot::Mutex;
use reporter::{EVENTS, Reporter};
use socket::Socket;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use str0m::config::DtlsCert;
use tcp::{Acceptor, Streams, Ufrags, WorkerTcp};
use tokio::sync::mpsc;
use worker::{Worker, WorkerCommand};

/// Commands in the queue to one worker at most.
const QUEUED_COMMANDS: usize = 4096;
/// Longest wait for a place in that queue.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(200);

/// Configuration of the SFU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SfuConfig {
    /// Address of the sockets; unspecified for all addresses of both families.
    pub(crate) bind: IpAddr,
    /// UDP port of the first worker; the others have the ports that follow. 0 for any.
    pub(crate) first_port: u16,
    /// TCP port for clients that no UDP reaches, shared by the workers; 0 for any, `None` for none.
    pub(crate) tcp_port: Option<u16>,
    /// Worker threads, at least 1. A room is on one of them.
    pub(crate) workers: usize,
    /// What ICE candidates have instead of the bound address, or, if that is unspecified, of all addresses of this
    /// computer.
    pub(crate) advertised: Vec<Advertised>,
}

impl Default for SfuConfig {
    fn default() -> Self {
        Self { bind: Ipv4Addr::UNSPECIFIED.into(), first_port: 0, tcp_port: None, workers: 1, advertised: vec![] }
    }
}

/// Why the SFU could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// No worker was asked for.
    #[error("The media server needs at least one worker.")]
    NoWorkers,
    /// A port beyond 65535 would be needed.
    #[error("There are not enough UDP ports above {first} for {workers} workers.")]
    Ports {
        /// The first port.
        first: u16,
        /// How many are needed.
        workers: usize,
    },
    /// A socket could not be bound.
    #[error("UDP port {port} on {address} cannot be opened for media: {source}")]
    Bind {
        /// The address.
        address: IpAddr,
        /// The port; 0 for any.
        port: u16,
        /// The system's error.
        source: io::Error,
    },
    /// The TCP port could not be listened at.
    #[error("TCP port {port} on {address} cannot be opened for media: {source}")]
    Listen {
        /// The address.
        address: IpAddr,
        /// The port; 0 for any.
        port: u16,
        /// The system's error.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("A media thread cannot be started: {0}")]
    Thread(io::Error),
    /// No certificate could be made for DTLS.
    #[error("No certificate for encrypted media could be made.")]
    Certificate,
}

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    /// The connection was never opened, or has been closed.
    #[error("the connection is not open")]
    Unknown,
    /// The queue to the worker was full for 200 ms.
    #[error("the media worker does not answer")]
    Stuck,
    /// [`Sfu::stop`] was called.
    #[error("the media server has stopped")]
    Stopped,
}

/// The way to a worker.
#[derive(Clone)]
struct WorkerSender {
    commands: SyncSender<WorkerCommand>,
    waker: Arc<Waker>,
}

impl WorkerSender {
    /// Queues a command, unless the queue is full.
    fn try_send(&self, command: WorkerCommand) -> Result<(), TrySendError<WorkerCommand>> {
        let sent = self.commands.try_send(command);
        // It fails only if the worker has ended, which the next command reports.
        self.waker.wake().ok();
        sent
    }
}

struct WorkerHandle {
    sender: WorkerSender,
    thread: JoinHandle<()>,
}

/// The thread that accepts TCP connections.
struct AcceptorHandle {
    port: u16,
    waker: Waker,
    thread: JoinHandle<()>,
}

/// Which worker has which room.
#[derive(Default)]
struct Routes {
    /// Worker and room of each connection.
    connections: HashMap<ConnectionId, (usize, String)>,
    /// Worker and number of connections of each room.
    rooms: HashMap<String, (usize, usize)>,
    /// Number of connections of each worker.
    load: Vec<usize>,
}

/// The running SFU. Dropping it stops it, as [`Sfu::stop`] does.
pub(crate) struct Sfu {
    workers: Mutex<Vec<WorkerHandle>>,
    acceptor: Mutex<Option<AcceptorHandle>>,
    routes: Mutex<Routes>,
    bound: Vec<SocketAddr>,
    addresses: SharedAddresses,
    counters: Arc<SfuCounters>,
    stopping: Arc<AtomicBool>,
}

impl Sfu {
    /// Binds the sockets and starts the threads. Returns the queue of events, which must be read.
    pub(crate) fn start(config: SfuConfig) -> Result<(Self, mpsc::Receiver<MediaEvent>), StartError> {
        if config.workers == 0 {
            return Err(StartError::NoWorkers);
        }
        let certificate = certificate().ok_or(StartError::Certificate)?;
        let (events, receiver) = mpsc::channel(EVENTS);
        let counters = Arc::new(SfuCounters::default());
        let stopping = Arc::new(AtomicBool::new(false));
        let policy = AddressPolicy { bind: config.bind, advertised: config.advertised.clone() };
        let list = policy.addresses(&local_addresses(), &outward_addresses(), &Resolved::new());
        let addresses = SharedAddresses::new(list);
        let mut sfu = Self {
            workers: Mutex::default(),
            acceptor: Mutex::default(),
            routes: Mutex::new(Routes { load: vec![0; config.workers], ..Routes::default() }),
            bound: vec![],
            addresses: addresses.clone(),
            counters: counters.clone(),
            stopping: stopping.clone(),
        };
        let ufrags = Ufrags::default();
        let acceptor = sfu.listen(&config, &ufrags)?;
        let tcp_port = acceptor.as_ref().map(|(_, _, port)| *port);
        for index in 0..config.workers {
            let port = port(&config, index)?;
            let failed = |source| StartError::Bind { address: config.bind, port, source };
            let (socket, waker) = Socket::bind(SocketAddr::new(config.bind, port)).map_err(failed)?;
            sfu.bound.push(socket.address());
            let streams = Streams::new(socket.registry().map_err(failed)?);
            let tcp = WorkerTcp { port: tcp_port, ufrags: ufrags.clone(), worker: index };
            let (commands, taken) = sync_channel(QUEUED_COMMANDS);
            let (events, counters, stopping) = (events.clone(), counters.clone(), stopping.clone());
            let reporter = Reporter { events, counters, stopping };
            let worker = Worker::new(socket, streams, addresses.clone(), tcp, certificate.clone(), reporter, taken);
            let thread = std::thread::Builder::new().name(format!("sfu-{index}")).spawn(move || worker.run());
            let thread = thread.map_err(StartError::Thread)?;
            sfu.workers.lock().push(WorkerHandle { sender: WorkerSender { commands, waker }, thread });
        }
        if let Some((acceptor, waker, port)) = acceptor {
            let workers = sfu.workers.lock().iter().map(|handle| handle.sender.clone()).collect();
            let thread = std::thread::Builder::new().name("sfu-tcp".into()).spawn(move || acceptor.run(workers));
            let thread = thread.map_err(StartError::Thread)?;
            *sfu.acceptor.lock() = Some(AcceptorHandle { port, waker, thread });
        }
        Ok((sfu, receiver))
    }

    /// Opens the TCP port, if there is to be one.
    fn listen(&self, config: &SfuConfig, ufrags: &Ufrags) -> Result<Option<(Acceptor, Waker, u16)>, StartError> {
        let Some(port) = config.tcp_port else { return Ok(None) };
        let address = SocketAddr::new(config.bind, port);
        let bound = Acceptor::bind(address, ufrags.clone(), self.counters.clone(), self.stopping.clone())
            .and_then(|(acceptor, waker)| Ok((acceptor.address()?.port(), acceptor, waker)));
        let (port, acceptor, waker) =
            bound.map_err(|source| StartError::Listen { address: config.bind, port, source })?;
        Ok(Some((acceptor, waker, port)))
    }

    /// The TCP port for media.
    pub(crate) fn tcp_port(&self) -> Option<u16> {
        self.acceptor.lock().as_ref().map(|acceptor| acceptor.port)
    }

    /// The bound addresses, one for each worker.
    pub(crate) fn local_addrs(&self) -> &[SocketAddr] {
        &self.bound
    }

    /// The addresses that clients are offered. They may be replaced; those of host names have not been resolved yet.
    pub(crate) fn addresses(&self) -> SharedAddresses {
        self.addresses.clone()
    }

    /// Values of the counters.
    pub(crate) fn statistics(&self) -> SfuStatistics {
        self.counters.read()
    }

    /// Queues a command. Waits up to 200 ms if the queue is full.
    pub(crate) fn command(&self, command: MediaCommand) -> Result<(), CommandError> {
        match self.route(&command)? {
            Some(worker) => self.send_to(worker, command),
            // The track's worker is not known here; the others ignore the command.
            None => (0..self.bound.len()).try_for_each(|worker| self.send_to(worker, command.clone())),
        }
    }

    /// Ends the threads and closes the sockets, after a DTLS close_notify to each client. May be called again.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Relaxed);
        // First, because it has senders to the workers, which end with the last sender.
        let acceptor = self.acceptor.lock().take();
        if let Some(AcceptorHandle { waker, thread, .. }) = acceptor {
            waker.wake().ok();
            join(thread);
        }
        let mut workers = self.workers.lock();
        for handle in workers.iter() {
            // If the queue is full, the worker stops when its sender is dropped.
            handle.sender.try_send(WorkerCommand::Stop).ok();
        }
        for WorkerHandle { sender: WorkerSender { commands, waker }, thread } in workers.drain(..) {
            drop(commands);
            waker.wake().ok();
            join(thread);
        }
    }

    /// The worker of a command; `None` for all workers. Opens and closes connections in the routes.
    fn route(&self, command: &MediaCommand) -> Result<Option<usize>, CommandError> {
        let mut routes = self.routes.lock();
        let of = |routes: &Routes, id| match routes.connections.get(id) {
            Some((worker, _)) => Ok(Some(*worker)),
            None => Err(CommandError::Unknown),
        };
        match command {
            MediaCommand::Open { connection, room } => Ok(Some(routes.open(*connection, room))),
            MediaCommand::Close { connection } => {
                let worker = of(&routes, connection)?;
                routes.close(connection);
                Ok(worker)
            }
            MediaCommand::AcceptOffer { connection, .. }
            | MediaCommand::Publish { connection, .. }
            | MediaCommand::MakeOffer { connection, .. }
            | MediaCommand::AcceptAnswer { connection, .. }
            | MediaCommand::AddCandidate { connection, .. }
            | MediaCommand::Unsubscribe { connection, .. }
            | MediaCommand::Prefer { connection, .. }
            | MediaCommand::SendData { connection, .. } => of(&routes, connection),
            MediaCommand::Unpublish { .. } | MediaCommand::Mute { .. } => Ok(None),
        }
    }

    fn send_to(&self, worker: usize, command: MediaCommand) -> Result<(), CommandError> {
        let sender = self.workers.lock().get(worker).map(|handle| handle.sender.clone());
        let sender = sender.ok_or(CommandError::Stopped)?;
        let deadline = Instant::now() + COMMAND_TIMEOUT;
        let mut order = WorkerCommand::Media(Box::new(command));
        loop {
            match sender.try_send(order) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(CommandError::Stopped),
                Err(TrySendError::Full(_)) if Instant::now() > deadline => return Err(CommandError::Stuck),
                Err(TrySendError::Full(back)) => {
                    order = back;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }
}

impl Drop for Sfu {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Routes {
    /// The room's worker; for a new room the one with the fewest connections.
    fn open(&mut self, connection: ConnectionId, room: &str) -> usize {
        let least = self.load.iter().enumerate().min_by_key(|(_, n)| **n).map_or(0, |(i, _)| i);
        let (worker, count) = self.rooms.entry(room.to_owned()).or_insert((least, 0));
        if self.connections.insert(connection, (*worker, room.to_owned())).is_none() {
            *count += 1;
            if let Some(load) = self.load.get_mut(*worker) {
                *load += 1;
            }
        }
        *worker
    }

    fn close(&mut self, connection: &ConnectionId) {
        let Some((worker, room)) = self.connections.remove(connection) else { return };
        if let Some(load) = self.load.get_mut(worker) {
            *load = load.saturating_sub(1);
        }
        if let Some((_, count)) = self.rooms.get_mut(&room) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.rooms.remove(&room);
            }
        }
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a media thread had panicked");
    }
}

/// One certificate for all connections: generating one costs more than the rest of a join.
fn certificate() -> Option<DtlsCert> {
    str0m::crypto::from_feature_flags().dtls_provider.generate_certificate()
}

fn port(config: &SfuConfig, index: usize) -> Result<u16, StartError> {
    if config.first_port == 0 {
        return Ok(0);
    }
    let port = u16::try_from(index).ok().and_then(|i| config.first_port.checked_add(i));
    port.ok_or(StartError::Ports { first: config.first_port, workers: config.workers })
}
