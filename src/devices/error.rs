//! What can be wrong with a device.

/// The cases that people are told about with texts of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProblemKind {
    /// No such device.
    NotFound,
    /// Another program holds it.
    Busy,
    /// We may not use it.
    Forbidden,
    /// It went away while in use.
    Unplugged,
    /// Anything else.
    Other,
}

/// Why a device cannot be used. Each case holds the system's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeviceError {
    /// No such device.
    #[error("there is no such device: {0}")]
    NotFound(String),
    /// Another program holds it.
    #[error("another program uses the device: {0}")]
    Busy(String),
    /// We may not use it.
    #[error("Visavis is not allowed to use the device: {0}")]
    Forbidden(String),
    /// It went away while in use.
    #[error("the device went away: {0}")]
    Unplugged(String),
    /// Anything else.
    #[error("the device does not work: {0}")]
    Other(String),
}

impl DeviceError {
    /// The error of `kind` with the system's words.
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

    /// Which of the cases it is.
    pub(crate) const fn kind(&self) -> ProblemKind {
        match self {
            Self::NotFound(_) => ProblemKind::NotFound,
            Self::Busy(_) => ProblemKind::Busy,
            Self::Forbidden(_) => ProblemKind::Forbidden,
            Self::Unplugged(_) => ProblemKind::Unplugged,
            Self::Other(_) => ProblemKind::Other,
        }
    }

    /// The system's own words.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::NotFound(m) | Self::Busy(m) | Self::Forbidden(m) | Self::Unplugged(m) | Self::Other(m) => m,
        }
    }

    /// What went wrong with the file at `path`.
    pub(crate) fn of_file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ProblemKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ProblemKind::Forbidden,
            _ => ProblemKind::Other,
        };
        Self::new(kind, format!("{}: {error}", path.display()))
    }
}
