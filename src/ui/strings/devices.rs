//! Sentences and words about cameras, microphones, speakers and screens.

use crate::base::{DeviceKind, DeviceLists, DeviceProblemKind, SharingSupport, Withheld};
use crate::call::view::{DeviceProblem, LocalDevice};
use crate::ui::bidi::isolate;

/// Title and sentences about a device that failed.
pub(in crate::ui) fn device_problem(
    kind: DeviceKind,
    device: &LocalDevice,
    problem: &DeviceProblem,
) -> (&'static str, String) {
    let label = if device.label.is_empty() { "This device".into() } else { isolate(&device.label) };
    let linux = cfg!(target_os = "linux");
    let later = "You can also join now and turn the camera on later.";
    match (kind, problem.kind) {
        (DeviceKind::Camera, DeviceProblemKind::Busy) => (
            "Another app is using your camera",
            format!("“{label}” is busy. Close the other app that shows your picture, then try again. {later}"),
        ),
        (DeviceKind::Camera, DeviceProblemKind::Forbidden) if linux => (
            "Visavis is not allowed to use the camera",
            "Your user has no right to use the camera. Ask the person who looks after this computer to add you to the \
             “video” group."
                .to_owned(),
        ),
        (DeviceKind::Camera, DeviceProblemKind::Forbidden) => (
            "Visavis is not allowed to use the camera",
            "Open Privacy settings, turn Camera on for Visavis, then come back. Nobody can see you until then."
                .to_owned(),
        ),
        (DeviceKind::Camera, DeviceProblemKind::NotFound) => {
            ("No camera found", "Plug one in and it appears here by itself. You can join without it.".to_owned())
        }
        (DeviceKind::Camera, DeviceProblemKind::Unplugged) => {
            ("Your camera was unplugged", "We turned it off. Plug it in again or choose another one.".to_owned())
        }
        (DeviceKind::Camera, DeviceProblemKind::Unreadable) => ("This camera cannot be used", problem.message.clone()),
        (DeviceKind::Camera, DeviceProblemKind::Other) => (
            "The camera does not work",
            format!("“{label}” gives no picture. Try again or choose another one. {later}"),
        ),
        (DeviceKind::Microphone, DeviceProblemKind::Busy) => (
            "Another app is using your microphone",
            format!("“{label}” is held by another app. Close that app, then try again."),
        ),
        (DeviceKind::Microphone, DeviceProblemKind::Forbidden) => (
            "Visavis is not allowed to use the microphone",
            "Open Privacy settings, turn Microphone on for Visavis, then come back. Nobody can hear you until then."
                .to_owned(),
        ),
        (DeviceKind::Microphone, DeviceProblemKind::NotFound) => {
            ("No microphone found", "Plug one in and it appears here by itself. You can still listen.".to_owned())
        }
        (DeviceKind::Microphone, DeviceProblemKind::Unplugged) => {
            ("Your microphone was unplugged", "Plug it in again or choose another one.".to_owned())
        }
        (DeviceKind::Microphone, DeviceProblemKind::Unreadable) => {
            ("This microphone cannot be used", problem.message.clone())
        }
        (DeviceKind::Microphone, DeviceProblemKind::Other) => {
            ("The microphone does not work", format!("“{label}” gives no sound. Try again or choose another one."))
        }
        (DeviceKind::Speaker, DeviceProblemKind::NotFound) => {
            ("No speaker found", "You will not hear the others until you plug one in.".to_owned())
        }
        (
            DeviceKind::Speaker,
            DeviceProblemKind::Busy
            | DeviceProblemKind::Forbidden
            | DeviceProblemKind::Unplugged
            | DeviceProblemKind::Unreadable
            | DeviceProblemKind::Other,
        ) => ("The speaker does not work", "You will not hear the others. Choose another one.".to_owned()),
        (DeviceKind::Screen, DeviceProblemKind::Unplugged) => (
            "Sharing has ended: what you shared is gone",
            format!("“{label}” was closed or unplugged. The others do not see it any more."),
        ),
        (DeviceKind::Screen, DeviceProblemKind::Unreadable) => ("This cannot be shared", problem.message.clone()),
        (DeviceKind::Screen, DeviceProblemKind::NotFound) => {
            ("It cannot be shared: it is not there any more", "Choose another screen or window.".to_owned())
        }
        (DeviceKind::Screen, DeviceProblemKind::Busy | DeviceProblemKind::Forbidden | DeviceProblemKind::Other) => {
            ("The screen cannot be shared", format!("“{label}” gave no picture. The others do not see it."))
        }
    }
}

