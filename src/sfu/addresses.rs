//! Which addresses clients are offered as ICE candidates, and which of them are this computer's own. No sockets: the list
//! changes while the server runs, and the workers' sockets stay, because they are bound to all addresses.

use crate::net::{LocalAddress, Reach};
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

/// Addresses of a family that are offered at most; the last ones are left out. A client checks each of them from each of its
/// own.
const OFFERED: usize = 12;
/// The port of STUN servers (RFC 7064, section 3.2).
const STUN_PORT: u16 = 3478;

/// An entry of `advertise`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Advertised {
    /// All addresses of this computer: the word `interfaces`.
    Interfaces,
    /// This address.
    Address(IpAddr),
    /// The addresses of a host name.
    Name(String),
    /// The address that a STUN server sees: `stun:HOST[:PORT]` (RFC 7064).
    Stun {
        /// The server's name or address.
        host: String,
        /// Its port.
        port: u16,
    },
}

impl Advertised {
    /// Whether somebody has to be asked for its addresses.
    fn is_asked_for(&self) -> bool {
        matches!(self, Self::Name(_) | Self::Stun { .. })
    }
}

impl fmt::Display for Advertised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interfaces => f.write_str("interfaces"),
            Self::Address(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Stun { host, port } if host.contains(':') => write!(f, "stun:[{host}]:{port}"),
            Self::Stun { host, port } => write!(f, "stun:{host}:{port}"),
        }
    }
}

/// The text is no entry of `advertise`.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is neither an address nor a host name, nor a STUN server (stun:HOST:PORT). An address has no port here: that of \
     --udp is used."
)]
pub(crate) struct NotAdvertisable(String);

impl FromStr for Advertised {
    type Err = NotAdvertisable;

    fn from_str(text: &str) -> Result<Self, NotAdvertisable> {
        if let Some(server) = text.strip_prefix("stun:") {
            return stun(server).ok_or_else(|| NotAdvertisable(text.to_owned()));
        }
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            let usable = !ip.is_unspecified() && !ip.is_multicast();
            return if usable { Ok(Self::Address(ip)) } else { Err(NotAdvertisable(text.to_owned())) };
        }
        match text {
            "interfaces" => Ok(Self::Interfaces),
            _ if is_name(text) => Ok(Self::Name(text.to_owned())),
            _ => Err(NotAdvertisable(text.to_owned())),
        }
    }
}

/// Whether the text is a host name. One whose last label is a number would be an address (RFC 1123, section 2.1).
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let letters = label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
        letters && !label.is_empty() && label.len() <= 63
    };
    let labels = text.strip_suffix('.').unwrap_or(text);
    let is_number = labels.rsplit('.').next().is_some_and(|last| last.parse::<u64>().is_ok());
    text.len() <= 253 && labels.split('.').all(is_label) && !is_number
}

/// `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
fn stun(server: &str) -> Option<Advertised> {
    let (host, rest) = match server.strip_prefix('[') {
        Some(literal) => literal.split_once(']').filter(|(ip, _)| ip.parse::<Ipv6Addr>().is_ok())?,
        None => server.split_at(server.find(':').unwrap_or(server.len())),
    };
    let is_host = server.starts_with('[') || is_name(host) || host.parse::<Ipv4Addr>().is_ok();
    let port = match rest.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None if rest.is_empty() => STUN_PORT,
        None => return None,
    };
    is_host.then(|| Advertised::Stun { host: host.to_owned(), port })
}

impl TryFrom<String> for Advertised {
    type Error = NotAdvertisable;

    fn try_from(text: String) -> Result<Self, NotAdvertisable> {
        text.parse()
    }
}

/// The addresses of the names and from the STUN servers under `advertise`, as far as they are known.
pub(crate) type Resolved = BTreeMap<Advertised, Vec<IpAddr>>;

/// The addresses of the SFU at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Those in ICE candidates, best first; never empty.
    pub(crate) offered: Vec<IpAddr>,
    /// This computer's own, from which it can send.
    pub(super) own: Vec<IpAddr>,
}

/// What an address list is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressPolicy {
    /// The address of the sockets; unspecified for all addresses of both families.
    pub(crate) bind: IpAddr,
    /// What is offered instead of the own addresses, unless it is empty.
    pub(crate) advertised: Vec<Advertised>,
}

