//! The frame header of VP8 (RFC 6386, section 9.1): the uncompressed first bytes of a frame.

/// The header of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vp8Header {
    /// A key frame, with its size in pixels: 1 to 16383 a side.
    Keyframe {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A frame that builds on earlier ones.
    Interframe,
}

impl Vp8Header {
    /// Reads the header; `None` if the data is cut short, or is a key frame without start code or size.
    pub(crate) fn parse(frame: &[u8]) -> Option<Self> {
        let tag = frame.get(..3)?;
        if !Self::is_keyframe(tag) {
            return Some(Self::Interframe);
        }
        let [0x9D, 0x01, 0x2A, w0, w1, h0, h1] = *frame.get(3..10)? else { return None };
        // The two high bits of each side are a scaling hint for the display.
        let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
        let (width, height) = (side(w0, w1), side(h0, h1));
        (width > 0 && height > 0).then_some(Self::Keyframe { width, height })
    }

    /// Whether a frame of which this is the beginning is a key frame, by the first byte alone.
    pub(crate) fn is_keyframe(frame: &[u8]) -> bool {
        frame.first().is_some_and(|tag| tag & 1 == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_and_kinds_are_read() {
        let keyframe = [0x10, 2, 0, 0x9D, 1, 0x2A, 0x80, 0x42, 0x68, 0x81];
        assert_eq!(Vp8Header::parse(&keyframe), Some(Vp8Header::Keyframe { width: 640, height: 360 }));
        assert_eq!(Vp8Header::parse(&keyframe[..9]), None);
        assert_eq!(Vp8Header::parse(&[0x11, 2, 0]), Some(Vp8Header::Interframe));
        assert_eq!(Vp8Header::parse(&[0x11, 2]), None);
        assert_eq!(Vp8Header::parse(&[0; 10]), None, "no start code");
        assert_eq!(Vp8Header::parse(&[0, 0, 0, 0x9D, 1, 0x2A, 0, 0x40, 1, 0]), None, "no width");
    }

    proptest! {
        #[test]
        fn a_size_is_never_out_of_range(bytes in prop::collection::vec(any::<u8>(), 0..16), marked: bool) {
            let mut bytes = bytes;
            if marked && bytes.len() >= 6 {
                bytes[0] &= 0xFE;
                bytes[3..6].copy_from_slice(&[0x9D, 0x01, 0x2A]);
            }
            match Vp8Header::parse(&bytes) {
                Some(Vp8Header::Keyframe { width, height }) => {
                    prop_assert!(Vp8Header::is_keyframe(&bytes));
                    prop_assert!((1..=16383).contains(&width) && (1..=16383).contains(&height));
                }
                Some(Vp8Header::Interframe) => prop_assert!(!Vp8Header::is_keyframe(&bytes)),
                None => {}
            }
        }
    }
}
