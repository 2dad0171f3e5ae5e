//! Why a video frame was not decoded.

#[cfg(feature = "h264")]
use super::h264::H264Error;
use super::vpx::VpxError;
use crate::base::Codec;

/// Luma samples of a received frame at most: a shared 5K screen. A decoder takes six bytes for each.
pub(super) const MAX_PIXELS: u32 = 5120 * 2880;

/// Why a frame was not decoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VideoDecodeError {
    /// It builds on frames that were not decoded: request a key frame.
    #[error("the frame needs a key frame before it")]
    NeedsKeyframe,
    /// It has no valid header.
    #[error("the data is not a frame of this codec")]
    Malformed,
    /// This build has no decoder for the codec.
    #[error("there is no decoder for {0:?}")]
    NoDecoder(Codec),
    /// Larger than `MAX_PIXELS`.
    #[error("a frame of {width}x{height} is too large")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The data is damaged: request a key frame.
    #[error(transparent)]
    Vpx(#[from] VpxError),
    /// The data is damaged: request a key frame.
    #[cfg(feature = "h264")]
    #[error(transparent)]
    H264(#[from] H264Error),
}

/// An error if a frame of this size is too large to be decoded.
pub(super) fn check_size(width: u32, height: u32) -> Result<(), VideoDecodeError> {
    match width.checked_mul(height) {
        Some(pixels) if pixels <= MAX_PIXELS => Ok(()),
        _ => Err(VideoDecodeError::TooLarge { width, height }),
    }
}