impl AddressPolicy {
    /// The list for these addresses of the computer (those of default routes in `outward`) and of others.
    pub(crate) fn addresses(&self, local: &[LocalAddress], outward: &[IpAddr], resolved: &Resolved) -> Addresses {
        let own: Vec<IpAddr> =
            if self.bind.is_unspecified() { local.iter().map(|a| a.ip).collect() } else { vec![self.bind] };
        let mut offered = Vec::new();
        for entry in &self.advertised {
            match entry {
                Advertised::Interfaces => offered.extend(ranked(&own, outward)),
                Advertised::Address(ip) => offered.push(*ip),
                asked => offered.extend(resolved.get(asked).into_iter().flatten()),
            }
        }
        if offered.is_empty() {
            offered = ranked(&own, outward);
        }
        if offered.is_empty() {
            offered.push(Ipv4Addr::LOCALHOST.into());
        }
        Addresses { offered: limited(offered), own }
    }

    /// The entries whose addresses somebody has to be asked for.
    pub(crate) fn asked_for(&self) -> impl Iterator<Item = &Advertised> {
        self.advertised.iter().filter(|entry| entry.is_asked_for())
    }
}

/// The usable ones of a computer's addresses: those of the default routes first, loopback last. Link-local ones are left
/// out: they mean something else on another link, and an IPv6 one needs a scope that no candidate has.
fn ranked(own: &[IpAddr], outward: &[IpAddr]) -> Vec<IpAddr> {
    let mut usable: Vec<IpAddr> = own.iter().copied().filter(|ip| Reach::of(*ip) != Reach::Link).collect();
    usable.sort_by_key(|ip| (ip.is_loopback(), outward.iter().position(|o| o == ip).unwrap_or(usize::MAX)));
    usable
}

/// Each address once, and not too many of a family.
fn limited(all: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut kept: Vec<IpAddr> = Vec::new();
    for ip in all {
        let family = kept.iter().filter(|other| other.is_ipv4() == ip.is_ipv4()).count();
        if family < OFFERED && !kept.contains(&ip) {
            kept.push(ip);
        }
    }
    kept
}

/// The current list, which the server replaces and the workers read.
#[derive(Clone, Debug)]
pub(crate) struct SharedAddresses(Arc<Mutex<Arc<Addresses>>>);

