//! HTTP: the endpoints.

use super::app::AppState;
use super::auth::{self, Protocol, QueryParameters};
use super::engine::Engine;
use super::hub_handle::HubHandle;
use super::link::{ClientLink, MAX_MESSAGE};
use super::tencent::{self, CallGuards};
use super::{invitations, join_page, metrics, room_lookup, room_service, token_endpoint};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use std::sync::Arc;
use std::time::Duration;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

/// How long a request may take with its body. A WebSocket upgrade is answered at once.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);
/// Longest request body, in bytes.
const BODY_BYTES: usize = 1 << 20;

/// The OpenAPI description of this server's own endpoints.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

/// All endpoints.
pub(super) fn router(app: AppState) -> Router {
    // Any web page may call: tokens decide what the caller may do.
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .max_age(Duration::from_secs(24 * 3600));
    signalling(&app)
        .route("/", any(tencent::call).layer(Extension(Arc::<CallGuards>::default())))
        .route("/healthz", get(metrics::health))
        .route("/metrics", get(metrics::metrics))
        .route("/token", post(token_endpoint::token))
        .route("/room", post(room_lookup::look_up))
        .route("/openapi.json", get(async || ([(CONTENT_TYPE, "application/json")], OPENAPI)))
        .route("/links", post(invitations::make))
        .route("/j/{*room}", get(join_page::page))
        .fallback(room_service::call)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn(run_to_end))
        .layer(cors)
        .with_state(app)
}

/// The signalling endpoints; if another server has the rooms, a pointer to it.
fn signalling(app: &AppState) -> Router<AppState> {
    match &app.engine {
        Engine::Embedded(hub) => Router::new()
            .route("/rtc", get(upgrade_v0))
            .route("/rtc/v1", get(upgrade_v1))
            .route("/rtc/validate", get(validate_v0))
            .route("/rtc/v1/validate", get(validate_v1))
            .layer(Extension(hub.clone())),
        Engine::LiveKit(livekit) => {
            let words = format!("The rooms are at {}. POST /token gives tokens for them.", livekit.client_url());
            let answer = move || std::future::ready((StatusCode::NOT_FOUND, words.clone()));
            Router::new().route("/rtc", any(answer.clone())).route("/rtc/{*rest}", any(answer))
        }
    }
}

/// Runs a request to its end or its time limit, even if the caller hangs up. A host that removes itself hangs up at
/// once, and its call must still be recorded and audited.
async fn run_to_end(request: Request, next: Next) -> Response {
    let task = tokio::spawn(tokio::time::timeout(REQUEST_LIMIT, next.run(request)));
    match task.await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => StatusCode::REQUEST_TIMEOUT.into_response(),
        // A panic: it is in the log.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

type HubExtension = Extension<HubHandle>;

async fn upgrade_v0(
    app: State<AppState>,
    hub: HubExtension,
    headers: HeaderMap,
    query: Query<QueryParameters>,
    ws: Upgrade,
) -> Response {
    upgrade((app.0, hub.0), &headers, &query, ws, Protocol::V0).await
}

async fn upgrade_v1(
    app: State<AppState>,
    hub: HubExtension,
    headers: HeaderMap,
    query: Query<QueryParameters>,
    ws: Upgrade,
) -> Response {
    upgrade((app.0, hub.0), &headers, &query, ws, Protocol::V1).await
}

async fn validate_v0(
    app: State<AppState>,
    hub: HubExtension,
    headers: HeaderMap,
    query: Query<QueryParameters>,
) -> Response {
    validate((&app, &hub), &headers, &query, Protocol::V0).await
}

async fn validate_v1(
    app: State<AppState>,
    hub: HubExtension,
    headers: HeaderMap,
    query: Query<QueryParameters>,
) -> Response {
    validate((&app, &hub), &headers, &query, Protocol::V1).await
}

async fn validate(
    target: (&AppState, &HubHandle),
    headers: &HeaderMap,
    query: &QueryParameters,
    protocol: Protocol,
) -> Response {
    match auth::authorize_join(target, headers, query, protocol).await {
        Ok(_) => "success".into_response(),
        Err(denied) => denied.into_response(),
    }
}

async fn upgrade(
    (app, hub): (AppState, HubHandle),
    headers: &HeaderMap,
    query: &QueryParameters,
    ws: Upgrade,
    protocol: Protocol,
) -> Response {
    let Ok(ws) = ws else { return StatusCode::NOT_FOUND.into_response() };
    match auth::authorize_join((&app, &hub), headers, query, protocol).await {
        Ok((claims, joining)) => {
            let link = ClientLink { hub, secrets: app.secrets, claims, guard: app.link_guard };
            ws.max_message_size(MAX_MESSAGE)
                .max_frame_size(MAX_MESSAGE)
                .on_upgrade(move |socket| link.run(socket, joining))
        }
        Err(denied) => {
            tracing::info!(status = denied.status().as_u16(), error = %denied, "a join is refused");
            denied.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;

    /// A server with one endpoint that reports when it begins and when it is done.
    async fn slow() -> (std::net::SocketAddr, mpsc::Receiver<&'static str>) {
        let (sender, reports) = mpsc::channel(4);
        let handler = async move || {
            sender.send("begun").await.expect("the test listens");
            tokio::time::sleep(Duration::from_millis(200)).await;
            sender.send("done").await.expect("the test listens");
        };
        let router = Router::new().route("/", post(handler)).layer(middleware::from_fn(run_to_end));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(axum::serve(listener, router).into_future());
        (address, reports)
    }

    #[tokio::test]
    async fn a_request_runs_to_its_end_if_the_caller_hangs_up() {
        let (address, mut reports) = slow().await;
        let mut caller = TcpStream::connect(address).await.expect("connected");
        caller.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await.expect("asked");
        assert_eq!(reports.recv().await, Some("begun"));
        drop(caller);
        assert_eq!(tokio::time::timeout(REQUEST_LIMIT, reports.recv()).await, Ok(Some("done")));
    }
}
