//! Lists the cameras, microphones and speakers of this computer.

use crate::base::{DeviceEntry, DeviceLists};
use crate::devices::capture::{self, CaptureProgram};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Lists the devices. A part of the system that does not answer within `limit` counts as having none.
pub(crate) async fn list(limit: Duration) -> DeviceLists {
    let cameras = ask("camera-list", limit, move || capture::list_cameras(&CaptureProgram::ours(), limit * 9 / 10));
    let audio = ask("audio-list", limit, audio);
    let (cameras, audio) = tokio::join!(cameras, audio);
    let (microphones, speakers) = audio.unwrap_or_default();
    let mut lists = DeviceLists { cameras: cameras.unwrap_or_default(), microphones, speakers };
    lists.cameras.push(synthetic("test-picture", "Test picture", "any size and rate"));
    lists.microphones.push(synthetic("test-tone", "Test tone", "48000 Hz, 1 channel"));
    lists.microphones.push(synthetic("test-voice", "Test voice", "48000 Hz, 1 channel"));
    lists
}

/// A device that Visavis makes itself.
fn synthetic(id: &str, label: &str, format: &str) -> DeviceEntry {
    DeviceEntry { id: id.into(), label: label.into(), synthetic: true, default: false, formats: vec![format.into()] }
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
