//! `POST /room`: whether a room is open and how many are in it, for somebody who is about to enter.
//!
//! Whoever may enter a room may ask, and nobody else: they show the access token that lets them in, or what the token
//! endpoint gives them one for. How many is told, never who.

use super::auth::{self, JoinDenied};
use super::engine::{EntryRefused, plain_admission};
use super::token_endpoint::{TokenRefused, TokenRequest, some_user};
use super::{App, unix_s};
use crate::hub::{Admission, Refusal};
use crate::proto::token::{TokenError, VerifiedClaims};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;

/// Why nothing is told. The sentences are for people.
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
        auth::error_response(status, &self)
    }
}

/// Answers `POST /room`.
pub(super) async fn look_up(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, LookupRefused> {
    let asked = TokenRequest::read(&body)?;
    let (room, admission) = match auth::verify_token(&app, &headers, &HashMap::new()) {
        Ok(grant) => {
            let room = asked.room()?;
            let admission = shown(&grant, &room.wire_name())?;
            (room, admission)
        }
        Err(TokenError::Missing) => {
            let room = asked.proof(&app, &app.secrets.current())?.room;
            let admission = plain_admission(&room, some_user().map_err(TokenRefused::from)?, unix_s());
            (room, admission)
        }
        Err(error) => return Err(JoinDenied::from(error).into()),
    };
    let can_enter = match app.engine.check_entry(admission).await {
        Ok(()) => true,
        Err(EntryRefused::Refused(Refusal::Full | Refusal::NoRoom)) => false,
        Err(why) => return Err(TokenRefused::from(why).into()),
    };
    let people = app.rooms.people(&room).await.map_err(|why| TokenRefused::from(EntryRefused::from(why)))?;
    let answer = serde_json::json!({
        "is_open": people.is_some(),
        "people": people.unwrap_or(0),
        "can_enter": can_enter,
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// Whom the hub would see at the door with this token.
fn shown(grant: &VerifiedClaims, room: &str) -> Result<Admission, LookupRefused> {
    let admission = auth::admission(grant)?;
    if admission.room == room { Ok(admission) } else { Err(LookupRefused::AnotherRoom) }
}
