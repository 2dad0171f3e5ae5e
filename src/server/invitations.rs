//! `POST /links`: makes join links, for hosts and operators.

use super::app::AppState;
use super::audit::{self, AuditEntry, Principal};
use super::auth;
use super::error::error_response;
use crate::base::IdError;
use crate::clock::unix_s;
use crate::proto::invitation::{Invitation, InvitationError, Role};
use crate::proto::link;
use crate::proto::token::TokenError;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::collections::HashMap;

/// Longest validity of a link that expires: 10 years, in seconds.
const LONGEST_S: u32 = 10 * 366 * 24 * 3600;

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkRequest {
    room: String,
    #[serde(default)]
    role: Option<String>,
    /// Validity in seconds. `None`: the link does not expire.
    #[serde(default)]
    valid_for_s: Option<u32>,
}

/// Why no link is made. The messages are shown to users.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkRefused {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("Only a host of this room, or whoever runs the server, makes links to it.")]
    NotAHost,
    #[error(
        "The request is not a JSON object with room, and perhaps role (guest or host) and valid_for_s (1 to {LONGEST_S})."
    )]
    Malformed,
    #[error(transparent)]
    Name(#[from] IdError),
    #[error("The server cannot make links now.")]
    Key(#[from] InvitationError),
}

impl IntoResponse for LinkRefused {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::NotAHost => StatusCode::FORBIDDEN,
            Self::Malformed | Self::Name(_) => StatusCode::BAD_REQUEST,
            Self::Key(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        error_response(status, &self)
    }
}

/// Answers `POST /links`.
pub(super) async fn make(
    State(app): State<AppState>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, LinkRefused> {
    let claims = auth::verify_token(&app, &headers, &HashMap::new())?;
    let request: LinkRequest = serde_json::from_slice(&body).map_err(|_| LinkRefused::Malformed)?;
    let room = app.engine.room_name(&request.room)?;
    let role: Role = request.role.as_deref().unwrap_or("guest").parse().map_err(|_| LinkRefused::Malformed)?;
    if request.valid_for_s.is_some_and(|s| !(1..=LONGEST_S).contains(&s)) {
        return Err(LinkRefused::Malformed);
    }
    let is_host = claims.room_admin && claims.room == room.as_str();
    if !is_host && !claims.room_create {
        return Err(LinkRefused::NotAHost);
    }
    let until = request.valid_for_s.map(|s| unix_s() + i64::from(s));
    let secrets = app.secrets.current();
    let key = secrets.keys.first().ok_or(InvitationError::Signature)?;
    let invitation = Invitation { role, until }.sign(&room, key)?;
    let action = format!("MakeLink {role}");
    let entry = AuditEntry { action: &action, room: room.as_str(), users: "", result: "ok", request: "" };
    audit::record(Principal { key: &claims.key, user: &claims.identity }, entry);
    let server = app.url(&headers);
    let answer = serde_json::json!({
        "link": link::link(&server, &room, Some(&invitation)),
        "app_link": link::app_link(&server, &room, Some(&invitation)),
        "room": room.as_str(),
        "role": role.to_string(),
        "expires_unix_s": until,
    });
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}
