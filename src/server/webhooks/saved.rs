//! Undelivered events in the state folder.
//!
//! The file is written within half a second of a change: a server that crashes loses what is younger, and posts again what
//! it delivered in that time.

use super::Shared;
use super::queue::{EventQueue, QueuedEvent};
use crate::clock::unix_s;
use crate::store::{Readers, write_atomically};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The file.
pub(in crate::server) const FILE: &str = "webhooks.json";
/// Largest file that is read. A queue holds 16 MiB.
const MAX_BYTES: u64 = 256 << 20;
/// The version of the file's format.
const VERSION: u32 = 1;
/// How long changes are collected before they are written.
const SAVE_AFTER: Duration = Duration::from_millis(500);

/// The contents of the file.
#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    events: Vec<SavedEvent>,
}

#[derive(Serialize, Deserialize)]
struct SavedEvent {
    url: String,
    body: String,
    created_at: i64,
}

pub(super) fn file_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// The events that an earlier server left, by address. A file that cannot be read is renamed, with a warning.
pub(super) fn read(path: &Path) -> HashMap<String, EventQueue> {
    let mut text = Vec::new();
    let content = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
    if content.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return HashMap::new();
    }
    match content.map_err(|e| e.to_string()).and_then(|_| parse(&text)) {
        Ok(queues) => queues,
        Err(why) => {
            let aside = path.with_extension(format!("json.broken-{}", unix_s()));
            let kept = fs::rename(path, &aside).is_ok();
            tracing::warn!(kept, "{} is not readable ({why}): the webhooks in it are not sent", path.display());
            HashMap::new()
        }
    }
}

fn parse(text: &[u8]) -> Result<HashMap<String, EventQueue>, String> {
    let saved: Saved = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    if saved.version > VERSION {
        return Err("it was written by a newer Visavis".to_owned());
    }
    let mut queues: HashMap<String, EventQueue> = HashMap::new();
    for SavedEvent { url, body, created_at } in saved.events {
        queues.entry(url).or_default().push(QueuedEvent { body: body.into(), created_at });
    }
    Ok(queues)
}

/// Writes the file after each change, for as long as it is polled.
pub(super) async fn keep(shared: Arc<Shared>) {
    let mut is_failing = false;
    loop {
        shared.changed.notified().await;
        tokio::time::sleep(SAVE_AFTER).await;
        let copy = shared.clone();
        let written = tokio::task::spawn_blocking(move || write(&copy)).await;
        if let (Ok(Err(error)), false) = (&written, is_failing) {
            tracing::warn!(%error, "webhooks cannot be written to the state folder: a restart would lose them");
        }
        is_failing = !matches!(written, Ok(Ok(())));
    }
}

/// Writes the undelivered events. Without one there is no file.
pub(super) fn write(shared: &Shared) -> io::Result<()> {
    let Some(path) = &shared.file else { return Ok(()) };
    let mut events = Vec::new();
    for receiver in &shared.receivers {
        let url = receiver.url.expose().as_str();
        let event = |event: &QueuedEvent| SavedEvent {
            url: url.to_owned(),
            body: event.body.to_string(),
            created_at: event.created_at,
        };
        events.extend(receiver.queue.lock().iter().map(event));
    }
    if events.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    write_atomically(path, &serde_json::to_vec(&Saved { version: VERSION, events })?, Readers::Owner)
}
