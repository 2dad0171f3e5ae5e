//! One signalling connection: a WebSocket on one side, the hub and its [`LinkQueue`] on the other.

use super::hub_handle::{HubHandle, Joining};
use super::link_queue::{LinkItem, LinkQueue};
use super::secrets::Keyring;
use crate::clock::unix_time;
use crate::hub::LinkId;
use crate::proto::token::VerifiedClaims;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::FutureExt;
use livekit_protocol as lk;
use lk::signal_response::Message as Reply;
use prost::Message as _;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// Longest message of a client, in bytes.
pub(super) const MAX_MESSAGE: usize = 1 << 20;
/// Pause between two WebSocket pings to the client.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Pause between two new tokens.
const RENEW_EVERY: Duration = Duration::from_secs(5 * 60);
/// Validity of a new token: the next two renewals fall into it.
const RENEWED_FOR: Duration = Duration::from_secs(10 * 60);
/// How long a write may take before the client counts as not reading.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// How long the client may take to answer a close.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// How long messages are read from a connection after a write to it failed.
const DRAIN_LIMIT: Duration = Duration::from_millis(500);

/// How a link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The hub closed the link and the queue is flushed: close with code 1000.
    Flushed,
    /// The client closed, or its connection broke.
    Peer,
    /// The client's frame was not a signal request.
    Malformed,
    /// The client does not read: its queue is full, or a write timed out.
    Cut,
    /// The server stops.
    Stopping,
}

/// An admitted connection before it runs.
pub(super) struct ClientLink {
    pub(super) hub: HubHandle,
    pub(super) secrets: Keyring,
    pub(super) claims: VerifiedClaims,
    /// Dropped at the end of the link; see [`AppState::link_guard`](super::app::AppState::link_guard).
    pub(super) guard: mpsc::Sender<()>,
}

impl ClientLink {
    /// Runs the connection to its end.
    pub(super) async fn run(self, mut socket: WebSocket, joining: Box<Joining>) {
        let Self { hub, secrets, claims, guard } = self;
        // Connections wait in the backlog while this process stands still, and their clients give up and try again. A join
        // that nobody waits for would replace the later one.
        let first = match socket.recv().now_or_never() {
            Some(None | Some(Err(_) | Ok(Message::Close(_)))) => {
                return tracing::debug!(user = %joining.admission.user, "the client has closed before it joined");
            }
            Some(Some(Ok(frame))) => Some(frame),
            None => None,
        };
        let (sender, queue, cut) = LinkQueue::new();
        let Ok(id) = hub.join(sender, joining).await else { return };
        let renewals = ticks(RENEW_EVERY);
        let mut task = LinkTask { socket, queue, id, hub: &hub, secrets: &secrets, claims, is_json: false, renewals };
        let end = task.run(first, &cut).await;
        if end == End::Peer {
            task.drain().await;
        }
        tracing::debug!(link = id.0, ?end, "link ended");
        hub.link_gone(id).await;
        task.close(end).await;
        drop(guard);
    }
}

/// An interval whose first tick is one period from now.
fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}

struct LinkTask<'a> {
    socket: WebSocket,
    queue: mpsc::Receiver<LinkItem>,
    id: LinkId,
    hub: &'a HubHandle,
    secrets: &'a Keyring,
    /// The claims of the client's token, with later changes.
    claims: VerifiedClaims,
    /// Whether the client's last frame was text (JSON); the answers are then JSON, too.
    is_json: bool,
    renewals: Interval,
}

impl LinkTask<'_> {
    /// Runs until the link ends or `cut` is cancelled. `first`: a frame that was received before.
    async fn run(&mut self, first: Option<Message>, cut: &CancellationToken) -> End {
        tokio::select! {
            () = cut.cancelled() => End::Cut,
            end = self.transfer(first) => end,
        }
    }

    async fn transfer(&mut self, first: Option<Message>) -> End {
        if let Some(frame) = first
            && let Err(end) = self.handle(frame).await
        {
            return end;
        }
        let mut pings = ticks(PING_EVERY);
        loop {
            let step = tokio::select! {
                item = self.queue.recv() => match item {
                    Some(LinkItem::Send(message)) => self.send(*message).await,
                    Some(LinkItem::RenewToken(holder)) => {
                        self.claims.update_from(&holder);
                        self.renew_token().await
                    }
                    None => Err(End::Flushed),
                },
                frame = self.socket.recv() => match frame {
                    Some(Ok(frame)) => self.handle(frame).await,
                    Some(Err(_)) | None => Err(End::Peer),
                },
                _ = pings.tick() => self.write(Message::Ping(Default::default())).await,
                _ = self.renewals.tick() => self.renew_token().await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn handle(&mut self, frame: Message) -> Result<(), End> {
        let request = match frame {
            Message::Binary(bytes) => {
                self.is_json = false;
                lk::SignalRequest::decode(bytes).map_err(|_| End::Malformed)?
            }
            Message::Text(text) => {
                self.is_json = true;
                serde_json::from_str(text.as_str()).map_err(|_| End::Malformed)?
            }
            Message::Close(_) => return Err(End::Peer),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        // A message kind that is newer than this protocol version decodes to none.
        let Some(message) = request.message else { return Ok(()) };
        self.hub.signal(self.id, message).await.map_err(|_| End::Stopping)
    }

    /// Sends the client a new token for its next resume.
    async fn renew_token(&mut self) -> Result<(), End> {
        self.renewals.reset();
        let until = unix_time() + RENEWED_FOR;
        match self.secrets.current().keys.renew(&self.claims, until.as_secs()) {
            Ok(token) => self.send(Reply::RefreshToken(token.expose().clone())).await,
            Err(error) => {
                tracing::warn!(%error, "no new token could be made");
                Ok(())
            }
        }
    }

    async fn send(&mut self, message: Reply) -> Result<(), End> {
        let response = lk::SignalResponse { message: Some(message) };
        let frame = if self.is_json {
            Message::Text(serde_json::to_string(&response).map_err(|_| End::Malformed)?.into())
        } else {
            Message::Binary(response.encode_to_vec().into())
        };
        self.write(frame).await
    }

    async fn write(&mut self, frame: Message) -> Result<(), End> {
        match timeout(WRITE_LIMIT, self.socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Peer),
            Err(_) => Err(End::Cut),
        }
    }

    /// Reads what arrived before the connection broke: a write may have failed while a `leave` was still unread.
    async fn drain(&mut self) {
        let rest = async {
            while let Some(Ok(frame)) = self.socket.recv().await {
                if self.handle(frame).await.is_err() {
                    return;
                }
            }
        };
        timeout(DRAIN_LIMIT, rest).await.unwrap_or_default();
    }

    /// Closes the WebSocket, and waits for the client's close so that the last message is not lost with the socket.
    async fn close(mut self, end: End) {
        let code = match end {
            End::Flushed => close_code::NORMAL,
            End::Stopping => close_code::AWAY,
            End::Malformed => close_code::INVALID,
            End::Peer | End::Cut => return,
        };
        let closing = async {
            let frame = Message::Close(Some(CloseFrame { code, reason: Default::default() }));
            if self.socket.send(frame).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        // Without an answer the socket is closed all the same.
        timeout(CLOSE_LIMIT, closing).await.unwrap_or_default();
    }
}
