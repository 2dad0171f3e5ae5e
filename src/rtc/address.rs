//! The local addresses to which a connection binds its sockets.

use rtc::shared::ifaces::ifaces;
use std::net::IpAddr;

/// One address for each socket, with `loopback` the loopback address too. A wildcard address covers every interface but
/// loopback and follows changes of the network. It is left out for a family without an interface, where the stack would
/// offer an unreachable candidate.
pub(super) fn bind_addresses(loopback: bool) -> Vec<String> {
    let interfaces = ifaces().unwrap_or_default();
    let reachable = || interfaces.iter().filter_map(|i| i.addr).map(|a| a.ip()).filter(is_reachable);
    let mut addresses = Vec::new();
    if reachable().any(|ip| ip.is_ipv4()) {
        addresses.push("0.0.0.0:0".to_owned());
    }
    if reachable().any(|ip| ip.is_ipv6()) {
        addresses.push("[::]:0".to_owned());
    }
    if loopback || addresses.is_empty() {
        addresses.push("127.0.0.1:0".to_owned());
    }
    addresses
}

fn is_reachable(ip: &IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !ip.is_loopback() && !ip.is_unspecified() && !link_local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_bound_when_the_server_is_local() {
        assert!(bind_addresses(true).contains(&"127.0.0.1:0".to_owned()));
        assert!(!bind_addresses(false).is_empty());
    }
}
