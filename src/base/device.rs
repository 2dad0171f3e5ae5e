//! Devices as the system lists them, and what can be wrong with one.

use serde::{Deserialize, Serialize};

/// A device that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// The id that `--camera ID`, `--microphone ID` and `--speaker ID` take.
    pub id: String,
    /// The name that people read.
    pub label: String,
    /// Whether it is made by Visavis (test picture, test tone, file).
    pub synthetic: bool,
    /// Whether it is the system's default.
    pub default: bool,
    /// Its formats for people: `1280x720@30 YUYV`, `48000 Hz, 2 channels`. Empty when they are not known.
    pub formats: Vec<String>,
}

/// The devices of this computer, real ones first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeviceLists {
    /// Cameras.
    pub cameras: Vec<DeviceEntry>,
    /// Microphones.
    pub microphones: Vec<DeviceEntry>,
    /// Speakers.
    pub speakers: Vec<DeviceEntry>,
}

/// Why a device cannot be used: the cases for which the window has a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceProblemKind {
    /// There is no such device.
    NotFound,
    /// Another program uses it.
    Busy,
    /// The system does not let us use it.
    Forbidden,
    /// It was unplugged while in use.
    Unplugged,
    /// Any other reason.
    Other,
}
