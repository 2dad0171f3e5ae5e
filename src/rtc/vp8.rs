//! VP8 on the transport: the RTP payload descriptor (RFC 7741) and the few bits of the bitstream (RFC 6386) that a
//! transport must read.

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes of a frame in one packet. With descriptor, RTP header, extensions and SRTP tag a packet stays under 1200.
const PAYLOAD_BYTES: usize = 1100;

/// Bytes of the descriptor that [`packetize`] writes.
const DESCRIPTOR_BYTES: usize = 6;

/// The numbers that make one frame of a stream recognisable: the 15-bit picture id and TL0PICIDX.
///
/// Both advance by one a frame: every frame is of temporal layer 0. livekit-server forwards a stream only if the
/// descriptor holds the picture id alone, or I, L and T together; L without T is refused silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameNumbers {
    picture_id: u16,
    tl0_index: u8,
}

impl FrameNumbers {
    /// Starts counting at `picture_id`, of which 15 bits are used.
    pub(super) const fn starting_at(picture_id: u16) -> Self {
        Self { picture_id: picture_id & 0x7FFF, tl0_index: 0 }
    }

    /// The numbers of the frame after this one.
    pub(super) const fn next(self) -> Self {
        Self { picture_id: (self.picture_id + 1) & 0x7FFF, tl0_index: self.tl0_index.wrapping_add(1) }
    }
}

/// Cuts one frame into RTP payloads of nearly equal size.
pub(super) fn packetize(frame: &[u8], numbers: FrameNumbers) -> Vec<Bytes> {
    let count = frame.len().div_ceil(PAYLOAD_BYTES).max(1);
    let size = frame.len().div_ceil(count).max(1);
    let cut = |(i, part): (usize, &[u8])| {
        let mut payload = BytesMut::with_capacity(DESCRIPTOR_BYTES + part.len());
        payload.put_u8(if i == 0 { 0x90 } else { 0x80 }); // X, and S at the start of the frame
        payload.put_u8(0xE0); // I, L, T
        payload.put_u16(0x8000 | numbers.picture_id);
        payload.put_u8(numbers.tl0_index);
        payload.put_u8(0); // TID 0
        payload.extend_from_slice(part);
        payload.freeze()
    };
    frame.chunks(size).enumerate().map(cut).collect()
}

/// What a payload descriptor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descriptor {
    /// Bytes before the bitstream.
    pub(super) len: usize,
    /// Whether the bitstream of a frame starts here.
    pub(super) frame_start: bool,
}

impl Descriptor {
    /// Reads the descriptor; `None` when the payload is cut short or holds nothing else.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut len = 1;
        if first & 0x80 != 0 {
            let extension = *payload.get(1)?;
            len = 2;
            if extension & 0x80 != 0 {
                len += if *payload.get(len)? & 0x80 != 0 { 2 } else { 1 };
            }
            len += usize::from(extension & 0x40 != 0);
            len += usize::from(extension & 0x30 != 0);
        }
        (len < payload.len()).then_some(Self { len, frame_start: first & 0x10 != 0 && first & 0x07 == 0 })
    }
}

/// Whether a frame (or its first part) can be decoded without what came before.
pub(super) fn is_keyframe(bitstream: &[u8]) -> bool {
    bitstream.first().is_some_and(|b| b & 1 == 0)
}

/// Width and height that a key frame announces.
pub(super) fn dimensions(keyframe: &[u8]) -> Option<(u16, u16)> {
    let header = keyframe.get(..10)?;
    if !is_keyframe(header) || header[3..6] != [0x9D, 0x01, 0x2A] {
        return None;
    }
    let side = |lo, hi| u16::from_le_bytes([lo, hi]) & 0x3FFF;
    Some((side(header[6], header[7]), side(header[8], header[9])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_cut_into_packets_that_read_back() {
        for len in [1, 1099, 1100, 1101, 5000] {
            let frame: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let packets = packetize(&frame, FrameNumbers::starting_at(0x7FFF));
            let mut back = Vec::new();
            for (i, packet) in packets.iter().enumerate() {
                assert!(packet.len() <= PAYLOAD_BYTES + DESCRIPTOR_BYTES);
                let descriptor = Descriptor::parse(packet).expect("a descriptor");
                assert_eq!(descriptor, Descriptor { len: DESCRIPTOR_BYTES, frame_start: i == 0 });
                back.extend_from_slice(&packet[descriptor.len..]);
            }
            assert_eq!(back, frame);
        }
    }

    #[test]
    fn the_picture_id_wraps_at_15_bits() {
        let numbers = FrameNumbers::starting_at(0x7FFF).next();
        assert_eq!(numbers, FrameNumbers { picture_id: 0, tl0_index: 1 });
        assert_eq!(packetize(&[0], numbers)[0][..], [0x90, 0xE0, 0x80, 0, 1, 0, 0]);
    }

    #[test]
    fn descriptors_of_other_senders_are_understood() {
        let start = |payload: &[u8]| Descriptor::parse(payload).map(|d| (d.len, d.frame_start));
        assert_eq!(start(&[0x10, 9]), Some((1, true)));
        assert_eq!(start(&[0x11, 9]), Some((1, false)), "the start of a later partition");
        assert_eq!(start(&[0x90, 0x80, 0x12, 9]), Some((3, true)), "a picture id of 7 bits");
        assert_eq!(start(&[0x80, 0x80, 0x92, 0x34, 9]), Some((4, false)));
        assert_eq!(start(&[0x90, 0xE0, 0x80, 1, 7, 0x20]), None, "nothing after the descriptor");
        assert_eq!(start(&[]), None);
        assert_eq!(start(&[0x80]), None);
    }
}
