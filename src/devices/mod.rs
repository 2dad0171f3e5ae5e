//! Camera, microphone, speaker as leases: opened, used, released with a report.
//!
//! A lease is moved into the task that uses the device. [`CameraLease::release`] and its sisters close the device and
//! say what became of it; dropping a lease closes it too, but nobody learns how that went. Opening can be given up at
//! any time: see [`Opening`].
//!
//! Each device belongs to one named thread ([`owner`]) that opens it, uses it and closes it there; nobody else ever
//! waits for a driver. A real camera moreover lives in a process of its own ([`capture`]).

mod camera;
pub(crate) mod capture;
mod choice;
mod error;
mod list;
mod microphone;
mod owner;
mod pace;
#[cfg(all(feature = "window", target_os = "linux"))]
mod pulse_cookie;
#[cfg(all(feature = "window", target_os = "linux"))]
mod pulse_stream;
#[cfg(feature = "window")]
mod sound_card;
#[cfg(all(test, feature = "window", target_os = "linux"))]
mod sound_card_tests;
mod sound_file;
#[cfg(feature = "window")]
mod sound_host;
mod speaker;
mod synthetic_sound;
mod test_picture;
#[cfg(test)]
mod tests;
mod video_file;

pub(crate) use camera::{CameraFormat, CameraLease};
pub(crate) use choice::{CameraChoice, ChoiceError, MicrophoneChoice, SpeakerChoice, camera_format};
pub(crate) use error::{DeviceError, ProblemKind};
pub(crate) use list::{DeviceEntry, DeviceLists, list};
pub(crate) use microphone::MicrophoneLease;
pub(crate) use owner::{Opening, Presence, Released};
pub(crate) use speaker::SpeakerLease;
pub(crate) use test_picture::Identity;

use crate::base::DeviceKind;
use std::sync::Arc;

/// Something that a device in use did by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceEvent {
    /// Camera, microphone or speaker.
    pub(crate) kind: DeviceKind,
    /// The id that was asked for.
    pub(crate) id: String,
    /// Why it stopped. The lease is still to be released.
    pub(crate) error: DeviceError,
}

/// Where a lease tells that its device died. Called at most once a lease, from the device's thread: it must not block.
pub(crate) type DeviceEvents = Arc<dyn Fn(DeviceEvent) + Send + Sync>;