/// The sentence about a device that others keep off.
pub(in crate::ui) const fn withheld(kind: DeviceKind, why: Withheld) -> &'static str {
    match (kind, why) {
        (DeviceKind::Camera, Withheld::Host) => "The host has turned your camera off",
        (DeviceKind::Camera, Withheld::NotAllowed) => "You may not show your camera in this room",
        (DeviceKind::Camera, Withheld::Refused) => "The server did not accept your camera",
        (DeviceKind::Microphone, Withheld::Host) => "The host has turned your microphone off",
        (DeviceKind::Microphone, Withheld::NotAllowed) => "You may not speak in this room",
        (DeviceKind::Microphone, Withheld::Refused) => "The server did not accept your microphone",
        (DeviceKind::Speaker | DeviceKind::Screen, Withheld::Host) => "The host has stopped your screen",
        (DeviceKind::Speaker | DeviceKind::Screen, Withheld::NotAllowed) => {
            "You may not share your screen in this room"
        }
        (DeviceKind::Speaker | DeviceKind::Screen, Withheld::Refused) => "The server did not accept your screen",
    }
}

/// Why nothing can be shared in this session.
pub(in crate::ui) const fn sharing_support(support: SharingSupport) -> &'static str {
    match support {
        SharingSupport::Yes => "",
        SharingSupport::Wayland => {
            "This version of Visavis cannot share a screen in a Wayland session. Log in with X11 to share. You can \
             watch what others share."
        }
        SharingSupport::NoDisplay => "The screens of this computer cannot be listed.",
        SharingSupport::System => {
            "This version of Visavis can share a screen only on Linux with X11. You can watch what others share."
        }
    }
}

/// The words of its button.
pub(in crate::ui) const fn withheld_word(why: Withheld) -> &'static str {
    match why {
        Withheld::Host => "Off by host",
        Withheld::NotAllowed => "Not allowed",
        Withheld::Refused => "Refused",
    }
}

/// The sentence about a device that may be used from now on.
pub(in crate::ui) const fn allowed(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Camera => "You may show your camera now",
        DeviceKind::Microphone => "You may speak now",
        DeviceKind::Speaker | DeviceKind::Screen => "You may share your screen now",
    }
}

/// The sentence about a chosen device that is not plugged in, while `instead` takes its place.
pub(in crate::ui) fn missing_device(kind: DeviceKind, name: &str, instead: Option<&str>) -> String {
    let name = isolate(name);
    match instead {
        Some(instead) => format!("“{name}” is not plugged in. “{}” is used until it is back.", isolate(instead)),
        None => format!("“{name}” is not plugged in, and there is no other {}.", noun(kind)),
    }
}

/// The sentence about a default that became another device.
pub(in crate::ui) fn default_changed(kind: DeviceKind, name: &str) -> String {
    format!("The {} is now “{}”, the system's default", noun(kind), isolate(name))
}

/// The name of the system's default of a kind, if it is listed.
pub(in crate::ui) fn default_device(devices: &DeviceLists, kind: DeviceKind) -> Option<&str> {
    devices.of(kind).iter().find(|e| e.default && !e.synthetic).map(|e| e.label.as_str())
}

const fn noun(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Camera => "camera",
        DeviceKind::Microphone => "microphone",
        DeviceKind::Speaker => "speaker",
        DeviceKind::Screen => "screen",
    }
}

/// One word about it, for a picker's chip.
pub(in crate::ui) const fn problem_word(problem: DeviceProblemKind) -> &'static str {
    match problem {
        DeviceProblemKind::NotFound => "Not found",
        DeviceProblemKind::Busy => "Busy",
        DeviceProblemKind::Forbidden => "Blocked",
        DeviceProblemKind::Unplugged => "Unplugged",
        DeviceProblemKind::Unreadable => "Unusable",
        DeviceProblemKind::Other => "Failed",
    }
}
