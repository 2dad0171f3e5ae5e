//! A worker's UDP socket, and waiting for datagrams, a wake-up or a timeout.

use super::unreachable;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};
use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a datagram at most. Larger ones are cut off and then fail to authenticate; WebRTC sends none.
const DATAGRAM: usize = 2000;
/// Requested size of the system's socket buffers, in bytes.
const SYSTEM_BUFFER: usize = 4 << 20;
const DATAGRAMS: Token = Token(0);
const WAKE: Token = Token(1);

/// The socket, and the poll that waits for it.
pub(super) struct Socket {
    socket: UdpSocket,
    poll: Poll,
    events: Events,
    /// Whether there may be datagrams. The poll reports readiness once, until a read would block.
    readable: bool,
    /// Whether the error queue may hold undelivered datagrams.
    failures: bool,
    buffer: Box<[u8; DATAGRAM]>,
    address: SocketAddr,
}

impl Socket {
    /// Binds the socket. The waker ends a [`Socket::wait`] from another thread.
    pub(super) fn bind(address: SocketAddr) -> io::Result<(Self, Arc<Waker>)> {
        let raw = RawSocket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        raw.set_nonblocking(true)?;
        // The system may grant less, or refuse.
        raw.set_recv_buffer_size(SYSTEM_BUFFER).ok();
        raw.set_send_buffer_size(SYSTEM_BUFFER).ok();
        unreachable::listen(&raw, address.is_ipv6());
        raw.bind(&address.into())?;
        let mut socket = UdpSocket::from_std(raw.into());
        let address = socket.local_addr()?;
        let poll = Poll::new()?;
        poll.registry().register(&mut socket, DATAGRAMS, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let events = Events::with_capacity(8);
        let buffer = Box::new([0; DATAGRAM]);
        Ok((Self { socket, poll, events, readable: true, failures: false, buffer, address }, waker))
    }

    /// The bound address.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when there may be datagrams, when woken, or after `longest`.
    pub(super) fn wait(&mut self, longest: Duration) {
        let longest = if self.readable { Duration::ZERO } else { longest };
        if let Err(e) = self.poll.poll(&mut self.events, Some(longest)) {
            if e.kind() != io::ErrorKind::Interrupted {
                tracing::warn!(error = %e, "waiting for datagrams failed");
                std::thread::sleep(Duration::from_millis(10));
            }
            return;
        }
        for event in self.events.iter().filter(|e| e.token() == DATAGRAMS) {
            self.readable |= event.is_readable();
            self.failures |= event.is_error();
        }
    }

    /// The next datagram.
    pub(super) fn receive(&mut self) -> Option<(SocketAddr, &[u8])> {
        if !self.readable {
            return None;
        }
        loop {
            match self.socket.recv_from(&mut self.buffer[..]) {
                Ok((length, source)) => return Some((source, &self.buffer[..length])),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    return None;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // An earlier datagram was not delivered; the socket still works.
                Err(e) if matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused) => {
                    self.failures = true;
                }
                Err(e) => {
                    tracing::debug!(error = %e, "receiving failed");
                    self.readable = false;
                    return None;
                }
            }
        }
    }

    /// The next address whose port is closed (ICMP port unreachable).
    pub(super) fn unreachable(&mut self) -> Option<SocketAddr> {
        if !self.failures {
            return None;
        }
        let address = unreachable::next(&self.socket);
        self.failures = address.is_some();
        address
    }

    /// Sends one datagram. Whether the system took it; if its buffer is full, the datagram is dropped.
    pub(super) fn send(&mut self, destination: SocketAddr, payload: &[u8]) -> bool {
        for _ in 0..3 {
            match self.socket.send_to(payload, destination) {
                Ok(_) => return true,
                // The error is that of an earlier datagram; this one has not been tried.
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => self.failures = true,
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
