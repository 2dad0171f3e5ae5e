//! The camera that draws a person.

use super::frames::{CameraFormat, OpenedVideo};
use super::output::VideoOutput;
use super::test_picture::{TestPictureIdentity, painter_failed};
use crate::clock::unix_us;
use crate::devices::thread::{Closed, OpenReport, Stop};
use crate::devices::ticker::Ticker;
use crate::testcard::PortraitPainter;
use std::sync::Arc;

/// Draws person `n` until it is stopped.
pub(super) fn run(
    (n, format): (u32, CameraFormat),
    identity: &TestPictureIdentity,
    stop: &Stop,
    opened: OpenReport<OpenedVideo>,
    output: &VideoOutput,
) -> Closed {
    let (user, mut version) = identity.get();
    let mut painter = match PortraitPainter::new(format.width, format.height, &user, n) {
        Ok(painter) => painter,
        Err(e) => {
            opened.tell(Err(painter_failed(e)));
            return Closed::confirmed();
        }
    };
    opened.tell(Ok(OpenedVideo { label: format!("Portrait {n}"), format }));
    let mut ticker = Ticker::new(format.interval());
    let mut number = 0u32;
    while ticker.tick(stop) {
        if identity.version() != version {
            let (user, newer) = identity.get();
            version = newer;
            painter.set_identity(&user);
        }
        let now = unix_us();
        match painter.paint(number, now / 1000, identity.voice(), now) {
            Ok(frame) => (output.sink)(Arc::new(frame)),
            Err(e) => {
                output.failed(painter_failed(e));
                break;
            }
        }
        number = number.wrapping_add(1);
    }
    Closed::confirmed()
}
