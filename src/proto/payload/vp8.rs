//! VP8 (RFC 7741).

use super::PayloadPart;

/// The fields of a payload descriptor that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vp8Payload {
    /// Bytes of the descriptor; the bitstream follows.
    pub(crate) len: usize,
    /// Whether a frame starts here: S is set and the partition is 0.
    pub(crate) frame_start: bool,
}

impl Vp8Payload {
    /// Reads a descriptor; `None` if it is cut short or no bitstream follows.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
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

    pub(super) fn part(self, payload: &[u8]) -> PayloadPart {
        // The P bit of the frame's first byte (RFC 6386, section 9.1).
        let is_key = payload.get(self.len).is_some_and(|tag| tag & 1 == 0);
        PayloadPart { descriptor: self.len, begins: self.frame_start, begins_keyframe: self.frame_start && is_key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn descriptors_of_other_senders_are_read() {
        let parsed = |payload: &[u8]| Vp8Payload::read(payload).map(|d| (d.len, d.frame_start));
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
            if let Some(descriptor) = Vp8Payload::read(&payload) {
                prop_assert!((1..=6).contains(&descriptor.len) && descriptor.len < payload.len());
            }
        }
    }
}
