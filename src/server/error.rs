//! Errors that several endpoints share, and their form in HTTP.

use super::bans::StillBanned;
use super::hub_handle::Stopping;
use crate::hub::Refusal;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// The engine gives no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unavailable {
    /// This server is stopping.
    #[error(transparent)]
    Stopping(#[from] Stopping),
    /// The LiveKit server does not answer, or refuses this server; the cause.
    #[error("The LiveKit server behind this one does not answer as it should. {0}")]
    LiveKit(String),
}

/// Why a user gets no token, or would not be let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryRefused {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    StillBanned(#[from] StillBanned),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Stopping> for EntryRefused {
    fn from(stopping: Stopping) -> Self {
        Self::Unavailable(stopping.into())
    }
}

/// An error as this server's own endpoints return it: a JSON object with a sentence for people.
pub(super) fn error_response(status: StatusCode, error: &impl std::error::Error) -> Response {
    (status, Json(serde_json::json!({ "error": error.to_string() }))).into_response()
}
