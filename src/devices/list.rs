//! Lists the cameras, microphones and speakers of this computer.

use crate::devices::capture::{self, CaptureProgram};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A device that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct DeviceEntry {
    /// What `--camera ID` and its sisters take.
    pub(crate) id: String,
    /// What people read.
    pub(crate) label: String,
    /// Whether it is made by Visavis.
    pub(crate) synthetic: bool,
    /// Whether it is the one that is used when none is chosen.
    pub(crate) default: bool,
    /// What it can do, as people read it: `1280x720@30 YUYV`, `48000 Hz, 2 channels`. Empty when that is not known.
    pub(crate) formats: Vec<String>,
}

impl DeviceEntry {
    fn synthetic(id: &str, label: &str, format: &str) -> Self {
        Self { id: id.into(), label: label.into(), synthetic: true, default: false, formats: vec![format.into()] }
    }
}

/// All devices, real ones first.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct DeviceLists {
    /// Cameras.
    pub(crate) cameras: Vec<DeviceEntry>,
    /// Microphones.
    pub(crate) microphones: Vec<DeviceEntry>,
    /// Speakers.
    pub(crate) speakers: Vec<DeviceEntry>,
}

/// Lists the devices. A part of the system that does not answer within `limit` counts as having none.
pub(crate) async fn list(limit: Duration) -> DeviceLists {
    let cameras = ask("camera-list", limit, move || capture::list_cameras(&CaptureProgram::ours(), limit * 9 / 10));
    let audio = ask("audio-list", limit, audio);
    let (cameras, audio) = tokio::join!(cameras, audio);
    let (microphones, speakers) = audio.unwrap_or_default();
    let mut lists = DeviceLists { cameras: cameras.unwrap_or_default(), microphones, speakers };
    lists.cameras.push(DeviceEntry::synthetic("test-picture", "Test picture", "any size and rate"));
    lists.microphones.push(DeviceEntry::synthetic("test-tone", "Test tone", "48000 Hz, 1 channel"));
    lists.microphones.push(DeviceEntry::synthetic("test-voice", "Test voice", "48000 Hz, 1 channel"));
    lists
}

/// Runs `look` on a thread of its own; `None` if it does not return within `limit`.
async fn ask<T: Send + 'static>(name: &str, limit: Duration, look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (found, result) = oneshot::channel();
    let look = move || {
        found.send(look()).ok();
    };
    if let Err(error) = thread::Builder::new().name(name.into()).spawn(look) {
        tracing::warn!(%error, name, "no thread for a list of devices");
        return None;
    }
    let result = timeout(limit, result).await;
    if result.is_err() {
        tracing::warn!(name, limit_ms = limit.as_millis(), "no list of devices in time");
    }
    result.ok()?.ok()
}

#[cfg(feature = "window")]
fn audio() -> (Vec<DeviceEntry>, Vec<DeviceEntry>) {
    crate::devices::audio::list()
}

#[cfg(not(feature = "window"))]
fn audio() -> (Vec<DeviceEntry>, Vec<DeviceEntry>) {
    Default::default()
}
