//! Media over TCP and TLS, past a stack that speaks UDP only.
//!
//! The stack gets a virtual address for each passive TCP candidate of the server (RFC 6544) and for each TURN server that is
//! reached by TCP or TLS. Its sockets are [`TunnelSocket`]s: a datagram to a virtual address goes to a connection of our
//! own, framed, and one that comes from there has the virtual address as its source. Everything else is UDP. No packet with
//! a virtual address leaves the computer: the addresses are of networks that nobody routes.
//!
//! | file | content |
//! |---|---|
//! | `socket` | UDP and the connections behind one socket of the stack |
//! | `link` | one connection: its task, and the queue to it |
//! | `dial` | opening a connection by TCP or TLS |
//! | `relay_peer` | peers that a TURN server cannot reach |
//! | `nudge` | waking the stack for what it relays |

mod dial;
mod link;
mod nudge;
mod relay_peer;
mod socket;
#[cfg(test)]
mod tests;

pub(super) use socket::TunnelSocket;

use super::tasks::Tasks;
use crate::base::Transport;
use crate::proto::stream::Framing;
use nudge::Nudges;
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Virtual addresses of one peer connection at most.
const TARGETS: usize = 128;
/// The end of the names of TURN servers (RFC 6761, section 6.4: no real name has it).
const NAME_END: &str = ".tunnel.invalid";

/// Where a virtual address leads.
#[derive(Debug)]
pub(super) struct Target {
    /// What is dialled.
    pub(super) kind: TargetKind,
    /// The socket of the stack that uses a TURN server: one allocation for each peer connection is enough.
    owner: Mutex<Option<SocketAddr>>,
    /// Whether a proxy opened the newest connection.
    proxied: AtomicBool,
}

impl Target {
    const fn new(kind: TargetKind) -> Self {
        Self { kind, owner: Mutex::new(None), proxied: AtomicBool::new(false) }
    }

    /// Whether a proxy opened the newest connection.
    pub(super) fn is_proxied(&self) -> bool {
        self.proxied.load(Relaxed)
    }
}

/// What is dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TargetKind {
    /// A TCP candidate of the server, with the user name fragment of its ICE session: a new session needs a new connection.
    Candidate { ufrag: String, address: SocketAddr },
    /// A TURN server.
    Relay { host: String, port: u16, tls: bool },
}

impl TargetKind {
    const fn framing(&self) -> Framing {
        match self {
            Self::Candidate { .. } => Framing::Length,
            Self::Relay { .. } => Framing::Turn,
        }
    }
}

/// The virtual addresses of one peer connection.
#[derive(Clone, Debug)]
pub(super) struct Tunnels(Arc<State>);

#[derive(Debug)]
struct State {
    transport: Transport,
    targets: Mutex<Vec<Arc<Target>>>,
    /// The TURN servers that are reached by UDP.
    udp_relays: Mutex<Vec<SocketAddr>>,
    /// Whether the peer connection works, so that no other way is needed.
    is_up: AtomicBool,
    nudges: Nudges,
    tasks: Tasks,
}

impl Tunnels {
    pub(super) fn new(transport: Transport, tasks: Tasks) -> Self {
        Self(Arc::new(State {
            transport,
            targets: Mutex::default(),
            udp_relays: Mutex::default(),
            is_up: AtomicBool::new(false),
            nudges: Nudges::default(),
            tasks,
        }))
    }

    /// How media may go.
    pub(super) fn transport(&self) -> Transport {
        self.0.transport
    }

    /// Notes whether the peer connection works.
    pub(super) fn set_up(&self, is_up: bool) {
        self.0.is_up.store(is_up, Relaxed);
    }

    fn is_up(&self) -> bool {
        self.0.is_up.load(Relaxed)
    }

    /// A virtual UDP address for a TCP candidate of the ICE session `ufrag`; `None` if media may not go there.
    pub(super) fn candidate(&self, ufrag: &str, address: SocketAddr) -> Option<SocketAddr> {
        if !matches!(self.transport(), Transport::Auto | Transport::Tcp) {
            return None;
        }
        let number = self.number(TargetKind::Candidate { ufrag: ufrag.to_owned(), address })?;
        Some(virtual_address(number, address.is_ipv6(), address.port()))
    }

