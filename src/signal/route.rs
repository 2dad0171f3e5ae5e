//! The way to a server: which of this computer's addresses leads there. Asked of the system again and again, since all
//! systems can tell it, and few tell of changes in the same way.

use crate::session::NetworkChange;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Notices that another way leads to a server, or none.
#[derive(Debug)]
pub(crate) struct RouteWatch {
    server: SocketAddr,
    /// The way that was last used; `None` before the first look.
    used: Option<Route>,
    is_lost: bool,
}

/// A way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    /// The local address.
    address: IpAddr,
    /// The interface that has it, where the system tells.
    interface: Option<String>,
}

/// An address of this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Local {
    interface: String,
    address: IpAddr,
    /// Whether the interface has a carrier.
    is_running: bool,
}

impl RouteWatch {
    /// Watches the way to `server`.
    pub(crate) const fn new(server: SocketAddr) -> Self {
        Self { server, used: None, is_lost: false }
    }

    /// The server whose way is watched.
    pub(crate) const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Asks the system for the way, and returns what has changed since the last look. It does not wait for anything.
    pub(crate) fn look(&mut self) -> Option<NetworkChange> {
        let address = address_to(self.server);
        self.compare(address, &locals())
    }

    fn compare(&mut self, address: Option<IpAddr>, locals: &[Local]) -> Option<NetworkChange> {
        let of = |address: IpAddr| locals.iter().find(|local| local.address == address);
        // An interface without a carrier may keep its address and its routes for seconds.
        let address = address.filter(|address| of(*address).is_none_or(|local| local.is_running));
        let Some(address) = address else {
            let is_news = !std::mem::replace(&mut self.is_lost, true) && self.used.is_some();
            return is_news.then_some(NetworkChange::Lost);
        };
        let now = Route { address, interface: of(address).map(|local| local.interface.clone()) };
        let was_lost = std::mem::take(&mut self.is_lost);
        let Some(used) = &self.used else {
            self.used = Some(now);
            return None;
        };
        if *used == now {
            return was_lost.then_some(NetworkChange::Back);
        }
        // A new temporary address of the same interface (RFC 8981): what uses the old one goes on.
        let goes_on = used.interface.is_some()
            && used.interface == now.interface
            && of(used.address).is_some_and(|local| Some(&local.interface) == used.interface.as_ref());
        if goes_on && !was_lost {
            return None;
        }
        self.used = Some(now);
        Some(NetworkChange::Moved)
    }
}

/// The address from which the system would send to `server`. Connecting a datagram socket sends nothing.
fn address_to(server: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(server).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// The addresses of this computer.
#[cfg(unix)]
fn locals() -> Vec<Local> {
    use nix::net::if_::InterfaceFlags;
    let Ok(found) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let local = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
        let v6 = || address.as_sockaddr_in6().map(|address| IpAddr::from(address.ip()));
        Some(Local {
            address: v4.or_else(v6)?,
            is_running: interface.flags.contains(InterfaceFlags::IFF_RUNNING),
            interface: interface.interface_name,
        })
    };
    found.filter_map(local).collect()
}

/// Windows takes the address of an interface without a carrier away at once, so the way alone tells enough.
#[cfg(not(unix))]
fn locals() -> Vec<Local> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use NetworkChange::{Back, Lost, Moved};

    fn local(interface: &str, address: &str, is_running: bool) -> Local {
        Local { interface: interface.into(), address: address.parse().expect("an address"), is_running }
    }

    /// What each look tells: an address that leads to the server, and the addresses of the computer.
    fn changes(looks: &[(Option<&str>, &[Local])]) -> Vec<Option<NetworkChange>> {
        let mut watch = RouteWatch::new("192.0.2.1:443".parse().expect("an address"));
        let look = |(address, locals): &(Option<&str>, &[Local])| {
            watch.compare(address.map(|address| address.parse().expect("an address")), locals)
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn another_address_is_a_move_and_none_a_loss() {
        let wifi = &[local("w", "10.9.0.2", true)][..];
        let cable = &[local("c", "10.8.0.2", true)][..];
        let both = &[local("w", "10.9.0.2", true), local("c", "10.8.0.2", true)][..];
        let renewed = &[local("w", "10.9.0.3", true)][..];
        for (looks, expected) in [
            (&[(Some("10.9.0.2"), wifi), (Some("10.9.0.2"), wifi)][..], &[None, None][..]),
            (&[(Some("10.9.0.2"), wifi), (Some("10.8.0.2"), cable)], &[None, Some(Moved)]),
            (&[(Some("10.9.0.2"), wifi), (Some("10.8.0.2"), both)], &[None, Some(Moved)]),
            (&[(Some("10.9.0.2"), wifi), (Some("10.9.0.3"), renewed)], &[None, Some(Moved)]),
            (&[(Some("10.9.0.2"), wifi), (None, &[]), (None, &[])], &[None, Some(Lost), None]),
            (&[(Some("10.9.0.2"), wifi), (None, &[]), (Some("10.9.0.2"), wifi)], &[None, Some(Lost), Some(Back)]),
            (&[(Some("10.9.0.2"), wifi), (None, &[]), (Some("10.8.0.2"), cable)], &[None, Some(Lost), Some(Moved)]),
            (&[(None, &[]), (Some("10.9.0.2"), wifi), (None, &[])], &[None, None, Some(Lost)]),
            // Where the system does not tell the interfaces.
            (&[(Some("10.9.0.2"), &[]), (Some("10.8.0.2"), &[])], &[None, Some(Moved)]),
        ] {
            assert_eq!(changes(looks), expected, "{looks:?}");
        }
    }

    #[test]
    fn an_interface_without_a_carrier_leads_nowhere() {
        let (on, off) = (&[local("w", "10.9.0.2", true)][..], &[local("w", "10.9.0.2", false)][..]);
        let looks = [(Some("10.9.0.2"), on), (Some("10.9.0.2"), off), (Some("10.9.0.2"), on)];
        assert_eq!(changes(&looks), [None, Some(Lost), Some(Back)]);
    }

    #[test]
    fn a_new_temporary_address_is_no_move_while_the_old_one_is_there() {
        let before = &[local("w", "2001:db8::1", true)][..];
        let beside = &[local("w", "2001:db8::1", true), local("w", "2001:db8::2", true)][..];
        let after = &[local("w", "2001:db8::2", true)][..];
        let looks = [(Some("2001:db8::1"), before), (Some("2001:db8::2"), beside), (Some("2001:db8::2"), after)];
        assert_eq!(changes(&looks), [None, None, Some(Moved)]);
    }

    #[test]
    fn the_system_tells_the_way_to_this_computer() {
        let mut watch = RouteWatch::new("127.0.0.1:9".parse().expect("an address"));
        assert_eq!((watch.look(), watch.look()), (None, None));
        let used = watch.used.expect("a way");
        assert_eq!(used.address, IpAddr::from(Ipv4Addr::LOCALHOST));
        #[cfg(unix)]
        assert!(used.interface.is_some());
    }
}
