//! WebSockets that can be ended from outside, at once.
//!
//! The signalling crate's tasks hold a socket for as long as the server takes to answer: for seconds where a write does
//! not get through, and for ever where a join is given up half-way. A [`Lifeline`] that is cut ends them.

use async_trait::async_trait;
use livekit_net::{Header, TransportError, WsClient, WsConnectResult, WsConnection};
use std::sync::{Arc, Once};
use tokio_util::sync::CancellationToken;

tokio::task_local! {
    static LIFELINE: CancellationToken;
}

/// What the sockets of one link hang on. Dropping it cuts it.
#[derive(Debug, Default)]
pub(super) struct Lifeline(CancellationToken);

impl Lifeline {
    /// Runs `opening`; every WebSocket that it opens hangs on this line.
    pub(super) async fn holds<T>(&self, opening: impl Future<Output = T>) -> T {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            if let Some(native) = livekit_net::ws_client() {
                livekit_net::set_ws_client(Arc::new(Client(native)));
            }
        });
        LIFELINE.scope(self.0.clone(), opening).await
    }

    /// Ends every socket that hangs on it, and those that come later.
    pub(super) fn cut(&self) {
        self.0.cancel();
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        self.cut();
    }
}

/// The crate's own transport, with lines on what it opens.
struct Client(Arc<dyn WsClient>);

#[async_trait]
impl WsClient for Client {
    async fn connect(
        &self,
        url: String,
        headers: Vec<Header>,
        timeout_ms: u64,
    ) -> Result<WsConnectResult, TransportError> {
        let line = LIFELINE.try_with(CancellationToken::clone).unwrap_or_default();
        let opened = line.run_until_cancelled(self.0.connect(url, headers, timeout_ms)).await;
        let socket = opened.ok_or(TransportError::Closed)??.connection;
        Ok(WsConnectResult { connection: Arc::new(Connection { socket, line }) })
    }
}

/// A socket on a line.
struct Connection {
    socket: Arc<dyn WsConnection>,
    line: CancellationToken,
}

#[async_trait]
impl WsConnection for Connection {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        self.line.run_until_cancelled(self.socket.send(frame)).await.unwrap_or(Err(TransportError::Closed))
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        self.line.run_until_cancelled(self.socket.recv()).await.unwrap_or(Ok(None))
    }

    async fn close(&self) {
        // Cut or not, the socket goes with its last holder.
        self.line.run_until_cancelled(self.socket.close()).await;
    }
}
