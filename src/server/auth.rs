//! Authorization of joins. The WebSocket upgrade and `/rtc/validate` share it, so that they give the same answers.

use super::app::AppState;
use super::engine::Engine;
use super::hub_handle::{HubHandle, Joining, Stopping};
use crate::base::{IdError, UserId};
use crate::hub::{Admission, Refusal};
use crate::proto::join_request::{self, JoinRequestError};
use crate::proto::token::{TokenError, VerifiedClaims};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;

/// The parameters of a query.
pub(super) type QueryParameters = HashMap<String, String>;

/// LiveKit's signalling endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `/rtc`: everything in the query, or in `join_request`.
    V0,
    /// `/rtc/v1`: everything in `join_request`.
    V1,
}

/// Why a join is refused. No message repeats a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JoinDenied {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("The access token does not let anybody join a room.")]
    NoJoinGrant,
    #[error("The access token does not let its holder publish, so there can be no second connection for it.")]
    NoPublishGrant,
    #[error("The access token does not let its holder set metadata or attributes (canUpdateOwnMetadata).")]
    NoMetadataGrant,
    #[error(transparent)]
    Name(#[from] IdError),
    #[error(transparent)]
    Request(#[from] JoinRequestError),
    #[error(transparent)]
    Hub(#[from] Refusal),
    #[error(transparent)]
    Stopping(#[from] Stopping),
}

impl JoinDenied {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            // livekit-server's status for a join that asks for what its token does not let it do.
            Self::Token(_) | Self::NoMetadataGrant | Self::NoPublishGrant => StatusCode::UNAUTHORIZED,
            Self::NoJoinGrant | Self::Hub(Refusal::Removed | Refusal::Dismissed | Refusal::Full | Refusal::Locked) => {
                StatusCode::FORBIDDEN
            }
            Self::Name(_) | Self::Request(_) => StatusCode::BAD_REQUEST,
            Self::Hub(Refusal::NoRoom) => StatusCode::NOT_FOUND,
            Self::Stopping(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for JoinDenied {
    fn into_response(self) -> Response {
        (self.status(), self.to_string()).into_response()
    }
}

/// Verifies the token of a request: `Authorization: Bearer` of native clients, `access_token` of browsers.
pub(super) fn verify_token(
    app: &AppState,
    headers: &HeaderMap,
    query: &QueryParameters,
) -> Result<VerifiedClaims, TokenError> {
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let token = bearer.or_else(|| query.get("access_token").map(String::as_str)).ok_or(TokenError::Missing)?;
    let mut claims = app.secrets.current().keys.verify(token.trim())?;
    claims.room_admin |= claims.room_join && app.engine.is_made_host(&claims.room, &claims.identity);
    Ok(claims)
}

/// Makes all checks that are possible before the upgrade.
pub(super) async fn authorize_join(
    (app, hub): (&AppState, &HubHandle),
    headers: &HeaderMap,
    query: &QueryParameters,
    protocol: Protocol,
) -> Result<(VerifiedClaims, Box<Joining>), JoinDenied> {
    let mut claims = verify_token(app, headers, query)?;
    let mut admission = admission(&app.engine, &claims)?;
    if let Some(name) = query.get("publish").filter(|name| !name.is_empty()) {
        // Who was removed is not let in under another name.
        if let Some(refusal @ (Refusal::Removed | Refusal::Dismissed | Refusal::Locked)) =
            hub.refusal(admission.clone(), false).await?
        {
            return Err(refusal.into());
        }
        second_connection(&mut claims, &mut admission, name)?;
    }
    // As on livekit-server, the parameter decides how many peer connections there are, not the path.
    let parameter = query.get("join_request");
    let request = match (protocol, parameter) {
        (_, Some(request)) => join_request::decode(request)?,
        (Protocol::V1, None) => return Err(JoinRequestError::Missing.into()),
        (Protocol::V0, None) => join_request::from_query(query)?,
    };
    // A resume keeps metadata and attributes as they are, so those in its request are not looked at.
    let sets_own = !request.metadata.is_empty() || !request.participant_attributes.is_empty();
    if sets_own && !request.reconnect && !admission.permission.can_update_metadata {
        return Err(JoinDenied::NoMetadataGrant);
    }
    if let Some(refusal) = hub.refusal(admission.clone(), request.reconnect).await? {
        return Err(refusal.into());
    }
    Ok((claims, Box::new(Joining { admission, request, single: parameter.is_some() })))
}

/// Turns a join into that of a second connection of the same user, `publish=NAME`: a participant `USER#NAME` of its own,
/// which only publishes.
fn second_connection(claims: &mut VerifiedClaims, admission: &mut Admission, name: &str) -> Result<(), JoinDenied> {
    if !admission.permission.can_publish {
        return Err(JoinDenied::NoPublishGrant);
    }
    admission.permission.can_subscribe = false;
    // A renewed token has the name already.
    let suffix = format!("#{name}");
    if !claims.identity.ends_with(&suffix) {
        admission.user = format!("{}{suffix}", claims.identity).parse()?;
        claims.set_identity(admission.user.as_str());
    }
    Ok(())
}

/// Converts the claims of a token for the hub, and checks room and identity. A long name is cut by the hub.
pub(super) fn admission(engine: &Engine, claims: &VerifiedClaims) -> Result<Admission, JoinDenied> {
    if !claims.room_join {
        return Err(JoinDenied::NoJoinGrant);
    }
    let room = engine.room_name(&claims.room)?;
    let user: UserId = claims.identity.parse()?;
    Ok(Admission {
        room: room.as_str().to_owned(),
        user,
        name: claims.name.clone(),
        metadata: claims.metadata.clone(),
        attributes: claims.attributes.clone(),
        kind: claims.kind,
        kind_details: claims.kind_details.clone(),
        permission: claims.permission.clone(),
        room_admin: claims.room_admin,
        issued_at: claims.issued_at,
        room_config: claims.room_config.clone().map(Box::new),
    })
}
