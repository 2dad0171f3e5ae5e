//! A drawn, moving person, in place of a camera. The rows of the test picture are a thin strip at the top edge, so that what
//! arrives can be checked: see [`super::blocks`].

mod body;
mod canvas;
mod motion;
mod outline;
mod people;
mod room;

pub(crate) use people::PORTRAITS;

use super::blocks::{self, BITS, MIN_WIDTH};
use super::{FramePainterError, identity_code};
use crate::base::VideoFrame;
use body::Body;
use canvas::{Canvas, Color, Point};
use motion::{Part, Pose};
use people::Look;

/// The height of the neck's joint, about which the head leans, in heights of the picture.
const JOINT: f32 = 0.68;

/// Luma of 0 and 1 in the strip, which is to be seen less than the rows of the test picture. Dark and light are exchanged, so
/// that no row of the strip can be taken for one of those.
const STRIP: [u8; 2] = [200, 56];

/// Draws one person at one size.
#[derive(Clone, Debug)]
pub(crate) struct PortraitPainter {
    width: u32,
    height: u32,
    identity: u32,
    n: u32,
    look: Look,
    stage: Stage,
    /// What does not move.
    room: Canvas,
}

/// Where a person stands in the picture.
#[derive(Clone, Copy, Debug)]
struct Stage {
    middle: f32,
    bottom: f32,
    /// Pixels of a length of 1.
    unit: f32,
}

impl Stage {
    fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width as f32, height as f32);
        // In an upright picture the person fills the width.
        Self { middle: width / 2.0, bottom: height, unit: height.min(width * 0.95) }
    }

    fn place(&self, [x, y]: Point) -> Point {
        [self.middle + x * self.unit, self.bottom - (1.0 - y) * self.unit]
    }

    /// An outline that does not move, in pixels.
    fn still(&self, outline: Vec<Point>) -> Vec<Point> {
        outline.into_iter().map(|point| self.place(point)).collect()
    }

    /// An outline that moves with a part of the person, in pixels.
    fn moved(&self, outline: Vec<Point>, part: Part, pose: &Pose) -> Vec<Point> {
        let (sin, cos) = pose.lean.sin_cos();
        let to = |[x, y]: Point| match part {
            Part::Body => [x, y - pose.breath],
            Part::Neck => [x + pose.head[0] * 0.5, y - pose.breath],
            Part::Head => {
                let y = y - JOINT;
                [x * cos - y * sin + pose.head[0], x * sin + y * cos + JOINT - pose.head[1]]
            }
        };
        outline.into_iter().map(|point| self.place(to(point))).collect()
    }
}

impl PortraitPainter {
    /// Draws person `n` (from 1 on, see [`PORTRAITS`]) in frames of `width` by `height` pixels (at least 160 wide) that carry
    /// `identity`.
    pub(crate) fn new(width: u32, height: u32, identity: &str, n: u32) -> Result<Self, FramePainterError> {
        if width < MIN_WIDTH || (height as usize) < blocks::height_needed(blocks::side(width)) {
            return Err(FramePainterError::TooSmall { width, height });
        }
        let look = people::person(n);
        // It checks the size.
        VideoFrame::filled(width, height, [16, 128, 128], 0)?;
        let mut room = Canvas::new(width as usize, height as usize, Color::rgb(0, 0, 0));
        let stage = Stage::new(width, height);
        room::draw(&mut room, &stage, &look);
        Ok(Self { width, height, identity: identity_code(identity), n, look, stage, room })
    }

    /// The identity that the frames carry from now on.
    pub(crate) fn set_identity(&mut self, identity: &str) {
        self.identity = identity_code(identity);
    }

    /// Draws a frame with this number and time of drawing, both modulo 2^24. `voice` is how loud the person speaks in dBFS;
    /// without it the mouth moves as in speech. `timestamp_us` is the time of capture.
    pub(crate) fn paint(
        &self,
        number: u32,
        unix_ms: u64,
        voice: Option<f32>,
        timestamp_us: u64,
    ) -> Result<VideoFrame, FramePainterError> {
        let mut canvas = self.room.clone();
        let pose = Pose::at(self.n, unix_ms as f64 / 1000.0, voice);
        Body { canvas: &mut canvas, stage: &self.stage, look: &self.look, pose: &pose }.draw();
        let time = (unix_ms % u64::from(blocks::MODULUS)) as u32;
        for (r, value) in [number, time, self.identity].into_iter().enumerate() {
            self.draw_strip(&mut canvas.planes[0].data, r, value);
        }
        Ok(VideoFrame::new(self.width, self.height, canvas.planes, timestamp_us)?)
    }

    /// Draws row `r` of the strip.
    fn draw_strip(&self, luma: &mut [u8], r: usize, value: u32) {
        let (side, bits) = (blocks::side(self.width), blocks::encode(value));
        for y in blocks::strip_lines(side, r) {
            for i in 0..BITS {
                let bit = (bits >> (BITS - 1 - i) & 1) as usize;
                luma[y * self.width as usize + blocks::left(side, i)..][..side].fill(STRIP[bit]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::read;

    #[test]
    fn the_strip_can_be_read_at_every_usual_size() {
        for (width, height) in [(1920, 1080), (1280, 720), (640, 480), (640, 360), (360, 640), (320, 180), (160, 90)] {
            for n in 1..=PORTRAITS {
                let painter = PortraitPainter::new(width, height, "bot-1", n).expect("painter");
                let frame = painter.paint(0x0100_0007, 1_763_850_000_123, None, 5).expect("picture");
                let reading = read(&frame).expect("readable");
                assert_eq!((reading.frame, reading.identity), (7, identity_code("bot-1")), "{width}x{height}");
                assert_eq!(u64::from(reading.time_ms24), 1_763_850_000_123 % (1 << 24));
            }
        }
    }

    #[test]
    fn it_moves_and_no_two_people_look_alike() {
        let paint = |n: u32, ms: u64, voice| {
            let painter = PortraitPainter::new(320, 180, "a", n).expect("painter");
            painter.paint(0, ms, voice, 0).expect("picture")
        };
        // Below the strip, which counts.
        let below = |frame: &VideoFrame| frame.plane(0).data[320 * 20..].to_vec();
        assert_ne!(below(&paint(1, 0, None)), below(&paint(1, 400, None)));
        assert_ne!(below(&paint(1, 0, Some(-90.0))), below(&paint(1, 0, Some(-10.0))), "the mouth");
        for n in 2..=PORTRAITS {
            assert_ne!(below(&paint(1, 0, None)), below(&paint(n, 0, None)));
        }
        assert_eq!(below(&paint(1, 0, None))[..], below(&paint(1, 0, None))[..]);
    }

    #[test]
    fn a_size_without_room_for_the_strip_is_refused() {
        assert!(PortraitPainter::new(159, 90, "a", 1).is_err());
        assert!(PortraitPainter::new(640, 95, "a", 1).is_err());
    }
}
