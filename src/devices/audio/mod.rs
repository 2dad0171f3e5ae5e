//! Microphones and speakers.

#[cfg(feature = "window")]
mod card;
mod microphone;
mod speaker;
mod synthetic;
mod wav_file;

#[cfg(feature = "window")]
pub(super) use card::list;
pub(crate) use microphone::MicrophoneLease;
pub(crate) use speaker::SpeakerLease;
