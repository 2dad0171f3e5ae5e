//! Camera, microphone, speaker as leases: opened, used, released with a report.
//!
//! A lease is moved into the task that uses the device. [`CameraLease::release`] and its sisters close the device and
//! say what became of it; dropping a lease closes it too, but nobody learns how that went. Opening can be given up at
//! any time: see [`Opening`].
//!
//! Each device belongs to one named thread ([`owner`]) that opens it, uses it and closes it there; nobody else ever
//! waits for a driver. A real camera moreover lives in a process of its own ([`capture`]).

mod camera;
pub mod capture;
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

pub use camera::{CameraFormat, CameraLease, FrameSink};
pub use choice::{CameraChoice, ChoiceError, MicrophoneChoice, SpeakerChoice, camera_format};
pub use error::{DeviceError, ProblemKind};
pub use list::{DeviceEntry, DeviceLists, list};
pub use microphone::MicrophoneLease;
pub use owner::{Opening, Presence, Released};
pub use speaker::SpeakerLease;
pub use test_picture::Identity;

use crate::base::DeviceKind;
use std::sync::Arc;

/// Something that a device in use did by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEvent {
    /// Camera, microphone or speaker.
    pub kind: DeviceKind,
    /// The id that was asked for.
    pub id: String,
    /// Why it stopped. The lease is still to be released.
    pub error: DeviceError,
}

/// Where a lease tells that its device died. Called at most once a lease, from the device's thread: it must not block.
pub type DeviceEvents = Arc<dyn Fn(DeviceEvent) + Send + Sync>;
