//! Lists cameras or screens with a capture process, so that a driver that hangs does so there.

use super::process::{CaptureProgram, end_process};
use serde::de::DeserializeOwned;
use std::io::Read;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

/// The longest list that is read, in bytes.
const MAX_LIST: u64 = 1 << 20;

/// How long the process may take to end after its answer, or after the limit has passed.
pub(super) const END_LIMIT: Duration = Duration::from_millis(100);

/// What the program lists as JSON; `None` if there is no answer within `limit`, or an invalid one. Blocks.
pub(in crate::devices) fn list_json<T: DeserializeOwned>(program: &CaptureProgram, limit: Duration) -> Option<T> {
    let deadline = Instant::now() + limit;
    let mut child = match program.start(&["--list"]) {
        Ok(child) => child,
        Err(error) => {
            tracing::warn!(%error, "devices cannot be listed");
            return None;
        }
    };
    let (answer, list) = sync_channel(1);
    let stdout = child.stdout.take();
    let reader = thread::Builder::new().name("device-list".into()).spawn(move || {
        let mut text = String::new();
        if let Some(stdout) = stdout
            && stdout.take(MAX_LIST).read_to_string(&mut text).is_ok()
        {
            answer.send(text).ok();
        }
    });
    let text = reader.ok().and_then(|_| list.recv_timeout(limit).ok());
    let deadline = deadline.max(Instant::now() + END_LIMIT);
    end_process(child, || deadline);
    let Some(text) = text else {
        tracing::warn!(limit_ms = limit.as_millis(), "devices cannot be listed: no answer");
        return None;
    };
    let list = serde_json::from_str(&text);
    list.inspect_err(|error| tracing::warn!(%error, "devices cannot be listed")).ok()
}
