//! The camera that draws the test picture.

use super::frames::{CameraFormat, OpenedVideo};
use super::output::VideoOutput;
use crate::clock::unix_us;
use crate::devices::DeviceError;
use crate::devices::thread::{Closed, OpenReport, Stop};
use crate::devices::ticker::Ticker;
use crate::testcard::{FramePainter, FramePainterError};
use parking_lot::Mutex;
use std::sync::Arc;

/// The user id that the test picture carries; empty until the user has one. All clones are one.
#[derive(Clone, Default)]
pub(crate) struct TestPictureIdentity {
    user: Arc<Mutex<(String, u32)>>,
    voice: Option<Voice>,
}

/// Returns how loud the user speaks, in dBFS.
pub(crate) type Voice = Arc<dyn Fn() -> f32 + Send + Sync>;

impl TestPictureIdentity {
    /// That of a user whose voice moves the mouth of a portrait.
    pub(crate) fn with_voice(voice: Voice) -> Self {
        Self { voice: Some(voice), ..Self::default() }
    }

    /// How loud the user speaks, in dBFS; `None` if nobody knows.
    pub(super) fn voice(&self) -> Option<f32> {
        self.voice.as_ref().map(|voice| voice())
    }

    /// Sets the user id from the next frame on.
    pub(crate) fn set(&self, user: &str) {
        let mut own = self.user.lock();
        *own = (user.into(), own.1 + 1);
    }

    /// The user id and the number of times it was set.
    pub(in crate::devices) fn get(&self) -> (String, u32) {
        self.user.lock().clone()
    }

    /// The number of times that the user id was set.
    pub(in crate::devices) fn version(&self) -> u32 {
        self.user.lock().1
    }
}

/// Draws until it is stopped.
pub(super) fn run(
    format: CameraFormat,
    identity: &TestPictureIdentity,
    stop: &Stop,
    opened: OpenReport<OpenedVideo>,
    output: &VideoOutput,
) -> Closed {
    let (user, mut version) = identity.get();
    let mut painter = match FramePainter::new(format.width, format.height, &user) {
        Ok(painter) => painter,
        Err(e) => {
            opened.tell(Err(painter_failed(e)));
            return Closed::confirmed();
        }
    };
    opened.tell(Ok(OpenedVideo { label: "Test picture".into(), format }));
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
                output.failed(painter_failed(e));
                break;
            }
        }
        number = number.wrapping_add(1);
    }
    Closed::confirmed()
}

pub(super) fn painter_failed(error: FramePainterError) -> DeviceError {
    DeviceError::Other(error.to_string())
}
