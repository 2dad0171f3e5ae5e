//! RTP payload formats of video: where frames and key frames begin, and how payloads become frames.
//!
//! webrtc-rs' reader of VP8 refuses payloads under 4 bytes, which the last part of a frame may be, and str0m belongs to the
//! server, which clients are built without.

mod assemble;
mod h264;
mod vp8;
mod vp9;

pub(crate) use assemble::assemble;
pub(crate) use vp8::Vp8Payload;
pub(crate) use vp9::Vp9Payload;

use crate::base::Codec;

/// What one RTP payload says of the frame that it is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PayloadPart {
    /// Bytes of the payload descriptor; 0 for a format without one.
    pub(crate) descriptor: usize,
    /// Whether a frame may begin here. A further layer of the same picture (VP9) and a further NAL unit (H.264) begin
    /// likewise, with the same RTP timestamp.
    pub(crate) begins: bool,
    /// Whether a key frame begins here.
    pub(crate) begins_keyframe: bool,
}

impl PayloadPart {
    /// Reads a payload; `None` if it is malformed, holds no bitstream, or the codec is none of these.
    pub(crate) fn read(codec: Codec, payload: &[u8]) -> Option<Self> {
        match codec {
            Codec::Vp8 => Vp8Payload::read(payload).map(|p| p.part(payload)),
            Codec::Vp9 => Vp9Payload::read(payload).map(Vp9Payload::part),
            Codec::H264 => h264::read(payload),
            _ => None,
        }
    }
}
