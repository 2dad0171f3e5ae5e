//! VP9 (RFC 9628). A picture of scalable video consists of one frame for each spatial layer, the smallest first.

use super::PayloadPart;

/// The fields of a payload descriptor (section 4.2) that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vp9Payload {
    /// Bytes of the descriptor; the bitstream follows.
    pub(crate) len: usize,
    /// P: the picture builds on earlier ones.
    pub(crate) inter: bool,
    /// B: the frame of a layer begins here.
    pub(crate) begin: bool,
    /// E: the frame of a layer ends here.
    pub(crate) end: bool,
    /// SID: the spatial layer, from 0.
    pub(crate) spatial: u8,
}

/// Reads a descriptor byte by byte.
struct Cursor<'a> {
    payload: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.payload.get(self.at)?;
        self.at += 1;
        Some(byte)
    }
}

/// References of a picture at most (section 4.2, P_DIFF).
const REFERENCES: usize = 3;

impl Vp9Payload {
    /// Reads a descriptor; `None` if it is cut short or no bitstream follows.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let mut cursor = Cursor { payload, at: 0 };
        let first = cursor.next()?;
        let has = |bit: u8| first & bit != 0;
        let (inter, flexible) = (has(0x40), has(0x10));
        if has(0x80) && cursor.next()? & 0x80 != 0 {
            cursor.next()?;
        }
        let mut spatial = 0;
        if has(0x20) {
            spatial = cursor.next()? >> 1 & 7;
            if !flexible {
                cursor.next()?; // TL0PICIDX
            }
        }
        if flexible && inter {
            let mut references = 1;
            while cursor.next()? & 1 != 0 {
                references += 1;
                if references > REFERENCES {
                    return None;
                }
            }
        }
        if has(0x02) {
            skip_scalability_structure(&mut cursor)?;
        }
        let len = cursor.at;
        (len < payload.len()).then_some(Self { len, inter, begin: has(0x08), end: has(0x04), spatial })
    }

    /// Whether the first frame of a key picture begins here.
    pub(crate) const fn begins_keyframe(self) -> bool {
        self.begin && !self.inter && self.spatial == 0
    }

    pub(super) const fn part(self) -> PayloadPart {
        PayloadPart { descriptor: self.len, begins: self.begin, begins_keyframe: self.begins_keyframe() }
    }
}

/// Section 4.2.1.
fn skip_scalability_structure(cursor: &mut Cursor<'_>) -> Option<()> {
    let flags = cursor.next()?;
    let layers = usize::from(flags >> 5) + 1;
    if flags & 0x10 != 0 {
        cursor.at += 4 * layers; // width and height of each
    }
    if flags & 0x08 != 0 {
        for _ in 0..cursor.next()? {
            let references = cursor.next()? >> 2 & 3;
            cursor.at += usize::from(references);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(payload: &[u8]) -> Option<(usize, bool, u8)> {
        Vp9Payload::read(payload).map(|p| (p.len, p.begins_keyframe(), p.spatial))
    }

    #[test]
    fn descriptors_of_browsers_are_read() {
        // I, L, B; PictureID of 15 bits, TID 0, SID 0, TL0PICIDX.
        assert_eq!(read(&[0xA8, 0x81, 0x02, 0x00, 7, 9]), Some((5, true, 0)));
        // The same picture's layer 2, which ends it.
        let upper = Vp9Payload::read(&[0xA4, 0x81, 0x02, 0x05, 7, 9]).expect("a descriptor");
        assert_eq!((upper.spatial, upper.begin, upper.end), (2, false, true));
        assert_eq!(read(&[0xE8, 0x81, 0x02, 0x00, 7, 9]), Some((5, false, 0)), "it builds on earlier ones");
        // V: three layers with sizes and a group of one picture with one reference.
        let structure = [&[0x58][..], &[0; 12], &[1, 0x04, 1]].concat();
        assert_eq!(read(&[&[0x8A, 0x11][..], &structure, &[9]].concat()), Some((2 + structure.len(), true, 0)));
        // Flexible mode: P, F and two references.
        assert_eq!(read(&[0xF8, 0x11, 0x04, 0x03, 0x02, 9]), Some((5, false, 2)));
    }

    #[test]
    fn descriptors_that_are_cut_short_are_refused() {
        for short in
            [&[][..], &[0x08], &[0x80], &[0x80, 0x80], &[0xA8, 0x01, 0x00], &[0x0A, 0x18], &[0x0A, 0x08, 3, 0x0C]]
        {
            assert_eq!(Vp9Payload::read(short), None, "{short:?}");
        }
        assert_eq!(Vp9Payload::read(&[0x50, 1, 1, 1, 1, 9]), None, "four references");
    }

    proptest! {
        #[test]
        fn a_descriptor_leaves_some_bitstream(payload in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(descriptor) = Vp9Payload::read(&payload) {
                prop_assert!(descriptor.len >= 1 && descriptor.len < payload.len() && descriptor.spatial < 8);
            }
        }
    }
}
