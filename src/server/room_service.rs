//! LiveKit's RoomService over twirp: `POST /twirp/livekit.RoomService/<Method>`, protobuf or JSON.

use super::app::AppState;
use super::audit::{self, AuditEntry, Principal};
use super::auth;
use super::error::Unavailable;
use crate::base::{IdError, RoomId};
use crate::hub::{AdminAnswer, AdminCall, AdminError};
use crate::proto::token::{TokenError, VerifiedClaims};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use livekit_protocol as lk;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// The path of the service. Some clients write two slashes before it.
const PREFIX: &str = "twirp/livekit.RoomService/";

/// The encoding of a call and of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum CallError {
    #[error("there is no such method here")]
    BadRoute,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("permissions denied")]
    Permission,
    #[error("the request could not be decoded")]
    Malformed,
    #[error(transparent)]
    Name(#[from] IdError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl CallError {
    /// The twirp code and the HTTP status.
    const fn code(&self) -> (&'static str, StatusCode) {
        match self {
            Self::BadRoute => ("bad_route", StatusCode::NOT_FOUND),
            Self::Token(_) | Self::Permission => ("unauthenticated", StatusCode::UNAUTHORIZED),
            Self::Malformed => ("malformed", StatusCode::BAD_REQUEST),
            Self::Name(_) | Self::Admin(AdminError::Invalid(_)) => ("invalid_argument", StatusCode::BAD_REQUEST),
            Self::Admin(AdminError::NoRoom | AdminError::NoParticipant | AdminError::NoTrack) => {
                ("not_found", StatusCode::NOT_FOUND)
            }
            Self::Admin(AdminError::Precondition(_)) => ("failed_precondition", StatusCode::PRECONDITION_FAILED),
            Self::Unavailable(_) => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

impl IntoResponse for CallError {
    fn into_response(self) -> Response {
        let (code, status) = self.code();
        (status, axum::Json(serde_json::json!({ "code": code, "msg": self.to_string() }))).into_response()
    }
}

/// Answers every path without another endpoint: a call of the service, or 404.
pub(super) async fn call(
    State(app): State<AppState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(name) = uri.path().trim_start_matches('/').strip_prefix(PREFIX) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match answer(&app, &method, name, &headers, &body).await {
        Ok(response) => response,
        Err(e) => e.into_response(),
    }
}

async fn answer(
    app: &AppState,
    method: &Method,
    name: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, CallError> {
    let encoding = encoding(headers).filter(|_| method == Method::POST).ok_or(CallError::BadRoute)?;
    let claims = auth::verify_token(app, headers, &HashMap::new())?;
    let request = parse(name, &Request { claims: &claims, encoding, body })
        .inspect_err(|e| write_audit(&claims, name, (&claims.room, ""), e.code().0))?;
    let (room, user) = (request.room().to_owned(), request.user().to_owned());
    let answer = app.engine.admin(request).await.map_err(CallError::from).and_then(|answer| Ok(answer?));
    write_audit(&claims, name, (&room, &user), answer.as_ref().map_or_else(|e| e.code().0, |_| "ok"));
    Ok(write(encoding, *answer?))
}

/// Writes a call into the audit log, unless it only reads.
fn write_audit(claims: &VerifiedClaims, method: &str, (room, users): (&str, &str), result: &str) {
    if !method.starts_with("List") && !method.starts_with("Get") {
        let entry = AuditEntry { action: method, room, users, result, request: "" };
        audit::record(Principal { key: &claims.key, user: &claims.identity }, entry);
    }
}

fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match content_type.split(';').next()?.trim() {
        "application/protobuf" => Some(Encoding::Protobuf),
        "application/json" => Some(Encoding::Json),
        _ => None,
    }
}

struct Request<'a> {
    claims: &'a VerifiedClaims,
    encoding: Encoding,
    body: &'a [u8],
}

impl Request<'_> {
    fn decode<T: Message + Default + DeserializeOwned>(&self) -> Result<T, CallError> {
        match self.encoding {
            Encoding::Protobuf => T::decode(self.body).map_err(|_| CallError::Malformed),
            Encoding::Json => serde_json::from_slice(self.body).map_err(|_| CallError::Malformed),
        }
    }

    fn needs(&self, allowed: bool) -> Result<(), CallError> {
        if allowed { Ok(()) } else { Err(CallError::Permission) }
    }

    /// Decodes a request about one room. The token must have `roomAdmin` for it.
    fn of_room<T: Message + Default + DeserializeOwned>(&self, room: fn(&T) -> &str) -> Result<T, CallError> {
        let request = self.decode::<T>()?;
        self.needs(self.claims.room_admin && self.claims.room == room(&request))?;
        Ok(request)
    }
}

fn parse(method: &str, request: &Request<'_>) -> Result<AdminCall, CallError> {
    Ok(match method {
        "CreateRoom" => {
            request.needs(request.claims.room_create)?;
            let call: lk::CreateRoomRequest = request.decode()?;
            call.name.parse::<RoomId>()?;
            AdminCall::CreateRoom(call)
        }
        "ListRooms" => {
            request.needs(request.claims.room_list)?;
            AdminCall::ListRooms(request.decode()?)
        }
        "DeleteRoom" => {
            // LiveKit requires `roomCreate`. Here a host's token may also end the host's own room.
            let call: lk::DeleteRoomRequest = request.decode()?;
            request
                .needs(request.claims.room_create || (request.claims.room_admin && request.claims.room == call.room))?;
            AdminCall::DeleteRoom(call)
        }
        "ListParticipants" => {
            AdminCall::ListParticipants(request.of_room(|r: &lk::ListParticipantsRequest| r.room.as_str())?)
        }
        "GetParticipant" => {
            AdminCall::GetParticipant(request.of_room(|r: &lk::RoomParticipantIdentity| r.room.as_str())?)
        }
        "RemoveParticipant" => {
            AdminCall::RemoveParticipant(request.of_room(|r: &lk::RoomParticipantIdentity| r.room.as_str())?)
        }
        "MutePublishedTrack" => {
            AdminCall::MutePublishedTrack(request.of_room(|r: &lk::MuteRoomTrackRequest| r.room.as_str())?)
        }
        "UpdateParticipant" => {
            AdminCall::UpdateParticipant(request.of_room(|r: &lk::UpdateParticipantRequest| r.room.as_str())?)
        }
        "UpdateSubscriptions" => {
            AdminCall::UpdateSubscriptions(request.of_room(|r: &lk::UpdateSubscriptionsRequest| r.room.as_str())?)
        }
        "SendData" => AdminCall::SendData(request.of_room(|r: &lk::SendDataRequest| r.room.as_str())?),
        "UpdateRoomMetadata" => {
            AdminCall::UpdateRoomMetadata(request.of_room(|r: &lk::UpdateRoomMetadataRequest| r.room.as_str())?)
        }
        _ => return Err(CallError::BadRoute),
    })
}

fn write(encoding: Encoding, answer: AdminAnswer) -> Response {
    match answer {
        AdminAnswer::Room(m) => encode(encoding, &m),
        AdminAnswer::Rooms(m) => encode(encoding, &m),
        AdminAnswer::Deleted(m) => encode(encoding, &m),
        AdminAnswer::Participants(m) => encode(encoding, &m),
        AdminAnswer::Participant(m) => encode(encoding, &m),
        AdminAnswer::Removed(m) => encode(encoding, &m),
        AdminAnswer::Muted(m) => encode(encoding, &m),
        AdminAnswer::Subscriptions(m) => encode(encoding, &m),
        AdminAnswer::DataSent(m) => encode(encoding, &m),
    }
}

fn encode(encoding: Encoding, message: &(impl Message + Serialize)) -> Response {
    match encoding {
        Encoding::Protobuf => {
            ([(header::CONTENT_TYPE, "application/protobuf")], message.encode_to_vec()).into_response()
        }
        Encoding::Json => axum::Json(message).into_response(),
    }
}
