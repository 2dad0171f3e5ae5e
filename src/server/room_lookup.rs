//! `POST /room`: whether a room is open, and the number of participants, for a user who is about to enter.
//!
//! The caller needs the right to enter: an access token for the room, or what `/token` accepts. The answer names
//! nobody.

use super::app::AppState;
use super::auth::{self, JoinDenied};
use super::engine::{Engine, plain_admission};
use super::error::{EntryRefused, error_response};
use super::token_endpoint::{TokenRefused, TokenRequest, random_user};
use crate::clock::unix_s;
use crate::hub::{Admission, Refusal};
use crate::proto::token::{TokenError, VerifiedClaims};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;

/// Why the request is refused. The messages are shown to users.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupRefused {
    #[error("The access token is for another room.")]
    AnotherRoom,
    #[error(transparent)]
    JoinDenied(#[from] JoinDenied),
    #[error(transparent)]
    Unproven(#[from] TokenRefused),
}

impl IntoResponse for LookupRefused {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::AnotherRoom => StatusCode::FORBIDDEN,
            Self::JoinDenied(denied) => denied.status(),
            Self::Unproven(why) => why.status(),
        };
        error_response(status, &self)
    }
}

/// Answers `POST /room`.
pub(super) async fn look_up(
    State(app): State<AppState>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, LookupRefused> {
    let request = TokenRequest::read(&body)?;
    let (room, admission) = match auth::verify_token(&app, &headers, &HashMap::new()) {
        Ok(claims) => {
            let room = request.room(&app.engine)?;
            let admission = claims_for(&app.engine, &claims, room.as_str())?;
            (room, admission)
        }
        Err(TokenError::Missing) => {
            let room = request.proof(&app, &app.secrets.current())?.room;
            let admission = plain_admission(&room, random_user().map_err(TokenRefused::from)?, unix_s());
            (room, admission)
        }
        Err(error) => return Err(JoinDenied::from(error).into()),
    };
    let can_enter = match app.engine.check_entry(admission).await {
        Ok(()) => true,
        Err(EntryRefused::Refused(Refusal::Full | Refusal::Locked | Refusal::NoRoom)) => false,
        Err(why) => return Err(TokenRefused::from(why).into()),
    };
    let people = app.engine.participants(&room).await.map_err(|why| TokenRefused::from(EntryRefused::from(why)))?;
    let answer = serde_json::json!({
        "is_open": people.is_some(),
        "people": people.unwrap_or(0),
        "can_enter": can_enter,
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// The claims of a token, which must be for this room.
fn claims_for(engine: &Engine, claims: &VerifiedClaims, room: &str) -> Result<Admission, LookupRefused> {
    let admission = auth::admission(engine, claims)?;
    if admission.room == room { Ok(admission) } else { Err(LookupRefused::AnotherRoom) }
}
