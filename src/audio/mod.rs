//! Audio processing of a call: jitter buffers, echo cancellation, mixing, level meters.
//!
//! [`AudioEngine`] runs all of it on one thread. Lock-free rings connect it to the devices; RTP payloads come in and go
//! out as packets. Inside, all audio is 48 kHz mono in blocks of 10 ms.

mod channels;
mod engine;
mod jitter_buffer;
mod join_sound;
mod level;
mod mixer;
mod pipeline;
mod playout;
mod playout_delay;
mod processor;
mod receive_stream;
mod report;
mod send_stream;
mod thread;
mod time_stretch;

pub(crate) use engine::{AudioConfig, AudioEngine, AudioError, AudioProcessing, AudioStreamInput};
pub(crate) use join_sound::JoinSound;
pub(crate) use level::AudioLevel;
pub(crate) use pipeline::AudioStreamId;
pub(crate) use receive_stream::AudioStreamStats;
pub(crate) use report::{AudioReport, AudioStreamReport};
pub(crate) use send_stream::AudioPacket;

/// Samples in 10 ms.
pub(crate) const BLOCK: usize = 480;
/// Sample rate in Hz.
const RATE: u32 = 48_000;
/// The format of all audio inside this folder.
#[cfg(test)]
const MONO: crate::base::PcmFormat = crate::base::PcmFormat { rate: RATE, channels: 1 };

/// The duration of `samples` in microseconds.
const fn micros(samples: usize) -> u64 {
    samples as u64 * 1_000_000 / RATE as u64
}
