//! `NO_PROXY`: the servers that are reached without the proxy, as curl reads the variable. Beyond curl, an entry may
//! contain a port.

use std::net::IpAddr;
use url::Host;

/// Whether a list of exceptions names this host and port. Entries are divided by commas and spaces:
///
/// - `*`: every host;
/// - `example.com` or `.example.com`: this domain and all below it, in any case;
/// - `192.0.2.7`, `2001:db8::1` or `[2001:db8::1]`: this address, which is not compared with names;
/// - `10.0.0.0/8`, `fd00::/8`: the addresses of a network;
/// - each of them with a port, `example.com:8443` or `[2001:db8::1]:8443`: only this port.
pub(super) fn is_excepted(list: &str, host: &Host<&str>, port: u16) -> bool {
    let entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
    entries.map(split_port).any(|(entry, only)| only.is_none_or(|only| only == port) && names(entry, host))
}

/// Splits `host:port` and `[address]:port`. An entry with more colons is an IPv6 address.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    let number = |text: &str| text.parse::<u16>().ok();
    if let Some((address, rest)) = entry.strip_prefix('[').and_then(|entry| entry.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(number));
    }
    match entry.split_once(':') {
        Some((host, port)) if number(port).is_some() => (host, number(port)),
        _ => (entry, None),
    }
}

fn names(entry: &str, host: &Host<&str>) -> bool {
    match host {
        _ if entry == "*" => true,
        Host::Domain(name) => is_within(name, entry),
        Host::Ipv4(address) => contains(entry, (*address).into()),
        Host::Ipv6(address) => contains(entry, (*address).into()),
    }
}

/// Whether a host name is a domain or lies below it. Dots at the ends do not count.
fn is_within(name: &str, domain: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
    let above = name.strip_suffix(&domain).filter(|_| !domain.is_empty());
    above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether an address is the one of the entry, or in its network.
fn contains(entry: &str, address: IpAddr) -> bool {
    let Some((network, bits)) = entry.split_once('/') else { return entry.parse() == Ok(address) };
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (network.parse(), address) {
        (Ok(IpAddr::V4(network)), IpAddr::V4(address)) if bits <= 32 => {
            let other = u64::from(network.to_bits() ^ address.to_bits());
            other >> (32 - bits) == 0
        }
        (Ok(IpAddr::V6(network)), IpAddr::V6(address)) if bits <= 128 => {
            (network.to_bits() ^ address.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    fn excepted(list: &str, url: &str) -> bool {
        let url = Url::parse(url).expect("an address");
        is_excepted(list, &url.host().expect("a host"), url.port_or_known_default().expect("a port"))
    }

    #[test]
    fn domains_are_those_below_too() {
        for list in ["example.com", ".example.com", "EXAMPLE.com.", "other.org, example.com", "a b example.com", "*"] {
            assert!(excepted(list, "http://example.com"), "{list}");
            assert!(excepted(list, "http://calls.Example.com:7880"), "{list}");
            assert_eq!(excepted(list, "http://nonexample.com"), list == "*", "{list}");
        }
        for list in ["", ",", ".", "com.example", "calls", "xample.com", "calls.example.com.org"] {
            assert!(!excepted(list, "http://calls.example.com"), "{list}");
        }
        assert!(excepted("example.com", "http://example.com./"));
        assert!(excepted("localhost", "http://localhost:7880"));
        assert!(!excepted("127.0.0.1", "http://localhost:7880"), "names are not resolved");
    }

    #[test]
    fn addresses_and_networks() {
        for list in ["127.0.0.1", "127.0.0.0/8", "0.0.0.0/0", "127.0.0.1/32", "10.0.0.0/8,127.0.0.1"] {
            assert!(excepted(list, "http://127.0.0.1:7880"), "{list}");
        }
        for list in ["127.0.0.2", "128.0.0.0/8", "127.0.0.0/33", "127.0.0.1/x", "::1", "::/0", "0.0.1", "localhost"] {
            assert!(!excepted(list, "http://127.0.0.1:7880"), "{list}");
        }
        for list in ["2001:db8::7", "[2001:db8::7]", "2001:db8::/32", "::/0", "2001:DB8:0::7/128"] {
            assert!(excepted(list, "http://[2001:db8::7]:7880"), "{list}");
        }
        for list in ["2001:db8::8", "2001:db9::/32", "::/129", "0.0.0.0/0", "[2001:db8::7]:80"] {
            assert!(!excepted(list, "http://[2001:db8::7]:7880"), "{list}");
        }
    }

    #[test]
    fn an_entry_with_a_port_is_for_this_port() {
        for (entry, on) in
            [("example.com:8443", 8443), ("192.0.2.7:443", 443), ("[2001:db8::7]:8443", 8443), ("*:80", 80)]
        {
            let host = entry.rsplit_once(':').expect("a port").0.replace('*', "any.org");
            assert!(excepted(entry, &format!("http://{host}:{on}")), "{entry}");
            assert!(!excepted(entry, &format!("http://{host}:{}", on + 1)), "{entry}");
        }
        assert!(excepted("example.com:443", "wss://example.com"), "the scheme's own port");
    }
}
