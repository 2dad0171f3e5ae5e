//! Sound: jitter buffer, echo cancelling, mixing, levels.
//!
//! [`SoundEngine`] runs all of it on one thread. Towards the devices it has rings without locks; towards the network it
//! takes packets and hands packets out. Inside, everything is 48 kHz mono, 10 ms at a time.

mod core;
mod delay;
mod engine;
mod jitter;
mod level;
mod microphone;
mod mixer;
mod processing;
mod speaker;
mod stretch;
mod thread;
mod voice;

pub(crate) use core::VoiceId;
pub(crate) use engine::{Cleaning, SoundConfig, SoundEngine, SoundError, SoundReport, VoiceInput, VoiceReport};
pub(crate) use level::Level;
pub(crate) use microphone::SoundPacket;

use crate::base::PcmFormat;

/// Samples in 10 ms.
pub(crate) const BLOCK: usize = 480;
/// Samples a second.
const RATE: u32 = 48_000;
/// What everything inside is.
const MONO: PcmFormat = PcmFormat { rate: RATE, channels: 1 };

/// Microseconds that so many samples last.
const fn micros(samples: usize) -> u64 {
    samples as u64 * 1_000_000 / RATE as u64
}
