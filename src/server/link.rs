//! One signalling connection: a WebSocket on one side, a bounded queue from the hub on the other.

use super::driver::{HubHandle, Joining};
use super::secrets::Keyring;
use crate::clock::unix_time;
use crate::hub::LinkId;
use crate::proto::token::VerifiedClaims;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use livekit_protocol as lk;
use lk::signal_response::Message as Reply;
use prost::Message as _;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// Messages that may wait for a client. One more, and the client is too slow: its link is closed.
const QUEUE: usize = 256;
/// Longest message of a client, in bytes.
pub(super) const MAX_MESSAGE: usize = 1 << 20;
/// Between two pings of ours on the WebSocket.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Between two fresh tokens.
const RENEW_EVERY: Duration = Duration::from_secs(5 * 60);
/// How long a fresh token is good for: two chances to be replaced.
const RENEWED_FOR: Duration = Duration::from_secs(10 * 60);
/// A write that takes longer has no reader.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// How long the client may take to answer our close.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// How long is read on from a connection that takes nothing any more.
const LAST_WORDS_LIMIT: Duration = Duration::from_millis(500);

/// What the hub has for a client.
enum Item {
    Say(Box<Reply>),
    /// A fresh token that says this.
    Renew(Box<lk::ParticipantInfo>),
}

/// The hub's end of a link. Dropping it lets the link send what is queued and close with code 1000.
pub(super) struct LinkQueue {
    items: mpsc::Sender<Item>,
    cut: CancellationToken,
}

/// The client has not read 256 messages.
#[derive(Debug)]
pub(super) struct QueueFull;

impl LinkQueue {
    /// Queues a message. When the queue is full the link is cut, without any further word.
    pub(super) fn send(&self, message: Box<Reply>) -> Result<(), QueueFull> {
        self.queue(Item::Say(message))
    }

    /// Queues a fresh token for whoever `holder` describes.
    pub(super) fn renew(&self, holder: Box<lk::ParticipantInfo>) -> Result<(), QueueFull> {
        self.queue(Item::Renew(holder))
    }

    fn queue(&self, item: Item) -> Result<(), QueueFull> {
        match self.items.try_send(item) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.cut.cancel();
                Err(QueueFull)
            }
        }
    }
}

/// How a link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The hub has said its last word: close with code 1000.
    Flushed,
    /// The client closed, or its connection broke.
    Peer,
    /// The client's frame was no signal request.
    Garbage,
    /// The client does not read.
    Cut,
    /// The server stops.
    Stopping,
}

/// What an admitted connection needs to run.
pub(super) struct Link {
    pub(super) hub: HubHandle,
    pub(super) secrets: Keyring,
    pub(super) grant: VerifiedClaims,
    /// Dropped when the link has ended; the server waits for that when it stops.
    pub(super) alive: mpsc::Sender<()>,
}

impl Link {
    /// Runs the connection to its end.
    pub(super) async fn run(self, socket: WebSocket, joining: Box<Joining>) {
        let (items, queue) = mpsc::channel(QUEUE);
        let cut = CancellationToken::new();
        let Self { hub, secrets, grant, alive } = self;
        let Ok(id) = hub.join(LinkQueue { items, cut: cut.clone() }, joining).await else { return };
        let renewals = ticks(RENEW_EVERY);
        let mut task = LinkTask { socket, queue, cut, id, hub: &hub, secrets: &secrets, grant, json: false, renewals };
        let end = task.run().await;
        if end == End::Peer {
            task.hear_out().await;
        }
        tracing::debug!(link = id.0, ?end, "link ended");
        hub.link_gone(id).await;
        task.close(end).await;
        drop(alive);
    }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}

struct LinkTask<'a> {
    socket: WebSocket,
    queue: mpsc::Receiver<Item>,
    cut: CancellationToken,
    id: LinkId,
    hub: &'a HubHandle,
    secrets: &'a Keyring,
    /// What the client was let in with, and what has changed since.
    grant: VerifiedClaims,
    /// Whether the client's last frame was text; then ours are JSON, too.
    json: bool,
    renewals: Interval,
}

impl LinkTask<'_> {
    async fn run(&mut self) -> End {
        let cut = self.cut.clone();
        tokio::select! {
            () = cut.cancelled() => End::Cut,
            end = self.task() => end,
        }
    }

    async fn task(&mut self) -> End {
        let mut pings = ticks(PING_EVERY);
        loop {
            let step = tokio::select! {
                item = self.queue.recv() => match item {
                    Some(Item::Say(message)) => self.send(*message).await,
                    Some(Item::Renew(holder)) => {
                        self.grant.update_from(&holder);
                        self.renew().await
                    }
                    None => Err(End::Flushed),
                },
                frame = self.socket.recv() => match frame {
                    Some(Ok(frame)) => self.take(frame).await,
                    Some(Err(_)) | None => Err(End::Peer),
                },
                _ = pings.tick() => self.write(Message::Ping(Default::default())).await,
                _ = self.renewals.tick() => self.renew().await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn take(&mut self, frame: Message) -> Result<(), End> {
        let request = match frame {
            Message::Binary(bytes) => {
                self.json = false;
                lk::SignalRequest::decode(bytes).map_err(|_| End::Garbage)?
            }
            Message::Text(text) => {
                self.json = true;
                serde_json::from_str(text.as_str()).map_err(|_| End::Garbage)?
            }
            Message::Close(_) => return Err(End::Peer),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        // A message newer than us has no content that we know.
        let Some(message) = request.message else { return Ok(()) };
        self.hub.signal(self.id, message).await.map_err(|_| End::Stopping)
    }

    /// Gives the client a fresh token for its next resume, however long the session lasts.
    async fn renew(&mut self) -> Result<(), End> {
        self.renewals.reset();
        let until = unix_time() + RENEWED_FOR;
        match self.secrets.current().keys.renew(&self.grant, until.as_secs()) {
            Ok(token) => self.send(Reply::RefreshToken(token.expose().clone())).await,
            Err(e) => {
                tracing::warn!("no fresh token: {e}");
                Ok(())
            }
        }
    }

    async fn send(&mut self, message: Reply) -> Result<(), End> {
        let response = lk::SignalResponse { message: Some(message) };
        let frame = if self.json {
            Message::Text(serde_json::to_string(&response).map_err(|_| End::Garbage)?.into())
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

    /// Takes what came in before the connection broke: a write may have failed while the goodbye was still unread.
    async fn hear_out(&mut self) {
        let last_words = async {
            while let Some(Ok(frame)) = self.socket.recv().await {
                if self.take(frame).await.is_err() {
                    return;
                }
            }
        };
        timeout(LAST_WORDS_LIMIT, last_words).await.unwrap_or_default();
    }

    /// Closes the WebSocket, and waits for the client to agree so that the last message is not lost with the socket.
    async fn close(mut self, end: End) {
        let code = match end {
            End::Flushed => close_code::NORMAL,
            End::Stopping => close_code::AWAY,
            End::Garbage => close_code::INVALID,
            End::Peer | End::Cut => return,
        };
        let goodbye = async {
            let frame = Message::Close(Some(CloseFrame { code, reason: Default::default() }));
            if self.socket.send(frame).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        // A client that does not answer the close loses nothing by our going.
        timeout(CLOSE_LIMIT, goodbye).await.unwrap_or_default();
    }
}
