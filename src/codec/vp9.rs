//! Decodes VP9, also scalable video, with a limit on the size that a stream may ask for.

use super::decode_error::{VideoDecodeError, check_size};
use super::vp9_header::{self, Vp9Header};
use super::vpx::{RawDecoder, VpxCodec};
use crate::base::VideoFrame;

/// Decodes one stream.
pub(super) struct Vp9Decoder {
    raw: RawDecoder,
    has_keyframe: bool,
}

impl Vp9Decoder {
    /// A decoder that waits for a key frame.
    pub(super) fn new() -> Result<Self, VideoDecodeError> {
        Ok(Self { raw: RawDecoder::new(VpxCodec::Vp9, 1)?, has_keyframe: false })
    }

    /// Decodes one frame or superframe, of which the last layer is shown. `None`: it is not to be shown.
    pub(super) fn decode(&mut self, data: &[u8], timestamp_us: u64) -> Result<Option<VideoFrame>, VideoDecodeError> {
        let decoded = self.try_decode(data, timestamp_us);
        self.has_keyframe &= decoded.is_ok();
        decoded
    }

    fn try_decode(&mut self, data: &[u8], timestamp_us: u64) -> Result<Option<VideoFrame>, VideoDecodeError> {
        for frame in vp9_header::frames(data) {
            match Vp9Header::parse(frame).ok_or(VideoDecodeError::Malformed)? {
                Vp9Header::Keyframe { width, height } => {
                    check_size(width, height)?;
                    self.has_keyframe = true;
                }
                Vp9Header::Interframe { size } => {
                    if let Some((width, height)) = size {
                        check_size(width, height)?;
                    }
                    if !self.has_keyframe {
                        return Err(VideoDecodeError::NeedsKeyframe);
                    }
                }
            }
        }
        Ok(self.raw.decode(data, timestamp_us)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::read;

    /// Two frames of the test picture of "mina", 320x180, by libvpx: a key frame (number 0) and one that builds on it.
    const KEY: &[u8] = include_bytes!("testdata/vp9_key.bin");
    const INTER: &[u8] = include_bytes!("testdata/vp9_inter.bin");
    /// A key frame of 640x360.
    const LARGE: &[u8] = include_bytes!("testdata/vp9_key_640.bin");

    #[test]
    fn frames_are_decoded_from_a_key_frame_on() {
        let mut decoder = Vp9Decoder::new().expect("a decoder");
        assert!(matches!(decoder.decode(INTER, 0), Err(VideoDecodeError::NeedsKeyframe)));
        let shown = decoder.decode(KEY, 7).expect("decoded").expect("shown");
        assert_eq!((shown.width(), shown.height(), shown.timestamp_us()), (320, 180, 7));
        assert_eq!(read(&shown).expect("readable").frame, 0);
        let next = decoder.decode(INTER, 8).expect("decoded").expect("shown");
        assert_eq!(read(&next).expect("readable").frame, 1);
        assert!(decoder.decode(&KEY[..KEY.len() / 2], 9).is_err());
        assert!(matches!(decoder.decode(INTER, 0), Err(VideoDecodeError::NeedsKeyframe)), "after damaged data");
    }

    #[test]
    fn the_highest_layer_of_a_superframe_is_shown() {
        let mut decoder = Vp9Decoder::new().expect("a decoder");
        let sizes = [KEY, LARGE].map(|frame| (frame.len() as u32).to_le_bytes()).concat();
        let picture = [KEY, LARGE, &[0xD9], &sizes, &[0xD9]].concat();
        let shown = decoder.decode(&picture, 0).expect("decoded").expect("shown");
        assert_eq!((shown.width(), shown.height()), (640, 360));
        assert_eq!(read(&shown).expect("readable").frame, 0);
    }

    #[test]
    fn a_giant_is_refused_before_it_is_decoded() {
        let mut giant = KEY.to_vec();
        // The size follows the sync code and four bits of colours.
        giant[4..8].copy_from_slice(&[0x0F, 0xFF, 0xFF, 0xFF]);
        let mut decoder = Vp9Decoder::new().expect("a decoder");
        assert!(matches!(decoder.decode(&giant, 0), Err(VideoDecodeError::TooLarge { .. })));
    }
}
