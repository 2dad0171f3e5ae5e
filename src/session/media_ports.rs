//! The ports at which the server offers media, for whoever has to open a firewall.

use std::collections::BTreeSet;
use std::fmt;

/// Ports that are named at most.
const NAMED: usize = 4;

/// The ports of the server's candidates.
#[derive(Clone, Debug, Default)]
pub(crate) struct MediaPorts(BTreeSet<(Protocol, u16)>);

/// UDP first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Protocol {
    Udp,
    Tcp,
}

impl MediaPorts {
    /// Adds the candidates in a description.
    pub(crate) fn add_description(&mut self, sdp: &str) {
        sdp.lines().filter_map(|line| line.strip_prefix("a=")).for_each(|attribute| self.add_candidate(attribute));
    }

    /// Adds `candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT …` (RFC 8839, section 5.1); skips everything else.
    pub(crate) fn add_candidate(&mut self, text: &str) {
        let Some(candidate) = text.strip_prefix("candidate:") else { return };
        let mut words = candidate.split_whitespace().skip(2);
        let protocol = match words.next().map(str::to_ascii_lowercase).as_deref() {
            Some("udp") => Protocol::Udp,
            Some("tcp") => Protocol::Tcp,
            _ => return,
        };
        let Some(port) = words.nth(2).and_then(|port| port.parse().ok()) else { return };
        if self.0.len() < NAMED {
            self.0.insert((protocol, port));
        }
    }

    /// The UDP ports.
    pub(crate) fn udp(&self) -> Vec<u16> {
        self.of(Protocol::Udp)
    }

    /// The TCP ports.
    pub(crate) fn tcp(&self) -> Vec<u16> {
        self.of(Protocol::Tcp)
    }

    fn of(&self, protocol: Protocol) -> Vec<u16> {
        self.0.iter().filter(|(of, _)| *of == protocol).map(|(_, port)| *port).collect()
    }
}

impl fmt::Display for MediaPorts {
    /// `UDP port 7882 and TCP port 7882`; without a port, of a server whose candidates did not come, `UDP and TCP`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("UDP and TCP");
        }
        let last = self.0.len() - 1;
        for (i, (protocol, port)) in self.0.iter().enumerate() {
            f.write_str(match i {
                0 => "",
                _ if i == last => " and ",
                _ => ", ",
            })?;
            let name = match protocol {
                Protocol::Udp => "UDP",
                Protocol::Tcp => "TCP",
            };
            write!(f, "{name} port {port}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_candidates_are_named_each_once() {
        let mut ports = MediaPorts::default();
        assert_eq!(ports.to_string(), "UDP and TCP");
        for odd in ["", "candidate:", "candidate:1 1 udp 1 10.1.1.1", "candidate:1 1 sctp 1 10.1.1.1 5 typ host", "x"] {
            ports.add_candidate(odd);
        }
        assert_eq!(ports.to_string(), "UDP and TCP");
        ports.add_candidate("candidate:1 1 TCP 1518280447 fd00::1 7881 typ host tcptype passive");
        assert_eq!(ports.to_string(), "TCP port 7881");
        let line = "a=candidate:1 1 udp 2130706431 10.1.1.1 7882 typ host\r\n";
        ports.add_description(&format!("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{line}{line}a=inactive\r\n"));
        assert_eq!(ports.to_string(), "UDP port 7882 and TCP port 7881");
        assert_eq!((ports.udp(), ports.tcp()), (vec![7882], vec![7881]));
        (50_000..60_000).for_each(|port| ports.add_candidate(&format!("candidate:1 1 udp 1 10.1.1.1 {port} typ host")));
        assert_eq!(ports.to_string(), "UDP port 7882, UDP port 50000, UDP port 50001 and TCP port 7881");
    }
}
