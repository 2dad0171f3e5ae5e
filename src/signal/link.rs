//! The signalling connection of one session, over several WebSockets when it is resumed.

use super::error::{ConnectError, ResumeError, connect_error, resume_error};
use super::transport::LinkScope;
use crate::base::Secret;
use crate::http::{http_url, shown};
use livekit_protocol as proto;
use livekit_protocol::{signal_request, signal_response};
use livekit_signaling::{RegionUrlProvider, SignalClient, SignalEvent, SignalEvents, SignalOptions};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

/// Events in the queue at most; when it is full the link is given up.
const MESSAGES: usize = 1024;
/// Time for a socket to close after it was cancelled.
const CANCELLED: Duration = Duration::from_millis(50);
/// Version of the signalling protocol. 18 would mean negotiated data channels, which livekit-server 1.13.5 lacks.
const PROTOCOL: u32 = 17;

/// How to join.
#[derive(Clone, Debug)]
pub(crate) struct ConnectOptions {
    /// Whether to ask for a single peer connection (`/rtc/v1`). A server without it is joined by `/rtc`;
    /// [`SignalLink::is_single`] tells which it was.
    pub(crate) single: bool,
    /// Our first offer, sent with the join request (single only).
    pub(crate) offer: Option<String>,
    /// Longest wait for the WebSocket to open, and then again for the server's first message (5 s at most).
    pub(crate) timeout: Duration,
}

/// An event of a link.
#[derive(Debug)]
pub(crate) enum SignalLinkEvent {
    /// A message of the server.
    Message(Box<signal_response::Message>),
    /// The WebSocket closed; [`SignalLink::resume`] may open another. Not sent when we closed it.
    Closed {
        /// The reason, for logs.
        reason: String,
    },
}

/// The events of a link, across resumes. At most 1024 wait; then the link is given up, and the channel closes.
pub(crate) type SignalLinkEvents = mpsc::Receiver<SignalLinkEvent>;

/// The signalling connection of one session.
pub(crate) struct SignalLink {
    client: Arc<SignalClient>,
    url: String,
    closes: Arc<ExpectedCloses>,
    forward: AbortHandle,
    scope: LinkScope,
}

/// Counts WebSockets: each ends with one close event, which is not passed on if we caused it.
#[derive(Debug)]
struct ExpectedCloses {
    /// WebSockets that were opened.
    opened: AtomicU64,
    /// ExpectedCloses up to this one were ended by ourselves.
    expected: AtomicU64,
}

impl SignalLink {
    /// Joins: opens the WebSocket and waits for the server's `join`. Takes the options' timeout and 8 s more at most, the
    /// crate's own limits for the join message and for the reason of a refusal.
    pub(crate) async fn connect(
        url: &str,
        token: &Secret<String>,
        options: ConnectOptions,
    ) -> Result<(Self, proto::JoinResponse, SignalLinkEvents), ConnectError> {
        let mut signal = SignalOptions::default();
        signal.single_peer_connection = options.single;
        signal.connect_timeout = options.timeout;
        signal.region_failover = false;
        signal.protocol_version = PROTOCOL;
        signal.client_capabilities.clear(); // no packet trailers: our decoders cannot strip them
        let offer = options.offer.filter(|_| options.single).map(|sdp| proto::SessionDescription {
            r#type: "offer".into(),
            sdp,
            id: 1,
            ..Default::default()
        });
        let token = token.expose();
        // The crate appends its paths to the address as it is.
        let url = http_url(url).map(String::from).ok_or_else(|| ConnectError::Address(shown(url)))?;
        // Dropped, and so cancelled, with this future.
        let scope = LinkScope::default();
        let (client, join, events) = match join_at(&scope, &url, token, &signal, offer.as_ref()).await {
            Err(error) if error.is_of_this_server() => {
                join_another_region(&scope, &url, token, &signal, offer.as_ref()).await.ok_or(error)?
            }
            joined => joined?,
        };
        let (tx, rx) = mpsc::channel(MESSAGES);
        let closes = Arc::new(ExpectedCloses { opened: AtomicU64::new(1), expected: AtomicU64::new(0) });
        let forward = tokio::spawn(forward(events, tx, closes.clone())).abort_handle();
        let client = Arc::new(client);
        Ok((Self { client, url, closes, forward, scope }, join, rx))
    }

