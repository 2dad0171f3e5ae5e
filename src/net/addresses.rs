//! The addresses of the interfaces, and those from which others are reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalAddress {
    /// The system's name of the interface.
    pub(crate) interface: String,
    /// The address.
    pub(crate) ip: IpAddr,
    /// Whether the interface is up and has a carrier. One without may keep its addresses and routes for seconds.
    pub(crate) has_carrier: bool,
}

/// From how far an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// From this computer.
    Computer,
    /// From the same link: RFC 3927, and RFC 4291, section 2.5.6. A peer on another link takes it for one of its own.
    Link,
    /// From networks that agreed on it: RFC 1918, RFC 6598, RFC 4193.
    Network,
    /// From everywhere, if nothing forbids it.
    Everywhere,
}

impl Reach {
    /// From how far `ip` can be reached.
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip {
            _ if ip.is_loopback() => Self::Computer,
            IpAddr::V4(v4) if v4.is_link_local() => Self::Link,
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Self::Link,
            IpAddr::V4(v4) if v4.is_private() || is_shared(v4) => Self::Network,
            IpAddr::V6(v6) if v6.is_unique_local() => Self::Network,
            _ => Self::Everywhere,
        }
    }
}

/// Whether the address is of 100.64.0.0/10, between a provider and its customers (RFC 6598).
fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0xc0 == 64
}

/// The addresses of all interfaces, loopback included, in the system's order. None if the system does not tell them.
pub(crate) fn interface_addresses() -> Vec<LocalAddress> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the system does not tell its addresses");
        Vec::new()
    });
    let all =
        interfaces.into_iter().map(|i| LocalAddress { ip: i.ip(), has_carrier: i.is_oper_up(), interface: i.name });
    all.filter(|a| !a.ip.is_unspecified() && !a.ip.is_multicast()).collect()
}

/// Those of [`interface_addresses`] that have a carrier. If the system does not tell any: those that [`outward_addresses`]
/// finds, and loopback.
pub(crate) fn local_addresses() -> Vec<LocalAddress> {
    let all = interface_addresses();
    if all.is_empty() {
        let found = outward_addresses().into_iter().chain([IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        return found.map(|ip| LocalAddress { interface: String::new(), ip, has_carrier: true }).collect();
    }
    all.into_iter().filter(|a| a.has_carrier).collect()
}

/// The address from which the system would send to `server`; `None` if no route leads there. Nothing is sent: connecting a
/// UDP socket only looks up the route.
pub(crate) fn address_towards(server: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(server).ok()?;
    socket.local_addr().ok().map(|a| a.ip()).filter(|ip| !ip.is_unspecified())
}

/// The addresses from which this computer would send to others: those of the default routes, IPv4 first.
pub(crate) fn outward_addresses() -> Vec<IpAddr> {
    // Addresses for documentation (RFC 5737, RFC 3849).
    let others: [IpAddr; 2] =
        [Ipv4Addr::new(192, 0, 2, 1).into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()];
    others.into_iter().filter_map(|other| address_towards((other, 9).into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_among_the_addresses_of_this_computer() {
        let all = local_addresses();
        assert!(all.iter().any(|a| a.ip.is_loopback()), "{all:?}");
        assert!(all.iter().all(|a| !a.ip.is_unspecified()), "{all:?}");
    }

    #[test]
    fn loopback_is_reached_from_loopback() {
        assert_eq!(address_towards("127.0.0.1:9".parse().expect("an address")), Some(Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn outward_addresses_are_those_of_interfaces() {
        let all = local_addresses();
        for ip in outward_addresses() {
            assert!(all.iter().any(|a| a.ip == ip), "{ip} is none of {all:?}");
        }
    }

    #[test]
    fn the_reach_of_an_address_is_that_of_its_block() {
        for (text, reach) in [
            ("127.0.0.1", Reach::Computer),
            ("127.8.0.1", Reach::Computer),
            ("::1", Reach::Computer),
            ("169.254.7.7", Reach::Link),
            ("fe80::1", Reach::Link),
            ("febf::1", Reach::Link),
            ("10.9.0.1", Reach::Network),
            ("172.31.255.1", Reach::Network),
            ("192.168.1.2", Reach::Network),
            ("100.64.0.1", Reach::Network),
            ("100.127.0.1", Reach::Network),
            ("fd00::1", Reach::Network),
            ("172.32.0.1", Reach::Everywhere),
            ("100.128.0.1", Reach::Everywhere),
            ("203.0.113.5", Reach::Everywhere),
            ("2001:db8::1", Reach::Everywhere),
        ] {
            assert_eq!(Reach::of(text.parse().expect("an address")), reach, "{text}");
        }
    }
}
