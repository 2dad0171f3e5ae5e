//! The beginning of the uncompressed header of VP9 (bitstream specification, section 6.2), and the frames of a superframe
//! (annex B).

/// The header of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vp9Header {
    /// A key frame, with its size in pixels.
    Keyframe { width: u32, height: u32 },
    /// A frame that builds on earlier ones; its size, unless it is that of a reference.
    Interframe { size: Option<(u32, u32)> },
}

/// Reads bits, the most significant first.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.data.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }

    fn size(&mut self) -> Option<(u32, u32)> {
        Some((self.take(16)? + 1, self.take(16)? + 1))
    }
}

const FRAME_MARKER: u32 = 2;
const SYNC_CODE: u32 = 0x49_83_42;
/// sRGB.
const RGB: u32 = 7;

impl Vp9Header {
    /// Reads a header of profile 0, which is 4:2:0 with 8 bits; `None` for other profiles and malformed data.
    pub(super) fn parse(frame: &[u8]) -> Option<Self> {
        let mut bits = Bits { data: frame, at: 0 };
        if bits.take(2)? != FRAME_MARKER || bits.take(2)? != 0 {
            return None;
        }
        if bits.flag()? {
            return Some(Self::Interframe { size: None }); // shows an existing frame
        }
        let (inter, shown, resilient) = (bits.flag()?, bits.flag()?, bits.flag()?);
        if !inter {
            if bits.take(24)? != SYNC_CODE || bits.take(3)? == RGB {
                return None;
            }
            bits.flag()?; // colour range
            let (width, height) = bits.size()?;
            return Some(Self::Keyframe { width, height });
        }
        let intra_only = !shown && bits.flag()?;
        if !resilient {
            bits.take(2)?; // which contexts are reset
        }
        if intra_only {
            if bits.take(24)? != SYNC_CODE {
                return None;
            }
            bits.take(8)?; // the frames that it replaces
            return Some(Self::Interframe { size: Some(bits.size()?) });
        }
        bits.take(8)?;
        bits.take(3 * 4)?; // three references with their sign
        for _ in 0..3 {
            if bits.flag()? {
                return Some(Self::Interframe { size: None });
            }
        }
        Some(Self::Interframe { size: Some(bits.size()?) })
    }
}

/// The frames of a superframe, or the one frame.
pub(super) fn frames(data: &[u8]) -> Vec<&[u8]> {
    superframe(data).unwrap_or_else(|| vec![data])
}

fn superframe(data: &[u8]) -> Option<Vec<&[u8]>> {
    let marker = *data.last()?;
    if marker & 0xE0 != 0xC0 {
        return None;
    }
    let (count, bytes) = (usize::from(marker & 7) + 1, usize::from(marker >> 3 & 3) + 1);
    let (mut rest, index) = data.split_at_checked(data.len().checked_sub(2 + count * bytes)?)?;
    if index.first() != Some(&marker) {
        return None;
    }
    let mut frames = Vec::with_capacity(count);
    for size in index[1..index.len() - 1].chunks_exact(bytes) {
        let size = size.iter().rev().fold(0usize, |size, byte| size << 8 | usize::from(*byte));
        let (frame, after) = rest.split_at_checked(size)?;
        rest = after;
        // An empty one stands for a layer that was left out.
        frames.extend((!frame.is_empty()).then_some(frame));
    }
    (!frames.is_empty()).then_some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read() {
        // 640x360: marker, profile 0, key frame, shown; sync code; colours; size.
        let key = [0x82, 0x49, 0x83, 0x42, 0x00, 0x27, 0xF0, 0x16, 0x70];
        assert_eq!(Vp9Header::parse(&key), Some(Vp9Header::Keyframe { width: 640, height: 360 }));
        assert_eq!(Vp9Header::parse(&key[..8]), None);
        // Shown, references 0, of the size of the first.
        assert_eq!(Vp9Header::parse(&[0x86, 0, 0, 0x02]), Some(Vp9Header::Interframe { size: None }));
        assert_eq!(Vp9Header::parse(&[0x88]), Some(Vp9Header::Interframe { size: None }), "an existing frame");
        assert_eq!(Vp9Header::parse(&[0x92, 0x49, 0x83, 0x42, 0, 0, 0, 0, 0]), None, "profile 2");
        assert_eq!(Vp9Header::parse(&[]), None);
    }

    #[test]
    fn a_superframe_is_split() {
        let data = [1, 2, 3, 4, 0xC9, 3, 0, 1, 0, 0xC9];
        assert_eq!(frames(&data), [&[1, 2, 3][..], &[4]]);
        assert_eq!(frames(&[1, 2]), [&[1, 2][..]]);
        assert_eq!(frames(&[9, 0xC9]), [&[9, 0xC9][..]], "no room for an index");
    }

    proptest! {
        #[test]
        fn any_data_is_survived(data in prop::collection::vec(any::<u8>(), 0..64)) {
            for frame in frames(&data) {
                Vp9Header::parse(frame);
            }
        }
    }
}
