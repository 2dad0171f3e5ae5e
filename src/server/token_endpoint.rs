//! `POST /token`: LiveKit's standard token endpoint.
//!
//! Two fields are added to the standard's: `user_sig`, the proof of identity of TRTC's clients, and `invitation`, which
//! a join link carries, with the room and the role.

use super::app::AppState;
use super::engine::Engine;
use super::error::{EntryRefused, error_response};
use super::secrets::Secrets;
use crate::base::{IdError, RoomName, Secret, UserId, display_name};
use crate::clock::unix_s;
use crate::hub::Refusal;
use crate::proto::invitation::{Invitation, InvitationError, Role};
use crate::proto::standing;
use crate::proto::tencent::{UserSigClaims, UserSigError};
use crate::proto::token::{JOIN_VALIDITY, JoinClaims, MintError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use livekit_protocol as lk;
use serde_json::{Map, Value};
use std::time::Duration;

/// Longest metadata, and largest sum of all attributes, in bytes: LiveKit's limits.
const METADATA_BYTES: usize = 64 * 1024;

/// Why no token is given. The messages are shown to users.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenRefused {
    #[error("This server gives no tokens away. Ask whoever runs it for an invitation.")]
    Closed,
    #[error("The request is not a JSON object with room_name and participant_name.")]
    Malformed,
    #[error(transparent)]
    UserSig(#[from] UserSigError),
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    #[error("The UserSig is {0}'s. Leave participant_identity out, or ask for a UserSig of your own.")]
    AnotherUser(UserId),
    #[error(transparent)]
    Name(#[from] IdError),
    #[error("The metadata or the attributes are too long: at most 64 KB are possible.")]
    Metadata,
    #[error("Metadata and attributes can be set with a host's invitation only. Leave them out.")]
    OwnMetadata,
    #[error(transparent)]
    Entry(#[from] EntryRefused),
    #[error(transparent)]
    Mint(#[from] MintError),
}

impl TokenRefused {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::UserSig(_) => StatusCode::UNAUTHORIZED,
            Self::Closed
            | Self::Invitation(_)
            | Self::AnotherUser(_)
            | Self::OwnMetadata
            | Self::Entry(
                EntryRefused::StillBanned(_)
                | EntryRefused::Refused(Refusal::Removed | Refusal::Dismissed | Refusal::Full | Refusal::Locked),
            ) => StatusCode::FORBIDDEN,
            Self::Malformed | Self::Name(_) | Self::Metadata => StatusCode::BAD_REQUEST,
            Self::Entry(EntryRefused::Refused(Refusal::NoRoom)) => StatusCode::NOT_FOUND,
            Self::Entry(EntryRefused::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Mint(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for TokenRefused {
    fn into_response(self) -> Response {
        error_response(self.status(), &self)
    }
}

/// Answers `POST /token`.
pub(super) async fn token(
    State(app): State<AppState>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, TokenRefused> {
    let secrets = app.secrets.current();
    let request = TokenRequest::read(&body)?;
    let proof = request.proof(&app, &secrets)?;
    let key = secrets.keys.first().ok_or(TokenRefused::Closed)?;
    let mut claims = join_claims(request.standard, proof)?;
    claims.valid_for = claims.valid_for.min(app.engine.max_token_validity());
    claims.own_metadata = app.engine.hands_need_own_metadata();
    let waits = app.engine.check_token_request(&claims).await?;
    let token = if waits { key.waiting_token(&claims) } else { key.join_token(&claims) };
    let answer = lk::TokenSourceResponse {
        server_url: app.engine.client_url().map_or_else(|| app.url(&headers), ToOwned::to_owned),
        participant_token: token?.expose().clone(),
    };
    let json = serde_json::json!({ "server_url": answer.server_url, "participant_token": answer.participant_token });
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(json)).into_response())
}

/// The body of a request to `/token` or `/room`.
pub(super) struct TokenRequest {
    standard: lk::TokenSourceRequest,
    user_sig: Option<Secret<String>>,
    invitation: Option<Secret<String>>,
}

/// The verified right to enter a room.
pub(super) struct EntryProof {
    pub(super) room: RoomName,
    claims: Option<UserSigClaims>,
    role: Role,
    /// Whether the requester may choose metadata and attributes. Others take them for the server's word, so a guest may
    /// not, unless tokens are open to everybody.
    sets_metadata: bool,
}

impl TokenRequest {
    pub(super) fn read(body: &[u8]) -> Result<Self, TokenRefused> {
        let mut map: Map<String, Value> = serde_json::from_slice(body).map_err(|_| TokenRefused::Malformed)?;
        let mut proof = |name| match map.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(Secret::new(text))),
            Some(_) => Err(TokenRefused::Malformed),
        };
        let (user_sig, invitation) = (proof("user_sig")?, proof("invitation")?);
        let standard = serde_json::from_value(Value::Object(map)).map_err(|_| TokenRefused::Malformed)?;
        Ok(Self { standard, user_sig, invitation })
    }

    /// The requested room.
    pub(super) fn room(&self, engine: &Engine) -> Result<RoomName, TokenRefused> {
        Ok(engine.room_name(self.standard.room_name.as_deref().unwrap_or_default())?)
    }

    /// Verifies the right to enter the room: a UserSig or an invitation, or neither if tokens are open to everybody.
    pub(super) fn proof(&self, app: &AppState, secrets: &Secrets) -> Result<EntryProof, TokenRefused> {
        let claims = self.user_sig.as_ref().map(|text| verify_user_sig(secrets, text.expose())).transpose()?;
        if !app.open_tokens && claims.is_none() && self.invitation.is_none() {
            return Err(TokenRefused::Closed);
        }
        let room = self.room(&app.engine)?;
        let role = match &self.invitation {
            Some(text) => Invitation::verify(text.expose(), &room, &secrets.keys, unix_s())?.role,
            None => Role::Guest,
        };
        Ok(EntryProof { room, claims, role, sets_metadata: app.open_tokens || role == Role::Host })
    }
}

/// Verifies a UserSig.
fn verify_user_sig(secrets: &Secrets, user_sig: &str) -> Result<UserSigClaims, UserSigError> {
    let application = secrets.application.as_ref().ok_or(UserSigError::SdkAppId)?;
    application.verify_user_sig(user_sig, unix_s())
}

/// Checks the request and makes the claims of the token. It expires with the UserSig at the latest.
fn join_claims(request: lk::TokenSourceRequest, proof: EntryProof) -> Result<JoinClaims, TokenRefused> {
    let own = request.participant_attributes.into_iter();
    let attributes: Vec<_> = own.filter(|(key, _)| !standing::is_reserved(key)).collect();
    let metadata = request.participant_metadata.unwrap_or_default();
    let has_own = !metadata.is_empty() || !attributes.is_empty();
    if has_own && !proof.sets_metadata {
        return Err(TokenRefused::OwnMetadata);
    }
    let attribute_bytes: usize = attributes.iter().map(|(k, v)| k.len() + v.len()).sum();
    if metadata.len() > METADATA_BYTES || attribute_bytes > METADATA_BYTES {
        return Err(TokenRefused::Metadata);
    }
    let name = match request.participant_name.filter(|name| !name.is_empty()) {
        Some(name) => display_name(&name)?,
        None => String::new(),
    };
    let wanted = request.participant_identity.filter(|user| !user.is_empty());
    let (user, valid_for) = match (proof.claims, wanted) {
        (Some(claims), Some(wanted)) if wanted != claims.user.as_str() => {
            return Err(TokenRefused::AnotherUser(claims.user));
        }
        (Some(claims), _) => {
            let left = u64::try_from(claims.expires_at - unix_s()).unwrap_or(0);
            (claims.user, JOIN_VALIDITY.min(Duration::from_secs(left)))
        }
        (None, Some(wanted)) => (wanted.parse()?, JOIN_VALIDITY),
        (None, None) => (random_user()?, JOIN_VALIDITY),
    };
    let room_admin = proof.role == Role::Host;
    let own_metadata = false;
    Ok(JoinClaims { room: proof.room, user, name, metadata, attributes, room_admin, own_metadata, valid_for })
}

/// A random user id, for a request without one.
pub(super) fn random_user() -> Result<UserId, IdError> {
    format!("user-{:016x}", rand::random::<u64>()).parse()
}
