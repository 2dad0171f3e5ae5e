//! A file that is shared: a picture, or a Y4M video in a loop.

use super::LARGEST;
use crate::devices::camera::{FileSource, OpenedVideo, Scaling, VideoOutput};
use crate::devices::thread::{Closed, OpenReport, Stop};
use crate::devices::ticker::Ticker;
use std::path::Path;
use std::sync::Arc;

/// Shows the file until it is stopped. A picture is one frame, since it does not change.
pub(super) fn run(path: &Path, stop: &Stop, opened: OpenReport<OpenedVideo>, output: &VideoOutput) -> Closed {
    let mut source = match FileSource::open(path, LARGEST, Scaling::Shrink) {
        Ok(source) => source,
        Err(e) => {
            opened.tell(Err(e));
            return Closed::confirmed();
        }
    };
    let format = source.format(LARGEST);
    let label = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    opened.tell(Ok(OpenedVideo { label, format }));
    let mut ticker = Ticker::new(format.interval());
    while ticker.tick(stop) {
        match source.next() {
            Ok(frame) => (output.sink)(Arc::new(frame)),
            Err(e) => {
                output.failed(e);
                break;
            }
        }
        if matches!(source, FileSource::Still(_)) {
            stop.wait();
        }
    }
    Closed::confirmed()
}
