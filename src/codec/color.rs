//! Pixel formats of cameras and image files to I420 (BT.601, limited range), and I420 to RGBA for the screen.

use crate::base::{Plane, VideoFrame, VideoFrameError};
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
};

const RANGE: YuvRange = YuvRange::Limited;
const MATRIX: YuvStandardMatrix = YuvStandardMatrix::Bt601;

/// Why a frame was not converted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ColorError {
    /// The size is not possible.
    #[error(transparent)]
    Size(#[from] VideoFrameError),
    /// Fewer bytes than the size needs.
    #[error("the picture holds {bytes} bytes, {needed} are needed")]
    Short {
        /// Bytes given.
        bytes: usize,
        /// Bytes that width and height need.
        needed: usize,
    },
    /// The library refused.
    #[error("the colours cannot be converted: {0}")]
    Convert(#[from] yuv::YuvError),
    /// Not a JPEG image, or a damaged one.
    #[error("the JPEG picture cannot be decoded: {0}")]
    Jpeg(String),
}

/// From packed YUYV (also called YUY2), rows tightly packed.
pub(crate) fn from_yuyv(data: &[u8], width: u32, height: u32, timestamp_us: u64) -> Result<VideoFrame, ColorError> {
    let stride = width.div_ceil(2) * 4;
    check(data, stride as usize * height as usize)?;
    let packed = YuvPackedImage { yuy: data, yuy_stride: stride, width, height };
    build(width, height, timestamp_us, |planar| yuv::yuyv422_to_yuv420(planar, &packed))
}

/// From NV12: a plane of Y, then one of interleaved U and V, both tightly packed.
pub(crate) fn from_nv12(data: &[u8], width: u32, height: u32, timestamp_us: u64) -> Result<VideoFrame, ColorError> {
    let (w, h) = (width as usize, height as usize);
    let (chroma_w, chroma_h) = (w.div_ceil(2), h.div_ceil(2));
    check(data, w * h + 2 * chroma_w * chroma_h)?;
    let (luma, chroma) = data.split_at(w * h);
    let chroma = &chroma[..2 * chroma_w * chroma_h];
    let side = |first: usize| Plane { data: chroma.iter().skip(first).step_by(2).copied().collect(), stride: chroma_w };
    let luma = Plane { data: luma.to_vec(), stride: w };
    Ok(VideoFrame::new(width, height, [luma, side(0), side(1)], timestamp_us)?)
}

/// From RGB, 3 bytes a pixel, rows tightly packed.
pub(crate) fn from_rgb(data: &[u8], width: u32, height: u32, timestamp_us: u64) -> Result<VideoFrame, ColorError> {
    check(data, width as usize * height as usize * 3)?;
    build(width, height, timestamp_us, |planar| {
        yuv::rgb_to_yuv420(planar, data, width * 3, RANGE, MATRIX, YuvConversionMode::default())
    })
}

/// From one JPEG image, as in Motion JPEG. The size is that in its header.
#[cfg(feature = "window")]
pub(crate) fn from_jpeg(data: &[u8], timestamp_us: u64) -> Result<VideoFrame, ColorError> {
    use zune_jpeg::JpegDecoder;
    use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};

    let options = DecoderOptions::new_fast().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data), options);
    let rgb = decoder.decode().map_err(|e| ColorError::Jpeg(e.to_string()))?;
    let info = decoder.info().ok_or_else(|| ColorError::Jpeg("it has no size".into()))?;
    from_rgb(&rgb, info.width.into(), info.height.into(), timestamp_us)
}

/// To RGBA, tightly packed; `rgba` gets the length that the frame needs.
pub(crate) fn to_rgba(frame: &VideoFrame, rgba: &mut Vec<u8>) -> Result<(), ColorError> {
    let (width, height) = (frame.width(), frame.height());
    rgba.resize(width as usize * height as usize * 4, 0);
    let [y, u, v] = std::array::from_fn(|i| frame.plane(i));
    let planar = YuvPlanarImage {
        y_plane: &y.data,
        y_stride: y.stride as u32,
        u_plane: &u.data,
        u_stride: u.stride as u32,
        v_plane: &v.data,
        v_stride: v.stride as u32,
        width,
        height,
    };
    Ok(yuv::yuv420_to_rgba(&planar, rgba, width * 4, RANGE, MATRIX)?)
}

fn check(data: &[u8], needed: usize) -> Result<(), ColorError> {
    if data.len() < needed { Err(ColorError::Short { bytes: data.len(), needed }) } else { Ok(()) }
}

/// A new frame whose planes `convert` writes.
fn build(
    width: u32,
    height: u32,
    timestamp_us: u64,
    convert: impl FnOnce(&mut YuvPlanarImageMut<'_, u8>) -> Result<(), yuv::YuvError>,
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
mod tests {
    use super::*;
    use crate::testcard::{FramePainter, read};

    /// Red, in limited-range BT.601.
    const RED: [u8; 3] = [81, 90, 240];

    fn assert_colour(frame: &VideoFrame, colour: [u8; 3]) {
        for (i, value) in colour.into_iter().enumerate() {
            assert!(
                frame.plane(i).data.iter().all(|v| v.abs_diff(value) <= 2),
                "plane {i}: {}",
                frame.plane(i).data[0]
            );
        }
    }

    #[test]
    fn a_colour_is_the_same_from_every_format() {
        let (w, h) = (32, 18);
        let pixels = w as usize * h as usize;
        assert_colour(&from_rgb(&[255, 0, 0].repeat(pixels), w, h, 0).expect("rgb"), RED);
        assert_colour(&from_yuyv(&[81, 90, 81, 240].repeat(pixels / 2), w, h, 0).expect("yuyv"), RED);
        let nv12 = [vec![81; pixels], [90, 240].repeat(pixels / 4)].concat();
        assert_colour(&from_nv12(&nv12, w, h, 0).expect("nv12"), RED);
        let mut rgba = Vec::new();
        to_rgba(&VideoFrame::filled(w, h, RED, 0).expect("frame"), &mut rgba).expect("converted");
        assert_eq!(rgba.len(), pixels * 4);
        assert!(rgba.chunks(4).all(|p| p[0] >= 252 && p[1] <= 3 && p[2] <= 3 && p[3] == 255), "{:?}", &rgba[..4]);
    }

    #[cfg(feature = "window")]
    #[test]
    fn the_test_pattern_survives_jpeg() {
        let frame = FramePainter::new(640, 360, "a").expect("painter").paint(31, 5, 0).expect("frame");
        let mut rgba = Vec::new();
        to_rgba(&frame, &mut rgba).expect("converted");
        let rgb: Vec<u8> = rgba.chunks(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        let mut jpeg = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 70);
        image::ImageEncoder::write_image(encoder, &rgb, 640, 360, image::ExtendedColorType::Rgb8).expect("encoded");
        let decoded = from_jpeg(&jpeg, 9).expect("decoded");
        assert_eq!(read(&decoded).expect("readable").frame, 31);
        assert_eq!(decoded.timestamp_us(), 9);
        assert!(matches!(from_jpeg(&jpeg[..50], 0), Err(ColorError::Jpeg(_))));
    }

    #[test]
    fn data_that_is_too_short_is_refused() {
        assert!(matches!(from_yuyv(&[0; 15], 4, 2, 0), Err(ColorError::Short { bytes: 15, needed: 16 })));
        assert!(matches!(from_nv12(&[0; 11], 4, 2, 0), Err(ColorError::Short { bytes: 11, needed: 12 })));
        assert!(matches!(from_rgb(&[], 0, 2, 0), Err(ColorError::Size(_))));
    }
}
