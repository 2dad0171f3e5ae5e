//! Pictures of other formats as I420.

use crate::base::{Plane, VideoFrame};
use crate::devices::DeviceError;
use yuv::{BufferStoreMut, YuvConversionMode, YuvError, YuvPlanarImageMut, YuvRange, YuvStandardMatrix, rgb_to_yuv420};

/// A picture whose planes `fill` writes.
pub(super) fn i420(
    width: u32,
    height: u32,
    unix_us: u64,
    fill: impl FnOnce(&mut YuvPlanarImageMut<'_, u8>) -> Result<(), YuvError>,
) -> Result<VideoFrame, DeviceError> {
    let mut frame = VideoFrame::filled(width, height, [16, 128, 128], unix_us).map_err(other)?;
    let [y, u, v] = frame.planes_mut();
    let mut image = YuvPlanarImageMut {
        y_stride: y.stride as u32,
        u_stride: u.stride as u32,
        v_stride: v.stride as u32,
        y_plane: BufferStoreMut::Borrowed(&mut y.data),
        u_plane: BufferStoreMut::Borrowed(&mut u.data),
        v_plane: BufferStoreMut::Borrowed(&mut v.data),
        width,
        height,
    };
    fill(&mut image).map_err(other)?;
    Ok(frame)
}

/// Three bytes a pixel.
pub(super) fn from_rgb(rgb: &[u8], width: u32, height: u32, unix_us: u64) -> Result<VideoFrame, DeviceError> {
    i420(width, height, unix_us, |image| {
        let (range, matrix, mode) = (YuvRange::Limited, YuvStandardMatrix::Bt601, YuvConversionMode::Balanced);
        rgb_to_yuv420(image, rgb, width * 3, range, matrix, mode)
    })
}

/// What cameras give.
#[cfg(feature = "window")]
pub(super) fn from_camera(
    format: nokhwa::utils::FrameFormat,
    data: &[u8],
    width: u32,
    height: u32,
    unix_us: u64,
) -> Result<VideoFrame, DeviceError> {
    use nokhwa::utils::FrameFormat;
    let pixels = width as usize * height as usize;
    let enough = |bytes: usize| data.get(..bytes).ok_or_else(|| other("the camera gave half a picture"));
    match format {
        FrameFormat::YUYV => {
            let yuy = enough(pixels * 2)?;
            let packed = yuv::YuvPackedImage { yuy, yuy_stride: width * 2, width, height };
            i420(width, height, unix_us, |image| yuv::yuyv422_to_yuv420(image, &packed))
        }
        FrameFormat::NV12 => from_nv12(data, width, height, unix_us),
        FrameFormat::MJPEG => from_jpeg(data, width, height, unix_us),
        FrameFormat::GRAY => {
            let planes = [plane(enough(pixels)?, width), grey(width, height), grey(width, height)];
            VideoFrame::new(width, height, planes, unix_us).map_err(other)
        }
        FrameFormat::RAWRGB => from_rgb(enough(pixels * 3)?, width, height, unix_us),
        FrameFormat::RAWBGR => {
            let bgr = enough(pixels * 3)?;
            i420(width, height, unix_us, |image| {
                let (range, matrix, mode) = (YuvRange::Limited, YuvStandardMatrix::Bt601, YuvConversionMode::Balanced);
                yuv::bgr_to_yuv420(image, bgr, width * 3, range, matrix, mode)
            })
        }
    }
}

#[cfg(feature = "window")]
fn plane(data: &[u8], width: u32) -> Plane {
    Plane { data: data.to_vec(), stride: width as usize }
}

#[cfg(feature = "window")]
fn grey(width: u32, height: u32) -> Plane {
    let (w, h) = (width.div_ceil(2) as usize, height.div_ceil(2) as usize);
    Plane { data: vec![128; w * h], stride: w }
}

#[cfg(feature = "window")]
fn from_nv12(data: &[u8], width: u32, height: u32, unix_us: u64) -> Result<VideoFrame, DeviceError> {
    let pixels = width as usize * height as usize;
    let chroma = width.div_ceil(2) as usize * height.div_ceil(2) as usize;
    if data.len() < pixels + 2 * chroma {
        return Err(other("the camera gave half a picture"));
    }
    let pairs = &data[pixels..pixels + 2 * chroma];
    let every_second = |first: usize| pairs.iter().skip(first).step_by(2).copied().collect::<Vec<u8>>();
    let stride = width.div_ceil(2) as usize;
    let planes = [
        plane(&data[..pixels], width),
        Plane { data: every_second(0), stride },
        Plane { data: every_second(1), stride },
    ];
    VideoFrame::new(width, height, planes, unix_us).map_err(other)
}

#[cfg(feature = "window")]
fn from_jpeg(data: &[u8], width: u32, height: u32, unix_us: u64) -> Result<VideoFrame, DeviceError> {
    use zune_jpeg::JpegDecoder;
    use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data), options);
    let rgb = decoder.decode().map_err(|e| other(format!("the camera gave a bad JPEG picture: {e:?}")))?;
    match decoder.info() {
        Some(info) if (u32::from(info.width), u32::from(info.height)) == (width, height) => {
            from_rgb(&rgb, width, height, unix_us)
        }
        _ => Err(other("the camera gave a JPEG picture of another size")),
    }
}

