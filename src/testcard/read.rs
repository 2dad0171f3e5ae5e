//! Reads the test picture, also after compression and scaling.

use super::blocks::{self, BITS, MIN_WIDTH, ROWS};
use crate::base::VideoFrame;
use std::ops::Range;

/// A row of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockRow {
    /// Row 0.
    Frame,
    /// Row 1.
    Time,
    /// Row 2.
    Identity,
}

impl std::fmt::Display for BlockRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Frame => "frame number",
            Self::Time => "time",
            Self::Identity => "identity",
        })
    }
}

/// The values in a test picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameReading {
    /// Frame number modulo 2^24.
    pub(crate) frame: u32,
    /// Unix milliseconds of drawing modulo 2^24.
    pub(crate) time_ms24: u32,
    /// The code of the sender's identity, see [`super::identity_code`].
    pub(crate) identity: u32,
}

/// Why a frame could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameReadError {
    /// It is less than 160 pixels wide, or too low for the three rows.
    #[error("a picture of {width}x{height} is too small to be read")]
    TooSmall {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Every block is black: the frame of a muted camera.
    #[error("the picture is black")]
    Black,
    /// A CRC does not match: the frame is damaged, or no test picture.
    #[error("the check sum of the {row} does not hold")]
    CheckSum {
        /// The first row whose CRC does not match.
        row: BlockRow,
    },
}

/// Reads the values of a test picture.
pub(crate) fn read(frame: &VideoFrame) -> Result<FrameReading, FrameReadError> {
    let (width, height) = (frame.width(), frame.height());
    let side = blocks::side(width);
    if width < MIN_WIDTH || (height as usize) < blocks::height_needed(side) {
        return Err(FrameReadError::TooSmall { width, height });
    }
    let rows: [u32; ROWS] = std::array::from_fn(|r| row_bits(frame, side, blocks::lines(side, r)));
    // The CRC-8 of zero is zero: a black frame would be valid.
    let plain = if rows == [0; ROWS] { Err(FrameReadError::Black) } else { values(rows) };
    plain.or_else(|error| {
        // In a strip 1 is dark; a white frame would be valid.
        let strip: [u32; ROWS] = std::array::from_fn(|r| !row_bits(frame, side, blocks::strip_lines(side, r)));
        values(strip).ok().filter(|_| strip != [0; ROWS]).ok_or(error)
    })
}

/// The values of the three rows.
fn values(rows: [u32; ROWS]) -> Result<FrameReading, FrameReadError> {
    let value = |bits, row| blocks::decode(bits).ok_or(FrameReadError::CheckSum { row });
    Ok(FrameReading {
        frame: value(rows[0], BlockRow::Frame)?,
        time_ms24: value(rows[1], BlockRow::Time)?,
        identity: value(rows[2], BlockRow::Identity)?,
    })
}

fn row_bits(frame: &VideoFrame, side: usize, lines: Range<usize>) -> u32 {
    (0..BITS).fold(0, |bits, i| (bits << 1) | u32::from(is_white(frame, side, lines.clone(), i)))
}

/// Whether the mean luma of the middle half of the block in these lines is at least 128.
fn is_white(frame: &VideoFrame, side: usize, lines: Range<usize>, i: usize) -> bool {
    let luma = frame.plane(0);
    let [margin, above] = [side / 4, lines.len() / 4];
    let left = blocks::left(side, i) + margin;
    let inner = side - 2 * margin;
    let sum: usize = (lines.start + above..lines.end - above)
        .flat_map(|y| &luma.data[y * luma.stride + left..][..inner])
        .map(|v| usize::from(*v))
        .sum();
    sum >= 128 * inner * (lines.len() - 2 * above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{FramePainter, Noise};

    #[test]
    fn noise_and_low_contrast_are_tolerated() {
        let mut frame = FramePainter::new(640, 360, "x").expect("painter").paint(99, 1234, 0).expect("picture");
        let mut noise = Noise::new(1);
        for v in &mut frame.planes_mut()[0].data {
            *v = 128u8.wrapping_add_signed((*v as i16 - 128).div_euclid(3) as i8).wrapping_add(noise.byte() >> 4) - 8;
        }
        assert_eq!(read(&frame).map(|r| r.frame), Ok(99));
    }

    #[test]
    fn a_damaged_or_other_picture_is_an_error() {
        let mut frame = FramePainter::new(640, 360, "x").expect("painter").paint(99, 1234, 0).expect("picture");
        for y in 48..64 {
            let at = y * 640 + 64;
            for v in &mut frame.planes_mut()[0].data[at..at + 16] {
                *v = 251 - *v;
            }
        }
        assert_eq!(read(&frame), Err(FrameReadError::CheckSum { row: BlockRow::Time }));
        let black = VideoFrame::filled(640, 360, [16, 128, 128], 0).expect("frame");
        assert_eq!(read(&black), Err(FrameReadError::Black));
        let white = VideoFrame::filled(640, 360, [235, 128, 128], 0).expect("frame");
        assert_eq!(read(&white), Err(FrameReadError::CheckSum { row: BlockRow::Frame }));
        let tiny = VideoFrame::filled(8, 8, [16, 128, 128], 0).expect("frame");
        assert_eq!(read(&tiny), Err(FrameReadError::TooSmall { width: 8, height: 8 }));
    }
}
