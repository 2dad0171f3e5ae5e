//! Words about people and what hosts do.

use crate::base::{DeviceKind, UserId};
use crate::ui::bidi::isolate;

/// Everybody sees us large.
pub(in crate::ui) const IN_SPOTLIGHT: &str = "The host shows you large to everybody";
/// In place of a picture that we have hidden.
pub(in crate::ui) const HIDDEN: &str = "You have hidden this picture.";

/// A host asks for a device of ours.
pub(in crate::ui) const fn asked(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Microphone => "The host asks you to turn your microphone on",
        DeviceKind::Camera => "The host asks you to turn your camera on",
        DeviceKind::Speaker => "The host asks you to turn your speaker on",
        DeviceKind::Screen => "The host asks you to share your screen",
    }
}

/// While we wait before a room.
pub(in crate::ui) const WAITING: &str = "The host lets you in soon";

/// What that means; `room` as it is shown.
pub(in crate::ui) fn waiting(room: &str) -> String {
    format!("The host of “{room}” knows that you are here. Nobody sees or hears you until then.")
}

/// The same while the connection is lost.
pub(in crate::ui) fn waiting_lost() -> String {
    "The connection is lost. You wait on as soon as it is back.".to_owned()
}

/// Who waits: two are named.
pub(in crate::ui) fn guests(guests: &[(UserId, String)]) -> String {
    match guests {
        [] => String::new(),
        [(_, one)] => format!("{} waits to come in", isolate(one)),
        [(_, one), (_, other)] => format!("{} and {} wait to come in", isolate(one), isolate(other)),
        [(_, first), rest @ ..] => format!("{} and {} others wait to come in", isolate(first), rest.len()),
    }
}
