//! Asks a capture process which cameras there are, so that a driver that hangs hangs there.

use super::{CaptureProgram, end_process};
use crate::devices::DeviceEntry;
use std::io::Read;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

/// The longest list.
const MAX_LIST: u64 = 1 << 20;

/// The real cameras of this computer; an empty list when that does not become known within `limit`. Blocks.
pub(in crate::devices) fn cameras(program: &CaptureProgram, limit: Duration) -> Vec<DeviceEntry> {
    let deadline = Instant::now() + limit;
    let mut child = match program.start(&["--list"]) {
        Ok(child) => child,
        Err(e) => {
            tracing::warn!("cameras cannot be listed: {e}");
            return Vec::new();
        }
    };
    let (told, list) = sync_channel(1);
    let stdout = child.stdout.take();
    let reader = thread::Builder::new().name("camera-list".into()).spawn(move || {
        let mut text = String::new();
        if let Some(stdout) = stdout
            && stdout.take(MAX_LIST).read_to_string(&mut text).is_ok()
        {
            told.send(text).ok();
        }
    });
    let text = reader.ok().and_then(|_| list.recv_timeout(limit).ok());
    let deadline = deadline.max(Instant::now() + Duration::from_millis(100));
    end_process(child, || deadline);
    let Some(text) = text else {
        tracing::warn!("cameras cannot be listed: no answer within {} ms", limit.as_millis());
        return Vec::new();
    };
    serde_json::from_str(&text).unwrap_or_else(|e| {
        tracing::warn!("cameras cannot be listed: {e}");
        Vec::new()
    })
}
