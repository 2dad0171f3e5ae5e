//! Addresses whose port is closed (ICMP port unreachable), from the error queue of a socket on Linux. On other systems a
//! client that is gone is found by its silence alone.

use std::net::SocketAddr;

/// Makes the system put these errors on the socket's error queue.
#[cfg(target_os = "linux")]
pub(super) fn listen(socket: &socket2::Socket, v6: bool) {
    use nix::sys::socket::{setsockopt, sockopt};
    let asked = if v6 {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)
    } else {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)
    };
    if let Err(error) = asked {
        tracing::debug!(%error, "closed ports are not reported");
    }
}

/// The address of one datagram that could not be delivered.
#[cfg(target_os = "linux")]
pub(super) fn next(socket: &mio::net::UdpSocket) -> Option<SocketAddr> {
    use rustix::io::Errno;
    use rustix::net::{RecvAncillaryBuffer, RecvFlags, recvmsg};
    let mut payload = [0u8; 64];
    // Ancillary data (which error, from which host) is not needed and is cut off.
    let mut parts = [std::io::IoSliceMut::new(&mut payload)];
    let flags = RecvFlags::ERRQUEUE | RecvFlags::DONTWAIT;
    loop {
        match recvmsg(socket, &mut parts, &mut RecvAncillaryBuffer::default(), flags) {
            Ok(message) => return message.address.and_then(|a| SocketAddr::try_from(a).ok()),
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
