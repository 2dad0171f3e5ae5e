//! Devices as the system lists them, and the errors that the window distinguishes.

use super::{DeviceKind, NO_DEVICE};
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

/// A screen or a window that can be shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScreenSource {
    /// The id that `--screen ID` takes. That of a window is used again after its end.
    pub(crate) id: String,
    /// Its name for people: the title of a window.
    pub(crate) label: String,
    /// A whole screen or one window.
    pub(crate) kind: ScreenSourceKind,
    /// Width in pixels.
    pub(crate) width: u32,
    /// Height in pixels.
    pub(crate) height: u32,
    /// A small picture of it as JPEG.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thumbnail: Option<Vec<u8>>,
}

/// What can be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScreenSourceKind {
    /// A whole screen.
    Screen,
    /// One window.
    Window,
}

/// Whether screens can be shared in this session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SharingSupport {
    /// They can.
    Yes,
    /// Not in a Wayland session.
    Wayland,
    /// There is no display.
    NoDisplay,
    /// Not on this system.
    #[default]
    System,
}

/// The screens and windows that can be shared, and whether any can.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScreenSources {
    /// Whether they can be shared.
    pub(crate) support: SharingSupport,
    /// The screens, then the windows from the top down.
    pub(crate) sources: Vec<ScreenSource>,
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

impl DeviceLists {
    /// The devices of a kind. Screens are not listed.
    pub(crate) fn of(&self, kind: DeviceKind) -> &[DeviceEntry] {
        match kind {
            DeviceKind::Camera => &self.cameras,
            DeviceKind::Microphone => &self.microphones,
            DeviceKind::Speaker => &self.speakers,
            DeviceKind::Screen => &[],
        }
    }

    /// The real devices of a kind, for a session.
    pub(crate) fn listed(&self, kind: DeviceKind) -> Listed {
        let real = || self.of(kind).iter().filter(|e| !e.synthetic);
        Listed {
            ids: real().map(|e| e.id.clone()).collect(),
            default: real().find(|e| e.default).map(|e| e.id.clone()),
        }
    }
}

/// The real devices of one kind that are plugged in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Their ids.
    pub ids: Vec<String>,
    /// The id of the system's default; `None` if the system names none, or one that is not listed.
    pub default: Option<String>,
}

impl Listed {
    /// Whether the device is plugged in.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.iter().any(|i| i == id)
    }
}

/// Whether an id can be that of a real device: it is none of Visavis' own (a test device, a file, a capture process with
/// a fault, none, the default).
pub(crate) fn names_real_device(id: &str) -> bool {
    let id = id.trim();
    let own = ["test-", "portrait:", "file:", "capture-process:"];
    let alone = [NO_DEVICE, "default", "portrait"];
    !(id.is_empty() || alone.contains(&id) || own.iter().any(|prefix| id.starts_with(prefix)))
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
