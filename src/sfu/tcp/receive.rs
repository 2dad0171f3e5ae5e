//! The worker's part: datagrams of its TCP connections.

use super::acceptor::NewStream;
use super::streams::{Origin, Sent};
use crate::hub::ConnectionId;
use crate::proto::stream::{Class, FrameReader, Framing};
use crate::sfu::connection::LinkState;
use crate::sfu::counters::SfuCounters;
use crate::sfu::held::{HeldDatagram, carries_data, must_hold};
use crate::sfu::worker::{Worker, ufrag};
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use str0m::net::{Protocol, Receive, Transmit};

impl Worker {
    /// Takes a new TCP connection of one of our peer connections.
    pub(in crate::sfu) fn take_stream(&mut self, new: NewStream, now: Instant) {
        let mut reader = FrameReader::new(Framing::Length);
        reader.add(&new.received);
        let claimed = reader.next().ok().flatten().and_then(ufrag);
        let Some(id) = claimed.and_then(|ufrag| self.by_ufrag.get(&ufrag)).copied() else { return };
        match self.streams.add(new, id, now) {
            Ok(origin) => {
                tracing::debug!(?id, source = %origin.source, "a TCP connection");
                self.reporter.counters.tcp_connections.fetch_add(1, Relaxed);
                self.take_frames(origin, now);
            }
            Err(error) => tracing::warn!(%error, "a TCP connection cannot be used"),
        }
    }

    /// Reads once from each TCP connection that may have bytes, and handles the datagrams.
    pub(in crate::sfu) fn take_streams(&mut self, now: Instant) {
        for origin in self.streams.readable() {
            if self.streams.read(origin.token) {
                self.take_frames(origin, now);
            }
        }
        self.note_ended();
    }

    /// Notes the ends of TCP connections: a client that came by one has gone, unless it comes by another way.
    fn note_ended(&mut self) {
        for ended in self.streams.take_ended() {
            self.reporter.counters.tcp_connections.fetch_sub(1, Relaxed);
            let connection = self.connections.get_mut(&ended.connection);
            if let Some(connection) = connection.filter(|c| c.stream == Some(ended.token)) {
                connection.stream_ended = true;
            }
        }
    }

    fn take_frames(&mut self, origin: Origin, now: Instant) {
        while let Some(datagram) = self.streams.next_datagram(origin.token, now) {
            SfuCounters::add(&self.reporter.counters.packets_in, 1);
            SfuCounters::add(&self.reporter.counters.bytes_in, datagram.len());
            self.take_frame(origin, &datagram, now);
        }
        self.drive_dirty(now);
    }

    fn take_frame(&mut self, origin: Origin, datagram: &[u8], now: Instant) {
        let Origin { token, source, connection: id } = origin;
        let udp = self.connections.get(&id).and_then(|c| c.candidate_for(None, source));
        let Some((address, port)) = udp.zip(self.tcp.port) else { return };
        let local = SocketAddr::new(address.ip(), port);
        if carries_data(datagram) && must_hold(&self.connections, &self.reporter, id, now) {
            let stream = Some(token);
            return self.hold(id, HeldDatagram { source, local, stream, payload: datagram.to_vec() }, now);
        }
        let Ok(received) = Receive::new(Protocol::Tcp, source, local, datagram) else { return };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        self.current = Some(id);
        let Some(outcome) = connection.receive(received, Some(token), now) else { return };
        if connection.link == LinkState::Lost {
            self.on_up(id, now);
        }
        self.received(id, outcome, now);
    }

    /// Sends a datagram to the client at the other end of a TCP connection.
    pub(in crate::sfu) fn send_on_stream(&mut self, id: ConnectionId, transmit: &Transmit) {
        let connection = self.connections.get(&id);
        let is_audio = |pt| connection.is_some_and(|c| c.is_audio(pt));
        let class = Class::of(&transmit.contents, is_audio);
        let counters = &self.reporter.counters;
        match self.streams.send(transmit.destination, class, &transmit.contents) {
            Sent::Taken => {
                SfuCounters::add(&counters.packets_out, 1);
                SfuCounters::add(&counters.bytes_out, transmit.contents.len());
            }
            Sent::Dropped if class == Class::Audio => SfuCounters::add(&counters.tcp_audio_dropped, 1),
            Sent::Dropped => SfuCounters::add(&counters.tcp_video_dropped, 1),
            Sent::Gone => SfuCounters::add(&counters.send_failures, 1),
        }
    }
}
