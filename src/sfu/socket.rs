//! A worker's UDP sockets, and waiting for datagrams, a wake-up or a timeout.
//!
//! A worker at all addresses has one socket for each family. Each datagram comes with the address that it was sent to, and
//! is answered from there: the system's choice may be another address of the same link, from which the client expects
//! nothing.

use super::tcp::Streams;
use super::unreachable;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a buffer. The system may join datagrams of one sender to this size (generic receive offload).
const BUFFER: usize = 1 << 16;
/// Buffers that one system call fills at most.
const BUFFERS: usize = if BATCH_SIZE < 16 { BATCH_SIZE } else { 16 };
/// Requested size of the system's socket buffers, in bytes.
const SYSTEM_BUFFER: usize = 4 << 20;
/// Errors of earlier datagrams that are skipped in one attempt to receive.
const SKIPPED_ERRORS: usize = 8;
/// Ports that are tried until one is free in both families.
const PORTS: usize = 16;
/// The sockets have the tokens below.
const WAKE: Token = Token(2);

/// A datagram that was received.
pub(super) struct Datagram<'a> {
    /// Where it comes from.
    pub(super) source: SocketAddr,
    /// The address of this computer that it was sent to, if the system tells.
    pub(super) own: Option<IpAddr>,
    pub(super) payload: &'a [u8],
}

/// The sockets, and the poll that waits for them.
pub(super) struct Socket {
    bound: Vec<Bound>,
    /// The one of `bound` that was read last.
    turn: usize,
    received: Batch,
    poll: Poll,
    events: Events,
}

/// One bound socket.
struct Bound {
    socket: UdpSocket,
    /// What is needed for the addresses of this computer in datagrams; `None` where the system cannot do it.
    state: Option<UdpSocketState>,
    address: SocketAddr,
    /// Whether there may be datagrams. The poll reports readiness once, until a read would block.
    readable: bool,
    /// Whether the error queue may hold undelivered datagrams.
    failures: bool,
}

/// What one system call received.
struct Batch {
    buffers: Box<[u8]>,
    metas: [RecvMeta; BUFFERS],
    /// Buffers that were filled.
    filled: usize,
    /// The buffer that is handed out, and the bytes of it that were.
    at: usize,
    offset: usize,
}

impl Socket {
    /// Binds a socket; to the unspecified address of either family, one for each family that the system has. The waker
    /// ends a [`Socket::wait`] from another thread.
    pub(super) fn bind(address: SocketAddr) -> io::Result<(Self, Arc<Waker>)> {
        let mut bound =
            if address.ip().is_unspecified() { bind_both(address.port())? } else { vec![Bound::new(address)?] };
        let poll = Poll::new()?;
        for (index, one) in bound.iter_mut().enumerate() {
            poll.registry().register(&mut one.socket, Token(index), Interest::READABLE)?;
        }
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let received = Batch::new();
        Ok((Self { bound, turn: 0, received, poll, events: Events::with_capacity(8) }, waker))
    }

    /// The address of the first socket. All have its port.
    pub(super) fn address(&self) -> SocketAddr {
        self.bound.first().map_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0), |one| one.address)
    }

    /// The registry of the poll, for TCP connections.
    pub(super) fn registry(&self) -> io::Result<Registry> {
        self.poll.registry().try_clone()
    }

    /// Returns when there may be datagrams, when woken, or after `longest`. Events of TCP connections go to `streams`.
    pub(super) fn wait(&mut self, longest: Duration, streams: &mut Streams) {
        let readable = self.received.has_more() || self.bound.iter().any(|one| one.readable) || streams.has_more();
        let longest = if readable { Duration::ZERO } else { longest };
        if let Err(e) = self.poll.poll(&mut self.events, Some(longest)) {
            if e.kind() != io::ErrorKind::Interrupted {
                tracing::warn!(error = %e, "waiting for datagrams failed");
                std::thread::sleep(Duration::from_millis(10));
            }
            return;
        }
        for event in &self.events {
            match self.bound.get_mut(event.token().0) {
                Some(one) => {
                    one.readable |= event.is_readable();
                    one.failures |= event.is_error();
                }
                None => streams.on_event(event),
            }
        }
    }

    /// The next datagram.
    pub(super) fn receive(&mut self) -> Option<Datagram<'_>> {
        while !self.received.has_more() {
            if !self.fill() {
                return None;
            }
        }
        self.received.next()
    }

    /// Receives from the next socket that may have datagrams; the sockets take turns. Whether there was something.
    fn fill(&mut self) -> bool {
        for _ in 0..self.bound.len() {
            self.turn = (self.turn + 1) % self.bound.len();
            if self.bound.get_mut(self.turn).is_some_and(|one| one.readable && self.received.fill(one)) {
                return true;
            }
        }
        false
    }

    /// The next address whose port is closed (ICMP port unreachable).
    pub(super) fn unreachable(&mut self) -> Option<SocketAddr> {
        for one in self.bound.iter_mut().filter(|one| one.failures) {
            let address = unreachable::next(&one.socket);
            if address.is_some() {
                return address;
            }
            one.failures = false;
        }
        None
    }

    /// Sends one datagram, from this address of the computer if one is given. Whether the system took it; if its buffer is
    /// full, the datagram is dropped.
    pub(super) fn send(&mut self, own: Option<IpAddr>, destination: SocketAddr, payload: &[u8]) -> bool {
        let family = self.bound.iter_mut().find(|one| one.address.is_ipv6() == destination.is_ipv6());
        let Some(one) = family else { return false };
        for _ in 0..3 {
            match one.send(own, destination, payload) {
                Ok(()) => return true,
                // If the error is that of an earlier datagram, this one has not been tried.
                Err(e) if is_of_earlier(&e) => one.failures = true,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    tracing::trace!(error = %e, %destination, "sending failed");
                    return false;
                }
            }
        }
        false
    }
}

