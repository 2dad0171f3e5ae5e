//! The TCP connection of a client.

use crate::proto::stream::{Class, FrameReader, Framing, SendQueue};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use str0m::Candidate;
use str0m::net::TcpType;

/// An active TCP connection (RFC 6544).
pub(super) struct TcpSide {
    io: TcpStream,
    reader: FrameReader,
    queue: SendQueue,
    /// Whether nothing is read, as from a link that has stopped.
    pub(super) paused: bool,
}

impl TcpSide {
    pub(super) fn connect(server: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP)).expect("a socket");
        // So that the sender sees early that nothing is read.
        socket.set_recv_buffer_size(16 << 10).expect("set");
        socket.connect(&server.into()).expect("connected");
        socket.set_nonblocking(true).expect("set");
        let (reader, queue) = (FrameReader::new(Framing::Length), SendQueue::new(Framing::Length));
        Self { io: socket.into(), reader, queue, paused: false }
    }

    pub(super) fn candidate(&self) -> Candidate {
        let builder = Candidate::builder().tcp().host(self.addresses().0).tcptype(TcpType::Active);
        builder.build().expect("a candidate")
    }

    /// The addresses of the client and of the server.
    pub(super) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.io.local_addr().expect("an address"), self.io.peer_addr().expect("an address"))
    }

    pub(super) fn receive(&mut self) -> Vec<Vec<u8>> {
        self.flush();
        let (mut buffer, mut all) = ([0; 4096], vec![]);
        while !self.paused {
            match self.io.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.reader.add(&buffer[..length]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => panic!("{e}"),
            }
            while let Some(datagram) = self.reader.next().expect("frames") {
                all.push(datagram.to_vec());
            }
        }
        all
    }

    pub(super) fn send(&mut self, datagram: &[u8]) {
        self.queue.push(Class::Control, datagram);
        self.flush();
    }

    fn flush(&mut self) {
        loop {
            let bytes = self.queue.unwritten();
            match self.io.write(bytes) {
                Ok(length) if length > 0 => self.queue.advance(length),
                _ => return,
            }
        }
    }
}
