//! A UDP socket for which a datagram without a route is lost, as one on the way is. ICE checks each address of the server
//! from each of ours, and many pairs of them have no route; the stack would log an error for each datagram.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

/// Wraps a socket.
pub(super) fn wrap(socket: Arc<dyn AsyncUdpSocket>) -> Arc<dyn AsyncUdpSocket> {
    Arc::new(Unrouted(socket))
}

#[derive(Debug)]
struct Unrouted(Arc<dyn AsyncUdpSocket>);

impl AsyncUdpSocket for Unrouted {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let sent = ready!(self.0.poll_send(cx, transmit));
        Poll::Ready(sent.or_else(|error| {
            if !has_no_route(&error) {
                return Err(error);
            }
            tracing::trace!(%error, to = %transmit.destination, "a datagram has no route");
            Ok(transmit.contents.len())
        }))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_recv(cx, bufs, meta)
    }

    fn max_gso_segments(&self) -> usize {
        self.0.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.0.max_gro_segments()
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use webrtc::runtime::{Runtime, TokioRuntime};

    #[tokio::test]
    async fn a_datagram_without_a_route_is_lost_and_the_next_one_is_sent() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let plain = TokioRuntime.wrap_udp_socket(socket).expect("a socket");
        // Loopback leads nowhere else (RFC 5737).
        let elsewhere = "192.0.2.1:9".parse().expect("an address");
        assert!(plain.send_to(b"lost", elsewhere).await.is_err(), "the system refuses this");
        let wrapped = wrap(plain);
        assert_eq!(wrapped.send_to(b"lost", elsewhere).await.expect("taken"), 4);
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        wrapped.send_to(b"arrives", peer.local_addr().expect("an address")).await.expect("taken");
        let mut payload = [0; 16];
        assert_eq!(peer.recv(&mut payload).expect("a datagram"), 7);
    }
}
