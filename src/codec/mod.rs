//! Codecs and pixels: Opus, VP8, resampling, colour, scaling. No clock, no thread.

pub mod color;
mod opus;
mod resample;
mod scale;
mod vp8;
mod vpx;

pub use opus::{
    FRAME_SAMPLES, MAX_FRAME_SAMPLES, OpusChannels, OpusDecodeError, OpusDecoder, OpusEncodeError, OpusEncoder,
};
pub use resample::{ResampleError, Resampler};
pub use scale::{ScaleError, Scaler};
pub use vp8::{Vp8Config, Vp8DecodeError, Vp8Decoder, Vp8EncodeError, Vp8Encoder};
pub use vpx::VpxError;
