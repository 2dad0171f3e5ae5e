//! Uncompressed pictures of cameras and files, in the pixel formats that they come in, to I420 (BT.601, limited range).

use super::color::{ColorError, from_rgb};
use crate::base::{Plane, VideoFrame, VideoFrameError};
use std::borrow::Cow;
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvError, YuvPlanarImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
};

/// Pixels a side at most.
const MAX_SIDE: u32 = 16384;

/// How the samples of a picture lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PixelFormat {
    /// 4:2:2 packed: Y, U, Y, V.
    Yuyv,
    /// 4:2:2 packed: Y, V, Y, U.
    Yvyu,
    /// 4:2:2 packed: U, Y, V, Y.
    Uyvy,
    /// 4:2:2 packed: V, Y, U, Y.
    Vyuy,
    /// Planes of Y, U and V.
    Planar(Subsampling),
    /// 4:2:0 planes of Y, V and U.
    Yv12,
    /// A plane of Y, then one of U and V in turns.
    SemiPlanar(Subsampling),
    /// A plane of Y, then one of V and U in turns.
    SemiPlanarVu(Subsampling),
    /// Y alone.
    Grey,
    /// Y alone, in 16 bits of which the lower ones are used, little endian; the number of bits used, 9 to 16.
    Grey16(u8),
    /// 3 bytes a pixel: R, G, B.
    Rgb,
    /// 3 bytes a pixel: B, G, R.
    Bgr,
    /// 4 bytes a pixel: R, G, B and one that is ignored.
    Rgbx,
    /// 4 bytes a pixel: B, G, R and one that is ignored.
    Bgrx,
    /// 16 bits a pixel, little endian: 5 of R, 6 of G, 5 of B.
    Rgb565,
}

/// Size of the planes of U and V.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subsampling {
    /// 4:2:0: half the width and half the height.
    Half,
    /// 4:2:2: half the width.
    HalfWidth,
    /// 4:4:4: that of the picture.
    None,
}

impl Subsampling {
    /// Samples of the picture for each sample of chroma, across and down.
    const fn steps(self) -> (usize, usize) {
        match self {
            Self::Half => (2, 2),
            Self::HalfWidth => (2, 1),
            Self::None => (1, 1),
        }
    }
}

/// How YUV samples stand for colours; RGB has no part in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct YuvEncoding {
    /// Whether samples take the range 0 to 255, not 16 to 235 (chroma: 16 to 240).
    pub(crate) full_range: bool,
    /// Whether the colours are those of BT.709, not BT.601.
    pub(crate) bt709: bool,
}

/// An uncompressed picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawPicture<'a> {
    /// Its bytes, one plane after the other; more than it needs is ignored.
    pub(crate) data: &'a [u8],
    /// Width in pixels.
    pub(crate) width: u32,
    /// Height in pixels.
    pub(crate) height: u32,
    /// Bytes from one row of the first plane to the next; 0 for rows without padding. The other planes' rows are longer or
    /// shorter in the proportion of their width.
    pub(crate) stride: usize,
    /// Its pixel format.
    pub(crate) format: PixelFormat,
    /// The meaning of YUV samples.
    pub(crate) encoding: YuvEncoding,
}

/// A conversion of the library from some order of R, G and B.
type FromRgb = fn(
    &mut YuvPlanarImageMut<'_, u8>,
    &[u8],
    u32,
    YuvRange,
    YuvStandardMatrix,
    YuvConversionMode,
) -> Result<(), YuvError>;

/// Where the samples of Y, U or V lie: the first one, and the bytes to the next in a row and to the next row.
#[derive(Clone, Copy)]
struct Samples {
    first: usize,
    step: usize,
    stride: usize,
}

