//! Authorization of joins. The WebSocket upgrade and `/rtc/validate` share it, so that they give the same answers.

use super::app::AppState;
use super::hub_handle::{HubHandle, Joining, Stopping};
use crate::base::{IdError, RoomId, UserId, display_name};
use crate::hub::{Admission, Refusal};
use crate::proto::join_request::{self, JoinRequestError};
use crate::proto::token::{TokenError, VerifiedClaims};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;

/// The parameters of a query.
pub(super) type QueryParameters = HashMap<String, String>;

/// LiveKit's signalling protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `/rtc`: two peer connections, everything in the query.
    V0,
    /// `/rtc/v1`: one peer connection, everything in `join_request`.
    V1,
}

/// Why a join is refused. No message repeats a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JoinDenied {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("The access token does not let anybody join a room.")]
    NoJoinGrant,
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
            // livekit-server's status for a join that sets what its token does not let it set.
            Self::Token(_) | Self::NoMetadataGrant => StatusCode::UNAUTHORIZED,
            Self::NoJoinGrant | Self::Hub(Refusal::Removed | Refusal::Dismissed | Refusal::Full) => {
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
    app.secrets.current().keys.verify(token.trim())
}

/// Makes all checks that are possible before the upgrade.
pub(super) async fn authorize_join(
    (app, hub): (&AppState, &HubHandle),
    headers: &HeaderMap,
    query: &QueryParameters,
    protocol: Protocol,
) -> Result<(VerifiedClaims, Box<Joining>), JoinDenied> {
    let claims = verify_token(app, headers, query)?;
    let admission = admission(&claims)?;
    let request = match (protocol, query.get("join_request")) {
        (Protocol::V1, Some(request)) => join_request::decode(request)?,
        (Protocol::V1, None) => return Err(JoinRequestError::Missing.into()),
        (Protocol::V0, _) => join_request::from_query(query)?,
    };
    // A resume keeps metadata and attributes as they are, so those in its request are not looked at.
    let sets_own = !request.metadata.is_empty() || !request.participant_attributes.is_empty();
    if sets_own && !request.reconnect && !admission.permission.can_update_metadata {
        return Err(JoinDenied::NoMetadataGrant);
    }
    if let Some(refusal) = hub.refusal(admission.clone(), request.reconnect).await? {
        return Err(refusal.into());
    }
    Ok((claims, Box::new(Joining { admission, request, single: protocol == Protocol::V1 })))
}

/// Converts the claims of a token for the hub, and checks room and names.
pub(super) fn admission(claims: &VerifiedClaims) -> Result<Admission, JoinDenied> {
    if !claims.room_join {
        return Err(JoinDenied::NoJoinGrant);
    }
    let room: RoomId = claims.room.parse()?;
    let user: UserId = claims.identity.parse()?;
    // Tokens of other LiveKit servers may have no name.
    let name = if claims.name.is_empty() { String::new() } else { display_name(&claims.name)? };
    Ok(Admission {
        room: room.wire_name(),
        user,
        name,
        metadata: claims.metadata.clone(),
        attributes: claims.attributes.clone(),
        permission: claims.permission.clone(),
        room_admin: claims.room_admin,
        issued_at: claims.issued_at,
        room_config: claims.room_config.clone().map(Box::new),
    })
}
