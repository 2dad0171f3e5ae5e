//! The cameras that are drawn: the test picture, and a person.

use super::frames::{CameraFormat, OpenedVideo};
use super::output::VideoOutput;
use super::test_picture::TestPictureIdentity;
use crate::base::VideoFrame;
use crate::clock::unix_us;
use crate::devices::DeviceError;
use crate::devices::thread::{Closed, OpenReport, Stop};
use crate::devices::ticker::Ticker;
use crate::testcard::{FramePainter, FramePainterError, PortraitPainter};
use std::sync::Arc;

/// What draws the frames of a camera.
trait Painter {
    /// The user id that the frames carry from now on.
    fn set_identity(&mut self, user: &str);

    /// Draws a frame with this number at a Unix time in microseconds.
    fn paint(&mut self, number: u32, unix_us: u64) -> Result<VideoFrame, FramePainterError>;
}

impl Painter for FramePainter {
    fn set_identity(&mut self, user: &str) {
        Self::set_identity(self, user);
    }

    fn paint(&mut self, number: u32, unix_us: u64) -> Result<VideoFrame, FramePainterError> {
        Self::paint(self, number, unix_us / 1000, unix_us)
    }
}

/// A person whose mouth follows the voice of the user.
struct Portrait<'a> {
    painter: PortraitPainter,
    identity: &'a TestPictureIdentity,
}

impl Painter for Portrait<'_> {
    fn set_identity(&mut self, user: &str) {
        self.painter.set_identity(user);
    }

    fn paint(&mut self, number: u32, unix_us: u64) -> Result<VideoFrame, FramePainterError> {
        self.painter.paint(number, unix_us / 1000, self.identity.voice(), unix_us)
    }
}

/// Draws the test picture until it is stopped.
pub(super) fn test_picture(
    format: CameraFormat,
    identity: &TestPictureIdentity,
    stop: &Stop,
    opened: OpenReport<OpenedVideo>,
    output: &VideoOutput,
) -> Closed {
    let painter = |user: &str| FramePainter::new(format.width, format.height, user);
    draw(("Test picture".into(), format), identity, stop, opened, output, painter)
}

/// Draws person `n` until it is stopped.
pub(super) fn portrait(
    (n, format): (u32, CameraFormat),
    identity: &TestPictureIdentity,
    stop: &Stop,
    opened: OpenReport<OpenedVideo>,
    output: &VideoOutput,
) -> Closed {
    let painter = |user: &str| {
        let painter = PortraitPainter::new(format.width, format.height, user, n)?;
        Ok(Portrait { painter, identity })
    };
    draw((format!("Portrait {n}"), format), identity, stop, opened, output, painter)
}

fn draw<P: Painter>(
    (label, format): (String, CameraFormat),
    identity: &TestPictureIdentity,
    stop: &Stop,
    opened: OpenReport<OpenedVideo>,
    output: &VideoOutput,
    painter: impl FnOnce(&str) -> Result<P, FramePainterError>,
) -> Closed {
    let (user, mut version) = identity.get();
    let mut painter = match painter(&user) {
        Ok(painter) => painter,
        Err(e) => {
            opened.tell(Err(failed(e)));
            return Closed::confirmed();
        }
    };
    opened.tell(Ok(OpenedVideo { label, format }));
    let mut ticker = Ticker::new(format.interval());
    let mut number = 0u32;
    while ticker.tick(stop) {
        if identity.version() != version {
            let (user, newer) = identity.get();
            version = newer;
            painter.set_identity(&user);
        }
        match painter.paint(number, unix_us()) {
            Ok(frame) => (output.sink)(Arc::new(frame)),
            Err(e) => {
                output.failed(failed(e));
                break;
            }
        }
        number = number.wrapping_add(1);
    }
    Closed::confirmed()
}

fn failed(error: FramePainterError) -> DeviceError {
    DeviceError::Other(error.to_string())
}
