//! The server's candidates, as the stack can use them.

use super::tunnel::Tunnels;
use rtc::sdp::SessionDescription;
use std::net::{IpAddr, SocketAddr};
use webrtc::peer_connection::RTCIceCandidateInit;

/// A candidate for the stack: one of UDP as it is, a passive one of TCP (RFC 6544) with a virtual address. `None` for what
/// cannot be reached. `ufrag` is that of the server's description.
pub(super) fn usable(candidate: RTCIceCandidateInit, ufrag: &str, tunnels: &Tunnels) -> Option<RTCIceCandidateInit> {
    // FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ TYPE … (RFC 8839, section 5.1)
    let text = candidate.candidate.strip_prefix("candidate:").unwrap_or(&candidate.candidate);
    let words: Vec<&str> = text.split_whitespace().collect();
    let [foundation, component, transport, priority, address, port, _, kind, rest @ ..] = &words[..] else {
        return Some(candidate);
    };
    if !transport.eq_ignore_ascii_case("tcp") {
        return Some(candidate);
    }
    let is_passive = rest.windows(2).any(|pair| matches!(pair, ["tcptype", "passive"]));
    let address = SocketAddr::new(address.parse::<IpAddr>().ok()?, port.parse().ok()?);
    let address = tunnels.candidate(ufrag, address).filter(|_| is_passive)?;
    let (ip, port) = (address.ip(), address.port());
    let text = format!("candidate:{foundation} {component} udp {priority} {ip} {port} typ {kind}");
    Some(RTCIceCandidateInit { candidate: text, ..candidate })
}

/// The candidates of a description that the stack does not take by itself: those of TCP, and those in inactive m-lines. In
/// a room without tracks the first m-line is inactive, and a server that bundles writes all candidates there.
pub(super) fn left_out(description: &SessionDescription) -> impl Iterator<Item = RTCIceCandidateInit> {
    description.media_descriptions.iter().flat_map(|m_line| {
        let inactive = m_line.attribute("inactive").is_some();
        let candidates = m_line.attributes.iter().filter(|a| a.is_ice_candidate());
        candidates.filter_map(move |a| {
            let text = a.value.as_deref()?;
            let is_tcp = text.split_whitespace().nth(2).is_some_and(|t| t.eq_ignore_ascii_case("tcp"));
            let candidate = format!("candidate:{text}");
            let init = RTCIceCandidateInit { candidate, sdp_mline_index: Some(0), ..RTCIceCandidateInit::default() };
            (inactive || is_tcp).then_some(init)
        })
    })
}

/// The user name fragment of a description; empty if it has none.
pub(super) fn ufrag(description: &SessionDescription) -> String {
    let m_lines = description.media_descriptions.iter();
    let of_m_lines = || m_lines.filter_map(|m| m.attribute("ice-ufrag").flatten()).next();
    let of_session = description.attribute("ice-ufrag").map(String::as_str);
    of_session.or_else(of_m_lines).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Transport;
    use crate::rtc::tasks::Tasks;
    use webrtc::peer_connection::RTCSessionDescription;

    fn description(attributes: &str, direction: &str) -> SessionDescription {
        let session = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
        let m_line = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n";
        let text = format!("{session}{m_line}{attributes}a={direction}\r\n");
        RTCSessionDescription::answer(text).and_then(|d| d.unmarshal()).expect("a description")
    }

    const UDP: &str = "candidate:1 1 udp 2130706175 127.0.0.1 7882 typ host";
    const TCP: &str = "candidate:2 1 tcp 1518280447 127.0.0.1 7881 typ host tcptype passive";

    #[test]
    fn candidates_that_the_stack_leaves_out_are_found() {
        let attributes = format!("a={UDP}\r\na={TCP}\r\n");
        let found = |direction: &str| {
            let parsed = description(&attributes, direction);
            assert_eq!(ufrag(&parsed), "u");
            left_out(&parsed).map(|c| c.candidate).collect::<Vec<_>>()
        };
        assert_eq!(found("inactive"), [UDP, TCP]);
        assert_eq!(found("sendrecv"), [TCP], "the stack reads the others itself");
    }

    #[test]
    fn tcp_candidates_get_virtual_addresses() {
        let tunnels = |transport| Tunnels::new(transport, Tasks::new());
        let auto = tunnels(Transport::Auto);
        let usable = |text: &str, ufrag: &str, tunnels: &Tunnels| {
            let init = RTCIceCandidateInit { candidate: text.to_owned(), ..RTCIceCandidateInit::default() };
            super::usable(init, ufrag, tunnels).map(|c| c.candidate)
        };
        assert_eq!(usable(UDP, "u", &auto).as_deref(), Some(UDP));
        let first = usable(TCP, "u", &auto).expect("usable");
        assert_eq!(first, "candidate:2 1 udp 1518280447 240.0.0.0 7881 typ host");
        assert_eq!(usable(TCP, "u", &auto).as_ref(), Some(&first), "the same candidate again");
        let restarted = usable(TCP, "v", &auto).expect("usable");
        assert!(restarted.contains(" 240.0.0.1 7881 "), "{restarted}: another connection after an ICE restart");
        let six = TCP.replace("127.0.0.1", "fd00::7").replace(" tcp ", " TCP ");
        assert!(usable(&six, "u", &auto).expect("usable").contains(" udp 1518280447 100::2 7881 "));
        for odd in [TCP.replace("passive", "active"), TCP.replace("127.0.0.1", "x.local"), TCP.replace("7881", "0x7")] {
            assert_eq!(usable(&odd, "u", &auto), None, "{odd}");
        }
        for other in [Transport::Udp, Transport::Relay] {
            assert_eq!(usable(TCP, "u", &tunnels(other)), None, "{other}");
        }
    }
}
