//! Reads the test picture, also after it was compressed and scaled.

use super::word::{self, BITS, MIN_WIDTH, ROWS};
use crate::base::VideoFrame;

/// A row of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// Row 0.
    Frame,
    /// Row 1.
    Time,
    /// Row 2.
    Identity,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Frame => "frame number",
            Self::Time => "time",
            Self::Identity => "identity",
        })
    }
}

/// What a test picture says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Frame number modulo 2^24.
    pub(crate) frame: u32,
    /// Unix milliseconds of drawing modulo 2^24.
    pub(crate) time_ms24: u32,
    /// See [`super::identity_code`].
    pub(crate) identity: u32,
}

/// Why a picture could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    /// Under 160 pixels wide, or too low for the three rows.
    #[error("a picture of {width}x{height} is too small to be read")]
    TooSmall {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Every block is black: a muted camera, not a test picture.
    #[error("the picture is black")]
    Black,
    /// A check sum does not hold: damaged, or not a test picture.
    #[error("the check sum of the {row} does not hold")]
    CheckSum {
        /// The first such row.
        row: Row,
    },
}

/// Reads the numbers of a test picture.
pub(crate) fn read(frame: &VideoFrame) -> Result<Reading, ReadError> {
    let (width, height) = (frame.width(), frame.height());
    let side = word::side(width);
    if width < MIN_WIDTH || (height as usize) < word::height_needed(side) {
        return Err(ReadError::TooSmall { width, height });
    }
    let rows: [u32; ROWS] = std::array::from_fn(|r| row_bits(frame, side, r));
    // 24 zeroes have a check sum of zero, so a black picture would pass for a good one.
    if rows == [0; ROWS] {
        return Err(ReadError::Black);
    }
    let value = |bits, row| word::decode(bits).ok_or(ReadError::CheckSum { row });
    Ok(Reading {
        frame: value(rows[0], Row::Frame)?,
        time_ms24: value(rows[1], Row::Time)?,
        identity: value(rows[2], Row::Identity)?,
    })
}

fn row_bits(frame: &VideoFrame, side: usize, row: usize) -> u32 {
    (0..BITS).fold(0, |bits, i| (bits << 1) | u32::from(is_white(frame, side, row, i)))
}

/// The mean luma of the block's middle half against 128.
fn is_white(frame: &VideoFrame, side: usize, row: usize, i: usize) -> bool {
    let luma = frame.plane(0);
    let margin = side / 4;
    let left = word::left(side, i) + margin;
    let lines = word::lines(side, row);
    let inner = side - 2 * margin;
    let sum: usize = (lines.start + margin..lines.end - margin)
        .flat_map(|y| &luma.data[y * luma.stride + left..][..inner])
        .map(|v| usize::from(*v))
        .sum();
    sum >= 128 * inner * inner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::Painter;

    #[test]
    fn noise_and_low_contrast_do_not_disturb() {
        let mut frame = Painter::new(640, 360, "x").expect("painter").paint(99, 1234, 0).expect("picture");
        let mut seed = 1u32;
        for v in &mut frame.planes_mut()[0].data {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *v = 128u8.wrapping_add_signed((*v as i16 - 128).div_euclid(3) as i8).wrapping_add((seed >> 28) as u8) - 8;
        }
        assert_eq!(read(&frame).map(|r| r.frame), Ok(99));
    }

    #[test]
    fn a_damaged_or_foreign_picture_is_not_believed() {
        let mut frame = Painter::new(640, 360, "x").expect("painter").paint(99, 1234, 0).expect("picture");
        for y in 48..64 {
            let at = y * 640 + 64;
            for v in &mut frame.planes_mut()[0].data[at..at + 16] {
                *v = 251 - *v;
            }
        }
        assert_eq!(read(&frame), Err(ReadError::CheckSum { row: Row::Time }));
        let black = VideoFrame::filled(640, 360, [16, 128, 128], 0).expect("frame");
        assert_eq!(read(&black), Err(ReadError::Black));
        let white = VideoFrame::filled(640, 360, [235, 128, 128], 0).expect("frame");
        assert_eq!(read(&white), Err(ReadError::CheckSum { row: Row::Frame }));
        let tiny = VideoFrame::filled(8, 8, [16, 128, 128], 0).expect("frame");
        assert_eq!(read(&tiny), Err(ReadError::TooSmall { width: 8, height: 8 }));
    }
}
