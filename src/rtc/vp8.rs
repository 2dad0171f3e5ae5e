//! The RTP payload format of VP8 (RFC 7741).
//!
//! The stack's own reader refuses payloads under 4 bytes, which the last part of a frame may be, and its writer knows no
//! TL0PICIDX. str0m's reader belongs to the server, which clients are built without.

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes of a frame in one packet: with descriptor, RTP header, extensions and SRTP tag a packet stays under 1200.
const PAYLOAD_BYTES: usize = 1100;

/// Bytes of the descriptor that [`packetize`] writes.
const DESCRIPTOR_BYTES: usize = 6;

/// PictureID (15 bits) and TL0PICIDX of one frame.
///
/// Both advance by one a frame, since every frame is of temporal layer 0. livekit-server forwards a stream only if the
/// descriptor holds the PictureID alone, or I, L and T together; L without T is refused silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameNumbers {
    picture_id: u16,
    tl0_pic_idx: u8,
}

impl FrameNumbers {
    /// The numbers of a first frame; 15 bits of `picture_id` are used.
    pub(super) const fn starting_at(picture_id: u16) -> Self {
        Self { picture_id: picture_id & 0x7FFF, tl0_pic_idx: 0 }
    }

    /// The numbers of the next frame.
    pub(super) const fn next(self) -> Self {
        Self { picture_id: (self.picture_id + 1) & 0x7FFF, tl0_pic_idx: self.tl0_pic_idx.wrapping_add(1) }
    }
}

/// Cuts one frame into RTP payloads of nearly equal size.
pub(super) fn packetize(frame: &[u8], numbers: FrameNumbers) -> Vec<Bytes> {
    let count = frame.len().div_ceil(PAYLOAD_BYTES).max(1);
    let size = frame.len().div_ceil(count).max(1);
    let cut = |(i, part): (usize, &[u8])| {
        let mut payload = BytesMut::with_capacity(DESCRIPTOR_BYTES + part.len());
        payload.put_u8(if i == 0 { 0x90 } else { 0x80 }); // X, and S in the first packet of the frame
        payload.put_u8(0xE0); // I, L, T
        payload.put_u16(0x8000 | numbers.picture_id);
        payload.put_u8(numbers.tl0_pic_idx);
        payload.put_u8(0); // TID 0
        payload.extend_from_slice(part);
        payload.freeze()
    };
    frame.chunks(size).enumerate().map(cut).collect()
}

/// The fields of a payload descriptor that the depacketizer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descriptor {
    /// Bytes of the descriptor; the bitstream follows.
    pub(super) len: usize,
    /// Whether a frame starts here: S is set and the partition is 0.
    pub(super) frame_start: bool,
}

impl Descriptor {
    /// Reads a descriptor; `None` if it is cut short or no bitstream follows.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        assert_eq!(numbers, FrameNumbers { picture_id: 0, tl0_pic_idx: 1 });
        assert_eq!(packetize(&[0], numbers)[0][..], [0x90, 0xE0, 0x80, 0, 1, 0, 0]);
    }

    #[test]
    fn descriptors_of_other_senders_are_read() {
        let parsed = |payload: &[u8]| Descriptor::parse(payload).map(|d| (d.len, d.frame_start));
        assert_eq!(parsed(&[0x10, 9]), Some((1, true)));
        assert_eq!(parsed(&[0x11, 9]), Some((1, false)), "the start of a later partition");
        assert_eq!(parsed(&[0x90, 0x80, 0x12, 9]), Some((3, true)), "a PictureID of 7 bits");
        assert_eq!(parsed(&[0x80, 0x80, 0x92, 0x34, 9]), Some((4, false)));
        assert_eq!(parsed(&[0x90, 0xE0, 0x80, 1, 7, 0x20]), None, "nothing after the descriptor");
        assert_eq!(parsed(&[]), None);
        assert_eq!(parsed(&[0x80]), None);
    }

    proptest! {
        #[test]
        fn a_descriptor_leaves_some_bitstream(payload in prop::collection::vec(any::<u8>(), 0..10)) {
            if let Some(descriptor) = Descriptor::parse(&payload) {
                prop_assert!((1..=6).contains(&descriptor.len) && descriptor.len < payload.len());
            }
        }
    }
}
