//! The networks.

use crate::kit::Side;

/// A network and who talks over it.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// How `docs/networks.md` calls it.
    pub(super) words: &'static str,
    /// Arguments of `ip` on the server's side and on the client's; their link is `s` and `c`.
    pub(super) server: &'static [&'static str],
    pub(super) client: &'static [&'static str],
    /// Arguments of `visavis serve`.
    pub(super) serve: &'static [&'static str],
    /// Arguments of `ip` on the server's side when the server runs.
    pub(super) later: &'static [&'static str],
    /// Where the bots are, and the server's URL for them.
    pub(super) bots: Side,
    pub(super) url: &'static str,
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "no-default-route",
        words: "one network, no default route",
        server: &["address add 10.1.1.1/24 dev s"],
        client: &["address add 10.1.1.2/24 dev c"],
        serve: &["--listen", "0.0.0.0:7880"],
        later: &[],
        bots: Side::Client,
        url: "ws://10.1.1.1:7880",
    },
    Case {
        name: "two-networks",
        words: "the server has a second network with the default route",
        server: &[
            "address add 10.1.1.1/24 dev s",
            "link add other type veth peer name beyond",
            "address add 10.8.0.1/24 dev other",
            "link set beyond up",
            "link set other up",
            "route add default via 10.8.0.254",
        ],
        client: &["address add 10.1.1.2/24 dev c"],
        serve: &["--listen", "0.0.0.0:7880"],
        later: &[],
        bots: Side::Client,
        url: "ws://10.1.1.1:7880",
    },
    Case {
        name: "two-networks-of-the-client",
        words: "the client has a second network with the default route",
        server: &["address add 10.1.1.1/24 dev s"],
        client: &[
            "address add 10.1.1.2/24 dev c",
            "link add other type veth peer name beyond",
            "address add 10.8.0.1/24 dev other",
            "link set beyond up",
            "link set other up",
            "route add default via 10.8.0.254",
        ],
        serve: &["--listen", "0.0.0.0:7880"],
        later: &[],
        bots: Side::Client,
        url: "ws://10.1.1.1:7880",
    },
    Case {
        name: "no-udp",
        words: "no UDP",
        server: &["address add 10.1.1.1/24 dev s"],
        client: &["address add 10.1.1.2/24 dev c", "rule add ipproto udp prohibit"],
        serve: &["--listen", "0.0.0.0:7880"],
        later: &[],
        bots: Side::Client,
        url: "ws://10.1.1.1:7880",
    },
    Case {
        name: "ipv6-alone",
        words: "IPv6 alone",
        server: &["address add fd00:1::1/64 dev s nodad"],
        client: &["address add fd00:1::2/64 dev c nodad"],
        serve: &["--listen", "[::]:7880"],
        later: &[],
        bots: Side::Client,
        url: "ws://[fd00:1::1]:7880",
    },
    Case {
        name: "loopback-of-ipv6",
        words: "`[::1]`, without any network",
        server: &[],
        client: &[],
        serve: &["--listen", "[::1]:7880"],
        later: &[],
        bots: Side::Server,
        url: "ws://[::1]:7880",
    },
    // The client knows the second address alone, and the system would answer from the first.
    Case {
        name: "second-address-of-a-link",
        words: "the second address of the server's link, advertised alone",
        server: &["address add 10.1.1.1/24 dev s", "address add 10.1.1.7/24 dev s"],
        client: &["address add 10.1.1.2/24 dev c"],
        serve: &["--listen", "0.0.0.0:7880", "--advertise", "10.1.1.7"],
        later: &[],
        bots: Side::Client,
        url: "ws://10.1.1.7:7880",
    },
    // An address that is routed to the server, and that none of its interfaces has.
    Case {
        name: "routed-address",
        words: "an address routed to the server, on none of its interfaces",
        server: &["address add 10.1.1.1/24 dev s", "route add local 203.0.113.5 dev lo"],
        client: &["address add 10.1.1.2/24 dev c", "route add 203.0.113.5 via 10.1.1.1"],
        serve: &["--listen", "0.0.0.0:7880", "--advertise", "203.0.113.5"],
        later: &[],
        bots: Side::Client,
        url: "ws://203.0.113.5:7880",
    },
    Case {
        name: "address-comes-later",
        words: "the server's address comes while it runs",
        server: &[],
        client: &["address add 10.1.1.2/24 dev c"],
        serve: &["--listen", "0.0.0.0:7880"],
        later: &["address add 10.1.1.1/24 dev s"],
        bots: Side::Client,
        url: "ws://10.1.1.1:7880",
    },
];