    /// Whether the session has a single peer connection.
    pub(crate) fn is_single(&self) -> bool {
        self.client.is_single_pc_mode_active()
    }

    /// The address of the server, or of the proxy on the way to it.
    pub(crate) fn server(&self) -> Option<SocketAddr> {
        self.scope.server()
    }

    /// Sends a message. While the WebSocket is down, messages about the session are kept until
    /// [`set_reconnected`](Self::set_reconnected), and those about the negotiation are dropped.
    pub(crate) async fn send(&self, message: signal_request::Message) {
        self.client.send(message).await;
    }

    /// Opens a new WebSocket for the same session. Its events come by the same [`SignalLinkEvents`].
    pub(crate) async fn resume(&self, reason: proto::ReconnectReason) -> Result<proto::ReconnectResponse, ResumeError> {
        self.closes.expect_close();
        let answer = self.scope.run(self.client.restart(reason)).await;
        let answer = answer.map_err(|e| resume_error(e, self.scope.take_failure(), &self.url))?;
        self.closes.opened.fetch_add(1, SeqCst);
        Ok(answer)
    }

    /// Sends the messages that were kept, once media flows again.
    pub(crate) async fn set_reconnected(&self) {
        self.client.set_reconnected().await;
    }

    /// Sends `leave`, so that the others are told at once. Whether it was sent within `limit`. The server answers with a
    /// `leave` of its own.
    pub(crate) async fn send_leave(&self, limit: Duration) -> bool {
        let leave = proto::LeaveRequest {
            reason: proto::DisconnectReason::ClientInitiated as i32,
            action: proto::leave_request::Action::Disconnect as i32,
            ..Default::default()
        };
        if !self.client.is_connected().await {
            return false;
        }
        let sent = self.client.send(signal_request::Message::Leave(leave));
        tokio::time::timeout(limit, sent).await.is_ok()
    }

    /// Closes the WebSocket: with a close frame within `limit`, else by dropping it. Whether no socket is left.
    pub(crate) async fn close(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        self.closes.expect_close();
        let client = self.client.clone();
        let mut closing = tokio::spawn(async move { client.close().await });
        if timeout_at(end, &mut closing).await.is_err() {
            tracing::debug!("the signalling link did not close in time: its socket is dropped");
        }
        self.scope.cancel();
        // The crate returns at once where another of its tasks closes, such as one that the server's close has woken.
        let closed = timeout_at(end + CANCELLED, self.scope.closed()).await.is_ok();
        self.forward.abort();
        closed
    }
}

impl Drop for SignalLink {
    /// Ends a link that was not closed. Its [`LinkScope`] closes the socket.
    fn drop(&mut self) {
        self.forward.abort();
    }
}

impl ExpectedCloses {
    fn expect_close(&self) {
        self.expected.store(self.opened.load(SeqCst), SeqCst);
    }
}

/// A link, with what the server said first.
type Joined = (SignalClient, proto::JoinResponse, SignalEvents);

async fn join_at(
    scope: &LinkScope,
    url: &str,
    token: &str,
    options: &SignalOptions,
    offer: Option<&proto::SessionDescription>,
) -> Result<Joined, ConnectError> {
    let joined = scope.run(SignalClient::connect(url, token, options.clone(), offer.cloned())).await;
    match joined {
        Ok(joined) => Ok(joined),
        Err(error) => Err(connect_error(error, scope.take_failure(), url, token).await),
    }
}

/// Joins by another region of a LiveKit Cloud project, in the order in which the project names them; `None` if `url` is
/// none or no region lets us in.
async fn join_another_region(
    scope: &LinkScope,
    url: &str,
    token: &str,
    options: &SignalOptions,
    offer: Option<&proto::SessionDescription>,
) -> Option<Joined> {
    let regions = scope.run(RegionUrlProvider::fetch_region_urls(url, token)).await;
    for region in regions.inspect_err(|_| tracing::info!("the project does not tell its regions")).ok()? {
        let Some(region) = http_url(&region).map(String::from).filter(|region| region != url) else { continue };
        tracing::info!(region = shown(&region), "another region is tried");
        match join_at(scope, &region, token, options, offer).await {
            Ok(joined) => return Some(joined),
            Err(_) => RegionUrlProvider::mark_failed(url, &region),
        }
    }
    None
}

