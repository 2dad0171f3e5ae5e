//! Tencent Cloud's API 3.0 at `/`: RemoveUser, DismissRoom and their variants with string room ids, as back ends for
//! TRTC call them.
//!
//! The answer is always HTTP 200 and exactly `application/json`: the official Python SDK takes anything else for a
//! success or a network error. Decisions where Tencent's documentation is silent:
//!
//! - The removal of a user who is not in an open room succeeds, so that a removal can be repeated. For a room that is
//!   not open, removals and dismissals fail with `FailedOperation.RoomNotExist`.
//! - A user who is joining, or whose link is lost, is in the room. A user who was lost within the last two minutes may
//!   return: a removal or dismissal bans it.
//! - A signed request is executed once. A copy within its validity of ten minutes gets the first answer.

mod rates;
mod replay;

use super::app::AppState;
use super::audit::{self, AuditEntry, Principal};
use super::engine::Engine;
use super::error::Unavailable;
use super::secrets::Application;
use crate::base::{RoomName, UserId};
use crate::clock::unix_s;
use crate::proto::tencent::{ApiError, HttpRequest, RoomOperation, RoomRequest, SignedCall};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use rates::RateLimits;
use replay::ReplayCache;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

/// The memory of the API: answers for replays, and the calls of the last second.
#[derive(Debug, Default)]
pub(super) struct CallGuards {
    replays: ReplayCache,
    rates: RateLimits,
}

/// Answers a call of the API; a request that is none, such as a health check, gets `OK`.
pub(super) async fn call(
    State(app): State<AppState>,
    Extension(guards): Extension<Arc<CallGuards>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let texts = headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let mut http = HttpRequest {
        method: method.as_str(),
        query: uri.query().unwrap_or_default(),
        headers: texts.collect(),
        body: &[],
    };
    if !http.is_call() {
        return "OK".into_response();
    }
    let id = Uuid::new_v4().to_string();
    let answer = match &body {
        Ok(body) => {
            http.body = body;
            verify_and_audit(&app, &guards, &http, &id).await
        }
        Err(BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_))) => Err(ApiError::TooLong),
        Err(_) => Err(ApiError::Body),
    };
    write(&id, answer)
}

fn write(id: &str, answer: Result<(), ApiError>) -> Response {
    let response = match answer {
        Ok(()) => serde_json::json!({ "RequestId": id }),
        Err(e) => {
            let error = serde_json::json!({ "Code": e.code(), "Message": e.to_string() });
            serde_json::json!({ "Error": error, "RequestId": id })
        }
    };
    axum::Json(serde_json::json!({ "Response": response })).into_response()
}

/// Verifies the signature, executes the request, and writes both outcomes into the logs.
async fn verify_and_audit(
    app: &AppState,
    guards: &CallGuards,
    http: &HttpRequest<'_>,
    id: &str,
) -> Result<(), ApiError> {
    let secrets = app.secrets.current();
    let keys = secrets.application.as_ref().map(|a| a.keys.as_slice()).unwrap_or_default();
    let call = SignedCall::verify(http, keys, unix_s()).inspect_err(|error| {
        tracing::info!(request = id, code = error.code(), %error, "a call of Tencent's API is refused");
    })?;
    let application = secrets.application.as_ref().ok_or(ApiError::SecretId)?;
    let action = call.action()?;
    let request = call.request(http.body);
    let answer = execute_once(&app.engine, guards, application, &call, request.clone()).await;
    let (room, users) =
        request.map_or_else(|_| Default::default(), |r| (r.room.wire_name().as_str().to_owned(), names(&r.operation)));
    let result = answer.as_ref().map_or_else(ApiError::code, |()| "ok");
    let entry = AuditEntry { action: action.name(), room: &room, users: &users, result, request: id };
    audit::record(Principal { key: &call.secret_id, user: "" }, entry);
    answer
}

/// Executes a request within the rate limit. A request that was sent before gets the first answer.
async fn execute_once(
    engine: &Engine,
    guards: &CallGuards,
    application: &Application,
    call: &SignedCall,
    request: Result<RoomRequest, ApiError>,
) -> Result<(), ApiError> {
    let (now, limit) = (Instant::now(), application.calls_per_second);
    let known = guards.replays.find(&call.fingerprint, now);
    if known.is_none() && !guards.rates.admit(call.action()?, limit, now) {
        return Err(ApiError::TooMany(limit));
    }
    let request = request?;
    if request.sdk_app_id != application.sdk_app_id {
        return Err(ApiError::SdkAppId);
    }
    let outcome = match known {
        Some(outcome) => outcome,
        None => guards.replays.begin(call.fingerprint, now).ok_or(ApiError::Internal)?,
    };
    // A copy that arrives while the first one runs waits for the same outcome.
    outcome.get_or_try_init(|| execute(engine, &request)).await?.clone()
}

/// Calls the engine. The inner result is the outcome; the outer error means that there is none, so a retry may execute.
async fn execute(engine: &Engine, request: &RoomRequest) -> Result<Result<(), ApiError>, ApiError> {
    let room = request.room.wire_name();
    let was_open = match &request.operation {
        RoomOperation::Dismiss => engine.dismiss(&room).await,
        RoomOperation::Remove(users) => remove(engine, &room, users).await,
    };
    let was_open = was_open.map_err(|error| {
        tracing::warn!(%error, "a call of Tencent's API is not executed");
        ApiError::Internal
    })?;
    Ok(if was_open { Ok(()) } else { Err(ApiError::NoRoom) })
}

/// Removes users. Returns whether one of them was in the room, or somebody is: in TRTC a room ends with its last user, while
/// here it is kept for a while.
async fn remove(engine: &Engine, room: &RoomName, users: &[UserId]) -> Result<bool, Unavailable> {
    let mut was_there = false;
    for user in users {
        was_there |= engine.remove(room, user).await?;
    }
    Ok(was_there || engine.participants(room).await?.is_some_and(|people| people > 0))
}

fn names(operation: &RoomOperation) -> String {
    match operation {
        RoomOperation::Dismiss => String::new(),
        RoomOperation::Remove(users) => users.iter().map(UserId::as_str).collect::<Vec<_>>().join(" "),
    }
}
