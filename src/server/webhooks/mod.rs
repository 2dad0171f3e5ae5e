//! Webhooks: what happens in rooms, posted to other servers as livekit-server 1.13 posts it.
//!
//! Each address has a bounded queue and a task that posts its events one after the other, in their order. With a state
//! folder, events that are not delivered yet outlive the server. An event may arrive twice; its `id` tells.
//!
//! `queue` holds the events of one address, `delivery` posts them, `saved` is their file in the state folder.

mod delivery;
mod queue;
mod saved;

pub(super) use saved::FILE;

use super::secrets::Keyring;
use crate::base::Secret;
use livekit_protocol as lk;
use parking_lot::Mutex;
use queue::{EventQueue, QueuedEvent};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use url::Url;

/// How long events may take to be delivered when the server stops. The others are saved, or lost.
const STOP_LIMIT: Duration = Duration::from_secs(1);
/// Pause between two looks at the queues while the server stops.
const STOP_STEP: Duration = Duration::from_millis(20);

/// The settings: LiveKit's `webhook`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WebhookConfig {
    /// The addresses that every event is posted to. They may hold a password.
    pub(crate) urls: Vec<Secret<Url>>,
    /// The id of the key pair that signs. `None`: the server's first one.
    pub(crate) api_key: Option<String>,
}

/// The webhooks of a running server. Dropping it ends the tasks and saves nothing.
pub(super) struct Webhooks {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

/// The end for events.
#[derive(Clone)]
pub(super) struct WebhookSender(Arc<Shared>);

/// What became of the events so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WebhookCounts {
    pub(super) queued: u64,
    pub(super) delivered: u64,
    /// Refused by the receiver, or not delivered within an hour.
    pub(super) failed: u64,
    /// Not queued because the queue was full.
    pub(super) dropped: u64,
}

struct Shared {
    keyring: Keyring,
    api_key: Option<String>,
    receivers: Vec<Receiver>,
    /// The state folder's file.
    file: Option<PathBuf>,
    /// An event was added or is done.
    changed: Notify,
    delivered: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

/// One address.
struct Receiver {
    url: Secret<Url>,
    queue: Mutex<EventQueue>,
    added: Notify,
}

impl Webhooks {
    /// Starts the tasks in the caller's runtime, with the events that an earlier server left in the state folder. `None`
    /// without an address.
    pub(super) fn start(config: WebhookConfig, keyring: Keyring, state: Option<&Path>) -> Option<Self> {
        if config.urls.is_empty() {
            return None;
        }
        let file = state.map(saved::file_in);
        let mut left = file.as_deref().map(saved::read).unwrap_or_default();
        let receivers = config.urls.into_iter().map(|url| {
            let queue = Mutex::new(left.remove(url.expose().as_str()).unwrap_or_default());
            Receiver { url, queue, added: Notify::new() }
        });
        let receivers: Vec<Receiver> = receivers.collect();
        let shared = Arc::new(Shared {
            keyring,
            api_key: config.api_key,
            receivers,
            file,
            changed: Notify::new(),
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        });
        let mut tasks = JoinSet::new();
        for index in 0..shared.receivers.len() {
            tasks.spawn(delivery::deliver(shared.clone(), index));
        }
        if shared.file.is_some() {
            tasks.spawn(saved::keep(shared.clone()));
        }
        Some(Self { shared, tasks })
    }

    pub(super) fn sender(&self) -> WebhookSender {
        WebhookSender(self.shared.clone())
    }

    /// Ends the tasks when everything is delivered, after 1 s at most, and saves the rest.
    pub(super) async fn stop(mut self) {
        let delivered = async {
            while self.shared.queued() > 0 {
                tokio::time::sleep(STOP_STEP).await;
            }
        };
        let in_time = tokio::time::timeout(STOP_LIMIT, delivered).await.is_ok();
        self.tasks.shutdown().await;
        match (in_time, &self.shared.file) {
            (true, None) => {}
            (false, None) => {
                let events = self.shared.queued();
                tracing::warn!(events, "webhooks are lost: the server stops and has no state folder to keep them in");
            }
            (_, Some(_)) => {
                let shared = self.shared.clone();
                let saved = tokio::task::spawn_blocking(move || saved::write(&shared)).await;
                if !matches!(saved, Ok(Ok(()))) {
                    tracing::warn!(events = self.shared.queued(), "webhooks could not be saved");
                }
            }
        }
    }
}

impl WebhookSender {
    /// Queues an event for all addresses. Never waits.
    pub(super) fn send(&self, event: &lk::WebhookEvent) {
        let Ok(body) = serde_json::to_string(event) else {
            return tracing::error!(event = event.event, "a webhook cannot be written as JSON");
        };
        let event = QueuedEvent { body: body.into(), created_at: event.created_at };
        for receiver in &self.0.receivers {
            if receiver.queue.lock().push(event.clone()) {
                receiver.added.notify_one();
            } else if self.0.dropped.fetch_add(1, Relaxed) == 0 {
                tracing::warn!(host = host(&receiver.url), "webhooks are dropped: too many wait for this server");
            }
        }
        self.0.changed.notify_one();
    }

    pub(super) fn counts(&self) -> WebhookCounts {
        WebhookCounts {
            queued: self.0.queued(),
            delivered: self.0.delivered.load(Relaxed),
            failed: self.0.failed.load(Relaxed),
            dropped: self.0.dropped.load(Relaxed),
        }
    }
}

impl Shared {
    fn queued(&self) -> u64 {
        self.receivers.iter().map(|receiver| receiver.queue.lock().len() as u64).sum()
    }
}

/// The address for the log: the rest of it may be secret.
fn host(url: &Secret<Url>) -> &str {
    url.expose().host_str().unwrap_or_default()
}
