//! Decodes H.264 with Cisco's OpenH264. It refuses sizes above those of level 5.2 (ITU-T H.264, annex A): 9.4 million
//! pixels.

use super::decode_error::{VideoDecodeError, check_size};
use crate::base::{Plane, VideoFrame};
use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

/// An error of OpenH264.
#[derive(Debug, thiserror::Error)]
#[error("OpenH264 could not decode a frame: {0}")]
pub(crate) struct H264Error(String);

impl From<openh264::Error> for H264Error {
    fn from(error: openh264::Error) -> Self {
        Self(error.to_string())
    }
}

/// Decodes one stream.
pub(super) struct H264Decoder {
    raw: Decoder,
    has_keyframe: bool,
}

impl H264Decoder {
    /// A decoder that waits for a key frame.
    pub(super) fn new() -> Result<Self, VideoDecodeError> {
        // A call's stream has no frames out of order, so each packet gives its picture.
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let raw = Decoder::with_api_config(OpenH264API::from_source(), config).map_err(H264Error::from)?;
        Ok(Self { raw, has_keyframe: false })
    }

    /// Decodes one whole frame. `None`: it is not to be shown.
    pub(super) fn decode(
        &mut self,
        data: &[u8],
        keyframe: bool,
        timestamp_us: u64,
    ) -> Result<Option<VideoFrame>, VideoDecodeError> {
        self.has_keyframe |= keyframe;
        if !self.has_keyframe {
            return Err(VideoDecodeError::NeedsKeyframe);
        }
        let decoded = self.raw.decode(data).map_err(H264Error::from);
        let frame =
            decoded.map_err(VideoDecodeError::from).and_then(|yuv| yuv.map(|yuv| copy(&yuv, timestamp_us)).transpose());
        self.has_keyframe = frame.is_ok();
        frame
    }
}

fn copy(yuv: &DecodedYUV<'_>, timestamp_us: u64) -> Result<VideoFrame, VideoDecodeError> {
    let (width, height) = yuv.dimensions();
    let (y, u, v) = yuv.strides();
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let planes = [
        plane(yuv.y(), y, width, height),
        plane(yuv.u(), u, half_width, half_height),
        plane(yuv.v(), v, half_width, half_height),
    ];
    let (width, height) = (width as u32, height as u32);
    check_size(width, height)?;
    VideoFrame::new(width, height, planes, timestamp_us).map_err(|_| VideoDecodeError::Malformed)
}

fn plane(samples: &[u8], stride: usize, width: usize, height: usize) -> Plane {
    let mut data = Vec::with_capacity(width * height);
    for row in samples.chunks(stride.max(1)).take(height) {
        data.extend_from_slice(row.get(..width).unwrap_or(row));
    }
    Plane { data, stride: width }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::read;

    /// Two frames of the test picture of "mina", 320x180, by x264: a key frame (number 0) and one that builds on it.
    const KEY: &[u8] = include_bytes!("testdata/h264_key.bin");
    const INTER: &[u8] = include_bytes!("testdata/h264_inter.bin");

    #[test]
    fn frames_are_decoded_from_a_key_frame_on() {
        let mut decoder = H264Decoder::new().expect("a decoder");
        assert!(matches!(decoder.decode(INTER, false, 0), Err(VideoDecodeError::NeedsKeyframe)));
        let shown = decoder.decode(KEY, true, 7).expect("decoded").expect("shown");
        assert_eq!((shown.width(), shown.height(), shown.timestamp_us()), (320, 180, 7));
        assert_eq!(read(&shown).expect("readable").frame, 0);
        let next = decoder.decode(INTER, false, 8).expect("decoded").expect("shown");
        assert_eq!(read(&next).expect("readable").frame, 1);
    }

    #[test]
    fn damaged_frames_do_no_harm_and_the_next_key_frame_is_shown() {
        let mut decoder = H264Decoder::new().expect("a decoder");
        for cut in [5, KEY.len() / 2, KEY.len() - 1] {
            decoder.decode(&KEY[..cut], true, 0).ok();
        }
        decoder.decode(&[0, 0, 0, 1, 0x65, 0xFF], true, 0).ok();
        decoder.decode(&[], true, 0).ok();
        let shown = (0..3).find_map(|_| decoder.decode(KEY, true, 0).ok().flatten());
        assert!(shown.is_some_and(|frame| read(&frame).is_ok()));
    }
}
