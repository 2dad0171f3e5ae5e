//! Peers that a TURN server cannot reach. The stack pairs its relayed address with every candidate of the server, also with
//! virtual ones and with loopback, and asks the TURN server for a permission. Such a request is answered here: a relay that
//! sends to an address without a route may end the allocation (coturn does), and others refuse all peers of a request for
//! the sake of one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A CreatePermission request and its error response (RFC 8656, section 18.4; RFC 8489, section 5).
const REQUEST: [u8; 2] = [0, 0x08];
const ERROR_RESPONSE: [u8; 2] = [0x01, 0x18];
const XOR_PEER_ADDRESS: [u8; 2] = [0, 0x12];
/// The attribute ERROR-CODE with 403 (Forbidden), without words.
const FORBIDDEN: [u8; 8] = [0, 0x09, 0, 4, 0, 0, 4, 3];
const HEADER: usize = 20;

/// The answer to a request for permissions of which `is_out_of_reach` is true for every peer; `None` for everything else.
pub(super) fn refusal(message: &[u8], is_out_of_reach: impl Fn(SocketAddr) -> bool) -> Option<[u8; 28]> {
    let (header, attributes) = message.strip_prefix(&REQUEST).and(message.split_at_checked(HEADER))?;
    let transaction = header.get(4..)?;
    let peers = peers(attributes, transaction)?;
    if peers.is_empty() || !peers.into_iter().all(is_out_of_reach) {
        return None;
    }
    let mut answer = [0; HEADER + FORBIDDEN.len()];
    let parts = [&ERROR_RESPONSE[..], &[0, 8], transaction, &FORBIDDEN];
    answer.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
    Some(answer)
}

/// The peers among the attributes; `None` if those cannot be read. `transaction` is the magic cookie and the id.
fn peers(mut attributes: &[u8], transaction: &[u8]) -> Option<Vec<SocketAddr>> {
    let mut peers = Vec::new();
    while let [a, b, high, low, rest @ ..] = attributes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let value = rest.get(..length)?;
        if [*a, *b] == XOR_PEER_ADDRESS {
            peers.push(address(value, transaction)?);
        }
        attributes = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(peers)
}

/// An address that is combined with the cookie and the transaction id by exclusive or (RFC 8489, section 14.2).
fn address(value: &[u8], transaction: &[u8]) -> Option<SocketAddr> {
    let [_, _, port @ .., _, _, _, _] = value.get(..8)? else { return None };
    let plain = |bytes: &[u8]| bytes.iter().zip(transaction).map(|(a, b)| a ^ b).collect::<Vec<u8>>();
    let port = u16::from_be_bytes(plain(port).try_into().ok()?);
    let ip = plain(value.get(4..)?);
    let ip = match <[u8; 4]>::try_from(ip.as_slice()) {
        Ok(v4) => IpAddr::V4(Ipv4Addr::from(v4)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(ip.as_slice()).ok()?)),
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: [u8; 16] = [0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    fn request(kind: [u8; 2], peers: &[&str]) -> Vec<u8> {
        // REALM of 5 bytes, padded, is another attribute.
        let mut attributes = vec![0, 0x14, 0, 5, b't', b'e', b's', b't', b's', 0, 0, 0];
        for peer in peers {
            let peer: SocketAddr = peer.parse().expect("an address");
            let (family, ip) = match peer.ip() {
                IpAddr::V4(v4) => (1, v4.octets().to_vec()),
                IpAddr::V6(v6) => (2, v6.octets().to_vec()),
            };
            attributes.extend([0, 0x12, 0, 4 + ip.len() as u8, 0, family]);
            attributes.extend(peer.port().to_be_bytes().iter().zip(TRANSACTION).map(|(a, b)| a ^ b));
            attributes.extend(ip.iter().zip(TRANSACTION).map(|(a, b)| a ^ b));
        }
        [&kind[..], &(attributes.len() as u16).to_be_bytes(), &TRANSACTION, &attributes].concat()
    }

    fn refused(message: &[u8]) -> bool {
        let out_of_reach = ["240.0.0.0:7882", "[100::1]:7882"].map(|text| text.parse().expect("an address"));
        refusal(message, |peer| out_of_reach.contains(&peer)).is_some()
    }

    #[test]
    fn only_requests_for_peers_out_of_reach_are_refused() {
        assert!(refused(&request(REQUEST, &["240.0.0.0:7882"])));
        assert!(refused(&request(REQUEST, &["[100::1]:7882", "240.0.0.0:7882"])));
        assert!(!refused(&request(REQUEST, &["10.1.1.1:7882"])));
        assert!(!refused(&request(REQUEST, &["240.0.0.0:7882", "10.1.1.1:7882"])), "one of them is within reach");
        assert!(!refused(&request(REQUEST, &[])));
        assert!(!refused(&request([0, 0x09], &["240.0.0.0:7882"])), "another request");
        let whole = request(REQUEST, &["240.0.0.0:7882"]);
        (0..whole.len()).for_each(|length| assert!(!refused(&whole[..length]), "{length} bytes"));
    }

    #[test]
    fn the_answer_says_forbidden_to_the_same_transaction() {
        let answer = refusal(&request(REQUEST, &["240.0.0.0:1"]), |_| true).expect("refused");
        assert_eq!(answer, [&[1, 0x18, 0, 8][..], &TRANSACTION, &[0, 9, 0, 4, 0, 0, 4, 3]].concat()[..]);
    }
}
