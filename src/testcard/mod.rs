//! The test picture and the test tone: one peer generates them, another measures what arrived.
//!
//! The test picture has a grey moving background and three rows of 32 square blocks near the top. With `b = width / 40`
//! (rounded down), block `i` of row `r` covers `b` by `b` pixels from `x = 4b + i*b`, `y = b + 2*r*b`. Black is 0, white
//! is 1, most significant bit first: 24 bits of value, then their CRC-8 (polynomial 0x07, start 0). Row 0 is the frame
//! number, row 1 the time of drawing in Unix milliseconds, row 2 the CRC-32 (IEEE) of the identity, each modulo 2^24.
//! `width` is that of the frame as received, so the blocks survive simulcast layers from 160 pixels up.
//! The test page of a shared screen has the same rows above small text. A portrait has them as a strip at its top edge: row `r`
//! covers the lines from `r * (b / 2)` on, `b / 2` high, with luma 200 for 0 and 56 for 1.

mod blocks;
mod font;
#[cfg(test)]
mod noise;
#[cfg(feature = "client")]
mod page;
mod painter;
#[cfg(feature = "client")]
mod portrait;
mod read;
mod tone;
mod tone_meter;
mod tracker;
mod voice;

pub(crate) use blocks::identity_code;
#[cfg(test)]
pub(crate) use noise::Noise;
#[cfg(feature = "client")]
pub(crate) use page::{PAGE_SIZE, PagePainter, first_line};
pub(crate) use painter::{FramePainter, FramePainterError};
#[cfg(feature = "client")]
pub(crate) use portrait::{PORTRAITS, PortraitPainter};
pub(crate) use read::{FrameReadError, FrameReading, read};
pub(crate) use tone::TestTone;
pub(crate) use tone_meter::{ToneMeter, ToneReading};
pub(crate) use tracker::FrameTracker;
pub(crate) use voice::TestVoice;

/// Sample rate of the test tone, the test voice and all Opus audio, in Hz.
pub(crate) const SAMPLE_RATE: u32 = 48_000;

/// The default tone of bot `n` (from 0) in Hz: 300 + 100·n.
pub(crate) fn bot_tone_hz(n: u32) -> f64 {
    300.0 + 100.0 * f64::from(n)
}
