//! The transports that `livekit-signaling` uses: WebSockets and HTTP requests over [`crate::http`].
//!
//! WebSockets can be cancelled. The crate's tasks hold a socket for seconds while a write does not get through, and for ever
//! when a join is dropped before it is complete. Cancelling the [`LinkScope`] closes them. The scope also keeps why a
//! WebSocket did not open, of which the crate's own errors have a text only.

use crate::http::{Connection, HttpRequest, ServerError, ServerStream, connect};
use async_trait::async_trait;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use livekit_net::{
    Header, HttpClient, HttpMethod, HttpResponse, TransportError, WsClient, WsConnectResult, WsConnection,
};
use parking_lot::Mutex as SyncMutex;
use std::net::SocketAddr;
use std::sync::{Arc, Once};
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Left of the time for opening, so that an error that names the cause comes before the crate's own.
const TO_REPORT: Duration = Duration::from_millis(100);
/// The crate bounds its requests by less: the reason of a refusal, the regions of a project.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of an answer at most.
const ANSWER_BYTES: usize = 1 << 20;

tokio::task_local! {
    static SCOPE: Scope;
}

#[derive(Clone, Debug, Default)]
struct Scope {
    cancel: CancellationToken,
    failure: Arc<SyncMutex<Option<OpenFailure>>>,
    server: Arc<SyncMutex<Option<SocketAddr>>>,
    /// Each socket of the scope holds a receiver.
    sockets: Arc<watch::Sender<()>>,
}

/// Why a WebSocket did not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OpenFailure {
    /// There is no connection to the server.
    Server(ServerError),
    /// The server answers, but not with HTTP.
    NotHttp,
    /// The connection broke off.
    Broken,
}

/// The WebSockets of one link, which are closed when it is dropped.
#[derive(Debug, Default)]
pub(super) struct LinkScope(Scope);

impl LinkScope {
    /// Runs `opening`, whose WebSockets are of this scope.
    pub(super) async fn run<T>(&self, opening: impl Future<Output = T>) -> T {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            livekit_net::set_ws_client(Arc::new(Transport));
            livekit_net::set_http_client(Arc::new(Transport));
        });
        SCOPE.scope(self.0.clone(), opening).await
    }

    /// Why the last WebSocket of this scope did not open.
    pub(super) fn take_failure(&self) -> Option<OpenFailure> {
        self.0.failure.lock().take()
    }

    /// The address to which the last WebSocket of this scope was opened.
    pub(super) fn server(&self) -> Option<SocketAddr> {
        *self.0.server.lock()
    }

    /// Closes all sockets of this scope, also those that are opened later.
    pub(super) fn cancel(&self) {
        self.0.cancel.cancel();
    }

    /// Waits until no socket of this scope is open. The crate's tasks drop theirs some time after a close or
    /// [`cancel`](Self::cancel).
    pub(super) async fn closed(&self) {
        self.0.sockets.closed().await;
    }
}

impl Drop for LinkScope {
    fn drop(&mut self) {
        self.cancel();
    }
}

type Socket = WebSocketStream<ServerStream>;

/// Opens connections for the crate.
struct Transport;

#[async_trait]
impl WsClient for Transport {
    async fn connect(
        &self,
        url: String,
        headers: Vec<Header>,
        timeout_ms: u64,
    ) -> Result<WsConnectResult, TransportError> {
        let Scope { cancel, failure, server, sockets } = SCOPE.try_with(Scope::clone).unwrap_or_default();
        let open_socket = sockets.subscribe();
        let limit = Duration::from_millis(timeout_ms).saturating_sub(TO_REPORT);
        let opened = cancel.run_until_cancelled(open(&url, &headers, limit)).await.ok_or(TransportError::Closed)?;
        let (socket, peer) = opened.map_err(|error| {
            if let Opening::Failed(why) = &error {
                *failure.lock() = Some(why.clone());
            }
            TransportError::from(error)
        })?;
        *server.lock() = Some(peer);
        let (sink, stream) = socket.split();
        let (sink, stream) = (Mutex::new(sink), Mutex::new(stream));
        Ok(WsConnectResult { connection: Arc::new(SignalSocket { sink, stream, cancel, _open_socket: open_socket }) })
    }
}

/// Why a WebSocket did not open, or a status that the crate reads.
enum Opening {
    Status(u16),
    Failed(OpenFailure),
}

impl From<Opening> for TransportError {
    fn from(error: Opening) -> Self {
        match error {
            Opening::Status(status) => Self::Http { status },
            Opening::Failed(_) => Self::Connection("the WebSocket did not open".into()),
        }
    }
}

