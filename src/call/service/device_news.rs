//! Notices about devices in use that were plugged in or out, and about a system's default that became another device.

use crate::base::{DeviceEntry, DeviceKind};
use crate::call::view::{CallPhase, Notice, Snapshot};

/// The notices about the change from one snapshot of a call to the next.
pub(super) fn device_notices(before: &Snapshot, now: &Snapshot) -> Vec<Notice> {
    let in_call = |s: &Snapshot| s.call.as_ref().is_some_and(|c| !matches!(c.phase, CallPhase::Ended(_)));
    if !in_call(before) || !in_call(now) {
        return Vec::new();
    }
    let kinds = [DeviceKind::Camera, DeviceKind::Microphone, DeviceKind::Speaker];
    kinds.into_iter().filter_map(|kind| device_notice(kind, before, now)).collect()
}

fn device_notice(kind: DeviceKind, before: &Snapshot, now: &Snapshot) -> Option<Notice> {
    if !now.device(kind).wanted || before.choice.of(kind) != now.choice.of(kind) {
        return None;
    }
    match (&before.device(kind).missing, &now.device(kind).missing) {
        (None, Some(name)) => Some(Notice::DeviceMissing { kind, name: name.clone() }),
        (Some(name), None) => Some(Notice::DeviceBack { kind, name: name.clone() }),
        (Some(_), Some(_)) => None,
        (None, None) if now.choice.of(kind).is_some() => None,
        (None, None) => {
            let (then, default) = (default(kind, before)?, default(kind, now)?);
            // A camera stays in use while it is plugged in.
            let stays = kind == DeviceKind::Camera && now.devices.of(kind).iter().any(|e| e.id == then.id);
            let moved = then.id != default.id && !stays;
            moved.then(|| Notice::DefaultDevice { kind, name: default.label.clone() })
        }
    }
}

fn default(kind: DeviceKind, snapshot: &Snapshot) -> Option<&DeviceEntry> {
    snapshot.devices.of(kind).iter().find(|e| e.default && !e.synthetic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::view::LocalDevice;

    fn entry(id: &str, default: bool) -> DeviceEntry {
        DeviceEntry { id: id.into(), label: id.to_uppercase(), synthetic: false, default, formats: Vec::new() }
    }

    /// A call whose microphones are these; the first one is the default.
    fn snapshot(microphones: &[&str]) -> Snapshot {
        let mut snapshot =
            Snapshot { call: Some(super::super::snapshot::tests::call(CallPhase::Entering)), ..Snapshot::default() };
        snapshot.microphone = LocalDevice { wanted: true, ..LocalDevice::default() };
        snapshot.devices.microphones = microphones.iter().enumerate().map(|(i, id)| entry(id, i == 0)).collect();
        snapshot
    }

    #[test]
    fn a_chosen_device_that_goes_and_comes_is_told() {
        let mut with = snapshot(&["desk", "headset"]);
        with.choice.microphone = Some("headset".into());
        let mut without = snapshot(&["desk"]);
        without.choice = with.choice.clone();
        without.microphone.missing = Some("HEADSET".into());
        let (kind, name) = (DeviceKind::Microphone, "HEADSET".to_owned());
        assert_eq!(device_notices(&with, &without), [Notice::DeviceMissing { kind, name: name.clone() }]);
        assert_eq!(device_notices(&without, &without), []);
        assert_eq!(device_notices(&without, &with), [Notice::DeviceBack { kind, name }]);
        let mut other = without.clone();
        other.choice.microphone = None;
        other.microphone.missing = None;
        assert_eq!(device_notices(&without, &other), [], "another one was chosen");
        let mut off = without.clone();
        off.microphone.wanted = false;
        assert_eq!(device_notices(&with, &off), [], "it is switched off");
        let lobby = |s: &Snapshot| Snapshot { call: None, ..s.clone() };
        assert_eq!(device_notices(&lobby(&with), &lobby(&without)), [], "the lobby shows it");
    }

    #[test]
    fn another_default_is_told_unless_a_device_is_chosen() {
        let (desk, headset) = (snapshot(&["desk", "headset"]), snapshot(&["headset", "desk"]));
        let told = Notice::DefaultDevice { kind: DeviceKind::Microphone, name: "HEADSET".into() };
        assert_eq!(device_notices(&desk, &headset), [told]);
        assert_eq!(device_notices(&desk, &snapshot(&[])), [], "that is a failure");
        let chosen = |mut s: Snapshot| {
            s.choice.microphone = Some("desk".into());
            s
        };
        assert_eq!(device_notices(&chosen(desk), &chosen(headset)), []);
    }

    #[test]
    fn a_first_camera_that_is_not_used_is_not_told() {
        let cameras = |ids: &[&str]| {
            let mut s = snapshot(ids);
            s.devices.cameras = std::mem::take(&mut s.devices.microphones);
            s.camera = std::mem::take(&mut s.microphone);
            s
        };
        assert_eq!(device_notices(&cameras(&["a", "b"]), &cameras(&["b", "a"])), []);
        let told = Notice::DefaultDevice { kind: DeviceKind::Camera, name: "B".into() };
        assert_eq!(device_notices(&cameras(&["a", "b"]), &cameras(&["b"])), [told]);
    }
}
