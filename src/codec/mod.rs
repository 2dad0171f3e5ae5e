//! Codecs and pixels: Opus, VP8, resampling, colour, scaling. No clock, no thread.

pub(crate) mod color;
mod opus;
mod resample;
mod scale;
mod vp8;
mod vpx;

pub(crate) use opus::{
    FRAME_SAMPLES, MAX_FRAME_SAMPLES, OpusChannels, OpusDecodeError, OpusDecoder, OpusEncodeError, OpusEncoder,
};
pub(crate) use resample::{ResampleError, Resampler};
pub(crate) use scale::{ScaleError, Scaler};
pub(crate) use vp8::{Vp8Config, Vp8Decoder, Vp8EncodeError, Vp8Encoder};
