//! LiveKit's RoomService over twirp: `POST /twirp/livekit.RoomService/<Method>`, protobuf or JSON.
//!
//! LiveKit's other services, and the methods of this one that need more than one server, are refused in twirp's words.

mod json;

use super::app::AppState;
use super::audit::{self, AuditEntry, Principal};
use super::auth::{self, QueryParameters};
use super::engine::Engine;
use super::error::Unavailable;
use crate::base::IdError;
use crate::hub::{AdminAnswer, AdminCall, AdminError};
use crate::proto::token::{TokenError, VerifiedClaims};
use axum::body::Bytes;
use axum::extract::Query;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use livekit_protocol as lk;
use prost::Message;
use serde::de::DeserializeOwned;

/// The path of all services. Some clients write two slashes before it.
const TWIRP: &str = "twirp/";
/// The service.
const SERVICE: &str = "livekit.RoomService";
/// Its methods that concern other servers, or reach into a client.
const LACKING_METHODS: [&str; 3] = ["MoveParticipant", "ForwardParticipant", "PerformRpc"];
/// LiveKit's services that this server does not have, and what they are for.
const LACKING_SERVICES: [(&str, &str); 5] = [
    ("livekit.Egress", "recording and streaming of rooms"),
    ("livekit.Ingress", "streams into rooms"),
    ("livekit.SIP", "telephone calls"),
    ("livekit.AgentDispatchService", "agents"),
    ("livekit.Connector", "calls of other services"),
];

/// The encoding of a call and of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum CallError {
    #[error("no handler for path {0:?}")]
    NoRoute(String),
    #[error("unsupported method {0:?} (only POST is allowed)")]
    NotPost(Method),
    #[error("unexpected Content-Type: it is application/json or application/protobuf")]
    ContentType,
    #[error("this server does not have {0}")]
    NoService(&'static str),
    #[error("{0} is not implemented on this server")]
    NotImplemented(String),
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
            Self::NoRoute(_) | Self::NotPost(_) | Self::ContentType => ("bad_route", StatusCode::NOT_FOUND),
            Self::NoService(_) | Self::NotImplemented(_) | Self::Admin(AdminError::Unsupported(_)) => {
                ("unimplemented", StatusCode::NOT_IMPLEMENTED)
            }
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

/// Answers every path without another endpoint: a call of a service, or 404.
pub(super) async fn call(
    State(app): State<AppState>,
    Query(query): Query<QueryParameters>,
    (method, uri): (Method, Uri),
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(path) = uri.path().trim_start_matches('/').strip_prefix(TWIRP) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let answer = match method == Method::POST {
        true => answer(&app, path, (&headers, &query), &body).await,
        false => Err(CallError::NotPost(method)),
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(
    app: &AppState,
    path: &str,
    (headers, query): (&HeaderMap, &QueryParameters),
    body: &[u8],
) -> Result<Response, CallError> {
    let no_route = || CallError::NoRoute(format!("/{TWIRP}{path}"));
    let (service, name) = path.split_once('/').ok_or_else(no_route)?;
    let lacking = LACKING_SERVICES.iter().find(|(lacking, _)| *lacking == service);
    if service != SERVICE && lacking.is_none() {
        return Err(no_route());
    }
    let encoding = encoding(headers).ok_or(CallError::ContentType)?;
    let claims = auth::verify_token(app, headers, query)?;
    if let Some((_, purpose)) = lacking {
        return Err(CallError::NoService(purpose));
    }
    let request = parse(name, &Request { engine: &app.engine, claims: &claims, encoding, body })
        .inspect_err(|e| write_audit(&claims, name, (&claims.room, ""), e.code().0))?;
    let (room, user) = (request.room().to_owned(), request.user().to_owned());
    let answer = app.engine.admin(request).await.map_err(CallError::from).and_then(|answer| Ok(answer?));
    write_audit(&claims, name, (&room, &user), answer.as_ref().map_or_else(|e| e.code().0, |_| "ok"));
    let answer = *answer?;
    Ok(write(encoding, &answer))
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
    match content_type.split(';').next()?.trim().to_ascii_lowercase().as_str() {
        "application/protobuf" => Some(Encoding::Protobuf),
        "application/json" => Some(Encoding::Json),
        _ => None,
    }
}

struct Request<'a> {
    engine: &'a Engine,
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
            request.engine.room_name(&call.name)?;
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
        lacking if LACKING_METHODS.contains(&lacking) => return Err(CallError::NotImplemented(lacking.to_owned())),
        other => return Err(CallError::NoRoute(format!("/{TWIRP}{SERVICE}/{other}"))),
    })
}

fn write(encoding: Encoding, answer: &AdminAnswer) -> Response {
    match encoding {
        Encoding::Protobuf => ([(header::CONTENT_TYPE, "application/protobuf")], protobuf(answer)).into_response(),
        Encoding::Json => axum::Json(json::answer(answer)).into_response(),
    }
}

fn protobuf(answer: &AdminAnswer) -> Vec<u8> {
    match answer {
        AdminAnswer::Room(m) => m.encode_to_vec(),
        AdminAnswer::Rooms(m) => m.encode_to_vec(),
        AdminAnswer::Deleted(m) => m.encode_to_vec(),
        AdminAnswer::Participants(m) => m.encode_to_vec(),
        AdminAnswer::Participant(m) => m.encode_to_vec(),
        AdminAnswer::Removed(m) => m.encode_to_vec(),
        AdminAnswer::Muted(m) => m.encode_to_vec(),
        AdminAnswer::Subscriptions(m) => m.encode_to_vec(),
        AdminAnswer::DataSent(m) => m.encode_to_vec(),
    }
}
