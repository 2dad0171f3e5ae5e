//! What can be shared, as a capture process finds it: once, or again and again with small pictures for a picker.

use crate::base::ScreenSources;
use crate::devices::DeviceError;
use crate::devices::camera::capture::{CaptureProgram, end_process, list_json};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, ChildStdout};
use std::thread;
use std::time::{Duration, Instant};

/// Width of the small pictures, in pixels.
const THUMBNAIL_WIDTH: &str = "320";
/// The longest list with pictures that is read, in bytes.
const MAX_LIST: u64 = 16 << 20;
/// How long the process may take to end.
const END_LIMIT: Duration = Duration::from_millis(400);

/// The screens and windows of this computer; `None` if there is no answer within `limit`. Blocks.
pub(in crate::devices) fn list_screens(limit: Duration) -> Option<ScreenSources> {
    list_json(&CaptureProgram::of_screens(), limit)
}

/// A process that tells what can be shared. Dropping it ends the process.
pub(crate) struct ScreenWatch {
    /// Its end asks the process to end.
    _stdin: Option<ChildStdin>,
}

impl ScreenWatch {
    /// Starts it. `found` is called with each list, on a thread of its own; when it returns `false`, the process ends.
    pub(crate) fn start(found: impl FnMut(ScreenSources) -> bool + Send + 'static) -> Result<Self, DeviceError> {
        let mut child = CaptureProgram::of_screens().start(&["--thumbnails", THUMBNAIL_WIDTH])?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        thread::Builder::new()
            .name("screen-list".into())
            .spawn(move || follow(child, stdout, found))
            .map_err(|e| DeviceError::Other(format!("no thread for the list of screens: {e}")))?;
        Ok(Self { _stdin: stdin })
    }
}

/// Reads lists until the process ends, and waits for its end.
fn follow(child: Child, stdout: Option<ChildStdout>, mut found: impl FnMut(ScreenSources) -> bool) {
    let mut lines = stdout.map(BufReader::new);
    let mut line = Vec::new();
    while let Some(from) = &mut lines {
        line.clear();
        match from.by_ref().take(MAX_LIST).read_until(b'\n', &mut line) {
            Ok(n) if n > 0 && line.ends_with(b"\n") => {}
            _ => break,
        }
        let goes_on = match serde_json::from_slice(&line) {
            Ok(sources) => found(sources),
            Err(error) => {
                tracing::warn!(%error, "a list of screens cannot be read");
                false
            }
        };
        if !goes_on {
            break;
        }
    }
    let deadline = Instant::now() + END_LIMIT;
    end_process(child, || deadline);
}
