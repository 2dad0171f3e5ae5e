//! Camera, microphone, speaker as leases: opened, used, released with a report.
//!
//! A lease is moved into the task that uses the device. [`CameraLease::release`] and [`AudioLease::release`] close the
//! device and report the outcome; dropping a lease closes the device too, without a report. Opening can be given up at
//! any time: see [`Opening`].
//!
//! Each device belongs to one named thread ([`thread`]) that opens it, uses it and closes it there; no other thread
//! waits for a driver. A real camera moreover lives in a process of its own ([`capture`]).

mod audio;
mod camera;
mod choice;
mod error;
mod list;
mod opening;
#[cfg(test)]
mod tests;
mod thread;
mod ticker;

pub(crate) use audio::AudioLease;
pub(crate) use camera::{CameraFormat, CameraLease, TestPictureIdentity, capture};
pub(crate) use choice::{CameraChoice, ChoiceError, MicrophoneChoice, SpeakerChoice, camera_format};
pub(crate) use error::DeviceError;
pub(crate) use list::list;
pub(crate) use opening::Opening;
pub(crate) use thread::{DevicePresence, Released};

use crate::base::DeviceKind;
use std::sync::Arc;

/// A device that stopped by itself while it was in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceFailure {
    /// Camera, microphone or speaker.
    pub(crate) kind: DeviceKind,
    /// The id that was asked for.
    pub(crate) id: String,
    /// Why it stopped. The lease is still to be released.
    pub(crate) error: DeviceError,
}

/// Takes the failure of a lease's device. It is called at most once per lease, on the device's thread: it must not block.
pub(crate) type FailureSink = Arc<dyn Fn(DeviceFailure) + Send + Sync>;
