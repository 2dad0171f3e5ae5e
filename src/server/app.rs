//! The state that all endpoints share.

use super::connection_limit::ConnectionLimit;
use super::engine::Engine;
use super::secrets::Keyring;
use axum::http::HeaderMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The state of the HTTP endpoints.
#[derive(Clone)]
pub(super) struct AppState {
    pub(super) engine: Engine,
    pub(super) secrets: Keyring,
    /// Whether `POST /token` gives a token to everybody.
    pub(super) open_tokens: bool,
    pub(super) public_url: Option<String>,
    /// Each signalling connection holds a clone: the server stops when the last one is dropped.
    pub(super) link_guard: mpsc::Sender<()>,
    /// The limits of connections, for `/metrics`.
    pub(super) limit: Arc<ConnectionLimit>,
    /// Whether the listener speaks TLS.
    pub(super) is_tls: bool,
}

impl AppState {
    /// The URL at which clients reach this server: the configured one, or else the address of the request.
    pub(super) fn url(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
        let scheme = if self.is_tls || text("x-forwarded-proto") == Some("https") { "wss" } else { "ws" };
        format!("{scheme}://{}", text("host").unwrap_or("127.0.0.1"))
    }
}
