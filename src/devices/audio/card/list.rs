//! Lists the microphones and speakers of this computer.

use super::device::{default_config, is_monitor, label, look_up, supports};
use super::host::{AudioDirection, forget_host, has_cards, host, is_alsa};
use crate::base::DeviceEntry;
use cpal::Device;
use cpal::traits::{DeviceTrait, HostTrait};
use std::collections::HashSet;

/// ALSA lists each device once for each of its plugins. The plugin of this name converts formats where needed.
const ALSA_NAMES: &str = "alsa:plughw:";

/// Microphones and speakers of this computer. Blocks until the sound server answers.
pub(in crate::devices) fn list() -> (Vec<DeviceEntry>, Vec<DeviceEntry>) {
    let first = host(AudioDirection::Out);
    let devices = first.devices().or_else(|_| {
        forget_host(&first, AudioDirection::Out);
        host(AudioDirection::Out).devices()
    });
    let devices: Vec<Device> = devices.map(Iterator::collect).unwrap_or_default();
    let host = host(AudioDirection::Out);
    if is_alsa(&host) && !has_cards() {
        return Default::default();
    }
    let of = |direction| {
        let default = look_up(&host, None, direction).and_then(|d| d.id().ok());
        let shown = devices.iter().filter(|d| is_shown(d, direction) && supports(d, direction));
        let mut entries: Vec<_> = shown.filter_map(|d| entry(d, direction, default.as_ref())).collect();
        // ALSA lists its cards by name and again by number.
        let mut seen = HashSet::new();
        entries.retain(|e| !e.id.starts_with(ALSA_NAMES) || seen.insert(e.label.clone()));
        entries
    };
    (of(AudioDirection::In), of(AudioDirection::Out))
}

/// Whether a device is listed. Asks the device nothing.
fn is_shown(device: &Device, direction: AudioDirection) -> bool {
    let Ok(id) = device.id() else { return false };
    let id = id.to_string();
    !(direction == AudioDirection::In && is_monitor(&id)) && (!id.starts_with("alsa:") || id.starts_with(ALSA_NAMES))
}

fn entry(device: &Device, direction: AudioDirection, default: Option<&cpal::DeviceId>) -> Option<DeviceEntry> {
    let id = device.id().ok()?;
    let format = default_config(device, direction).ok().map(|c| match c.channels() {
        1 => format!("{} Hz, 1 channel", c.sample_rate()),
        n => format!("{} Hz, {n} channels", c.sample_rate()),
    });
    Some(DeviceEntry {
        default: default == Some(&id),
        id: id.to_string(),
        label: label(device),
        synthetic: false,
        formats: format.into_iter().collect(),
    })
}
