//! Writes the RTP payload format of VP8 (RFC 7741). The stack's own writer knows no TL0PICIDX.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::payload::Vp8Payload;

    #[test]
    fn a_frame_is_cut_into_packets_that_read_back() {
        for len in [1, 1099, 1100, 1101, 5000] {
            let frame: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let packets = packetize(&frame, FrameNumbers::starting_at(0x7FFF));
            let mut back = Vec::new();
            for (i, packet) in packets.iter().enumerate() {
                assert!(packet.len() <= PAYLOAD_BYTES + DESCRIPTOR_BYTES);
                let descriptor = Vp8Payload::read(packet).expect("a descriptor");
                assert_eq!(descriptor, Vp8Payload { len: DESCRIPTOR_BYTES, frame_start: i == 0 });
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
}
