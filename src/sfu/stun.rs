//! STUN (RFC 8489), as far as the server needs it to learn its own public address. str0m takes only messages with a
//! MESSAGE-INTEGRITY, which public servers do not send.

use std::net::IpAddr;

/// The magic cookie.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Identifies a request and its answer.
pub(crate) type TransactionId = [u8; 12];

/// A Binding request without attributes.
pub(crate) fn binding_request(transaction: TransactionId) -> [u8; 20] {
    let mut request = [0; 20];
    request[1] = 1;
    request[4..8].copy_from_slice(&COOKIE);
    request[8..].copy_from_slice(&transaction);
    request
}

/// The address from which the request came, as its answer says; `None` if the datagram is no answer to it.
pub(crate) fn mapped_address(transaction: TransactionId, datagram: &[u8]) -> Option<IpAddr> {
    let (head, mut attributes) = datagram.split_at_checked(20)?;
    // A success response to a Binding request (section 5).
    if head[..2] != [1, 1] || head[4..8] != COOKIE || head[8..] != transaction {
        return None;
    }
    let mut key = head[4..].iter();
    loop {
        let (kind, length) = (attributes.get(..2)?, attributes.get(2..4)?);
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let value = attributes.get(4..4 + length)?;
        if kind == [0, 0x20] {
            // XOR-MAPPED-ADDRESS: family, port, address (section 14.2).
            let (family, address) = (value.get(1)?, value.get(4..)?);
            let bytes: Vec<u8> = address.iter().map(|byte| byte ^ key.next().unwrap_or(&0)).collect();
            return match family {
                1 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
                2 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
                _ => None,
            };
        }
        // Values are padded to four bytes (section 14).
        attributes = attributes.get(4 + length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_request_has_the_address() {
        let transaction = *b"twelve bytes";
        let request = binding_request(transaction);
        assert_eq!(request[..8], [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
        // An attribute of five bytes, padded, and XOR-MAPPED-ADDRESS 203.0.113.5:7882 (RFC 8489, section 14.2).
        let mut answer = vec![1, 1, 0, 24, 0x21, 0x12, 0xa4, 0x42];
        answer.extend(transaction);
        answer.extend(b"\x80\x22\x00\x05other\0\0\0");
        answer.extend([0, 0x20, 0, 8, 0, 1, 0x1e ^ 0x21, 0xca ^ 0x12]);
        answer.extend([203 ^ 0x21, 0x12, 113 ^ 0xa4, 5 ^ 0x42]);
        assert_eq!(mapped_address(transaction, &answer), Some([203, 0, 113, 5].into()));
        assert_eq!(mapped_address(*b"another one!", &answer), None);
        for length in 0..answer.len() {
            assert_eq!(mapped_address(transaction, &answer[..length]), None, "cut at {length}");
        }
        assert_eq!(mapped_address(transaction, &request), None);
    }

    #[test]
    fn an_ipv6_address_is_read_with_the_whole_key() {
        let transaction = [7; 12];
        let ip: std::net::Ipv6Addr = "2001:db8::5".parse().expect("an address");
        let mut answer = binding_request(transaction).to_vec();
        answer[..4].copy_from_slice(&[1, 1, 0, 24]);
        answer.extend([0, 0x20, 0, 20, 0, 2, 0, 0]);
        let key = answer[4..20].to_vec();
        answer.extend(ip.octets().iter().zip(key).map(|(a, b)| a ^ b));
        assert_eq!(mapped_address(transaction, &answer), Some(ip.into()));
    }
}
