//! The rows of blocks of the test picture: their coding (24 bits and a CRC-8) and their geometry.

use crc::{CRC_8_SMBUS, CRC_32_ISO_HDLC, Crc};
use std::ops::Range;

/// Luma of black and white.
pub(super) const BLACK: u8 = 16;
pub(super) const WHITE: u8 = 235;
/// The numbers in the picture are modulo this.
pub(super) const MODULUS: u32 = 1 << 24;
/// Blocks in a row.
pub(super) const BITS: usize = 32;
/// Rows of blocks.
pub(super) const ROWS: usize = 3;
/// The narrowest frame that can be drawn and read, in pixels.
pub(super) const MIN_WIDTH: u32 = 160;

// Polynomial 0x07, start 0, not reflected.
const CRC8: Crc<u8> = Crc::<u8>::new(&CRC_8_SMBUS);
const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The value of row 2 for a user: the low 24 bits of the CRC-32 (IEEE) of the identity in UTF-8.
pub(crate) fn identity_code(identity: &str) -> u32 {
    CRC32.checksum(identity.as_bytes()) % MODULUS
}

/// The 32 bits of a row.
pub(super) fn encode(value: u32) -> u32 {
    let value = value % MODULUS;
    (value << 8) | u32::from(CRC8.checksum(&value.to_be_bytes()[1..]))
}

/// The value of a row; `None` if its CRC does not match.
pub(super) fn decode(bits: u32) -> Option<u32> {
    let value = bits >> 8;
    (encode(value) == bits).then_some(value)
}

/// Distance from `earlier` to `later` modulo 2^24; negative if `later` is before `earlier`.
pub(super) fn distance(earlier: u32, later: u32) -> i64 {
    let forward = i64::from(later.wrapping_sub(earlier) % MODULUS);
    if forward < i64::from(MODULUS / 2) { forward } else { forward - i64::from(MODULUS) }
}

/// The side of a block in a frame of this width, in pixels.
pub(super) const fn side(width: u32) -> usize {
    (width / 40) as usize
}

/// Left edge of block `i`.
pub(super) const fn left(side: usize, i: usize) -> usize {
    (4 + i) * side
}

/// The lines that row `r` covers.
pub(super) const fn lines(side: usize, r: usize) -> Range<usize> {
    let top = side + 2 * r * side;
    top..top + side
}

/// Draws row `r` into the luma of a frame that is `width` samples wide.
pub(super) fn draw(luma: &mut [u8], width: usize, r: usize, value: u32) {
    let side = side(width as u32);
    let bits = encode(value);
    for y in lines(side, r) {
        for i in 0..BITS {
            let luma_of_bit = if bits >> (BITS - 1 - i) & 1 == 1 { WHITE } else { BLACK };
            luma[y * width + left(side, i)..][..side].fill(luma_of_bit);
        }
    }
}

/// The lines that row `r` of a strip covers: half as high as a block, without a gap.
pub(super) const fn strip_lines(side: usize, r: usize) -> Range<usize> {
    let high = side / 2;
    r * high..(r + 1) * high
}

/// Lines that the three rows take, with the margin above them.
pub(super) const fn height_needed(side: usize) -> usize {
    6 * side
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crcs_have_the_documented_check_values() {
        // The check values for "123456789" in the CRC RevEng catalogue.
        assert_eq!(CRC8.checksum(b"123456789"), 0xF4);
        assert_eq!(identity_code("123456789"), 0xCBF4_3926 % MODULUS);
    }

    #[test]
    fn a_flipped_bit_is_detected() {
        for value in [0, 1, 0x00AB_CDEF, MODULUS - 1] {
            let bits = encode(value);
            assert_eq!(decode(bits), Some(value));
            for bit in 0..32 {
                assert_eq!(decode(bits ^ (1 << bit)), None);
            }
        }
    }

    #[test]
    fn distances_wrap() {
        assert_eq!(distance(MODULUS - 1, 2), 3);
        assert_eq!(distance(2, MODULUS - 1), -3);
        assert_eq!(distance(7, 7), 0);
    }
}
