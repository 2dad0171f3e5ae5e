//! UDP and the connections behind one socket of the stack.

use super::link::{Link, Received, Use};
use super::relay_peer::refusal;
use super::{Target, TargetKind, Tunnels, nudge};
use crate::base::Transport;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

/// Received datagrams that the stack has not taken at most; beyond it the connections are not read.
const INBOUND: usize = 256;
/// Connections of one socket at most.
const LINKS: usize = 32;
/// Time before a connection that ended is opened again.
const AGAIN: Duration = Duration::from_millis(500);

/// A socket of the stack.
#[derive(Debug)]
pub(in crate::rtc) struct TunnelSocket {
    udp: Arc<dyn AsyncUdpSocket>,
    own: SocketAddr,
    tunnels: Tunnels,
    links: Mutex<HashMap<SocketAddr, Opened>>,
    inbound: mpsc::Sender<Received>,
    received: Mutex<mpsc::Receiver<Received>>,
}

#[derive(Debug)]
struct Opened {
    link: Link,
    target: Arc<Target>,
    at: Instant,
}

impl TunnelSocket {
    pub(in crate::rtc) fn new(udp: Arc<dyn AsyncUdpSocket>, tunnels: Tunnels) -> io::Result<Self> {
        let own = udp.local_addr()?;
        let (inbound, received) = mpsc::channel(INBOUND);
        nudge::start(&tunnels, own, inbound.clone());
        Ok(Self { udp, own, tunnels, links: Mutex::default(), inbound, received: Mutex::new(received) })
    }

    /// Whether UDP is received.
    fn has_udp(&self) -> bool {
        self.tunnels.transport() != Transport::Tcp
    }

    /// Sends a datagram over the connection of its virtual address, which is opened if need be.
    fn send(&self, to: SocketAddr, target: Arc<Target>, datagram: &[u8]) {
        if !self.may_use(&target) {
            return;
        }
        let mut links = self.links.lock();
        if let Some(opened) = links.get(&to) {
            if !opened.link.has_ended() {
                return opened.link.send(datagram);
            }
            if opened.at.elapsed() < AGAIN {
                return;
            }
        }
        // The other end finds out whose a connection is by its first datagram.
        let begins = matches!(datagram, [0, 1, ..]) || matches!(target.kind, TargetKind::Relay { .. });
        if !begins || (links.len() >= LINKS && !links.contains_key(&to)) {
            return;
        }
        let usage = Use { address: to, own: self.own, inbound: self.inbound.clone() };
        let link = Link::open(target.clone(), usage, &self.tunnels);
        link.send(datagram);
        links.insert(to, Opened { link, target, at: Instant::now() });
    }

    /// Whether this socket may use the target: a candidate that can be reached from its address, a TURN server that no
    /// other socket uses.
    fn may_use(&self, target: &Target) -> bool {
        match &target.kind {
            TargetKind::Candidate { address, .. } => {
                let own = self.own.ip();
                own.is_unspecified()
                    || (own.is_ipv4() == address.is_ipv4() && own.is_loopback() == address.ip().is_loopback())
            }
            TargetKind::Relay { .. } => *target.owner.lock().get_or_insert(self.own) == self.own,
        }
    }

    /// Takes a datagram that came by a connection.
    fn poll_received(&self, cx: &mut Context<'_>, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> bool {
        let (Some(buf), Some(meta)) = (bufs.first_mut(), meta.first_mut()) else { return false };
        let Poll::Ready(Some((source, datagram))) = self.received.lock().poll_recv(cx) else { return false };
        let len = datagram.len().min(buf.len());
        for (to, from) in buf.iter_mut().zip(&datagram) {
            *to = *from;
        }
        *meta = RecvMeta::default();
        (meta.addr, meta.len, meta.stride) = (source, len, len.max(1));
        if len > 0 {
            self.tunnels.0.nudges.received(self.tunnels.is_relay(source), &datagram);
        }
        true
    }

    /// Answers what a TURN server is asked for in vain. Whether it was that.
    fn refuse(&self, relay: SocketAddr, message: &[u8]) -> bool {
        let is_out_of_reach = |peer| self.tunnels.is_out_of_reach(relay, peer);
        let Some(answer) = refusal(message, is_out_of_reach) else { return false };
        // If there is no room, the stack asks again.
        let _full = self.inbound.try_send((relay, Bytes::copy_from_slice(&answer)));
        true
    }
}

impl Drop for TunnelSocket {
    fn drop(&mut self) {
        for (_, opened) in self.links.get_mut().drain() {
            // Another socket may use the TURN server from now on.
            opened.target.owner.lock().take_if(|owner| *owner == self.own);
        }
        self.tunnels.0.nudges.socket_gone();
    }
}

impl AsyncUdpSocket for TunnelSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let destination = transmit.destination;
        if self.tunnels.is_relay(destination) && self.refuse(destination, transmit.contents) {
            return Poll::Ready(Ok(transmit.contents.len()));
        }
        if let Some(target) = self.tunnels.target(destination) {
            let length = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
            for datagram in transmit.contents.chunks(length) {
                self.send(destination, target.clone(), datagram);
            }
        } else if self.tunnels.allows_udp(destination) {
            return self.udp.poll_send(cx, transmit).map(|sent| sent.or_else(|error| lost_on_the_way(transmit, error)));
        }
        Poll::Ready(Ok(transmit.contents.len()))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if self.poll_received(cx, bufs, meta) {
            return Poll::Ready(Ok(1));
        }
        if !self.has_udp() {
            return Poll::Pending;
        }
        let received = ready!(self.udp.poll_recv(cx, bufs, meta));
        if let (Ok(1..), [meta, ..], [buf, ..]) = (&received, &*meta, &*bufs) {
            let datagram = buf.get(..meta.len).unwrap_or_default();
            self.tunnels.0.nudges.received(self.tunnels.is_relay(meta.addr), datagram);
        }
        Poll::Ready(received)
    }

    fn max_gso_segments(&self) -> usize {
        self.udp.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.udp.max_gro_segments()
    }
}

/// A datagram without a route counts as sent and lost. ICE checks each address of the server from each of ours, many pairs
/// of them have no route, and the stack would log an error for each datagram. Other errors are passed on.
fn lost_on_the_way(transmit: &Transmit<'_>, error: io::Error) -> io::Result<usize> {
    if !has_no_route(&error) {
        return Err(error);
    }
    tracing::trace!(%error, to = %transmit.destination, "a datagram has no route");
    Ok(transmit.contents.len())
}

/// Whether there is no way from the socket's address to the destination: no route, a route that forbids it, an interface
/// that is down, or an address that is gone. Linux says EINVAL for loopback from another address.
fn has_no_route(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::NetworkUnreachable
            | Kind::HostUnreachable
            | Kind::NetworkDown
            | Kind::AddrNotAvailable
            | Kind::PermissionDenied
            | Kind::InvalidInput
    )
}