fn other(error: impl std::fmt::Display) -> DeviceError {
    DeviceError::Other(error.to_string())
}

#[cfg(all(test, feature = "window"))]
mod tests {
    use super::*;
    use nokhwa::utils::FrameFormat;

    /// A picture whose left half is white and whose right half is red, in each format.
    fn colours(format: FrameFormat, data: &[u8]) -> [[u8; 3]; 2] {
        let frame = from_camera(format, data, 16, 8, 7).expect("a picture");
        assert_eq!((frame.width(), frame.height(), frame.timestamp_us()), (16, 8, 7));
        let at = |x: usize| {
            std::array::from_fn(|i| {
                let plane = frame.plane(i);
                if i == 0 { plane.data[4 * plane.stride + x] } else { plane.data[2 * plane.stride + x / 2] }
            })
        };
        [at(2), at(13)]
    }

    fn near(got: [[u8; 3]; 2]) {
        let expected = [[235, 128, 128], [81, 90, 240]];
        for (got, expected) in got.as_flattened().iter().zip(expected.as_flattened()) {
            assert!(got.abs_diff(*expected) <= 4, "{got} is not {expected}");
        }
    }

    #[test]
    fn every_format_of_a_camera_keeps_its_colours() {
        let rgb = |x: usize| if x < 8 { [255u8, 255, 255] } else { [255, 0, 0] };
        let raw: Vec<u8> = (0..128).flat_map(|i| rgb(i % 16)).collect();
        near(colours(FrameFormat::RAWRGB, &raw));
        let bgr: Vec<u8> = raw.chunks(3).flat_map(|p| [p[2], p[1], p[0]]).collect();
        near(colours(FrameFormat::RAWBGR, &bgr));
        let yuyv: Vec<u8> =
            (0..64).flat_map(|i| if i % 8 < 4 { [235, 128, 235, 128] } else { [81, 90, 81, 240] }).collect();
        near(colours(FrameFormat::YUYV, &yuyv));
        let mut nv12: Vec<u8> = (0..128).map(|i| if i % 16 < 8 { 235 } else { 81 }).collect();
        nv12.extend((0..32).flat_map(|i| if i % 8 < 4 { [128, 128] } else { [90, 240] }));
        near(colours(FrameFormat::NV12, &nv12));
        let mut jpeg = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95)
            .encode(&raw, 16, 8, image::ExtendedColorType::Rgb8)
            .expect("a JPEG");
        jpeg.extend([0; 100]); // drivers hand over their whole buffer
        near(colours(FrameFormat::MJPEG, &jpeg));
    }

    #[test]
    fn half_a_picture_is_an_error() {
        for format in [FrameFormat::YUYV, FrameFormat::NV12, FrameFormat::MJPEG, FrameFormat::GRAY] {
            assert!(from_camera(format, &[0; 20], 16, 8, 0).is_err(), "{format}");
        }
    }
}
