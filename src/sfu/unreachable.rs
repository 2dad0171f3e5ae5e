//! Clients whose machine says that nobody listens any more (ICMP port unreachable), as Linux tells it on the error queue
//! of a socket. Elsewhere a client that is gone is known by its silence only.

use std::net::SocketAddr;

/// Asks the system to tell.
#[cfg(target_os = "linux")]
pub(super) fn listen(socket: &socket2::Socket, v6: bool) {
    use nix::sys::socket::{setsockopt, sockopt};
    let asked = if v6 {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)
    } else {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)
    };
    if let Err(e) = asked {
        tracing::debug!("unreachable clients are not told: {e}");
    }
}

/// The address of one datagram that could not be delivered.
#[cfg(target_os = "linux")]
pub(super) fn next(socket: &mio::net::UdpSocket) -> Option<SocketAddr> {
    use rustix::io::Errno;
    use rustix::net::{RecvAncillaryBuffer, RecvFlags, recvmsg};
    let mut payload = [0u8; 64];
    // What is told beside the address (which error, from whom) does not matter and is cut off.
    let mut parts = [std::io::IoSliceMut::new(&mut payload)];
    let flags = RecvFlags::ERRQUEUE | RecvFlags::DONTWAIT;
    loop {
        match recvmsg(socket, &mut parts, &mut RecvAncillaryBuffer::default(), flags) {
            Ok(told) => return told.address.and_then(|a| SocketAddr::try_from(a).ok()),
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn listen(_socket: &socket2::Socket, _v6: bool) {}

#[cfg(not(target_os = "linux"))]
pub(super) fn next(_socket: &mio::net::UdpSocket) -> Option<SocketAddr> {
    None
}