impl RawPicture<'_> {
    /// The picture as a frame that was captured at `timestamp_us`.
    pub(crate) fn to_frame(self, timestamp_us: u64) -> Result<VideoFrame, ColorError> {
        use PixelFormat as P;
        let Self { width, height, .. } = self;
        if width == 0 || height == 0 || width.max(height) > MAX_SIDE {
            return Err(VideoFrameError::Size { width, height }.into());
        }
        match self.format {
            P::Rgb => self.rgb(timestamp_us, 3, yuv::rgb_to_yuv420),
            P::Bgr => self.rgb(timestamp_us, 3, yuv::bgr_to_yuv420),
            P::Rgbx => self.rgb(timestamp_us, 4, yuv::rgba_to_yuv420),
            P::Bgrx => self.rgb(timestamp_us, 4, yuv::bgra_to_yuv420),
            P::Rgb565 => self.rgb565(timestamp_us),
            P::Grey => self.grey(timestamp_us, 1, |sample| sample[0]),
            P::Grey16(bits) => self.grey(timestamp_us, 2, |sample| {
                (u16::from_le_bytes([sample[0], sample[1]]) >> (bits.clamp(8, 16) - 8)).min(255) as u8
            }),
            P::Yuyv => self.packed(timestamp_us, [0, 1, 3]),
            P::Yvyu => self.packed(timestamp_us, [0, 3, 1]),
            P::Uyvy => self.packed(timestamp_us, [1, 0, 2]),
            P::Vyuy => self.packed(timestamp_us, [1, 2, 0]),
            P::Planar(chroma) => self.planar(timestamp_us, chroma, false),
            P::Yv12 => self.planar(timestamp_us, Subsampling::Half, true),
            P::SemiPlanar(chroma) => self.semi_planar(timestamp_us, chroma, false),
            P::SemiPlanarVu(chroma) => self.semi_planar(timestamp_us, chroma, true),
        }
    }

    /// The stride of the first plane, whose rows have `tight` bytes.
    const fn stride_or(&self, tight: usize) -> usize {
        if self.stride == 0 { tight } else { self.stride }
    }

    /// Checks that `rows` rows of `tight` bytes from `start` on are there. Returns the end of the plane.
    fn check(&self, start: usize, tight: usize, stride: usize, rows: usize) -> Result<usize, ColorError> {
        let needed = start + stride.max(tight) * rows.saturating_sub(1) + tight;
        if stride < tight || self.data.len() < needed {
            return Err(ColorError::Short { bytes: self.data.len(), needed });
        }
        Ok(start + stride * rows)
    }

    /// Pairs of pixels in 4 bytes; `at` has the places of the first Y, of U and of V.
    fn packed(&self, timestamp_us: u64, at: [usize; 3]) -> Result<VideoFrame, ColorError> {
        let tight = self.width.div_ceil(2) as usize * 4;
        let stride = self.stride_or(tight);
        self.check(0, tight, stride, self.height as usize)?;
        let samples = |i: usize| Samples { first: at[i], step: if i == 0 { 2 } else { 4 }, stride };
        self.gather(timestamp_us, Subsampling::HalfWidth, [samples(0), samples(1), samples(2)])
    }

    fn planar(&self, timestamp_us: u64, chroma: Subsampling, v_first: bool) -> Result<VideoFrame, ColorError> {
        let (w, h) = (self.width as usize, self.height as usize);
        let (across, down) = chroma.steps();
        let (chroma_w, chroma_h) = (w.div_ceil(across), h.div_ceil(down));
        let stride = self.stride_or(w);
        // An odd width makes the rows of chroma longer than half.
        let chroma_stride = (stride / across).max(chroma_w);
        let second = self.check(0, w, stride, h)?;
        let third = self.check(second, chroma_w, chroma_stride, chroma_h)?;
        self.check(third, chroma_w, chroma_stride, chroma_h)?;
        let (u, v) = if v_first { (third, second) } else { (second, third) };
        let samples = |first: usize| Samples { first, step: 1, stride: chroma_stride };
        self.gather(timestamp_us, chroma, [Samples { first: 0, step: 1, stride }, samples(u), samples(v)])
    }

    fn semi_planar(&self, timestamp_us: u64, chroma: Subsampling, v_first: bool) -> Result<VideoFrame, ColorError> {
        let (w, h) = (self.width as usize, self.height as usize);
        let (across, down) = chroma.steps();
        let (chroma_w, chroma_h) = (w.div_ceil(across), h.div_ceil(down));
        let stride = self.stride_or(w);
        let chroma_stride = (stride * 2 / across).max(2 * chroma_w);
        let second = self.check(0, w, stride, h)?;
        self.check(second, 2 * chroma_w, chroma_stride, chroma_h)?;
        let samples = |later: bool| Samples { first: second + usize::from(later), step: 2, stride: chroma_stride };
        self.gather(timestamp_us, chroma, [Samples { first: 0, step: 1, stride }, samples(v_first), samples(!v_first)])
    }

    /// A frame of the samples of Y, U and V, whose places have been checked. 4:2:0 takes the mean of two rows of chroma of
    /// 4:2:2; 4:4:4 and other encodings become I420 by way of RGB.
    fn gather(&self, timestamp_us: u64, chroma: Subsampling, samples: [Samples; 3]) -> Result<VideoFrame, ColorError> {
        let (w, h) = (self.width as usize, self.height as usize);
        let (across, down) = chroma.steps();
        let (chroma_w, chroma_h) = (w.div_ceil(across), h.div_ceil(down));
        let row = |Samples { first, step, stride }: Samples, y: usize, width: usize| {
            self.data[first + y * stride..].iter().step_by(step).take(width)
        };
        let plane = |of: Samples, width: usize, height: usize| -> Vec<u8> {
            (0..height).flat_map(|y| row(of, y, width).copied()).collect()
        };
        let mean = |(a, b): (&u8, &u8)| (u16::from(*a) + u16::from(*b)).div_ceil(2) as u8;
        let halved = |of: Samples| -> Vec<u8> {
            let pair = |y: usize| row(of, 2 * y, chroma_w).zip(row(of, (2 * y + 1).min(chroma_h - 1), chroma_w));
            (0..h.div_ceil(2)).flat_map(|y| pair(y).map(mean)).collect()
        };
        let luma = plane(samples[0], w, h);
        let [u, v] = [samples[1], samples[2]].map(|of| match chroma {
            Subsampling::HalfWidth => halved(of),
            Subsampling::Half | Subsampling::None => plane(of, chroma_w, chroma_h),
        });
        if chroma != Subsampling::None && self.encoding == YuvEncoding::default() {
            let planes = [(luma, w), (u, chroma_w), (v, chroma_w)].map(|(data, stride)| Plane { data, stride });
            return Ok(VideoFrame::new(self.width, self.height, planes, timestamp_us)?);
        }
        self.by_rgb(timestamp_us, [&luma, &u, &v], chroma == Subsampling::None)
    }

    /// Tight planes of 4:2:0, or of 4:4:4 if `full_chroma`, in the encoding of frames.
    fn by_rgb(&self, timestamp_us: u64, planes: [&[u8]; 3], full_chroma: bool) -> Result<VideoFrame, ColorError> {
        let Self { width, height, .. } = *self;
        let chroma_stride = if full_chroma { width } else { width.div_ceil(2) };
        let planar = YuvPlanarImage {
            y_plane: planes[0],
            y_stride: width,
            u_plane: planes[1],
            u_stride: chroma_stride,
            v_plane: planes[2],
            v_stride: chroma_stride,
            width,
            height,
        };
        let convert = if full_chroma { yuv::yuv444_to_rgb } else { yuv::yuv420_to_rgb };
        let range = if self.encoding.full_range { YuvRange::Full } else { YuvRange::Limited };
        let matrix = if self.encoding.bt709 { YuvStandardMatrix::Bt709 } else { YuvStandardMatrix::Bt601 };
        let mut rgb = vec![0; width as usize * height as usize * 3];
        convert(&planar, &mut rgb, width * 3, range, matrix)?;
        from_rgb(&rgb, width, height, timestamp_us)
    }

    fn grey(&self, timestamp_us: u64, bytes: usize, sample: impl Fn(&[u8]) -> u8) -> Result<VideoFrame, ColorError> {
        let (w, h) = (self.width as usize, self.height as usize);
        let stride = self.stride_or(w * bytes);
        self.check(0, w * bytes, stride, h)?;
        let rows = self.data.chunks(stride).take(h);
        let luma: Vec<u8> = rows.flat_map(|row| row[..w * bytes].chunks_exact(bytes).map(&sample)).collect();
        let chroma = vec![128; w.div_ceil(2) * h.div_ceil(2)];
        if self.encoding != YuvEncoding::default() {
            return self.by_rgb(timestamp_us, [&luma, &chroma, &chroma], false);
        }
        let chroma = Plane { data: chroma, stride: w.div_ceil(2) };
        let planes = [Plane { data: luma, stride: w }, chroma.clone(), chroma];
        Ok(VideoFrame::new(self.width, self.height, planes, timestamp_us)?)
    }

    fn rgb(&self, timestamp_us: u64, bytes: usize, convert: FromRgb) -> Result<VideoFrame, ColorError> {
        let (tight, height) = (self.width as usize * bytes, self.height as usize);
        let stride = self.stride_or(tight);
        self.check(0, tight, stride, height)?;
        let (range, matrix, mode) = (YuvRange::Limited, YuvStandardMatrix::Bt601, YuvConversionMode::default());
        // The library reads whole rows with their padding, and counts them by the length of the data.
        let (rows, stride) = match self.data.get(..stride * height) {
            Some(whole) => (Cow::Borrowed(whole), stride),
            None => (Cow::Owned(self.data.chunks(stride).flat_map(|row| &row[..tight]).copied().collect()), tight),
        };
        build(self.width, self.height, timestamp_us, |planar| {
            convert(planar, &rows, stride as u32, range, matrix, mode)
        })
    }

    fn rgb565(&self, timestamp_us: u64) -> Result<VideoFrame, ColorError> {
        let tight = self.width as usize * 2;
        let stride = self.stride_or(tight);
        self.check(0, tight, stride, self.height as usize)?;
        let rows = self.data.chunks(stride).take(self.height as usize);
        let widen = |value: u16, bits: u32| ((u32::from(value) * 255 + (1 << (bits - 1))) / ((1 << bits) - 1)) as u8;
        let pixel = |pair: &[u8]| {
            let v = u16::from_le_bytes([pair[0], pair[1]]);
            [widen(v >> 11, 5), widen(v >> 5 & 63, 6), widen(v & 31, 5)]
        };
        let rgb: Vec<u8> = rows.flat_map(|row| row[..tight].chunks_exact(2).flat_map(pixel)).collect();
        from_rgb(&rgb, self.width, self.height, timestamp_us)
    }
}

/// A new frame whose planes `convert` writes.
fn build(
    width: u32,
    height: u32,
    timestamp_us: u64,
    convert: impl FnOnce(&mut YuvPlanarImageMut<'_, u8>) -> Result<(), YuvError>,
) -> Result<VideoFrame, ColorError> {
    let mut frame = VideoFrame::filled(width, height, [0; 3], timestamp_us)?;
    let [y, u, v] = frame.planes_mut();
    let mut planar = YuvPlanarImageMut {
        y_stride: y.stride as u32,
        y_plane: BufferStoreMut::Borrowed(&mut y.data),
        u_stride: u.stride as u32,
        u_plane: BufferStoreMut::Borrowed(&mut u.data),
        v_stride: v.stride as u32,
        v_plane: BufferStoreMut::Borrowed(&mut v.data),
        width,
        height,
    };
    convert(&mut planar)?;
    Ok(frame)
}

#[cfg(test)]
mod tests;
