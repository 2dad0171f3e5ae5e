//! The bounded queue from the hub to one signalling connection.

use livekit_protocol as lk;
use lk::signal_response::Message as Reply;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Messages that may wait for a client. When the queue is full, the link is cut.
const CAPACITY: usize = 256;

/// An entry of the queue.
pub(super) enum LinkItem {
    Send(Box<Reply>),
    /// Make a new token with these contents and send it.
    RenewToken(Box<lk::ParticipantInfo>),
}

/// The hub's end of a link. When it is dropped, the link sends what is queued and closes with code 1000.
pub(super) struct LinkQueue {
    items: mpsc::Sender<LinkItem>,
    cut: CancellationToken,
}

/// The client has not read [`CAPACITY`] messages.
#[derive(Debug)]
pub(super) struct QueueFull;

impl LinkQueue {
    /// A queue, its receiving end, and the token that is cancelled when the queue overflows.
    pub(super) fn new() -> (Self, mpsc::Receiver<LinkItem>, CancellationToken) {
        let (items, receiver) = mpsc::channel(CAPACITY);
        let cut = CancellationToken::new();
        (Self { items, cut: cut.clone() }, receiver, cut)
    }

    /// Queues a message. When the queue is full, the link is cut without a further message.
    pub(super) fn send(&self, message: Box<Reply>) -> Result<(), QueueFull> {
        self.push(LinkItem::Send(message))
    }

    /// Queues a new token for the participant that `holder` describes.
    pub(super) fn renew_token(&self, holder: Box<lk::ParticipantInfo>) -> Result<(), QueueFull> {
        self.push(LinkItem::RenewToken(holder))
    }

    fn push(&self, item: LinkItem) -> Result<(), QueueFull> {
        match self.items.try_send(item) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.cut.cancel();
                Err(QueueFull)
            }
        }
    }
}
