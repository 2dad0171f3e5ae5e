//! Posting the events of one address: one after the other, each until it is taken, refused, or too old.

use super::queue::QueuedEvent;
use super::{Receiver, Shared, host};
use crate::clock::unix_s;
use crate::http::{HttpError, HttpRequest, ServerError};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How long the receiver may take for one event.
const POST_LIMIT: Duration = Duration::from_secs(10);
/// Pause after the first failed attempt; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long an event is tried, in seconds from its creation.
const LIFETIME_S: i64 = 3600;
/// Longest answer that is read, in bytes. Its content does not matter.
const ANSWER_BYTES: usize = 64 * 1024;
/// The content type that LiveKit's receivers expect.
const WEBHOOK_JSON: &str = "application/webhook+json";

/// The outcome of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Delivered,
    /// The receiver does not want it: another attempt would not help.
    Refused(u16),
    /// To be tried again.
    Failed(&'static str),
}

/// Delivers the events of one address, for as long as it is polled.
pub(super) async fn deliver(shared: Arc<Shared>, index: usize) {
    let Some(receiver) = shared.receivers.get(index) else { return };
    loop {
        let Some(event) = receiver.queue.lock().first() else {
            receiver.added.notified().await;
            continue;
        };
        let delivered = post_until_done(&shared, receiver, &event).await;
        (if delivered { &shared.delivered } else { &shared.failed }).fetch_add(1, Relaxed);
        receiver.queue.lock().remove_first();
        shared.changed.notify_one();
    }
}

/// Posts an event until it is taken. `false`: it was refused, or is too old.
async fn post_until_done(shared: &Shared, receiver: &Receiver, event: &QueuedEvent) -> bool {
    let host = host(&receiver.url);
    let mut pause = FIRST_PAUSE;
    let mut is_first = true;
    loop {
        let why = match post(shared, receiver, event).await {
            Outcome::Delivered => return true,
            Outcome::Refused(status) => {
                tracing::warn!(host, status, "a webhook is refused, and not sent again");
                return false;
            }
            Outcome::Failed(why) => why,
        };
        if unix_s().saturating_sub(event.created_at) > LIFETIME_S {
            tracing::warn!(host, why, "a webhook could not be delivered for an hour, and is dropped");
            return false;
        }
        if std::mem::take(&mut is_first) {
            tracing::warn!(host, why, "a webhook could not be delivered; it is tried again for an hour");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn post(shared: &Shared, receiver: &Receiver, event: &QueuedEvent) -> Outcome {
    let secrets = shared.keyring.current();
    let key = shared.api_key.as_ref().map_or_else(|| secrets.keys.first(), |id| secrets.keys.find(id));
    let Some(token) = key.and_then(|key| key.webhook_token(event.body.as_bytes()).ok()) else {
        return Outcome::Failed("the key that signs it is not known any more");
    };
    let request = HttpRequest::post(receiver.url.expose().clone(), WEBHOOK_JSON, event.body.as_bytes().to_vec());
    // Without "Bearer", as livekit-server sends it.
    match request.header("authorization", token.expose()).send(POST_LIMIT, ANSWER_BYTES).await {
        Ok(answer) => outcome(answer.status),
        Err(HttpError::Server(ServerError::Timeout(_))) => Outcome::Failed("the receiver does not answer in time"),
        Err(HttpError::Server(_)) => Outcome::Failed("the receiver cannot be reached"),
        Err(HttpError::TooLong(_) | HttpError::Broken(_)) => {
            Outcome::Failed("the receiver does not answer as it should")
        }
    }
}

const fn outcome(status: u16) -> Outcome {
    match status {
        200..=299 => Outcome::Delivered,
        408 | 425 | 429 => Outcome::Failed("the receiver is busy"),
        500.. => Outcome::Failed("the receiver has failed"),
        _ => Outcome::Refused(status),
    }
}
