//! Why a device cannot be used.

/// The cases for which people see a text of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProblemKind {
    /// No such device.
    NotFound,
    /// Another program holds it.
    Busy,
    /// Visavis may not use it.
    Forbidden,
    /// It was unplugged while in use.
    Unplugged,
    /// Anything else.
    Other,
}

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
    /// Anything else.
    #[error("the device does not work: {0}")]
    Other(String),
}

impl DeviceError {
    /// The error of `kind` with the system's error text.
    pub(crate) fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        let message = message.into();
        match kind {
            ProblemKind::NotFound => Self::NotFound(message),
            ProblemKind::Busy => Self::Busy(message),
            ProblemKind::Forbidden => Self::Forbidden(message),
            ProblemKind::Unplugged => Self::Unplugged(message),
            ProblemKind::Other => Self::Other(message),
        }
    }

    /// The kind of error.
    pub(crate) const fn kind(&self) -> ProblemKind {
        match self {
            Self::NotFound(_) => ProblemKind::NotFound,
            Self::Busy(_) => ProblemKind::Busy,
            Self::Forbidden(_) => ProblemKind::Forbidden,
            Self::Unplugged(_) => ProblemKind::Unplugged,
            Self::Other(_) => ProblemKind::Other,
        }
    }

    /// The system's error text.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::NotFound(m) | Self::Busy(m) | Self::Forbidden(m) | Self::Unplugged(m) | Self::Other(m) => m,
        }
    }

    /// The error for the file at `path`.
    pub(crate) fn of_file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ProblemKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ProblemKind::Forbidden,
            _ => ProblemKind::Other,
        };
        Self::new(kind, format!("{}: {error}", path.display()))
    }
}
