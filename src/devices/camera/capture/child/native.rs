//! What cameras have in common on all systems.

use crate::devices::DeviceError;

/// Frames in a row that may be invalid, for example truncated JPEGs while a camera starts.
pub(super) const MAX_BAD_FRAMES: u32 = 30;

/// The error when `device` is not among the cameras.
pub(super) fn no_camera(device: &str) -> DeviceError {
    DeviceError::NotFound(if device == "default" { "this computer has no camera" } else { device }.into())
}

/// An error of opening, when it comes while frames arrive: a camera that is no longer listed was unplugged.
pub(super) fn while_open(error: DeviceError) -> DeviceError {
    match error {
        DeviceError::NotFound(message) => DeviceError::Unplugged(message),
        error => error,
    }
}
