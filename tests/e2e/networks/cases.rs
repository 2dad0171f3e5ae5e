//! The networks.

use crate::kit::Side;

/// A network and who talks over it.
#[derive(Clone, Copy)]
pub(super) struct Case {
    pub(super) name: &'static str,
    /// How `docs/networks.md` calls it.
    pub(super) words: &'static str,
    /// Arguments of `ip` on the server's side and on the client's; their link is `s` and `c`.
    pub(super) server: &'static [&'static str],
    pub(super) client: &'static [&'static str],
    /// What a firewall lets through to the server's side, as rules of nftables; empty without a firewall.
    pub(super) passes: &'static [&'static str],
    pub(super) relay: Option<Relay>,
    pub(super) proxy: Option<Proxy>,
    /// The address and the port of signalling.
    pub(super) listen: (&'static str, u16),
    /// More arguments of `visavis serve`.
    pub(super) serve: &'static [&'static str],
    /// Whether livekit-server relays by itself, with TLS at port 443 of [`OTHER`].
    pub(super) own_relay: bool,
    /// Arguments of `ip` on the server's side when the server runs.
    pub(super) later: &'static [&'static str],
    /// Where the clients are, and the server's URL for them.
    pub(super) clients: Side,
    pub(super) url: &'static str,
    /// Whether the clients get another address during the call.
    pub(super) moves: bool,
    /// The way that media takes.
    pub(super) way: Way,
}

/// A TURN server at [`OTHER`].
#[derive(Clone, Copy)]
pub(super) struct Relay {
    /// `udp`, `tcp` or `tls`, as livekit-server calls it.
    pub(super) protocol: &'static str,
    pub(super) port: u16,
}

/// A proxy at [`PROXY`].
#[derive(Clone, Copy)]
pub(super) struct Proxy {
    /// The ports that it connects to; empty for all.
    pub(super) ports: &'static [u16],
}

/// The fields of a candidate pair in the event Statistics.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) protocol: &'static str,
    pub(super) relay_protocol: Option<&'static str>,
    pub(super) proxied: bool,
}

/// Another address of the server's side, for a relay.
pub(super) const OTHER: &str = "10.1.1.9";
/// Another one, for a proxy.
pub(super) const PROXY: &str = "10.1.1.8";

const DIRECT: Way = Way { protocol: "udp", relay_protocol: None, proxied: false };
const TCP: Way = Way { protocol: "tcp", ..DIRECT };
const RELAYED: Way = Way { relay_protocol: Some("udp"), ..DIRECT };

const SERVER: &str = "address add 10.1.1.1/24 dev s";
const CLIENT: &str = "address add 10.1.1.2/24 dev c";
const OTHERS: [&str; 3] = [SERVER, "address add 10.1.1.9/24 dev s", "address add 10.1.1.8/24 dev s"];
/// A second network that leads nowhere, and has the default route.
const SECOND: [&str; 5] = [
    "link add other type veth peer name beyond",
    "address add 10.8.0.1/24 dev other",
    "link set beyond up",
    "link set other up",
    "route add default via 10.8.0.254",
];
const SIGNALLING: &str = "ip daddr 10.1.1.1 tcp dport 7880";
const HTTPS: &str = "ip daddr 10.1.1.1 tcp dport 443";

const PLAIN: Case = Case {
    name: "",
    words: "",
    server: &[SERVER],
    client: &[CLIENT],
    passes: &[],
    relay: None,
    proxy: None,
    listen: ("0.0.0.0", 7880),
    serve: &[],
    own_relay: false,
    later: &[],
    clients: Side::Client,
    url: "ws://10.1.1.1:7880",
    moves: false,
    way: DIRECT,
};

