//! Pictures as RGB and JPEG to I420 (BT.601, limited range), and I420 to RGBA for the screen.

use super::pixels::{PixelFormat, RawPicture, YuvEncoding};
use crate::base::{VideoFrame, VideoFrameError};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

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

/// From RGB, 3 bytes a pixel, rows tightly packed.
pub(crate) fn from_rgb(data: &[u8], width: u32, height: u32, timestamp_us: u64) -> Result<VideoFrame, ColorError> {
    let (stride, format, encoding) = (0, PixelFormat::Rgb, YuvEncoding::default());
    RawPicture { data, width, height, stride, format, encoding }.to_frame(timestamp_us)
}

/// The beginning of a JPEG image from a video: SOI, and an APP0 segment by which the decoder knows that missing Huffman
/// tables are the standard's (OpenDML AVI File Format Extensions, 1996, appendix B).
#[cfg(feature = "window")]
const VIDEO_JPEG: [u8; 20] = *b"\xFF\xD8\xFF\xE0\0\x10AVI1\0\0\0\0\0\0\0\0\0\0";

/// From one JPEG image, as in Motion JPEG, where many cameras leave the Huffman tables out. The size is that in its header.
#[cfg(feature = "window")]
pub(crate) fn from_jpeg(data: &[u8], timestamp_us: u64) -> Result<VideoFrame, ColorError> {
    match data {
        [0xFF, 0xD8, rest @ ..] if lacks_huffman_tables(rest) => {
            decode_jpeg(&[&VIDEO_JPEG, rest].concat(), timestamp_us)
        }
        _ => decode_jpeg(data, timestamp_us),
    }
}

/// Whether no DHT segment comes before the image data (ITU-T T.81, B.1.1.3). `data` begins after SOI.
#[cfg(feature = "window")]
fn lacks_huffman_tables(mut data: &[u8]) -> bool {
    const DHT: u8 = 0xC4;
    const SOS: u8 = 0xDA;
    while let [0xFF, marker, high, low, ..] = data {
        match *marker {
            DHT => return false,
            SOS => return true,
            _ => data = data.get(2 + usize::from(u16::from_be_bytes([*high, *low]))..).unwrap_or_default(),
        }
    }
    false
}

#[cfg(feature = "window")]
fn decode_jpeg(data: &[u8], timestamp_us: u64) -> Result<VideoFrame, ColorError> {
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
    fn a_colour_is_the_same_in_both_directions() {
        let (w, h) = (32, 18);
        let pixels = w as usize * h as usize;
        assert_colour(&from_rgb(&[255, 0, 0].repeat(pixels), w, h, 0).expect("rgb"), RED);
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

    #[cfg(feature = "window")]
    fn jpeg_of(samples: &[u8], width: u32, height: u32, kind: image::ExtendedColorType) -> Vec<u8> {
        let mut jpeg = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 90);
        image::ImageEncoder::write_image(encoder, samples, width, height, kind).expect("encoded");
        jpeg
    }

    #[cfg(feature = "window")]
    #[test]
    fn motion_jpeg_without_huffman_tables_is_decoded() {
        let rgb = [[255, 0, 0]; 33 * 17].concat();
        let whole = jpeg_of(&rgb, 33, 17, image::ExtendedColorType::Rgb8);
        let (mut bare, mut at) = (whole[..2].to_vec(), 2);
        while whole[at + 1] != 0xDA {
            let end = at + 2 + usize::from(u16::from_be_bytes([whole[at + 2], whole[at + 3]]));
            if whole[at + 1] != 0xC4 {
                bare.extend(&whole[at..end]);
            }
            at = end;
        }
        bare.extend(&whole[at..]);
        assert!(bare.len() < whole.len());
        let frame = from_jpeg(&bare, 0).expect("decoded");
        assert_eq!((frame.width(), frame.height()), (33, 17));
        assert_colour(&frame, RED);
        for length in 0..bare.len() {
            from_jpeg(&bare[..length], 0).ok();
        }
    }

    #[cfg(feature = "window")]
    #[test]
    fn a_jpeg_without_colour_is_grey() {
        let jpeg = jpeg_of(&[0; 64], 8, 8, image::ExtendedColorType::L8);
        assert_colour(&from_jpeg(&jpeg, 0).expect("decoded"), [16, 128, 128]);
    }

    #[test]
    fn data_that_is_too_short_is_refused() {
        assert!(matches!(from_rgb(&[0; 23], 4, 2, 0), Err(ColorError::Short { bytes: 23, needed: 24 })));
        assert!(matches!(from_rgb(&[], 0, 2, 0), Err(ColorError::Size(_))));
    }
}
