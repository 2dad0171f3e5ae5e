//! How a picture has to be turned to stand upright.

/// How a picture has to be turned to stand upright: clockwise first, then mirrored left to right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orientation {
    quarter_turns: u8,
    mirrored: bool,
}

impl Orientation {
    /// `quarter_turns` clockwise, counted modulo 4, then perhaps mirrored.
    pub(crate) const fn new(quarter_turns: u8, mirrored: bool) -> Self {
        Self { quarter_turns: quarter_turns % 4, mirrored }
    }

    /// Reads the byte of the RTP header extension `urn:3gpp:video-orientation` (3GPP TS 26.114, section 7.4.5):
    /// `0 0 0 0 C F R1 R0`. R is the number of quarter turns clockwise, F asks for a mirrored picture. C, which of a
    /// phone's cameras it is, changes nothing.
    pub(crate) const fn from_cvo(byte: u8) -> Self {
        Self::new(byte & 3, byte & 4 != 0)
    }

    /// Quarter turns clockwise, 0 to 3.
    pub(crate) const fn quarter_turns(self) -> u8 {
        self.quarter_turns
    }

    /// Whether left and right change places after the turn.
    pub(crate) const fn mirrored(self) -> bool {
        self.mirrored
    }

    /// Whether the picture stands upright as it is.
    pub(crate) const fn is_upright(self) -> bool {
        self.quarter_turns == 0 && !self.mirrored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_the_header_extension_are_read() {
        let read = |byte| (Orientation::from_cvo(byte).quarter_turns(), Orientation::from_cvo(byte).mirrored());
        assert_eq!([0, 1, 2, 3].map(read), [(0, false), (1, false), (2, false), (3, false)]);
        assert_eq!(read(0b0100), (0, true), "F");
        assert_eq!(read(0b1000), (0, false), "C");
        assert_eq!(read(0b1111_1111), (3, true), "bits that may be used later");
        assert!(Orientation::from_cvo(0b1000).is_upright() && Orientation::default().is_upright());
        assert!(!Orientation::from_cvo(0b0100).is_upright() && !Orientation::from_cvo(2).is_upright());
    }
}