/// Binds one port in both families. A family that the system does not have is left out.
fn bind_both(port: u16) -> io::Result<Vec<Bound>> {
    let is_missing = |e: &io::Error| !matches!(e.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied);
    for _ in 0..PORTS {
        let v4 = Bound::new((Ipv4Addr::UNSPECIFIED, port).into());
        let same = v4.as_ref().map_or(port, |one| one.address.port());
        let v6 = Bound::new((Ipv6Addr::UNSPECIFIED, same).into());
        match (v4, v6) {
            (Ok(v4), Ok(v6)) => return Ok(vec![v4, v6]),
            (Ok(one), Err(e)) | (Err(e), Ok(one)) if is_missing(&e) => {
                tracing::debug!(error = %e, address = %one.address, "media goes over one family of addresses alone");
                return Ok(vec![one]);
            }
            (Ok(_), Err(e)) if port == 0 && e.kind() == io::ErrorKind::AddrInUse => {}
            (Err(e), _) | (_, Err(e)) => return Err(e),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

impl Bound {
    fn new(address: SocketAddr) -> io::Result<Self> {
        let raw = RawSocket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        raw.set_nonblocking(true)?;
        if address.is_ipv6() {
            raw.set_only_v6(true)?;
        }
        // The system may grant less, or refuse.
        raw.set_recv_buffer_size(SYSTEM_BUFFER).ok();
        raw.set_send_buffer_size(SYSTEM_BUFFER).ok();
        unreachable::listen(&raw, address.is_ipv6());
        raw.bind(&address.into())?;
        let state = match UdpSocketState::new(UdpSockRef::from(&raw)) {
            Ok(state) => Some(state),
            Err(error) => {
                tracing::info!(%error, "the system chooses from which of its addresses media is sent");
                None
            }
        };
        let socket = UdpSocket::from_std(raw.into());
        let address = socket.local_addr()?;
        Ok(Self { socket, state, address, readable: true, failures: false })
    }

    /// Receives into as many of the buffers as the system can. How many were filled.
    fn receive(&self, buffers: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]) -> io::Result<usize> {
        if let Some(state) = &self.state {
            return self.socket.try_io(|| state.recv(UdpSockRef::from(&self.socket), buffers, metas));
        }
        let (Some(buffer), Some(meta)) = (buffers.first_mut(), metas.first_mut()) else { return Ok(0) };
        let (length, source) = self.socket.recv_from(buffer)?;
        *meta = RecvMeta::default();
        (meta.addr, meta.len, meta.stride) = (source, length, length);
        Ok(1)
    }

    fn send(&self, own: Option<IpAddr>, destination: SocketAddr, payload: &[u8]) -> io::Result<()> {
        let Some(state) = &self.state else { return self.socket.send_to(payload, destination).map(drop) };
        // A socket that is bound to one address sends from there.
        let src_ip = own.filter(|ip| self.address.ip().is_unspecified() && ip.is_ipv6() == destination.is_ipv6());
        let transmit = Transmit { destination, ecn: None, contents: payload, segment_size: None, src_ip };
        self.socket.try_io(|| state.try_send(UdpSockRef::from(&self.socket), &transmit))
    }
}

/// Whether the error may be that of an earlier datagram, which was not delivered. The socket still works.
fn is_of_earlier(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let kind = error.kind();
    matches!(kind, Kind::ConnectionReset | Kind::ConnectionRefused | Kind::HostUnreachable | Kind::NetworkUnreachable)
}

impl Batch {
    fn new() -> Self {
        let buffers = vec![0; BUFFERS * BUFFER].into_boxed_slice();
        Self { buffers, metas: [RecvMeta::default(); BUFFERS], filled: 0, at: 0, offset: 0 }
    }

    /// Receives from a socket. Whether there was something.
    fn fill(&mut self, bound: &mut Bound) -> bool {
        (self.filled, self.at, self.offset) = (0, 0, 0);
        for _ in 0..SKIPPED_ERRORS {
            let mut rest = self.buffers.chunks_mut(BUFFER);
            let mut slices: [IoSliceMut<'_>; BUFFERS] =
                std::array::from_fn(|_| IoSliceMut::new(rest.next().unwrap_or_default()));
            match bound.receive(&mut slices, &mut self.metas) {
                Ok(filled) => {
                    self.filled = filled;
                    return filled > 0;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    bound.readable = false;
                    return false;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    tracing::trace!(error = %e, "an earlier datagram was not delivered");
                    bound.failures = true;
                }
            }
        }
        false
    }

    /// Whether a datagram is left. Empty ones are skipped.
    fn has_more(&mut self) -> bool {
        while let Some(meta) = self.metas.get(self.at).filter(|_| self.at < self.filled) {
            if self.offset < meta.len {
                return true;
            }
            (self.at, self.offset) = (self.at + 1, 0);
        }
        false
    }

    fn next(&mut self) -> Option<Datagram<'_>> {
        let meta = self.metas.get(self.at)?;
        let start = self.at * BUFFER + self.offset;
        // Joined datagrams have the same length, but for the last one.
        let length = meta.stride.max(1).min(meta.len.saturating_sub(self.offset));
        self.offset += length;
        let payload = self.buffers.get(start..start + length)?;
        Some(Datagram { source: meta.addr, own: meta.dst_ip, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket at all addresses, and its port.
    fn everywhere() -> (Socket, u16) {
        let (socket, _) = Socket::bind((Ipv4Addr::UNSPECIFIED, 0).into()).expect("bound");
        let port = socket.address().port();
        (socket, port)
    }

    /// Waits for a datagram. Its source, the address that it was sent to, and its payload.
    fn received(socket: &mut Socket) -> (SocketAddr, Option<IpAddr>, Vec<u8>) {
        let mut streams = Streams::new(socket.registry().expect("a registry"));
        for _ in 0..100 {
            socket.wait(Duration::from_millis(100), &mut streams);
            if let Some(Datagram { source, own, payload }) = socket.receive() {
                return (source, own, payload.to_vec());
            }
        }
        panic!("nothing came");
    }

    #[test]
    fn a_datagram_is_answered_from_the_address_that_it_was_sent_to() {
        let (mut socket, port) = everywhere();
        // All of 127.0.0.0/8 is this computer on Linux; elsewhere one address is.
        let asked: &[&str] =
            if cfg!(target_os = "linux") { &["127.0.0.1", "127.0.0.77", "::1"] } else { &["127.0.0.1"] };
        for own in asked {
            let own: IpAddr = own.parse().expect("an address");
            let any: IpAddr = if own.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
            let client = std::net::UdpSocket::bind((any, 0)).expect("a port");
            client.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
            client.send_to(b"question", (own, port)).expect("sent");
            let (source, at, payload) = received(&mut socket);
            assert_eq!((at, payload.as_slice()), (Some(own), b"question".as_slice()));
            assert!(socket.send(at, source, b"answer"));
            let mut answer = [0; 16];
            let (length, from) = client.recv_from(&mut answer).expect("an answer");
            assert_eq!((from, &answer[..length]), (SocketAddr::new(own, port), b"answer".as_slice()));
        }
    }

    #[test]
    fn datagrams_of_every_length_come_one_by_one_and_in_order() {
        let (mut socket, port) = everywhere();
        let client = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let lengths = [1200usize, 1200, 700, 1, 0, 1200, 1472, 2000];
        for (number, length) in lengths.into_iter().enumerate() {
            client.send_to(&vec![number as u8; length], ("127.0.0.1", port)).expect("sent");
        }
        for (number, length) in lengths.into_iter().enumerate().filter(|(_, length)| *length > 0) {
            assert_eq!(received(&mut socket).2, vec![number as u8; length]);
        }
        assert!(socket.receive().is_none());
    }

    #[test]
    fn both_families_have_one_port() {
        let (socket, port) = everywhere();
        assert!(socket.bound.iter().all(|one| one.address.port() == port), "{port}");
        let again = Socket::bind((Ipv6Addr::UNSPECIFIED, port).into()).err().expect("refused");
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
    }
}
