//! The camera that draws the test picture.

use crate::clock::unix_us;
use crate::devices::DeviceError;
use crate::devices::camera::{CameraFormat, CameraOutput, OpenedCamera};
use crate::devices::thread::{Closed, Opened, Stop};
use crate::devices::ticker::Ticker;
use crate::testcard::{FramePainter, FramePainterError};
use std::sync::{Arc, Mutex, PoisonError};

/// Whose picture the test picture is. Empty until the user has an id. All clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestPictureIdentity(Arc<Mutex<(String, u32)>>);

impl TestPictureIdentity {
    /// Whose it is from the next picture on.
    pub(crate) fn set(&self, user: &str) {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *own = (user.into(), own.1 + 1);
    }

    /// The id and how often it was set.
    fn get(&self) -> (String, u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn version(&self) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

/// Draws until it is stopped.
pub(super) fn run(
    format: CameraFormat,
    identity: &TestPictureIdentity,
    stop: &Stop,
    opened: Opened<OpenedCamera>,
    output: &CameraOutput,
) -> Closed {
    let (user, mut version) = identity.get();
    let mut painter = match FramePainter::new(format.width, format.height, &user) {
        Ok(painter) => painter,
        Err(e) => {
            opened.tell(Err(no_picture(e)));
            return Closed::confirmed();
        }
    };
    opened.tell(Ok(OpenedCamera { label: "Test picture".into(), format }));
    let mut ticker = Ticker::new(format.interval());
    let mut number = 0u32;
    while ticker.tick(stop) {
        if identity.version() != version {
            let (user, newer) = identity.get();
            version = newer;
            painter = FramePainter::new(format.width, format.height, &user).unwrap_or(painter);
        }
        let now = unix_us();
        match painter.paint(number, now / 1000, now) {
            Ok(frame) => (output.sink)(Arc::new(frame)),
            Err(e) => {
                output.failed(no_picture(e));
                break;
            }
        }
        number = number.wrapping_add(1);
    }
    Closed::confirmed()
}

fn no_picture(error: FramePainterError) -> DeviceError {
    DeviceError::Other(error.to_string())
}