impl SharedAddresses {
    pub(super) fn new(addresses: Addresses) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(addresses))))
    }

    /// The current list.
    pub(crate) fn get(&self) -> Arc<Addresses> {
        self.0.lock().clone()
    }

    /// Replaces the list: for new connections at once, for those that are not up when the worker looks for a new list,
    /// each 100 ms, and for open ones with their next description.
    pub(crate) fn set(&self, addresses: Addresses) {
        *self.0.lock() = Arc::new(addresses);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn local(ips: &[&str]) -> Vec<LocalAddress> {
        ips.iter().map(|text| LocalAddress { interface: "eth".into(), ip: ip(text), has_carrier: true }).collect()
    }

    /// What a server that is bound to all addresses offers.
    fn offered(advertise: &[&str], ips: &[&str], outward: &[&str]) -> Vec<String> {
        let advertised = advertise.iter().map(|text| text.parse().expect("an entry")).collect();
        let policy = AddressPolicy { bind: Ipv6Addr::UNSPECIFIED.into(), advertised };
        let outward: Vec<IpAddr> = outward.iter().map(|text| ip(text)).collect();
        let name = Advertised::Name("calls.example.com".into());
        let resolved = Resolved::from([(name, vec![ip("203.0.113.9"), ip("2001:db8::9")])]);
        let list = policy.addresses(&local(ips), &outward, &resolved);
        assert_eq!(list.own, ips.iter().map(|text| ip(text)).collect::<Vec<_>>());
        list.offered.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_usable_address_of_every_interface_is_offered() {
        let one = ["127.0.0.1", "::1", "10.9.0.1", "fe80::1"];
        assert_eq!(offered(&[], &one, &[]), ["10.9.0.1", "127.0.0.1", "::1"], "no default route");
        let two = ["127.0.0.1", "10.9.0.1", "10.8.0.1", "10.8.0.2", "fd00::1"];
        let way = ["10.8.0.1"];
        assert_eq!(offered(&[], &two, &way), ["10.8.0.1", "10.9.0.1", "10.8.0.2", "fd00::1", "127.0.0.1"]);
        assert_eq!(offered(&[], &["::1", "fd00::1"], &[]), ["fd00::1", "::1"], "IPv6 alone");
        assert_eq!(offered(&[], &["::1"], &[]), ["::1"]);
        assert_eq!(offered(&[], &["127.0.0.1", "169.254.3.4"], &[]), ["127.0.0.1"]);
        assert_eq!(offered(&[], &[], &[]), ["127.0.0.1"], "never empty");
    }

    #[test]
    fn advertise_replaces_the_own_addresses_or_adds_to_them() {
        let own = ["127.0.0.1", "10.9.0.1"];
        assert_eq!(offered(&["203.0.113.5"], &own, &[]), ["203.0.113.5"]);
        let both = ["203.0.113.5", "interfaces", "10.9.0.1"];
        assert_eq!(offered(&both, &own, &[]), ["203.0.113.5", "10.9.0.1", "127.0.0.1"]);
        assert_eq!(offered(&["calls.example.com"], &own, &[]), ["203.0.113.9", "2001:db8::9"]);
        assert_eq!(offered(&["gone.example.com"], &own, &[]), ["10.9.0.1", "127.0.0.1"], "better than nothing");
    }

    #[test]
    fn a_server_at_one_address_offers_that() {
        for bind in ["::1", "127.0.0.1", "10.9.0.1"] {
            let policy = AddressPolicy { bind: ip(bind), advertised: vec![] };
            let list = policy.addresses(&local(&["127.0.0.1", "10.9.0.1", "fd00::1"]), &[], &Resolved::new());
            assert_eq!((list.offered, list.own), (vec![ip(bind)], vec![ip(bind)]));
        }
    }

    #[test]
    fn many_addresses_of_one_family_are_cut_short() {
        let mut many: Vec<String> = (0..100).map(|n| format!("10.0.0.{n}")).collect();
        many.push("fd00::1".into());
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(offered(&[], &many, &["10.0.0.77"])[0], "10.0.0.77");
        let all = offered(&[], &many, &[]);
        assert!(all.len() == OFFERED + 1 && all.last().is_some_and(|ip| ip == "fd00::1"), "{all:?}");
    }

    #[test]
    fn entries_of_advertise_are_addresses_and_names() {
        for (text, entry) in [
            ("203.0.113.5", Advertised::Address(ip("203.0.113.5"))),
            ("fd00::1", Advertised::Address(ip("fd00::1"))),
            ("[fd00::1]", Advertised::Address(ip("fd00::1"))),
            ("interfaces", Advertised::Interfaces),
            ("calls.example.com", Advertised::Name("calls.example.com".into())),
            ("host", Advertised::Name("host".into())),
            ("bücher.example", Advertised::Name("bücher.example".into())),
            ("stun:stun.example.com", Advertised::Stun { host: "stun.example.com".into(), port: 3478 }),
            ("stun:192.0.2.1:19302", Advertised::Stun { host: "192.0.2.1".into(), port: 19302 }),
            ("stun:[fd00::1]:19302", Advertised::Stun { host: "fd00::1".into(), port: 19302 }),
            ("stun:[fd00::1]", Advertised::Stun { host: "fd00::1".into(), port: 3478 }),
        ] {
            let parsed: Advertised = text.parse().expect(text);
            assert_eq!(parsed, entry);
            assert_eq!(parsed.to_string().parse::<Advertised>().expect(text), entry);
        }
        for text in [
            "stun:",
            "stun:host:",
            "stun:host:0",
            "stun:host:99999",
            "stun:[host]",
            "stun:[::1]x",
            "stun:a b",
            "stuns:h",
        ] {
            assert!(text.parse::<Advertised>().is_err(), "{text}");
        }
        for text in
            ["", "203.0.113.5:7882", "[fd00::1]:7882", "0.0.0.0", "::", "224.0.0.1", "a b", "10.0.0", "a..b", "ws://h"]
        {
            assert!(text.parse::<Advertised>().expect_err(text).to_string().contains("host name"), "{text}");
        }
    }
}
