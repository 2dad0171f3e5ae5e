//! Camera, microphone, speaker and screen as leases: opened, used, released with a report.
//!
//! A lease is moved into the task that uses the device. Its `release` closes the
//! device and report the outcome; dropping a lease closes the device too, without a report. Opening can be given up at
//! any time: see [`Opening`].
//!
//! Each device belongs to one named thread ([`thread`]) that opens it, uses it and closes it there; no other thread
//! waits for a driver. A real camera or screen moreover lives in a process of its own
//! ([`capture`]).

mod audio;
mod camera;
mod choice;
mod error;
mod list;
mod opening;
mod screen;
#[cfg(test)]
mod tests;
mod thread;
mod ticker;
mod watch;

pub(crate) use audio::{AudioLease, SoundSystem};
pub(crate) use camera::{CameraFormat, CameraLease, TestPictureIdentity, capture};
pub(crate) use choice::{CameraChoice, ChoiceError, MicrophoneChoice, SpeakerChoice, camera_format};
pub(crate) use error::{DeviceError, DeviceFailure, FailureSink};
pub(crate) use list::{list, list_cameras, list_screens, list_sound};
pub(crate) use opening::Opening;
pub(crate) use screen::{ScreenChoice, ScreenLease, ScreenWatch, capture_screen, screen_sources, watch_sources};
pub(crate) use thread::{DevicePresence, Released};
pub(crate) use watch::{DeviceChange, DeviceWatch};
