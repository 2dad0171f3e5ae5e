//! Webhooks over real sockets: what a receiver gets, when it fails, and after a restart.

use super::*;
use crate::base::Secret;
use crate::hub::HubConfig;
use crate::server::WebhookConfig;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use livekit_api::access_token::TokenVerifier;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Another server that takes webhooks.
struct BackEnd {
    url: String,
    posts: mpsc::Receiver<(HeaderMap, Bytes)>,
}

#[derive(Clone)]
struct Answers {
    posts: mpsc::Sender<(HeaderMap, Bytes)>,
    /// The next answers; afterwards 200.
    next: Arc<Mutex<VecDeque<u16>>>,
}

async fn take(State(answers): State<Answers>, headers: HeaderMap, body: Bytes) -> StatusCode {
    answers.posts.send((headers, body)).await.expect("the test listens");
    let next = answers.next.lock().pop_front().unwrap_or(200);
    StatusCode::from_u16(next).expect("a status")
}

impl BackEnd {
    async fn start(listener: TcpListener, next: &[u16]) -> Self {
        let (sender, posts) = mpsc::channel(64);
        let url = format!("http://{}/hook?secret=1", listener.local_addr().expect("an address"));
        let answers = Answers { posts: sender, next: Arc::new(Mutex::new(next.iter().copied().collect())) };
        let router = Router::new().fallback(take).with_state(answers);
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { url, posts }
    }

    /// The next event, whose signature is checked as LiveKit's receivers do it.
    async fn next(&mut self) -> lk::WebhookEvent {
        let (headers, body) = timeout(PATIENCE, self.posts.recv()).await.expect("a webhook in time").expect("one");
        assert_eq!(headers["content-type"], "application/webhook+json");
        let token = headers["authorization"].to_str().expect("text");
        let claims = TokenVerifier::with_api_key("devkey", "secret").verify(token).expect("a good signature");
        use base64::prelude::{BASE64_STANDARD, Engine};
        assert_eq!(claims.sha256, BASE64_STANDARD.encode(Sha256::digest(&body)), "the hash is the body's");
        serde_json::from_slice(&body).expect("an event")
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port")
}

/// A server without waiting for people who come back.
async fn server(url: &str, state: Option<&std::path::Path>) -> Embedded {
    let urls = vec![Secret::new(url.parse().expect("a URL"))];
    let webhooks = WebhookConfig { urls, api_key: Some("devkey".to_owned()) };
    let rooms = HubConfig { departure_timeout_s: 0, ..HubConfig::default() };
    let state = state.map(ToOwned::to_owned);
    Embedded::start(ServerConfig { webhooks, rooms, state, ..ServerConfig::dev() }).await.expect("a server")
}

#[tokio::test]
async fn events_are_posted_in_their_order_and_signed() {
    let mut back_end = BackEnd::start(listener().await, &[]).await;
    let server = server(&back_end.url, None).await;
    let mut mina = Client::join(&server, "r", "mina").await;
    let started = back_end.next().await;
    assert_eq!((started.event.as_str(), started.room.map(|r| r.name)), ("room_started", Some("r".to_owned())));
    mina.say(Say::Leave(lk::LeaveRequest::default())).await;
    let aborted = back_end.next().await;
    assert_eq!(aborted.event, "participant_connection_aborted", "it never had a media connection");
    assert_eq!(aborted.participant.map(|p| p.identity), Some("mina".to_owned()));
    assert_eq!(back_end.next().await.event, "room_finished");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn an_event_is_posted_again_until_it_is_taken_and_a_refused_one_is_not() {
    let mut back_end = BackEnd::start(listener().await, &[503, 500, 200, 400]).await;
    let server = server(&back_end.url, None).await;
    let mut mina = Client::join(&server, "r", "mina").await;
    mina.say(Say::Leave(lk::LeaveRequest::default())).await;
    let tries = [back_end.next().await, back_end.next().await, back_end.next().await];
    assert!(tries.iter().all(|event| event.event == "room_started" && event.id == tries[0].id), "{tries:?}");
    assert_eq!(back_end.next().await.event, "participant_connection_aborted");
    assert_eq!(back_end.next().await.event, "room_finished", "nothing comes between, and nothing is skipped");
    let metrics = reqwest::get(http_url(&server, "/metrics")).await.expect("an answer").text().await.expect("text");
    for line in ["visavis_webhooks_failed_total 1", "visavis_webhooks_dropped_total 0"] {
        assert!(metrics.lines().any(|l| l == line), "{line} is not in\n{metrics}");
    }
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn events_outlive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    // Nobody listens there yet.
    let address = listener().await.local_addr().expect("an address");
    let url = format!("http://{address}/hook?secret=1");
    let first = server(&url, Some(folder.path())).await;
    let _mina = Client::join(&first, "r", "mina").await;
    first.stop().await.expect("stopped");
    let file = folder.path().join("webhooks.json");
    let text = std::fs::read_to_string(&file).expect("a file");
    assert!(text.contains("room_started") && text.contains("SERVER_SHUTDOWN"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o077, 0, "it names who was where");
    }
    let mut back_end = BackEnd::start(TcpListener::bind(address).await.expect("the port"), &[]).await;
    let second = server(&url, Some(folder.path())).await;
    let mut names = Vec::new();
    for _ in 0..3 {
        names.push(back_end.next().await.event);
    }
    assert_eq!(names, ["room_started", "participant_connection_aborted", "room_finished"]);
    second.stop().await.expect("stopped");
    assert!(!file.exists(), "nothing is left to deliver");
    // A file that is not one is put aside.
    std::fs::write(&file, "{\"version\": 1, \"events\": [{]").expect("written");
    server(&url, Some(folder.path())).await.stop().await.expect("stopped");
    let names = std::fs::read_dir(folder.path()).expect("listed").map(|e| e.expect("an entry").file_name());
    assert!(names.into_iter().any(|name| name.to_string_lossy().starts_with("webhooks.json.broken-")));
}

#[tokio::test]
async fn a_key_that_is_unknown_is_told_at_the_start() {
    let urls = vec![Secret::new("http://127.0.0.1:9/".parse().expect("a URL"))];
    let webhooks = WebhookConfig { urls, api_key: Some("nobody".to_owned()) };
    let refused = Embedded::start(ServerConfig { webhooks, ..ServerConfig::dev() }).await.expect_err("refused");
    assert!(refused.to_string().contains("api_key under [webhook]"), "{refused}");
}
