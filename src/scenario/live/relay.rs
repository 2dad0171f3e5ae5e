//! The way of one participant: a relay on this computer between its process and the server. What passes is late, lost or
//! held back, as the scenario says.
//!
//! Signalling and media go through it. The server names its own media port in its descriptions; the relay writes its own
//! one in that place, which has as many digits, so that no length in the message changes.

use super::super::Way;
use super::delay::DelayLine;
use super::rewrite::Rewriter;
use rand::Rng;
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep_until, timeout};

/// Packets that wait for their time in one direction; further ones are lost, as at a router.
const WAITING: usize = 1024;
/// Pieces of a TCP connection that wait for their time; then the sender waits.
const PIECES: usize = 256;
/// Sockets of one participant at most. Each attempt to connect has one.
const SOCKETS: usize = 256;
/// A port with as many digits as the server's is found by then.
const ATTEMPTS: usize = 64;
/// The largest datagram.
const DATAGRAM: usize = 65_536;
/// A port that is cut off at the end of a piece arrives whole by then.
const REST: Duration = Duration::from_millis(5);

/// Whether anything passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Everything that is not lost.
    Open,
    /// Nothing arrives, and no connection ends.
    Silent,
    /// Connections end, and new ones do at once.
    Cut,
}

/// The ports of the server on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServerPorts {
    /// Signalling.
    pub(super) tcp: u16,
    /// Media.
    pub(super) udp: u16,
}

/// A running relay. Dropping it ends all connections.
pub(super) struct Relay {
    port: u16,
    #[cfg(test)]
    media: u16,
    condition: watch::Sender<Condition>,
    _tasks: JoinSet<()>,
}

/// What the tasks of a relay share.
struct Link {
    way: Way,
    server: ServerPorts,
    /// The relay's own port for media.
    media: u16,
    condition: watch::Receiver<Condition>,
}

impl Relay {
    /// Starts a relay before a server.
    pub(super) async fn start(server: ServerPorts, way: Way) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let socket = media_socket(server.udp).await?;
        let (condition, watched) = watch::channel(Condition::Open);
        let (port, media) = (listener.local_addr()?.port(), socket.local_addr()?.port());
        let link = Arc::new(Link { way, server, media, condition: watched });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(link.clone(), listener));
        tasks.spawn(pass_datagrams(link, Arc::new(socket)));
        Ok(Self {
            port,
            #[cfg(test)]
            media,
            condition,
            _tasks: tasks,
        })
    }

    /// The server's address for the participant.
    pub(super) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Whether packets pass.
    pub(super) fn is_open(&self) -> bool {
        *self.condition.borrow() == Condition::Open
    }

    /// The relay's port for media.
    #[cfg(test)]
    pub(super) const fn media_port(&self) -> u16 {
        self.media
    }

    /// Changes what passes from now on.
    pub(super) fn set(&self, condition: Condition) {
        self.condition.send_replace(condition);
    }
}

/// A UDP socket whose port has as many digits as the server's.
async fn media_socket(server: u16) -> io::Result<UdpSocket> {
    for _ in 0..ATTEMPTS {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        if Rewriter::new(server, socket.local_addr()?.port()).is_some() {
            return Ok(socket);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "no UDP port with as many digits as the server's"))
}

impl Link {
    fn is(&self, condition: Condition) -> bool {
        *self.condition.borrow() == condition
    }

    /// Whether a packet is lost.
    fn loses(&self) -> bool {
        self.way.loss_percent > 0.0 && rand::rng().random_bool(self.way.loss_percent / 100.0)
    }
}

// ---- media

/// Each socket of the participant has one of its own to the server, so that the server sees different addresses.
async fn pass_datagrams(link: Arc<Link>, own: Arc<UdpSocket>) {
    let mut sockets: HashMap<SocketAddr, mpsc::Sender<(Instant, Vec<u8>)>> = HashMap::new();
    let mut delays = DelayLine::new(link.way);
    let mut tasks = JoinSet::new();
    let mut packet = vec![0; DATAGRAM];
    loop {
        // Where a packet could not be delivered, some systems tell it with the next one.
        let Ok((length, client)) = own.recv_from(&mut packet).await else { continue };
        if !sockets.contains_key(&client) {
            if sockets.len() >= SOCKETS {
                continue;
            }
            let Ok(up) = upstream(link.server.udp).await else { continue };
            let up = Arc::new(up);
            let (waiting, due) = mpsc::channel(WAITING);
            tasks.spawn(send_up(up.clone(), due));
            tasks.spawn(pass_down(link.clone(), up, own.clone(), client));
            sockets.insert(client, waiting);
        }
        if link.is(Condition::Open)
            && !link.loses()
            && let Some(waiting) = sockets.get(&client)
        {
            // A full queue loses the packet.
            waiting.try_send((delays.due(), packet[..length].to_vec())).ok();
        }
    }
}

