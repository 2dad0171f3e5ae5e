//! A worker's TCP connections.

use super::acceptor::NewStream;
use crate::hub::ConnectionId;
use crate::proto::stream::{Class, FrameReader, Framing, Queued, SendQueue};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

/// TCP connections of one peer connection at most; the one that was silent longest is closed for a new one.
const STREAMS: usize = 8;
/// Bytes read from a connection in a round.
const READ: usize = 16 << 10;
/// The system's buffer for what has not been sent: what is in it cannot be overtaken or dropped.
const UNSENT: u32 = 16 << 10;
/// Tokens below it belong to the worker's UDP sockets.
const FIRST_TOKEN: usize = 1 << 16;

/// The TCP connections of all peer connections of a worker.
pub(in crate::sfu) struct Streams {
    registry: Registry,
    by_token: HashMap<Token, Stream>,
    by_source: HashMap<SocketAddr, Token>,
    /// Those that may have bytes to read.
    readable: BTreeSet<Token>,
    /// Those that ended, for the worker to look at.
    ended: Vec<Origin>,
    next: usize,
}

struct Stream {
    io: TcpStream,
    source: SocketAddr,
    connection: ConnectionId,
    reader: FrameReader,
    queue: SendQueue,
    last_received: Instant,
}

/// Where datagrams of a TCP connection come from.
#[derive(Clone, Copy, Debug)]
pub(in crate::sfu) struct Origin {
    pub(in crate::sfu) token: Token,
    pub(in crate::sfu) source: SocketAddr,
    pub(in crate::sfu) connection: ConnectionId,
}

/// What became of a datagram for a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sfu) enum Sent {
    /// It was written, or waits.
    Taken,
    /// It was dropped, because too much waits already.
    Dropped,
    /// There is no such connection any more.
    Gone,
}

impl Streams {
    /// None yet. Events of their sockets come from the poll of this registry.
    pub(in crate::sfu) fn new(registry: Registry) -> Self {
        let (by_token, by_source) = (HashMap::new(), HashMap::new());
        Self { registry, by_token, by_source, readable: BTreeSet::new(), ended: vec![], next: FIRST_TOKEN }
    }

    /// Adds a TCP connection of a peer connection. Returns the bytes that it has received already.
    pub(in crate::sfu) fn add(&mut self, new: NewStream, connection: ConnectionId, now: Instant) -> io::Result<Origin> {
        let NewStream { mut io, source, received } = new;
        let mut of_connection: Vec<_> = self.by_token.iter().filter(|(_, s)| s.connection == connection).collect();
        if of_connection.len() >= STREAMS {
            of_connection.sort_by_key(|(_, s)| s.last_received);
            if let Some(token) = of_connection.first().map(|(token, _)| **token) {
                self.remove(token);
            }
        }
        configure(&io);
        let token = Token(self.next);
        self.registry.register(&mut io, token, Interest::READABLE | Interest::WRITABLE)?;
        self.next += 1;
        let mut reader = FrameReader::new(Framing::Length);
        reader.add(&received);
        let queue = SendQueue::new(Framing::Length);
        self.by_token.insert(token, Stream { io, source, connection, reader, queue, last_received: now });
        // An address can be used again before the end of its earlier connection was noticed.
        if let Some(old) = self.by_source.get(&source).copied() {
            self.remove(old);
        }
        self.by_source.insert(source, token);
        self.readable.insert(token);
        Ok(Origin { token, source, connection })
    }

    /// Takes an event of the poll; those of other sockets are ignored.
    pub(in crate::sfu) fn on_event(&mut self, event: &Event) {
        let token = event.token();
        if !self.by_token.contains_key(&token) {
            return;
        }
        if event.is_readable() || event.is_error() {
            self.readable.insert(token);
        }
        if event.is_writable() {
            self.flush(token);
        }
    }

    /// Whether a connection may have bytes to read.
    pub(in crate::sfu) fn has_more(&self) -> bool {
        !self.readable.is_empty()
    }

