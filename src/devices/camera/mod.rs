//! Cameras: real ones through a capture process, and synthetic ones.

pub(crate) mod capture;
mod drawn;
mod frames;
mod output;
mod picture_file;
mod test_picture;
mod video_file;

pub(in crate::devices) use frames::OpenedVideo;
pub(crate) use frames::{CameraFormat, FrameSink};
pub(in crate::devices) use output::VideoOutput;
pub(in crate::devices) use picture_file::Scaling;
pub(crate) use test_picture::TestPictureIdentity;
pub(in crate::devices) use video_file::run as play_file;

use crate::base::DeviceKind;
use crate::devices::opening::Opening;
use crate::devices::thread::{Closed, DeviceThread, OpenReport, Released};
use crate::devices::{CameraChoice, FailureSink};
use capture::{CaptureJob, CaptureProgram};
use std::time::Duration;

/// An open camera. Closed with [`CameraLease::release`].
#[must_use = "dropping a lease closes the camera"]
pub(crate) struct CameraLease {
    thread: DeviceThread,
    id: String,
    opened: OpenedVideo,
}

impl CameraLease {
    /// Opens a camera. Its frames go to `sink` from then on; `failures` is told if it stops by itself. Test picture
    /// and portrait carry `identity`, and follow its changes; other cameras ignore it.
    pub(crate) fn open(
        choice: &CameraChoice,
        format: CameraFormat,
        identity: &TestPictureIdentity,
        sink: FrameSink,
        failures: FailureSink,
    ) -> Opening<Self> {
        Self::open_with(CaptureProgram::of_cameras(), choice, format, identity, sink, failures)
    }

    /// [`CameraLease::open`] with another capture program.
    fn open_with(
        program: CaptureProgram,
        choice: &CameraChoice,
        format: CameraFormat,
        identity: &TestPictureIdentity,
        sink: FrameSink,
        failures: FailureSink,
    ) -> Opening<Self> {
        let id = choice.to_string();
        let output = VideoOutput { kind: DeviceKind::Camera, id: id.clone(), sink, failures };
        let (choice, identity) = (choice.clone(), identity.clone());
        Opening::start(
            "camera",
            move |stop, opened: OpenReport<OpenedVideo>| match choice {
                CameraChoice::None => {
                    opened.tell(Ok(OpenedVideo { label: "No camera".into(), format }));
                    stop.wait();
                    Closed::nothing()
                }
                CameraChoice::TestPicture(own) => {
                    drawn::test_picture(own.unwrap_or(format), &identity, stop, opened, &output)
                }
                CameraChoice::Portrait(n) => drawn::portrait((n, format), &identity, stop, opened, &output),
                CameraChoice::File(path) => play_file(&path, format, Scaling::Fit, stop, opened, &output),
                CameraChoice::Default => {
                    capture::run(&program, &CaptureJob::camera("default", format), stop, opened, &output)
                }
                CameraChoice::Process(_) => {
                    capture::run(&program, &CaptureJob::camera(&output.id, format), stop, opened, &output)
                }
                CameraChoice::Device(id) => {
                    capture::run(&program, &CaptureJob::camera(&id, format), stop, opened, &output)
                }
            },
            move |thread, opened| Self { thread, id, opened },
        )
    }

    /// The id that was asked for.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The name that people see.
    pub(crate) fn label(&self) -> &str {
        &self.opened.label
    }

    /// Closes the camera and waits for that at most `limit`. A capture process that does not end in time is killed.
    pub(crate) async fn release(self, limit: Duration) -> Released {
        tracing::debug!(camera = self.id, format = %self.opened.format, "releasing");
        self.thread.release(limit).await
    }

    /// The format that it delivers.
    pub(crate) const fn format(&self) -> CameraFormat {
        self.opened.format
    }
}
