//! Which cameras, microphones and speakers there are.

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

/// Looks which devices there are. A part of the system that does not answer within `limit` has none.
pub(crate) async fn list(limit: Duration) -> DeviceLists {
    let cameras = ask("camera-list", limit, move || capture::cameras(&CaptureProgram::ours(), limit * 9 / 10));
    let sound = ask("sound-list", limit, sound);
    let (cameras, sound) = tokio::join!(cameras, sound);
    let (microphones, speakers) = sound.unwrap_or_default();
    let mut lists = DeviceLists { cameras: cameras.unwrap_or_default(), microphones, speakers };
    lists.cameras.push(DeviceEntry::synthetic("test-picture", "Test picture", "any size and rate"));
    lists.microphones.push(DeviceEntry::synthetic("test-tone", "Test tone", "48000 Hz, 1 channel"));
    lists.microphones.push(DeviceEntry::synthetic("test-voice", "Test voice", "48000 Hz, 1 channel"));
    lists
}

/// What `look` finds on a thread of its own, if it does so in time.
async fn ask<T: Send + 'static>(name: &str, limit: Duration, look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (found, result) = oneshot::channel();
    let look = move || {
        found.send(look()).ok();
    };
    if let Err(e) = thread::Builder::new().name(name.into()).spawn(look) {
        tracing::warn!("no thread for the {name}: {e}");
        return None;
    }
    let result = timeout(limit, result).await;
    if result.is_err() {
        tracing::warn!("no answer to the {name} within {} ms", limit.as_millis());
    }
    result.ok()?.ok()
}

#[cfg(feature = "window")]
fn sound() -> (Vec<DeviceEntry>, Vec<DeviceEntry>) {
    crate::devices::audio::list()
}

#[cfg(not(feature = "window"))]
fn sound() -> (Vec<DeviceEntry>, Vec<DeviceEntry>) {
    Default::default()
}
