//! The camera as a lease.

pub(crate) mod capture;
mod test_picture;
mod video_file;

pub(crate) use test_picture::TestPictureIdentity;

use crate::base::{DeviceKind, VideoFrame};
use crate::devices::thread::{Closed, DeviceThread, Opened, Opening, Released};
use crate::devices::{CameraChoice, DeviceError, DeviceFailure, FailureSink};
use capture::CaptureProgram;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where a camera's pictures go. Called from the camera's own thread; while it runs, newer pictures are dropped by
/// the camera. Their `timestamp_us` is the time of capture in Unix microseconds.
pub(crate) type FrameSink = Arc<dyn Fn(Arc<VideoFrame>) + Send + Sync>;

/// The size and rate of pictures that is asked for. A real camera gives the nearest it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CameraFormat {
    /// Width in pixels, 160 to 3840.
    pub(crate) width: u32,
    /// Height in pixels, 90 to 2160.
    pub(crate) height: u32,
    /// Pictures a second, 1 to 120.
    pub(crate) fps: u32,
}

impl Default for CameraFormat {
    fn default() -> Self {
        Self { width: 1280, height: 720, fps: 30 }
    }
}

impl CameraFormat {
    /// Reads `WIDTHxHEIGHT@FPS`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (size, fps) = text.split_once('@')?;
        let (width, height) = size.split_once('x')?;
        let format = Self { width: width.parse().ok()?, height: height.parse().ok()?, fps: fps.parse().ok()? };
        format.is_possible().then_some(format)
    }

    const fn is_possible(self) -> bool {
        let Self { width, height, fps } = self;
        width >= 160 && width <= 3840 && height >= 90 && height <= 2160 && fps >= 1 && fps <= 120
    }

    /// The time from one picture to the next.
    pub(super) fn interval(self) -> Duration {
        Duration::from_secs(1) / self.fps.max(1)
    }
}

impl fmt::Display for CameraFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}@{}", self.width, self.height, self.fps)
    }
}

/// What an opened camera told of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenedCamera {
    /// What people read.
    pub(super) label: String,
    /// What it really gives.
    pub(super) format: CameraFormat,
}

/// Hands out a camera's pictures and its death.
#[derive(Clone)]
pub(super) struct CameraOutput {
    id: String,
    pub(super) sink: FrameSink,
    events: FailureSink,
}

impl CameraOutput {
    /// The camera died in use.
    pub(super) fn failed(&self, error: DeviceError) {
        tracing::warn!(camera = self.id, %error, "the camera failed");
        (self.events)(DeviceFailure { kind: DeviceKind::Camera, id: self.id.clone(), error });
    }
}

/// An open camera. Move it to whoever uses it; give it back with [`CameraLease::release`].
#[must_use = "dropping a lease closes the camera"]
pub(crate) struct CameraLease {
    owner: DeviceThread,
    id: String,
    facts: OpenedCamera,
}

impl CameraLease {
    /// Opens a camera. Pictures go to `sink` from then on; `events` hears when it dies by itself. The test picture
    /// carries `identity`, also what that is set to later; other cameras do not care.
    pub(crate) fn open(
        choice: &CameraChoice,
        format: CameraFormat,
        identity: &TestPictureIdentity,
        sink: FrameSink,
        events: FailureSink,
    ) -> Opening<Self> {
        Self::open_with(CaptureProgram::ours(), choice, format, identity, sink, events)
    }

    /// The same with another capture program.
    pub(super) fn open_with(
        program: CaptureProgram,
        choice: &CameraChoice,
        format: CameraFormat,
        identity: &TestPictureIdentity,
        sink: FrameSink,
        events: FailureSink,
    ) -> Opening<Self> {
        let id = choice.to_string();
        let output = CameraOutput { id: id.clone(), sink, events };
        let (choice, theirs) = (choice.clone(), identity.clone());
        Opening::start(
            "camera",
            move |stop, opened: Opened<OpenedCamera>| match choice {
                CameraChoice::None => {
                    opened.tell(Ok(OpenedCamera { label: "No camera".into(), format }));
                    stop.wait();
                    Closed::nothing()
                }
                CameraChoice::TestPicture(own) => {
                    test_picture::run(own.unwrap_or(format), &theirs, stop, opened, &output)
                }
                CameraChoice::File(path) => video_file::run(&path, format, stop, opened, &output),
                CameraChoice::Default => capture::run(&program, "default", format, stop, opened, &output),
                CameraChoice::Process(_) => capture::run(&program, &output.id, format, stop, opened, &output),
                CameraChoice::Device(id) => capture::run(&program, &id, format, stop, opened, &output),
            },
            move |owner, facts| Self { owner, id, facts },
        )
    }

    /// The id that was asked for.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What people read.
    pub(crate) fn label(&self) -> &str {
        &self.facts.label
    }

    /// What it really gives.
    pub(crate) const fn format(&self) -> CameraFormat {
        self.facts.format
    }

    /// Closes the camera and waits for that at most `limit`. A capture process that does not let go in time is ended.
    pub(crate) async fn release(self, limit: Duration) -> Released {
        self.owner.release(limit).await
    }
}
