//! Devices as the system lists them, and the errors that the window distinguishes.

use serde::{Deserialize, Serialize};

/// A device that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeviceEntry {
    /// The id that `--camera ID`, `--microphone ID` and `--speaker ID` take.
    pub(crate) id: String,
    /// The display name.
    pub(crate) label: String,
    /// Whether it is provided by Visavis (test picture, test tone, file).
    pub(crate) synthetic: bool,
    /// Whether it is the system's default.
    pub(crate) default: bool,
    /// Its formats for display: `1280x720@30 YUYV`, `48000 Hz, 2 channels`. Empty when they are not known.
    pub(crate) formats: Vec<String>,
}

/// The devices of this computer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct DeviceLists {
    /// Cameras, real ones first.
    pub(crate) cameras: Vec<DeviceEntry>,
    /// Microphones, real ones first.
    pub(crate) microphones: Vec<DeviceEntry>,
    /// Speakers, real ones first.
    pub(crate) speakers: Vec<DeviceEntry>,
}

/// Why a device cannot be used: the cases for which the window has a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeviceProblemKind {
    /// There is no such device.
    NotFound,
    /// Another program uses it.
    Busy,
    /// The system does not let us use it.
    Forbidden,
    /// It was unplugged while in use.
    Unplugged,
    /// It gives nothing that can be read: a pixel format, a kind of file.
    Unreadable,
    /// Any other reason.
    Other,
}

/// Why others keep a device of ours off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// The host turned it off. The user may turn it on again.
    Host,
    /// We may not send what it gives: the token does not allow it, or the host has taken the right away.
    NotAllowed,
    /// The server did not accept its track. The user may try again.
    Refused,
}
