//! Flow control from receivers to senders of data messages.
//!
//! str0m takes every SCTP packet and acknowledges it at once, so it has no means to hold a sender back. Therefore the
//! datagrams of a sender wait here, not yet acknowledged, while a receiver of its messages has too many in its queue. The
//! sender stops by itself when its window is full (RFC 9260, section 6.1): it has about a megabyte on its way then.
//! Media are not touched: they travel in SRTP packets of their own.

use super::connection::{Connection, LinkState};
use super::reporter::Reporter;
use super::worker::Worker;
use crate::hub::ConnectionId;
use mio::Token;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::net::{Protocol, Receive};

/// Bytes of one connection that wait at most: twice the window that str0m grants (1 MiB), for what is sent again. Further
/// datagrams are lost, and repeated by their sender.
const HELD_BYTES: usize = 2 << 20;

/// Datagrams with data messages that a connection is given at once when it may send again. What their messages add to the
/// receivers' queues is known only when the hub has distributed them.
const RELEASED: usize = 32;
/// Interval at which waiting datagrams are looked at.
pub(super) const RELEASE: Duration = Duration::from_millis(1);

/// A datagram that waits.
#[derive(Debug)]
pub(super) struct HeldDatagram {
    pub(super) source: SocketAddr,
    pub(super) local: SocketAddr,
    /// The TCP connection by which it came; `None` for UDP.
    pub(super) stream: Option<Token>,
    pub(super) payload: Vec<u8>,
}

/// The datagrams of one connection that wait, and for whom.
#[derive(Debug, Default)]
pub(super) struct HeldDatagrams {
    queue: VecDeque<HeldDatagram>,
    bytes: usize,
    /// Connections whose queue was too long when a message of this connection was put into it.
    pub(super) receivers: Vec<ConnectionId>,
}

impl HeldDatagrams {
    /// Notes that a receiver of this connection's messages has too many in its queue.
    pub(super) fn hold_for(&mut self, receiver: ConnectionId) {
        if !self.receivers.contains(&receiver) {
            self.receivers.push(receiver);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn push(&mut self, datagram: HeldDatagram) {
        if self.bytes + datagram.payload.len() <= HELD_BYTES {
            self.bytes += datagram.payload.len();
            self.queue.push_back(datagram);
        }
    }

    /// The oldest datagram.
    pub(super) fn pop(&mut self) -> Option<HeldDatagram> {
        let datagram = self.queue.pop_front()?;
        self.bytes -= datagram.payload.len();
        Some(datagram)
    }
}

impl Worker {
    pub(super) fn hold(&mut self, id: ConnectionId, datagram: HeldDatagram, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.last_received = now;
        connection.held.push(datagram);
        if !self.holding.contains(&id) {
            self.holding.push(id);
        }
    }

    /// Gives connections the datagrams that waited, if their receivers have room again.
    pub(super) fn release_held(&mut self, now: Instant) {
        for id in std::mem::take(&mut self.holding) {
            for _ in 0..RELEASED {
                let Some(connection) = self.connections.get(&id) else { break };
                if is_held(&self.connections, &self.reporter, connection, now) {
                    break;
                }
                let Some(connection) = self.connections.get_mut(&id) else { break };
                connection.held.receivers.clear();
                let Some(HeldDatagram { source, local, stream, payload }) = connection.held.pop() else { break };
                let protocol = if stream.is_some() { Protocol::Tcp } else { Protocol::Udp };
                let Ok(received) = Receive::new(protocol, source, local, &payload) else { continue };
                self.current = Some(id);
                if let Some(outcome) = connection.receive(received, stream, now) {
                    self.received(id, outcome, now);
                }
            }
            if self.connections.get(&id).is_some_and(|c| !c.held.is_empty()) {
                self.holding.push(id);
            }
        }
    }
}

type Connections = HashMap<ConnectionId, Connection>;

/// Whether a datagram with data messages has to wait: behind others of its connection, for a receiver, or for the hub.
pub(super) fn must_hold(connections: &Connections, reporter: &Reporter, id: ConnectionId, now: Instant) -> bool {
    let Some(connection) = connections.get(&id).filter(|c| c.link == LinkState::Up) else { return false };
    !connection.held.is_empty() || is_held(connections, reporter, connection, now)
}

/// A receiver that is held itself does not count: its acknowledgements wait with its messages, so two that send to each
/// other would wait for ever.
fn is_held(connections: &Connections, reporter: &Reporter, connection: &Connection, now: Instant) -> bool {
    let is_slow = |id| connections.get(id).is_some_and(|c| c.held.is_empty() && c.channels.hold_senders(now));
    connection.held.receivers.iter().any(is_slow) || reporter.is_congested()
}

/// Whether a datagram carries SCTP: a DTLS record of application data (RFC 6347, section 4.1), or an encrypted one of
/// DTLS 1.3, whose type cannot be seen (RFC 9147, section 4).
pub(super) fn carries_data(payload: &[u8]) -> bool {
    matches!(payload.first(), Some(23 | 32..=63))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(bytes: usize) -> HeldDatagram {
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        HeldDatagram { source: address, local: address, stream: None, payload: vec![23; bytes] }
    }

    #[test]
    fn what_waits_is_bounded_and_keeps_its_order() {
        let mut held = HeldDatagrams::default();
        for size in 1_000..4_000 {
            held.push(datagram(size));
        }
        let kept: Vec<usize> = std::iter::from_fn(|| held.pop()).map(|d| d.payload.len()).collect();
        assert!(kept.iter().sum::<usize>() <= HELD_BYTES && kept.len() > 500, "{}", kept.len());
        assert!(kept.is_sorted());
        held.push(datagram(1_000));
        assert!(!held.is_empty(), "room again");
    }

    #[test]
    fn handshakes_checks_and_media_are_no_data() {
        for first in [0, 1, 20, 21, 22, 64, 128, 144] {
            assert!(!carries_data(&[first, 0]), "{first}");
        }
        assert!(carries_data(&[23, 254, 253]) && carries_data(&[47, 1]) && !carries_data(&[]));
    }
}
