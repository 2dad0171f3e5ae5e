//! UDP without offloads: one datagram a system call. For systems that lack the socket options which quinn-udp needs for
//! batching, such as Wine.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// Why the system cannot batch on this socket; `None` if it can.
pub(super) fn batching_error(socket: &UdpSocket) -> Option<io::Error> {
    UdpSocketState::new(UdpSockRef::from(socket)).err()
}

/// Registers a socket with the running tokio runtime.
pub(super) fn wrap(socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    socket.set_nonblocking(true)?;
    Ok(Arc::new(PlainUdp(tokio::net::UdpSocket::from_std(socket)?)))
}

#[derive(Debug)]
struct PlainUdp(tokio::net::UdpSocket);

impl AsyncUdpSocket for PlainUdp {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        self.0.poll_send_to(cx, transmit.contents, transmit.destination)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buf), Some(meta)) = (bufs.first_mut(), meta.first_mut()) else { return Poll::Ready(Ok(0)) };
        let mut buf = ReadBuf::new(buf);
        let addr = ready!(self.0.poll_recv_from(cx, &mut buf))?;
        let len = buf.filled().len();
        // An empty datagram counts as one too: the caller divides by the stride.
        *meta = RecvMeta::default();
        (meta.addr, meta.len, meta.stride) = (addr, len, len.max(1));
        Poll::Ready(Ok(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test]
    async fn datagrams_are_sent_and_received_one_by_one() {
        let bound = || UdpSocket::bind("127.0.0.1:0").expect("a port");
        let [a, b] = [bound(), bound()].map(|socket| wrap(socket).expect("a socket"));
        let (from, to) = (a.local_addr().expect("an address"), b.local_addr().expect("an address"));
        for sent in [b"first".as_slice(), b"", b"third"] {
            assert_eq!(a.send_to(sent, to).await.expect("sent"), sent.len());
        }
        for expected in [b"first".as_slice(), b"", b"third"] {
            let (mut room, mut meta) = ([0; 1500], [RecvMeta::default(); 2]);
            let received = poll_fn(|cx| b.poll_recv(cx, &mut [IoSliceMut::new(&mut room)], &mut meta)).await;
            assert_eq!(received.expect("received"), 1);
            assert_eq!((&room[..meta[0].len], meta[0].addr, meta[0].stride), (expected, from, expected.len().max(1)));
        }
        assert_eq!((a.max_gso_segments(), a.max_gro_segments()), (1, 1));
    }
}
