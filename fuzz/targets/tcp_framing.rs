//! Datagrams on a TCP connection (RFC 4571, and TURN). The first byte chooses the framing, the second one the size of the
//! parts in which the bytes come.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../src/proto/stream/mod.rs"]
mod stream;

use libfuzzer_sys::fuzz_target;
use stream::{Class, FrameReader, Framing, Queued, SendQueue};

/// Bytes of a datagram at most.
const DATAGRAM: usize = 2000;

fuzz_target!(|input: &[u8]| {
    let [framing, part, bytes @ ..] = input else { return };
    let framing = if framing % 2 == 0 { Framing::Length } else { Framing::Turn };
    let mut reader = FrameReader::new(framing);
    let mut whole = FrameReader::new(framing);
    whole.add(bytes);
    for part in bytes.chunks(usize::from(*part) + 1) {
        reader.add(part);
        loop {
            let datagram = match reader.next() {
                Ok(Some(datagram)) => datagram.to_vec(),
                Ok(None) => break,
                Err(_) => return,
            };
            assert!(datagram.len() <= DATAGRAM);
            assert_eq!(whole.next(), Ok(Some(&datagram[..])), "the parts make no difference");
            comes_back(framing, &datagram);
        }
    }
});

/// A datagram that was read arrives again when it is sent.
fn comes_back(framing: Framing, datagram: &[u8]) {
    let mut queue = SendQueue::new(framing);
    if queue.push(Class::of(datagram, |payload_type| payload_type == 111), datagram) != Queued::Taken {
        return;
    }
    let mut reader = FrameReader::new(framing);
    loop {
        let sent = queue.unwritten().to_vec();
        if sent.is_empty() {
            break;
        }
        queue.advance(sent.len());
        reader.add(&sent);
    }
    assert_eq!(reader.next(), Ok(Some(datagram)));
}