/// Passes the crate's events on through a bounded queue.
async fn forward(mut events: SignalEvents, out: mpsc::Sender<SignalLinkEvent>, closes: Arc<ExpectedCloses>) {
    let mut ended = 0;
    while let Some(event) = events.recv().await {
        let event = match event {
            SignalEvent::Message(message) => SignalLinkEvent::Message(message),
            SignalEvent::Close(reason) => {
                ended += 1;
                if ended <= closes.expected.load(SeqCst) {
                    continue;
                }
                SignalLinkEvent::Closed { reason: reason.into_owned() }
            }
        };
        if let Err(refused) = out.try_send(event) {
            if matches!(refused, mpsc::error::TrySendError::Full(_)) {
                tracing::error!("the queue of signalling events is full: the link is given up");
            }
            return;
        }
    }
    if out.send(SignalLinkEvent::Closed { reason: "the connection's task ended".into() }).await.is_err() {
        tracing::debug!("no receiver for the end of a link");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{ServerError, TlsProblem};
    use futures_util::StreamExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server that answers every connection with these bytes, and then nothing more.
    async fn answering(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    while let Ok(1..) = stream.read(&mut request).await {
                        if answer.is_empty() || stream.write_all(answer).await.is_err() {
                            std::future::pending::<()>().await;
                        }
                    }
                });
            }
        });
        address
    }

    async fn refusal(url: &str) -> ConnectError {
        let options = ConnectOptions { single: true, offer: None, timeout: Duration::from_millis(500) };
        let entered = SignalLink::connect(url, &Secret::new("a.b.c".into()), options).await;
        entered.err().expect("refused")
    }

    #[tokio::test]
    async fn a_server_of_another_protocol_is_told_apart_from_none() {
        let page = answering(b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nnot found").await;
        assert_eq!(refusal(&format!("ws://{page}")).await, ConnectError::NotALiveKitServer(page));
        let site = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
        assert_eq!(refusal(&format!("http://{site}")).await, ConnectError::NotALiveKitServer(site));
        let shell = answering(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        assert_eq!(refusal(&format!("ws://{shell}")).await, ConnectError::NotALiveKitServer(shell));
        let silent = answering(b"").await;
        let late = ConnectError::Server(ServerError::Timeout(silent.clone()));
        assert_eq!(refusal(&format!("ws://{silent}")).await, late);
        let closed = "127.0.0.1:9".to_owned();
        let unreachable = ConnectError::Server(ServerError::Unreachable(closed.clone()));
        assert_eq!(refusal(&format!("ws://{closed}")).await, unreachable);
    }

    #[tokio::test]
    async fn a_join_that_is_dropped_leaves_no_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        let (opened, is_open) = tokio::sync::oneshot::channel();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a WebSocket");
            opened.send(()).expect("the test waits");
            // Until the client closes; it never gets a first message.
            while let Some(Ok(_)) = socket.next().await {}
        });
        let joining = tokio::spawn(async move {
            let options = ConnectOptions { single: true, offer: None, timeout: Duration::from_secs(60) };
            SignalLink::connect(&url, &Secret::new("a.b.c".into()), options).await.map(drop)
        });
        is_open.await.expect("a WebSocket");
        tokio::time::sleep(Duration::from_millis(100)).await; // the client waits for the first message
        joining.abort();
        tokio::time::timeout(Duration::from_secs(3), server).await.expect("the socket is closed").expect("no panic");
    }

    #[tokio::test]
    async fn an_encrypted_address_of_a_plain_server_is_refused() {
        let plain = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK").await;
        let refused = refusal(&format!("wss://{plain}")).await;
        assert_eq!(refused, ConnectError::Server(ServerError::Tls(TlsProblem::NotTls, plain)));
    }
}
