//! Tencent Cloud's API 3.0 at `/`: RemoveUser, DismissRoom and their string twins, as back ends that use TRTC call them.
//!
//! The answer is always HTTP 200 and exactly `application/json`: the official Python SDK takes anything else for a
//! success or a broken network. What was decided where the documentation is silent:
//!
//! - Removing somebody who is not in an open room succeeds, so that a removal can be repeated. A room that is not open
//!   is `FailedOperation.RoomNotExist`, for removals and dismissals alike.
//! - Somebody who is joining, or whose link is lost, is in the room. Somebody who was lost from it within the last two
//!   minutes is on the way back: a removal or dismissal still reaches them.
//! - A signed request is carried out once. Who sends it again within its ten minutes gets the first answer.

mod rates;
mod replay;

use super::audit::{self, AuditEntry, Principal};
use super::engine::Unavailable;
use super::rooms::Rooms;
use super::secrets::Application;
use super::{App, unix_s};
use crate::base::UserId;
use crate::proto::tencent::{ApiError, HttpRequest, RoomOperation, RoomRequest, SignedCall};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use rates::Rates;
use replay::ReplayCache;
use std::time::Instant;
use uuid::Uuid;

/// What the API remembers between calls.
#[derive(Debug, Default)]
pub(super) struct CallGuards {
    once: ReplayCache,
    rates: Rates,
}

/// Answers a call of the API; or, to somebody who only looks whether a server is there, `OK`.
pub(super) async fn call(
    State(app): State<App>,
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
            answer(&app, &http, &id).await
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

async fn answer(app: &App, http: &HttpRequest<'_>, id: &str) -> Result<(), ApiError> {
    let secrets = app.secrets.current();
    let keys = secrets.application.as_ref().map(|a| a.keys.as_slice()).unwrap_or_default();
    let call = SignedCall::verify(http, keys, unix_s())
        .inspect_err(|e| tracing::info!(request = id, code = e.code(), "a call of Tencent's API is refused: {e}"))?;
    let application = secrets.application.as_ref().ok_or(ApiError::SecretId)?;
    let action = call.action()?;
    let request = call.request(http.body);
    let answer = obey(app, application, &call, request.clone()).await;
    let (room, users) = request.map_or_else(|_| Default::default(), |r| (r.room.to_string(), names(&r.operation)));
    let result = answer.as_ref().map_or_else(ApiError::code, |()| "ok");
    let entry = AuditEntry { action: action.name(), room: &room, users: &users, result, request: id };
    audit::record(Principal { key: &call.secret_id, user: "" }, entry);
    answer
}

/// Does what is asked, unless it was done before, or too much is asked at once.
async fn obey(
    app: &App,
    application: &Application,
    call: &SignedCall,
    request: Result<RoomRequest, ApiError>,
) -> Result<(), ApiError> {
    let (now, at_most) = (Instant::now(), application.calls_per_second);
    let known = app.tencent.once.find(&call.fingerprint, now);
    if known.is_none() && !app.tencent.rates.admit(call.action()?, at_most, now) {
        return Err(ApiError::TooMany(at_most));
    }
    let request = request?;
    if request.sdk_app_id != application.sdk_app_id {
        return Err(ApiError::SdkAppId);
    }
    let outcome = match known {
        Some(outcome) => outcome,
        None => app.tencent.once.begin(call.fingerprint, now).ok_or(ApiError::Internal)?,
    };
    // Whoever comes second while the first one is at it waits for the same outcome.
    outcome.get_or_try_init(|| carry_out(&app.rooms, &request)).await?.clone()
}

/// The inner result is an outcome; the outer one says that there is none, and that it may be tried again.
async fn carry_out(rooms: &Rooms, request: &RoomRequest) -> Result<Result<(), ApiError>, ApiError> {
    let room = &request.room;
    let was_open = match &request.operation {
        RoomOperation::Dismiss => rooms.dismiss(room).await,
        RoomOperation::Remove(users) => remove(rooms, request, users).await,
    };
    let was_open = was_open.map_err(|e| {
        tracing::warn!("a call of Tencent's API is not carried out: {e}");
        ApiError::Internal
    })?;
    Ok(if was_open { Ok(()) } else { Err(ApiError::NoRoom) })
}

async fn remove(rooms: &Rooms, request: &RoomRequest, users: &[UserId]) -> Result<bool, Unavailable> {
    let mut somebody = false;
    for user in users {
        somebody |= rooms.remove(&request.room, user).await?;
    }
    Ok(somebody || rooms.exists(&request.room).await?)
}

fn names(order: &RoomOperation) -> String {
    match order {
        RoomOperation::Dismiss => String::new(),
        RoomOperation::Remove(users) => users.iter().map(UserId::as_str).collect::<Vec<_>>().join(" "),
    }
}
