//! Lists the cameras, microphones, speakers and screens of this computer.

use crate::base::{DeviceEntry, DeviceLists, ScreenSources, SharingSupport};
use crate::devices::capture::{self, CaptureProgram};
use crate::devices::screen;
use crate::testcard::PORTRAITS;
use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Lists the devices. A part of the system that does not answer within `limit` counts as having none.
pub(crate) async fn list(limit: Duration) -> DeviceLists {
    let (cameras, sound) = tokio::join!(list_cameras(limit), list_sound(limit));
    let (microphones, speakers) = sound.unwrap_or_else(|| (own_microphones(), Vec::new()));
    DeviceLists { cameras: cameras.unwrap_or_else(own_cameras), microphones, speakers }
}

/// Lists what can be shared; a system that does not answer within `limit` counts as one without a display.
pub(crate) async fn list_screens(limit: Duration) -> ScreenSources {
    let look = move || screen::list_screens(limit * 9 / 10);
    let none = ScreenSources { support: SharingSupport::NoDisplay, sources: Vec::new() };
    ask("screen-list", limit, look).await.flatten().unwrap_or(none)
}

/// Lists the cameras; `None` if the system does not answer within `limit`.
pub(crate) async fn list_cameras(limit: Duration) -> Option<Vec<DeviceEntry>> {
    let look = move || capture::list_json::<Vec<DeviceEntry>>(&CaptureProgram::of_cameras(), limit * 9 / 10);
    let mut cameras = ask("camera-list", limit, look).await??;
    distinguish(&mut cameras);
    cameras.extend(own_cameras());
    Some(cameras)
}

/// Lists microphones and speakers; `None` if the system does not answer within `limit`.
pub(crate) async fn list_sound(limit: Duration) -> Option<(Vec<DeviceEntry>, Vec<DeviceEntry>)> {
    let (mut microphones, mut speakers) = ask("audio-list", limit, audio).await?;
    distinguish(&mut microphones);
    distinguish(&mut speakers);
    microphones.extend(own_microphones());
    Some((microphones, speakers))
}

/// Numbers devices of the same name, in the order of their ids, which stays when one of them is plugged in anew.
fn distinguish(entries: &mut [DeviceEntry]) {
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in &*entries {
        ids.entry(entry.label.clone()).or_default().insert(entry.id.clone());
    }
    for entry in entries {
        if let Some(same) = ids.get(&entry.label).filter(|same| same.len() > 1) {
            let number = same.iter().position(|id| *id == entry.id).unwrap_or_default() + 1;
            entry.label = format!("{} ({number})", entry.label);
        }
    }
}

fn own_cameras() -> Vec<DeviceEntry> {
    let formats = "any size and rate";
    let people = format!("portrait:1 to portrait:{PORTRAITS}, {formats}");
    vec![synthetic("test-picture", "Test picture", formats), synthetic("portrait", "Portrait", &people)]
}

fn own_microphones() -> Vec<DeviceEntry> {
    let format = "48000 Hz, 1 channel";
    vec![synthetic("test-tone", "Test tone", format), synthetic("test-voice", "Test voice", format)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_of_the_same_name_are_numbered() {
        let entry = |id: &str, label: &str| DeviceEntry { synthetic: false, ..synthetic(id, label, "") };
        let mut entries = vec![entry("usb-2", "USB Audio"), entry("pci", "Built-in"), entry("usb-1", "USB Audio")];
        distinguish(&mut entries);
        let labels: Vec<&str> = entries.iter().map(|e| e.label.as_str()).collect();
        assert_eq!(labels, ["USB Audio (2)", "Built-in", "USB Audio (1)"]);
    }
}
