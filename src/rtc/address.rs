//! The local addresses to which a connection binds its sockets.

use crate::net::{LocalAddress, Reach, local_addresses};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// Every usable address of every interface, each with a port of its own. The stack asks anew with each ICE restart, so that
/// a restart follows the changes of the network.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalSockets {
    /// Whether loopback is used too, for a server on this computer.
    pub(super) loopback: bool,
}

impl ToSocketAddrs for LocalSockets {
    type Iter = std::vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        let ips = usable(&local_addresses(), self.loopback);
        tracing::debug!(?ips, "addresses for media");
        Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect::<Vec<_>>().into_iter())
    }
}

/// The addresses that a server may see. Link-local ones are left out: no candidate has the scope of an IPv6 one, and those
/// of IPv4 are not offered by servers. Without any, loopback is used: a connection needs a socket.
fn usable(all: &[LocalAddress], loopback: bool) -> Vec<IpAddr> {
    let mut ips: Vec<IpAddr> = Vec::new();
    for ip in all.iter().map(|a| a.ip) {
        let fits = match Reach::of(ip) {
            Reach::Computer => loopback,
            Reach::Link => false,
            Reach::Network | Reach::Everywhere => true,
        };
        if fits && !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    if ips.is_empty() {
        ips.extend(all.iter().map(|a| a.ip).filter(IpAddr::is_loopback));
    }
    if ips.is_empty() {
        ips.push(Ipv4Addr::LOCALHOST.into());
    }
    ips
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(all: &[&str], loopback: bool) -> Vec<String> {
        let ip = |text: &&str| text.parse::<IpAddr>().expect("an address");
        let all: Vec<_> =
            all.iter().map(ip).map(|ip| LocalAddress { interface: "eth".into(), ip, has_carrier: true }).collect();
        usable(&all, loopback).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_usable_address_is_bound_and_loopback_when_the_server_is_local() {
        let all = ["127.0.0.1", "10.9.0.2", "10.8.0.2", "169.254.1.1", "::1", "fd00::2", "fe80::2", "10.9.0.2"];
        assert_eq!(bound(&all, false), ["10.9.0.2", "10.8.0.2", "fd00::2"]);
        assert_eq!(bound(&all, true), ["127.0.0.1", "10.9.0.2", "10.8.0.2", "::1", "fd00::2"]);
        assert_eq!(bound(&["::1", "fd00::2"], false), ["fd00::2"], "IPv6 alone");
    }

    #[test]
    fn without_a_network_loopback_is_bound_in_the_families_that_there_are() {
        assert_eq!(bound(&["::1", "fe80::2"], false), ["::1"]);
        assert_eq!(bound(&["127.0.0.1", "::1"], false), ["127.0.0.1", "::1"]);
        assert_eq!(bound(&[], true), ["127.0.0.1"]);
    }

    #[test]
    fn the_sockets_of_this_computer_can_be_bound() {
        for address in (LocalSockets { loopback: true }).to_socket_addrs().expect("addresses") {
            std::net::UdpSocket::bind(address).unwrap_or_else(|e| panic!("{address}: {e}"));
        }
    }
}