    /// The connections that may have bytes to read.
    pub(in crate::sfu) fn readable(&self) -> Vec<Origin> {
        let origin = |token: &Token| {
            let stream = self.by_token.get(token)?;
            Some(Origin { token: *token, source: stream.source, connection: stream.connection })
        };
        self.readable.iter().filter_map(origin).collect()
    }

    /// The next datagram that has been read.
    pub(in crate::sfu) fn next_datagram(&mut self, token: Token, now: Instant) -> Option<Vec<u8>> {
        let stream = self.by_token.get_mut(&token)?;
        match stream.reader.next() {
            Ok(datagram) => {
                let datagram = datagram?.to_vec();
                stream.last_received = now;
                Some(datagram)
            }
            Err(error) => {
                tracing::debug!(source = %stream.source, %error, "a TCP connection is closed");
                self.remove(token);
                None
            }
        }
    }

    /// Reads from a connection. Whether it is still open.
    pub(in crate::sfu) fn read(&mut self, token: Token) -> bool {
        let Some(stream) = self.by_token.get_mut(&token) else { return false };
        let mut buffer = [0; READ];
        let open = match stream.io.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                stream.reader.add(buffer.get(..length).unwrap_or_default());
                true
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => true,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.readable.remove(&token);
                true
            }
            Err(_) => false,
        };
        if !open {
            self.remove(token);
        }
        open
    }

    /// Sends a datagram to the client at `destination`, or queues it.
    pub(in crate::sfu) fn send(&mut self, destination: SocketAddr, class: Class, datagram: &[u8]) -> Sent {
        let Some(token) = self.by_source.get(&destination).copied() else { return Sent::Gone };
        let Some(stream) = self.by_token.get_mut(&token) else { return Sent::Gone };
        match stream.queue.push(class, datagram) {
            Queued::Taken => {
                self.flush(token);
                Sent::Taken
            }
            Queued::Dropped => Sent::Dropped,
            Queued::Stuck => {
                tracing::debug!(%destination, "a TCP connection that takes nothing is closed");
                self.remove(token);
                Sent::Gone
            }
        }
    }

    /// The TCP connections that have ended since the last call.
    pub(in crate::sfu) fn take_ended(&mut self) -> Vec<Origin> {
        std::mem::take(&mut self.ended)
    }

    /// Closes the TCP connections of a peer connection.
    pub(in crate::sfu) fn close(&mut self, connection: ConnectionId) {
        let of_connection = self.by_token.iter().filter(|(_, s)| s.connection == connection);
        let tokens: Vec<Token> = of_connection.map(|(token, _)| *token).collect();
        for token in tokens {
            self.remove(token);
        }
    }

    fn flush(&mut self, token: Token) {
        let Some(Stream { io, queue, .. }) = self.by_token.get_mut(&token) else { return };
        loop {
            let bytes = queue.unwritten();
            if bytes.is_empty() {
                return;
            }
            match io.write(bytes) {
                Ok(0) => return self.remove(token),
                Ok(length) => queue.advance(length),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.remove(token),
            }
        }
    }

    fn remove(&mut self, token: Token) {
        let Some(mut stream) = self.by_token.remove(&token) else { return };
        self.readable.remove(&token);
        self.ended.push(Origin { token, source: stream.source, connection: stream.connection });
        if self.by_source.get(&stream.source) == Some(&token) {
            self.by_source.remove(&stream.source);
        }
        self.registry.deregister(&mut stream.io).ok();
    }
}

/// Sends at once, and keeps little in the system's buffers.
fn configure(io: &TcpStream) {
    let socket = socket2::SockRef::from(io);
    socket.set_tcp_nodelay(true).ok();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let limited = socket.set_tcp_notsent_lowat(UNSENT);
    // Elsewhere the buffer also holds what is under way.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let limited = socket.set_send_buffer_size(4 * UNSENT as usize);
    if let Err(error) = limited {
        tracing::debug!(%error, "the buffer of a TCP connection stays as it is");
    }
}
