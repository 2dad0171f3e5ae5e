//! Changes of the addresses, interfaces and routes of this computer: told by the kernel on Linux (rtnetlink), found by
//! looking elsewhere.

use super::addresses::{LocalAddress, local_addresses};
use std::time::Duration;

/// How long changes are collected: an interface that comes up gets its addresses one by one.
#[cfg(target_os = "linux")]
const SETTLE: Duration = Duration::from_millis(50);
/// How often changes are looked for where nobody tells of them: the banner of a call comes within a second.
const LOOK: Duration = Duration::from_millis(500);
/// The same where the kernel tells: a sandbox may keep that from us.
#[cfg(target_os = "linux")]
const LOOK_RARELY: Duration = Duration::from_secs(30);
/// Messages that are read at once at most.
#[cfg(target_os = "linux")]
const MESSAGES: usize = 1000;

/// A watch on the addresses of this computer.
pub(crate) struct AddressWatch {
    known: Vec<LocalAddress>,
    events: NetworkEvents,
}

impl AddressWatch {
    /// Begins to watch. Must be called in a tokio runtime.
    pub(crate) fn start() -> Self {
        // The watch comes first, so that no change after the look is missed.
        let events = NetworkEvents::listen();
        Self { known: local_addresses(), events }
    }

    /// The addresses as they were last seen.
    pub(crate) fn addresses(&self) -> &[LocalAddress] {
        &self.known
    }

    /// Waits until they are others. Cancel-safe.
    pub(crate) async fn changed(&mut self) -> &[LocalAddress] {
        loop {
            self.events.next().await;
            let now = local_addresses();
            if now != self.known {
                tracing::debug!(addresses = ?now, "the addresses of this computer have changed");
                self.known = now;
                return &self.known;
            }
        }
    }
}

/// Tells when addresses, interfaces or routes may have changed.
///
/// On Linux it reads the kernel's messages about them (rtnetlink(7)), whose contents are not needed. tokio has no type for
/// netlink sockets; its datagram sockets read them with the same system call.
pub(crate) struct NetworkEvents {
    #[cfg(target_os = "linux")]
    messages: Option<tokio::net::UnixDatagram>,
}

#[cfg(not(target_os = "linux"))]
impl NetworkEvents {
    /// Begins to listen. Must be called in a tokio runtime.
    pub(crate) const fn listen() -> Self {
        Self {}
    }

    /// Waits until there may be a change. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(target_os = "linux")]
impl NetworkEvents {
    /// Begins to listen. Must be called in a tokio runtime.
    pub(crate) fn listen() -> Self {
        let messages = subscribe();
        if let Err(error) = &messages {
            tracing::info!(%error, "the kernel tells no changes of the network; they are looked up");
        }
        Self { messages: messages.ok() }
    }

    /// Waits until there may be a change. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        let Some(socket) = &self.messages else { return tokio::time::sleep(LOOK).await };
        // The messages are read only at the end, so that a caller that gives up in between loses none.
        match tokio::time::timeout(LOOK_RARELY, socket.readable()).await {
            Ok(Ok(())) => tokio::time::sleep(SETTLE).await,
            Ok(Err(_)) => return tokio::time::sleep(LOOK).await,
            Err(_) => return,
        }
        let mut message = [0; 8192];
        for _ in 0..MESSAGES {
            // Other errors are those of a full queue; the messages that it dropped count all the same.
            if socket.try_recv(&mut message).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock) {
                break;
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn subscribe() -> std::io::Result<tokio::net::UnixDatagram> {
    use rustix::net::netlink::SocketAddrNetlink;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
    let addresses = [libc::RTMGRP_LINK, libc::RTMGRP_IPV4_IFADDR, libc::RTMGRP_IPV6_IFADDR];
    let routes = [libc::RTMGRP_IPV4_ROUTE, libc::RTMGRP_IPV6_ROUTE];
    let groups = addresses.into_iter().chain(routes).fold(0, |all, group| all | group.unsigned_abs());
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    tokio::net::UnixDatagram::from_std(socket.into())
}
