//! Why a device cannot be opened, and why it failed in use.

use crate::base::{DeviceKind, DeviceProblemKind};
use std::sync::Arc;

/// Why a device cannot be used. Each variant holds the system's error text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeviceError {
    /// No such device.
    #[error("there is no such device: {0}")]
    NotFound(String),
    /// Another program holds it.
    #[error("another program uses the device: {0}")]
    Busy(String),
    /// Visavis may not use it.
    #[error("Visavis is not allowed to use the device: {0}")]
    Forbidden(String),
    /// It was unplugged while in use.
    #[error("the device went away: {0}")]
    Unplugged(String),
    /// It gives nothing that can be read. The text is a sentence that says what to do.
    #[error("{0}")]
    Unreadable(String),
    /// Anything else.
    #[error("the device does not work: {0}")]
    Other(String),
}

impl DeviceError {
    /// The error of `kind` with the system's error text.
    pub(crate) fn new(kind: DeviceProblemKind, message: impl Into<String>) -> Self {
        let message = message.into();
        match kind {
            DeviceProblemKind::NotFound => Self::NotFound(message),
            DeviceProblemKind::Busy => Self::Busy(message),
            DeviceProblemKind::Forbidden => Self::Forbidden(message),
            DeviceProblemKind::Unplugged => Self::Unplugged(message),
            DeviceProblemKind::Unreadable => Self::Unreadable(message),
            DeviceProblemKind::Other => Self::Other(message),
        }
    }

    /// The kind of error.
    pub(crate) const fn kind(&self) -> DeviceProblemKind {
        match self {
            Self::NotFound(_) => DeviceProblemKind::NotFound,
            Self::Busy(_) => DeviceProblemKind::Busy,
            Self::Forbidden(_) => DeviceProblemKind::Forbidden,
            Self::Unplugged(_) => DeviceProblemKind::Unplugged,
            Self::Unreadable(_) => DeviceProblemKind::Unreadable,
            Self::Other(_) => DeviceProblemKind::Other,
        }
    }

    /// The system's error text.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::NotFound(m)
            | Self::Busy(m)
            | Self::Forbidden(m)
            | Self::Unplugged(m)
            | Self::Unreadable(m)
            | Self::Other(m) => m,
        }
    }

    /// The error for the file at `path`.
    pub(crate) fn of_file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => DeviceProblemKind::NotFound,
            std::io::ErrorKind::PermissionDenied => DeviceProblemKind::Forbidden,
            _ => DeviceProblemKind::Other,
        };
        Self::new(kind, format!("{}: {error}", path.display()))
    }
}

/// A device that stopped by itself while it was in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceFailure {
    /// Camera, microphone or speaker.
    pub(crate) kind: DeviceKind,
    /// The id that was asked for.
    pub(crate) id: String,
    /// Why it stopped. The lease is still to be released.
    pub(crate) error: DeviceError,
}

/// Takes the failure of a lease's device. It is called at most once per lease, on the device's thread: it must not block.
pub(crate) type FailureSink = Arc<dyn Fn(DeviceFailure) + Send + Sync>;