    /// A name for a TURN server that is reached by TCP or TLS, for its `turn:` URL.
    pub(super) fn relay(&self, host: &str, port: u16, tls: bool) -> Option<String> {
        let number = self.number(TargetKind::Relay { host: host.to_owned(), port, tls })?;
        Some(format!("{number}{NAME_END}"))
    }

    /// Notes a TURN server that is reached by UDP.
    pub(super) fn add_udp_relay(&self, address: SocketAddr) {
        let mut relays = self.0.udp_relays.lock();
        if relays.len() < TARGETS && !relays.contains(&address) {
            relays.push(address);
        }
    }

    /// Notes that something was given to the stack to be sent.
    pub(super) fn written(&self) {
        self.0.nudges.written();
    }

    /// Whether a TURN server has this address, real or virtual.
    fn is_relay(&self, address: SocketAddr) -> bool {
        match self.target(address) {
            Some(target) => matches!(target.kind, TargetKind::Relay { .. }),
            None => self.0.udp_relays.lock().contains(&address),
        }
    }

    /// Whether the TURN server at `relay` cannot reach `peer`: a virtual address, or one of this computer.
    fn is_out_of_reach(&self, relay: SocketAddr, peer: SocketAddr) -> bool {
        let relay_is_here = match self.target(relay).as_deref() {
            Some(Target { kind: TargetKind::Relay { host, .. }, .. }) => is_loopback(host),
            _ => relay.ip().is_loopback(),
        };
        self.target(peer).is_some() || (peer.ip().is_loopback() && !relay_is_here)
    }

    /// Whether UDP may go to this address.
    fn allows_udp(&self, to: SocketAddr) -> bool {
        match self.transport() {
            Transport::Auto | Transport::Udp => true,
            Transport::Tcp => false,
            Transport::Relay => self.0.udp_relays.lock().contains(&to),
        }
    }

    /// The virtual addresses of a name of [`Tunnels::relay`] in `NAME:PORT`; `None` for other names.
    pub(super) fn resolve(&self, host: &str) -> Option<Vec<SocketAddr>> {
        let (name, port) = host.rsplit_once(':')?;
        let number = number_of_name(name)?;
        let port = port.parse().ok()?;
        Some([false, true].map(|v6| virtual_address(number, v6, port)).into())
    }

    /// The TURN server of a `turn:` URL with a name of [`Tunnels::relay`].
    pub(super) fn relay_of_url(&self, url: &str) -> Option<Arc<Target>> {
        let (name, _) = url.strip_prefix("turn:")?.split_once(':')?;
        self.0.targets.lock().get(usize::from(number_of_name(name)?)).cloned()
    }

    /// The number of a target.
    fn number(&self, kind: TargetKind) -> Option<u16> {
        let mut targets = self.0.targets.lock();
        let known = targets.iter().position(|target| target.kind == kind);
        let index = known.unwrap_or(targets.len());
        if index >= TARGETS {
            tracing::warn!(?kind, "there are too many ways for media; one is left out");
            return None;
        }
        if known.is_none() {
            targets.push(Arc::new(Target::new(kind)));
        }
        u16::try_from(index).ok()
    }

    /// Where datagrams to this address go; `None` if it is not virtual.
    pub(super) fn target(&self, address: SocketAddr) -> Option<Arc<Target>> {
        let number = match address.ip() {
            IpAddr::V4(v4) => match v4.octets() {
                [240, 0, a, b] => u16::from_be_bytes([a, b]),
                _ => return None,
            },
            IpAddr::V6(v6) => match v6.segments() {
                [0x100, 0, 0, 0, 0, 0, 0, number] => number,
                _ => return None,
            },
        };
        self.0.targets.lock().get(usize::from(number)).cloned()
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn number_of_name(name: &str) -> Option<u16> {
    name.strip_suffix(NAME_END)?.parse().ok()
}

/// The virtual address of a target: of the block that is reserved for future use (RFC 1112, section 4), or of the one that
/// is discarded (RFC 6666).
fn virtual_address(number: u16, v6: bool, port: u16) -> SocketAddr {
    let [a, b] = number.to_be_bytes();
    let ip = if v6 {
        IpAddr::V6(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, number))
    } else {
        IpAddr::V4(Ipv4Addr::new(240, 0, a, b))
    };
    SocketAddr::new(ip, port)
}
