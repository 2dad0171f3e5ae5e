//! Draws the test picture. Each line of the background is a slice of one precomputed wave.

use super::blocks::{self, BLACK, MIN_WIDTH, ROWS, WHITE};
use super::{font, identity_code};
use crate::base::{Plane, VideoFrame, VideoFrameError};

const GREY: u8 = 128;

/// Why the test picture cannot be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FramePainterError {
    /// The frame has no room for readable blocks.
    #[error(
        "a test picture of {width}x{height} has no room for its blocks; it must be at least {MIN_WIDTH} pixels wide and three twentieths of that high"
    )]
    TooSmall {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// No video frame can have this size.
    #[error(transparent)]
    Size(#[from] VideoFrameError),
}

/// Draws the test picture of one identity at one size.
#[derive(Clone, Debug)]
pub(crate) struct FramePainter {
    width: u32,
    height: u32,
    identity: u32,
    side: usize,
    /// One wavelength of the background plus a line's width, so that each line is a slice of it.
    wave: Vec<u8>,
    wavelength: usize,
    /// A line of text, before it is copied into the frame.
    line: Vec<u8>,
}

impl FramePainter {
    /// Draws frames of `width` by `height` pixels (at least 160 wide) that carry `identity`.
    pub(crate) fn new(width: u32, height: u32, identity: &str) -> Result<Self, FramePainterError> {
        let side = blocks::side(width);
        if width < MIN_WIDTH || (height as usize) < blocks::height_needed(side) {
            return Err(FramePainterError::TooSmall { width, height });
        }
        VideoFrame::filled(width, height, [GREY; 3], 0)?;
        let wavelength = (width as usize / 2).max(1);
        let wave = (0..wavelength + width as usize)
            .map(|x| {
                let turn = (x % wavelength) as f64 / wavelength as f64 * std::f64::consts::TAU;
                (f64::from(GREY) + 32.0 * turn.sin()).round() as u8
            })
            .collect();
        Ok(Self { width, height, identity: identity_code(identity), side, wave, wavelength, line: Vec::new() })
    }

    /// The identity that the frames carry from now on.
    pub(crate) fn set_identity(&mut self, identity: &str) {
        self.identity = identity_code(identity);
    }

    /// Draws a frame with this number and time of drawing, both modulo 2^24. `timestamp_us` is its time of capture.
    pub(crate) fn paint(
        &mut self,
        number: u32,
        unix_ms: u64,
        timestamp_us: u64,
    ) -> Result<VideoFrame, FramePainterError> {
        let (width, height) = (self.width as usize, self.height as usize);
        let chroma = Plane { data: vec![GREY; width.div_ceil(2) * height.div_ceil(2)], stride: width.div_ceil(2) };
        let mut luma = Vec::with_capacity(width * height);
        // Diagonal wave: it shifts by one pixel with each line, and by `speed` with each frame.
        let speed = (self.side / 8).max(1);
        let start = (number as usize).wrapping_mul(speed) % self.wavelength;
        for y in 0..height {
            let from = (start + y) % self.wavelength;
            luma.extend_from_slice(&self.wave[from..from + width]);
        }
        let time = (unix_ms % u64::from(blocks::MODULUS)) as u32;
        for (r, value) in [number, time, self.identity].into_iter().enumerate() {
            blocks::draw(&mut luma, width, r, value);
        }
        self.draw_text(&mut luma, number % blocks::MODULUS, time);
        let planes = [Plane { data: luma, stride: width }, chroma.clone(), chroma];
        Ok(VideoFrame::new(self.width, self.height, planes, timestamp_us)?)
    }

    /// Writes the same numbers as text, white on black, as far as they fit.
    fn draw_text(&mut self, luma: &mut [u8], number: u32, time: u32) {
        let texts = [format!("FRAME {number:08}"), format!("TIME  {time:08}"), format!("ID    {:06X}", self.identity)];
        let dot = (self.side / 4).max(1);
        let mut top = blocks::lines(self.side, ROWS - 1).end + self.side;
        for text in &texts {
            for dots in 0..font::HEIGHT + 2 {
                // Each text has an empty line of dots above and below.
                let glyph_row = dots.checked_sub(1).filter(|row| *row < font::HEIGHT);
                self.set_text_line(text.as_bytes(), glyph_row, dot);
                self.copy_text_line(luma, top, dot);
                top += dot;
            }
        }
    }

    fn set_text_line(&mut self, text: &[u8], glyph_row: Option<usize>, dot: usize) {
        self.line.clear();
        self.line.resize(dot, BLACK);
        for c in text {
            let bits = glyph_row.map_or(0, |row| font::glyph(*c)[row]);
            for column in 0..=font::WIDTH {
                let lit = column < font::WIDTH && bits >> (font::WIDTH - 1 - column) & 1 == 1;
                self.line.resize(self.line.len() + dot, if lit { WHITE } else { BLACK });
            }
        }
    }

    fn copy_text_line(&self, luma: &mut [u8], top: usize, dot: usize) {
        let width = self.width as usize;
        let left = blocks::left(self.side, 0);
        let length = self.line.len().min(width - left);
        for y in top..(top + dot).min(self.height as usize) {
            let at = y * width + left;
            luma[at..at + length].copy_from_slice(&self.line[..length]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::read;

    #[test]
    fn the_picture_can_be_read_at_every_usual_size() {
        for (width, height) in [(1920, 1080), (1280, 720), (854, 480), (640, 480), (640, 360), (320, 180), (160, 90)] {
            let mut painter = FramePainter::new(width, height, "bot-1").expect("painter");
            let frame = painter.paint(0x0100_0007, 1_763_850_000_123, 5).expect("picture");
            let reading = read(&frame).expect("readable");
            assert_eq!(reading.frame, 7, "{width}x{height}");
            assert_eq!(u64::from(reading.time_ms24), 1_763_850_000_123 % (1 << 24));
            assert_eq!(reading.identity, identity_code("bot-1"));
            assert_eq!(frame.timestamp_us(), 5);
        }
    }

    #[test]
    fn the_background_moves() {
        let mut painter = FramePainter::new(320, 180, "a").expect("painter");
        let [one, two] = [1, 2].map(|n| painter.paint(n, 0, 0).expect("picture"));
        let last_line = 179 * 320;
        assert_ne!(one.plane(0).data[last_line..], two.plane(0).data[last_line..]);
    }

    #[test]
    fn a_size_without_room_for_the_blocks_is_refused() {
        assert_eq!(FramePainter::new(159, 90, "a").err(), Some(FramePainterError::TooSmall { width: 159, height: 90 }));
        assert!(FramePainter::new(640, 95, "a").is_err());
        assert!(FramePainter::new(640, 96, "a").is_ok());
    }
}