pub(super) const CASES: &[Case] = &[
    Case { name: "no-default-route", words: "one network, no default route", ..PLAIN },
    Case {
        name: "two-networks",
        words: "the server has a second network with the default route",
        server: &[SERVER, SECOND[0], SECOND[1], SECOND[2], SECOND[3], SECOND[4]],
        ..PLAIN
    },
    Case {
        name: "two-networks-of-the-client",
        words: "the client has a second network with the default route",
        client: &[CLIENT, SECOND[0], SECOND[1], SECOND[2], SECOND[3], SECOND[4]],
        ..PLAIN
    },
    Case {
        name: "ipv6-alone",
        words: "IPv6 alone",
        server: &["address add fd00:1::1/64 dev s nodad"],
        client: &["address add fd00:1::2/64 dev c nodad"],
        listen: ("[::]", 7880),
        url: "ws://[fd00:1::1]:7880",
        ..PLAIN
    },
    Case {
        name: "loopback-of-ipv6",
        words: "`[::1]`, without any network",
        server: &[],
        client: &[],
        listen: ("[::1]", 7880),
        clients: Side::Server,
        url: "ws://[::1]:7880",
        ..PLAIN
    },
    // The client knows the second address alone, and the system would answer from the first.
    Case {
        name: "second-address-of-a-link",
        words: "the second address of the server's link, advertised alone",
        server: &[SERVER, "address add 10.1.1.7/24 dev s"],
        serve: &["--advertise", "10.1.1.7"],
        url: "ws://10.1.1.7:7880",
        ..PLAIN
    },
    // An address that is routed to the server, and that none of its interfaces has.
    Case {
        name: "routed-address",
        words: "an address routed to the server, on none of its interfaces",
        server: &[SERVER, "route add local 203.0.113.5 dev lo"],
        client: &[CLIENT, "route add 203.0.113.5 via 10.1.1.1"],
        serve: &["--advertise", "203.0.113.5"],
        url: "ws://203.0.113.5:7880",
        ..PLAIN
    },
    Case {
        name: "address-comes-later",
        words: "the server's address comes while it runs",
        server: &[],
        later: &[SERVER],
        ..PLAIN
    },
    Case {
        name: "translated-ports",
        words: "behind address translation with random ports",
        clients: Side::Behind,
        ..PLAIN
    },
    Case { name: "moves", words: "the client's address changes", moves: true, ..PLAIN },
    Case { name: "no-udp", words: "UDP dropped", passes: &["meta l4proto tcp"], way: TCP, ..PLAIN },
    Case {
        name: "relay-udp",
        words: "only through a relay, by UDP",
        server: &OTHERS,
        passes: &[SIGNALLING, "ip daddr 10.1.1.9 udp dport 3478"],
        relay: Some(Relay { protocol: "udp", port: 3478 }),
        way: RELAYED,
        ..PLAIN
    },
    Case {
        name: "relay-tcp",
        words: "only through a relay, by TCP",
        server: &OTHERS,
        passes: &[SIGNALLING, "ip daddr 10.1.1.9 tcp dport 3478"],
        relay: Some(Relay { protocol: "tcp", port: 3478 }),
        way: Way { relay_protocol: Some("tcp"), ..RELAYED },
        ..PLAIN
    },
    Case {
        name: "relay-tls",
        words: "only through a relay, by TLS",
        server: &OTHERS,
        passes: &[SIGNALLING, "ip daddr 10.1.1.9 tcp dport 5349"],
        relay: Some(Relay { protocol: "tls", port: 5349 }),
        way: Way { relay_protocol: Some("tls"), ..RELAYED },
        ..PLAIN
    },
    // Signalling at one address, a relay with TLS at another one: coturn beside our server, livekit-server's own.
    Case {
        name: "only-443",
        words: "only TCP 443",
        server: &OTHERS,
        passes: &[HTTPS, "ip daddr 10.1.1.9 tcp dport 443"],
        relay: Some(Relay { protocol: "tls", port: 443 }),
        listen: ("10.1.1.1", 443),
        own_relay: true,
        url: "ws://10.1.1.1:443",
        way: Way { relay_protocol: Some("tls"), ..RELAYED },
        ..PLAIN
    },
    Case {
        name: "proxy",
        words: "only through a `CONNECT` proxy",
        server: &OTHERS,
        passes: &["ip daddr 10.1.1.8 tcp dport 8888"],
        proxy: Some(Proxy { ports: &[] }),
        way: Way { proxied: true, ..TCP },
        ..PLAIN
    },
    Case {
        name: "proxy-to-443",
        words: "only through a `CONNECT` proxy that connects to port 443 alone",
        server: &OTHERS,
        passes: &["ip daddr 10.1.1.8 tcp dport 8888"],
        relay: Some(Relay { protocol: "tls", port: 443 }),
        proxy: Some(Proxy { ports: &[443] }),
        listen: ("10.1.1.1", 443),
        own_relay: true,
        url: "ws://10.1.1.1:443",
        way: Way { relay_protocol: Some("tls"), proxied: true, ..RELAYED },
        ..PLAIN
    },
];
