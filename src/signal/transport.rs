//! The transports of `livekit-signaling`, with two changes.
//!
//! WebSockets can be cancelled. The crate's tasks hold a socket for seconds while a write does not get through, and for ever
//! when a join is dropped before it is complete. Cancelling the link's [`CancelOnDrop`] closes them.
//!
//! HTTP connections are not kept alive. When a join is refused, the crate asks for the reason by HTTP, and its client would
//! keep that connection for more than a minute, beyond the end of the program's session.

use async_trait::async_trait;
use livekit_net::{
    Header, HttpClient, HttpMethod, HttpResponse, TransportError, WsClient, WsConnectResult, WsConnection,
};
use std::sync::{Arc, Once};
use tokio_util::sync::CancellationToken;

tokio::task_local! {
    static CANCEL: CancellationToken;
}

/// Cancels all sockets of one link when it is dropped.
#[derive(Debug, Default)]
pub(super) struct CancelOnDrop(CancellationToken);

impl CancelOnDrop {
    /// Runs `opening`; the WebSockets that it opens are cancelled with this.
    pub(super) async fn scope<T>(&self, opening: impl Future<Output = T>) -> T {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            if let Some(native) = livekit_net::ws_client() {
                livekit_net::set_ws_client(Arc::new(CancellableWsClient(native)));
            }
            if let Some(native) = livekit_net::http_client() {
                livekit_net::set_http_client(Arc::new(NoKeepAlive(native)));
            }
        });
        CANCEL.scope(self.0.clone(), opening).await
    }

    /// Closes all sockets of this scope, also those that are opened later.
    pub(super) fn cancel(&self) {
        self.0.cancel();
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// The crate's own WebSocket client, with cancellation.
struct CancellableWsClient(Arc<dyn WsClient>);

#[async_trait]
impl WsClient for CancellableWsClient {
    async fn connect(
        &self,
        url: String,
        headers: Vec<Header>,
        timeout_ms: u64,
    ) -> Result<WsConnectResult, TransportError> {
        let cancel = CANCEL.try_with(CancellationToken::clone).unwrap_or_default();
        let opened = cancel.run_until_cancelled(self.0.connect(url, headers, timeout_ms)).await;
        let socket = opened.ok_or(TransportError::Closed)??.connection;
        Ok(WsConnectResult { connection: Arc::new(SignalSocket { socket, cancel }) })
    }
}

/// A WebSocket that can be cancelled.
struct SignalSocket {
    socket: Arc<dyn WsConnection>,
    cancel: CancellationToken,
}

#[async_trait]
impl WsConnection for SignalSocket {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        self.cancel.run_until_cancelled(self.socket.send(frame)).await.unwrap_or(Err(TransportError::Closed))
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        self.cancel.run_until_cancelled(self.socket.recv()).await.unwrap_or(Ok(None))
    }

    async fn close(&self) {
        // When cancelled, the socket is closed by being dropped.
        self.cancel.run_until_cancelled(self.socket.close()).await;
    }
}

/// The crate's own HTTP client, with one request on each connection.
struct NoKeepAlive(Arc<dyn HttpClient>);

#[async_trait]
impl HttpClient for NoKeepAlive {
    async fn request(
        &self,
        method: HttpMethod,
        url: String,
        mut headers: Vec<Header>,
        body: Option<Vec<u8>>,
    ) -> Result<HttpResponse, TransportError> {
        headers.push(Header { name: "connection".into(), value: "close".into() });
        self.0.request(method, url, headers, body).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_request_leaves_no_connection_open() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/rtc/validate", listener.local_addr().expect("an address"));
        let asking = tokio::spawn(async move {
            let client = NoKeepAlive(livekit_net::testing::native_http_client());
            client.request(HttpMethod::Get, url, Vec::new(), None).await.map(|answer| (client, answer))
        });
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut heard = [0; 4096];
        assert!(stream.read(&mut heard).await.expect("a request") > 0);
        // An answer that would allow keep-alive.
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await.expect("an answer");
        let (_client, answer) = asking.await.expect("no panic").expect("an answer");
        assert_eq!(answer.status, 403);
        let end = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut heard)).await;
        assert_eq!(end.expect("the client closes by itself").expect("the end of the stream"), 0);
    }
}