async fn upstream(port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect((Ipv4Addr::LOCALHOST, port)).await?;
    Ok(socket)
}

async fn send_up(up: Arc<UdpSocket>, mut due: mpsc::Receiver<(Instant, Vec<u8>)>) {
    while let Some((at, packet)) = due.recv().await {
        sleep_until(at).await;
        // Packets to a server that has ended are lost.
        up.send(&packet).await.ok();
    }
}

/// From the server to one socket of the participant.
async fn pass_down(link: Arc<Link>, up: Arc<UdpSocket>, own: Arc<UdpSocket>, client: SocketAddr) {
    let (waiting, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(WAITING);
    let receive = async {
        let mut delays = DelayLine::new(link.way);
        let mut packet = vec![0; DATAGRAM];
        loop {
            let Ok(length) = up.recv(&mut packet).await else { continue };
            if link.is(Condition::Open) && !link.loses() {
                waiting.try_send((delays.due(), packet[..length].to_vec())).ok();
            }
        }
    };
    let deliver = async {
        while let Some((at, packet)) = due.recv().await {
            sleep_until(at).await;
            own.send_to(&packet, client).await.ok();
        }
    };
    tokio::select! {
        () = receive => {}
        () = deliver => {}
    }
}

// ---- signalling

async fn accept(link: Arc<Link>, listener: TcpListener) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) if !link.is(Condition::Cut) => _ = tasks.spawn(pass_connection(link.clone(), client)),
                // Dropped: it ends at once.
                Ok(_) => {}
                Err(_) => tokio::time::sleep(REST).await,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn pass_connection(link: Arc<Link>, client: TcpStream) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, link.server.tcp)).await else { return };
    client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).ok();
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    let mut condition = link.condition.clone();
    let is_cut = async { _ = condition.wait_for(|condition| *condition == Condition::Cut).await };
    tokio::select! {
        () = pass_bytes(&link, from_client, to_server, None) => {}
        () = pass_bytes(&link, from_server, to_client, Rewriter::new(link.server.udp, link.media)) => {}
        () = is_cut => {}
    }
}

/// Passes one direction until it ends. A lost segment comes again after a while, and everything behind it waits.
async fn pass_bytes(
    link: &Link,
    mut from: ReadHalf<TcpStream>,
    mut to: WriteHalf<TcpStream>,
    mut rewriter: Option<Rewriter>,
) {
    let (waiting, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let read = async move {
        let mut delays = DelayLine::new(link.way);
        let mut bytes = vec![0; 16_384];
        loop {
            let is_held = rewriter.as_ref().is_some_and(Rewriter::holds);
            let limit = if is_held { REST } else { Duration::MAX };
            let piece = match (timeout(limit, from.read(&mut bytes)).await, &mut rewriter) {
                (Ok(Ok(0)), _) => break,
                (Ok(Ok(length)), Some(rewriter)) => rewriter.pass(&bytes[..length]),
                (Ok(Ok(length)), None) => bytes[..length].to_vec(),
                (Ok(Err(_)), _) => break,
                (Err(_), rewriter) => rewriter.as_mut().map(Rewriter::rest).unwrap_or_default(),
            };
            let at = if link.loses() { delays.due_again() } else { delays.due() };
            if !piece.is_empty() && waiting.send((at, piece)).await.is_err() {
                break;
            }
        }
    };
    let write = async {
        let mut condition = link.condition.clone();
        while let Some((at, piece)) = due.recv().await {
            sleep_until(at).await;
            // The relay is dropped with its condition.
            let passes = condition.wait_for(|condition| *condition != Condition::Silent).await.is_ok();
            if !passes || to.write_all(&piece).await.is_err() {
                break;
            }
        }
        to.shutdown().await.ok();
    };
    // What was read is written before the end.
    tokio::join!(read, write);
}
