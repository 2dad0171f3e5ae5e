//! The test picture and the test tone: drawn by one side, read by the other, so that any peer can check what arrived.
//!
//! The picture: a grey moving background with three rows of 32 square blocks near the top. With `b = width / 40`
//! (rounded down), block `i` of row `r` covers `b` by `b` pixels from `x = 4b + i*b`, `y = b + 2*r*b`. Black is 0, white
//! is 1, most significant first: 24 bits of value, then their CRC-8 (polynomial 0x07, start 0). Row 0 is the frame
//! number, row 1 the time of drawing in Unix milliseconds, row 2 the CRC-32 (IEEE) of the identity, each modulo 2^24.
//! `width` is that of the picture as read, so the blocks survive simulcast layers from 160 pixels up.

mod font;
mod painter;
mod read;
mod tone;
mod tone_meter;
mod tracker;
mod voice;
mod word;

pub(crate) use painter::{Painter, PainterError};
pub(crate) use read::{ReadError, Reading, read};
pub(crate) use tone::Tone;
pub(crate) use tone_meter::{ToneMeter, ToneReading};
pub(crate) use tracker::Tracker;
pub(crate) use voice::Voice;
pub(crate) use word::identity_code;

/// Sample rate of the test tone, the synthetic voice and everything that Opus carries, in Hz.
pub(crate) const SAMPLE_RATE: u32 = 48_000;

/// The tone of bot `n` (from 0) in Hz, unless it is told otherwise: 300 + 100·n.
pub(crate) fn bot_tone_hz(n: u32) -> f64 {
    300.0 + 100.0 * f64::from(n)
}