async fn open(url: &str, headers: &[Header], limit: Duration) -> Result<(Socket, SocketAddr), Opening> {
    let failed = |why| Opening::Failed(why);
    let parsed = Url::parse(url).map_err(|_| failed(OpenFailure::Broken))?;
    let mut request = parsed.as_str().into_client_request().map_err(|_| failed(OpenFailure::Broken))?;
    for header in headers {
        if let (Ok(name), Ok(value)) = (header.name.parse::<HeaderName>(), header.value.parse::<HeaderValue>()) {
            request.headers_mut().insert(name, value);
        }
    }
    let Connection { stream, peer, .. } =
        connect(&parsed, limit).await.map_err(|error| failed(OpenFailure::Server(error)))?;
    let opened = client_async(request, stream).await;
    opened.map(|(socket, _)| (socket, peer)).map_err(|error| match error {
        WsError::Http(response) => Opening::Status(response.status().as_u16()),
        WsError::Io(_) | WsError::ConnectionClosed | WsError::AlreadyClosed => failed(OpenFailure::Broken),
        WsError::Protocol(ProtocolError::HandshakeIncomplete) => failed(OpenFailure::Broken),
        _ => failed(OpenFailure::NotHttp),
    })
}

/// A WebSocket that can be cancelled. Pings of the server are answered while messages are received.
struct SignalSocket {
    sink: Mutex<SplitSink<Socket, Message>>,
    stream: Mutex<SplitStream<Socket>>,
    cancel: CancellationToken,
    /// Dropped after the halves of the socket, because it is the last field.
    _open_socket: watch::Receiver<()>,
}

#[async_trait]
impl WsConnection for SignalSocket {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        let send = async { self.sink.lock().await.send(Message::Binary(frame.into())).await };
        match self.cancel.run_until_cancelled(send).await {
            Some(sent) => sent.map_err(|error| TransportError::Connection(error.to_string())),
            None => Err(TransportError::Closed),
        }
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        let receive = async {
            let mut stream = self.stream.lock().await;
            loop {
                match stream.next().await {
                    Some(Ok(Message::Binary(data))) => return Some(data.to_vec()),
                    Some(Ok(Message::Close(_))) | None => return None,
                    Some(Ok(_)) => {}
                    Some(Err(error)) => {
                        tracing::debug!(%error, "the WebSocket broke off");
                        return None;
                    }
                }
            }
        };
        Ok(self.cancel.run_until_cancelled(receive).await.flatten())
    }

    async fn close(&self) {
        // When cancelled, the socket is closed by being dropped.
        let close = async { self.sink.lock().await.close().await };
        if let Some(Err(error)) = self.cancel.run_until_cancelled(close).await {
            tracing::debug!(%error, "the WebSocket was closed without a handshake");
        }
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn request(
        &self,
        method: HttpMethod,
        url: String,
        headers: Vec<Header>,
        body: Option<Vec<u8>>,
    ) -> Result<HttpResponse, TransportError> {
        // The crate asks for the reason of a WebSocket that did not open. Without a connection there is no other answer.
        let failure = SCOPE.try_with(|scope| scope.failure.lock().clone()).ok().flatten();
        if let Some(OpenFailure::Server(_)) = failure {
            return Err(TransportError::Closed);
        }
        let url = Url::parse(&url).map_err(|_| TransportError::Other("no URL".into()))?;
        let mut request = match method {
            HttpMethod::Get => HttpRequest::get(url),
            HttpMethod::Post => HttpRequest::post(url, "application/octet-stream", body.unwrap_or_default()),
        };
        for header in headers {
            request = request.header(&header.name, &header.value);
        }
        let answer = request.send(REQUEST_LIMIT, ANSWER_BYTES).await;
        let answer = answer.map_err(|error| TransportError::Connection(error.to_string()))?;
        let text = |value: &str| value.to_owned();
        let headers = answer.headers.iter().filter_map(|(name, value)| {
            Some(Header { name: text(name.as_str()), value: value.to_str().ok().map(text)? })
        });
        Ok(HttpResponse { status: answer.status, headers: headers.collect(), body: answer.body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_scope_is_closed_when_the_last_holder_of_its_socket_drops_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a WebSocket");
            while let Some(Ok(_)) = socket.next().await {}
        });
        let scope = LinkScope::default();
        let opened = scope.run(Transport.connect(url, Vec::new(), 5000)).await.expect("a WebSocket");
        let reader = opened.connection.clone();
        scope.cancel();
        opened.connection.close().await;
        drop(opened);
        assert_eq!(scope.closed().now_or_never(), None, "the reader still holds the socket");
        drop(reader);
        assert_eq!(scope.closed().now_or_never(), Some(()));
    }

    #[tokio::test]
    async fn a_request_leaves_no_connection_open() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/rtc/validate", listener.local_addr().expect("an address"));
        let asking = tokio::spawn(Transport.request(HttpMethod::Get, url, Vec::new(), None));
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut heard = [0; 4096];
        assert!(stream.read(&mut heard).await.expect("a request") > 0);
        // An answer that would allow keep-alive.
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await.expect("an answer");
        let answer = asking.await.expect("no panic").expect("an answer");
        assert_eq!((answer.status, answer.body), (403, b"no".to_vec()));
        let end = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut heard)).await;
        assert_eq!(end.expect("the client closes by itself").expect("the end of the stream"), 0);
    }
}
