//! Codecs and conversions: Opus, VP8, VP9, H.264, sample rates, colours, scaling and turning. No clock, no thread.

pub(crate) mod color;
mod decode_error;
#[cfg(feature = "h264")]
mod h264;
mod opus;
pub(crate) mod pixels;
mod resample;
mod scale;
mod sealed;
mod turn;
mod video_decoder;
mod vp8;
mod vp8_header;
mod vp9;
mod vp9_header;
mod vpx;

pub(crate) use opus::{FRAME_SAMPLES, MAX_FRAME_SAMPLES, OpusDecodeError, OpusDecoder, OpusEncodeError, OpusEncoder};
pub(crate) use resample::{ResampleError, Resampler};
pub(crate) use scale::{ScaleError, Scaler};
pub(crate) use sealed::is_sealed;
pub(crate) use turn::turn_upright;
pub(crate) use video_decoder::VideoDecoder;
pub(crate) use vp8::{VideoContent, Vp8Config, Vp8EncodeError, Vp8Encoder};
pub(crate) use vp8_header::Vp8Header;
