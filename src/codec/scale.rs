//! Scales frames, for simulcast layers and previews.

use crate::base::{Plane, VideoFrame, VideoFrameError};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions};

/// Why a frame was not scaled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScaleError {
    /// The new size is not possible.
    #[error(transparent)]
    Size(#[from] VideoFrameError),
    /// The library refused.
    #[error("the picture cannot be scaled: {0}")]
    Resize(String),
}

/// Scales frames. Keeps its buffers from one to the next.
#[derive(Default)]
pub(crate) struct Scaler {
    resizer: fast_image_resize::Resizer,
    packed: Vec<u8>,
}

impl Scaler {
    /// A scaler without buffers yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The frame at another size, stretched where the aspect ratio differs. Exact halves are averages of 2x2 samples, which
    /// costs a fraction of the general method: so make a quarter from a half.
    pub(crate) fn scale(&mut self, frame: &VideoFrame, width: u32, height: u32) -> Result<VideoFrame, ScaleError> {
        if (frame.width(), frame.height()) == (width, height) {
            return Ok(frame.clone());
        }
        let mut out = VideoFrame::filled(width, height, [0; 3], frame.timestamp_us())?;
        for i in 0..3 {
            let (from, to) = (frame.plane_size(i), out.plane_size(i));
            let (source, target) = (frame.plane(i), &mut out.planes_mut()[i]);
            if from == (to.0 * 2, to.1 * 2) {
                halve(source, target, to);
            } else {
                self.resize(source, from, target, to)?;
            }
        }
        Ok(out)
    }

    fn resize(
        &mut self,
        source: &Plane,
        from: (usize, usize),
        target: &mut Plane,
        to: (usize, usize),
    ) -> Result<(), ScaleError> {
        let refused = |e: &dyn std::fmt::Display| ScaleError::Resize(e.to_string());
        let tight = if source.stride == from.0 {
            &source.data[..from.0 * from.1]
        } else {
            self.packed.clear();
            let rows = source.data.chunks(source.stride).take(from.1);
            rows.for_each(|row| self.packed.extend_from_slice(&row[..from.0]));
            &self.packed
        };
        let source = ImageRef::new(from.0 as u32, from.1 as u32, tight, PixelType::U8).map_err(|e| refused(&e))?;
        let mut target =
            Image::from_slice_u8(to.0 as u32, to.1 as u32, &mut target.data, PixelType::U8).map_err(|e| refused(&e))?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
        self.resizer.resize(&source, &mut target, &options).map_err(|e| refused(&e))
    }
}

/// Halves a plane: each sample is the mean of 2x2 samples. Eight samples of a row are summed at a time, in lanes of 16
/// bits of two words.
fn halve(source: &Plane, target: &mut Plane, (width, height): (usize, usize)) {
    for (y, out) in target.data.chunks_mut(target.stride).take(height).enumerate() {
        let row = |y: usize| &source.data[y * source.stride..][..2 * width];
        let (above, below) = (row(2 * y), row(2 * y + 1));
        let words = above.as_chunks::<16>().0.iter().zip(below.as_chunks::<16>().0);
        for (out, (above, below)) in out[..width].as_chunks_mut::<8>().0.iter_mut().zip(words) {
            out[..4].copy_from_slice(&mean4(&above[..8], &below[..8]));
            out[4..].copy_from_slice(&mean4(&above[8..], &below[8..]));
        }
        for x in width / 8 * 8..width {
            let four = [above[2 * x], above[2 * x + 1], below[2 * x], below[2 * x + 1]];
            out[x] = (four.into_iter().map(u16::from).sum::<u16>() / 4) as u8;
        }
    }
}

/// Four means from two rows of eight samples.
fn mean4(above: &[u8], below: &[u8]) -> [u8; 4] {
    const EVEN: u64 = 0x00FF_00FF_00FF_00FF;
    let word = |row: &[u8]| row.try_into().map_or(0, u64::from_le_bytes);
    let (a, b) = (word(above), word(below));
    // No sum exceeds 4 * 255, so nothing spills from one 16-bit lane into the next.
    let sum = (a & EVEN) + (a >> 8 & EVEN) + (b & EVEN) + (b >> 8 & EVEN);
    let [m0, _, m1, _, m2, _, m3, _] = (sum >> 2 & EVEN).to_le_bytes();
    [m0, m1, m2, m3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{FramePainter, read};

    #[test]
    fn the_test_pattern_survives_all_layers() {
        let original = FramePainter::new(1280, 720, "a").expect("painter").paint(77, 5, 3).expect("frame");
        let mut scaler = Scaler::new();
        let mut layer = original.clone();
        for (width, height) in [(640, 360), (320, 180), (160, 90)] {
            layer = scaler.scale(&layer, width, height).expect("scaled");
            assert_eq!((layer.width(), layer.height(), layer.timestamp_us()), (width, height, 3));
            assert_eq!(read(&layer).expect("readable").frame, 77);
            let direct = scaler.scale(&original, width, height).expect("scaled");
            assert_eq!(read(&direct).expect("readable").frame, 77);
        }
        assert_eq!(read(&scaler.scale(&original, 960, 540).expect("scaled")).expect("readable").frame, 77);
    }

    #[test]
    fn a_half_is_the_mean_of_2x2_samples_at_any_stride() {
        let plane = |w: usize, h: usize, stride: usize| {
            let data = (0..stride * h).map(|i| (i * 37 % 251) as u8).collect();
            (Plane { data, stride }, w, h)
        };
        let (luma, ..) = plane(44, 12, 50);
        let frame = VideoFrame::new(44, 12, [luma, plane(22, 6, 22).0, plane(22, 6, 31).0], 0).expect("frame");
        let half = Scaler::new().scale(&frame, 22, 6).expect("scaled");
        for i in 0..3 {
            let (w, h) = half.plane_size(i);
            let (big, small) = (frame.plane(i), half.plane(i));
            for (x, y) in (0..h).flat_map(|y| (0..w).map(move |x| (x, y))) {
                let at = |dx, dy| u32::from(big.data[(2 * y + dy) * big.stride + 2 * x + dx]);
                let mean = (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4;
                assert_eq!(u32::from(small.data[y * small.stride + x]), mean, "plane {i} at {x},{y}");
            }
        }
    }

    #[test]
    fn odd_sizes_are_scaled_too() {
        let frame = VideoFrame::filled(321, 181, [77, 100, 200], 0).expect("frame");
        for (width, height) in [(160, 90), (161, 91), (642, 362), (1, 1)] {
            let scaled = Scaler::new().scale(&frame, width, height).expect("scaled");
            for (i, value) in [77, 100, 200].into_iter().enumerate() {
                assert!(scaled.plane(i).data.iter().all(|v| *v == value));
            }
        }
        assert!(Scaler::new().scale(&frame, 0, 5).is_err());
    }
}
