//! Decodes a received stream, whose codec may change at a key frame.

use super::decode_error::VideoDecodeError;
#[cfg(feature = "h264")]
use super::h264::H264Decoder;
use super::vp8::Vp8Decoder;
use super::vp9::Vp9Decoder;
use crate::base::{Codec, EncodedFrame, VideoFrame};

/// Decodes one stream.
#[derive(Default)]
pub(crate) struct VideoDecoder(Option<CodecDecoder>);

enum CodecDecoder {
    Vp8(Vp8Decoder),
    Vp9(Vp9Decoder),
    #[cfg(feature = "h264")]
    H264(Box<H264Decoder>),
}

impl CodecDecoder {
    fn new(codec: Codec) -> Result<Self, VideoDecodeError> {
        Ok(match codec {
            Codec::Vp8 => Self::Vp8(Vp8Decoder::new()?),
            Codec::Vp9 => Self::Vp9(Vp9Decoder::new()?),
            #[cfg(feature = "h264")]
            Codec::H264 => Self::H264(Box::new(H264Decoder::new()?)),
            _ => return Err(VideoDecodeError::NoDecoder(codec)),
        })
    }

    const fn codec(&self) -> Codec {
        match self {
            Self::Vp8(_) => Codec::Vp8,
            Self::Vp9(_) => Codec::Vp9,
            #[cfg(feature = "h264")]
            Self::H264(_) => Codec::H264,
        }
    }
}

impl VideoDecoder {
    /// Decodes one whole frame. `None`: it is not to be shown. `timestamp_us` becomes that of the decoded frame.
    pub(crate) fn decode(
        &mut self,
        frame: &EncodedFrame,
        timestamp_us: u64,
    ) -> Result<Option<VideoFrame>, VideoDecodeError> {
        let decoder = match self.0.take().filter(|decoder| decoder.codec() == frame.codec) {
            Some(decoder) => decoder,
            None => CodecDecoder::new(frame.codec)?,
        };
        match self.0.insert(decoder) {
            CodecDecoder::Vp8(decoder) => decoder.decode(&frame.data, timestamp_us),
            CodecDecoder::Vp9(decoder) => decoder.decode(&frame.data, timestamp_us),
            #[cfg(feature = "h264")]
            CodecDecoder::H264(decoder) => decoder.decode(&frame.data, frame.keyframe, timestamp_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{VideoContent, Vp8Config, Vp8Encoder};
    use crate::testcard::{FramePainter, read};
    use bytes::Bytes;

    #[test]
    fn the_codec_of_a_stream_may_change_at_a_key_frame() {
        let mut painter = FramePainter::new(320, 180, "mina").expect("a painter");
        let mut encoder = Vp8Encoder::new(Vp8Config { kbps: 400, threads: 1, content: VideoContent::Camera });
        let mut vp8 =
            |n| encoder.encode(&painter.paint(n, 0, 0).expect("a frame"), n * 3000).expect("encoded").expect("sent");
        let vp9 =
            |keyframe, data| EncodedFrame { codec: Codec::Vp9, data: Bytes::from_static(data), keyframe, timestamp: 0 };
        let key = vp9(true, include_bytes!("testdata/vp9_key.bin"));
        let inter = vp9(false, include_bytes!("testdata/vp9_inter.bin"));
        let mut decoder = VideoDecoder::default();
        let mut number = |frame: &EncodedFrame| match decoder.decode(frame, 0) {
            Ok(picture) => Some(read(&picture.expect("shown")).expect("readable").frame),
            Err(VideoDecodeError::NeedsKeyframe) => None,
            Err(error) => panic!("{error}"),
        };
        let (first, second) = (vp8(5), vp8(6));
        assert_eq!([number(&first), number(&key), number(&inter)], [Some(5), Some(0), Some(1)]);
        assert_eq!([number(&second), number(&first), number(&second)], [None, Some(5), Some(6)]);
        let other = EncodedFrame { codec: Codec::Av1, ..key };
        assert!(matches!(decoder.decode(&other, 0), Err(VideoDecodeError::NoDecoder(Codec::Av1))));
    }
}
