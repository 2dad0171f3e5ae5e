//! The screen that shows the test page.

use crate::base::VideoFrame;
use crate::clock::unix_us;
use crate::devices::DeviceError;
use crate::devices::camera::{CameraFormat, OpenedVideo, TestPictureIdentity, VideoOutput};
use crate::devices::thread::{Closed, OpenReport, Stop};
use crate::devices::ticker::Ticker;
use crate::testcard::{PAGE_SIZE, PagePainter, first_line};
use std::sync::Arc;

/// How often it looks whether the page has to scroll, a second.
const LOOKS: u32 = 20;

/// Draws a page for each change until it is stopped.
pub(super) fn run(
    identity: &TestPictureIdentity,
    stop: &Stop,
    opened: OpenReport<OpenedVideo>,
    output: &VideoOutput,
) -> Closed {
    let format = CameraFormat { width: PAGE_SIZE.0, height: PAGE_SIZE.1, fps: LOOKS };
    opened.tell(Ok(OpenedVideo { label: "Test page".into(), format }));
    let (user, mut version) = identity.get();
    let mut painter = PagePainter::new(&user);
    let (mut number, mut shown) = (0u32, None);
    let mut ticker = Ticker::new(format.interval());
    while ticker.tick(stop) {
        let now = unix_us();
        let first = first_line(now / 1000);
        let is_renamed = identity.version() != version;
        if is_renamed {
            let (user, newer) = identity.get();
            version = newer;
            painter = PagePainter::new(&user);
        }
        if shown == Some(first) && !is_renamed {
            continue;
        }
        shown = Some(first);
        match painter.paint(number, first, now / 1000, now) {
            Ok(frame) => (output.sink)(Arc::<VideoFrame>::new(frame)),
            Err(e) => {
                output.failed(DeviceError::Other(e.to_string()));
                break;
            }
        }
        number = number.wrapping_add(1);
    }
    Closed::confirmed()
}
