//! Screens and windows that are shared: real ones through a capture process, and synthetic ones.
//!
//! A screen gives a frame when something has changed, and none while it stands still.

mod capture;
mod choice;
mod list;
mod test_page;
#[cfg(all(feature = "window", target_os = "linux"))]
mod x11;

pub(crate) use self::capture::{capture_screen, screen_sources, watch_sources};
pub(crate) use choice::ScreenChoice;
pub(crate) use list::ScreenWatch;
pub(in crate::devices) use list::list_screens;

use crate::base::DeviceKind;
use crate::devices::camera::capture::{CaptureJob, CaptureProgram, run};
use crate::devices::camera::{
    CameraFormat, FrameSink, OpenedVideo, Scaling, TestPictureIdentity, VideoOutput, play_file,
};
use crate::devices::opening::Opening;
use crate::devices::thread::{Closed, DeviceThread, OpenReport, Released};
use crate::devices::{DeviceError, FailureSink};
use std::time::Duration;

/// The largest screen that is shared in full; a larger one is made smaller.
const LARGEST: CameraFormat = CameraFormat { width: 2560, height: 1440, fps: 30 };

/// A screen that is being captured. Ended with [`ScreenLease::release`].
#[must_use = "dropping a lease ends the capture"]
pub(crate) struct ScreenLease {
    thread: DeviceThread,
    id: String,
    opened: OpenedVideo,
}

impl ScreenLease {
    /// Begins to capture. Frames go to `sink` from then on; `failures` is told if the capture ends by itself, because a
    /// window was closed or a screen unplugged. The test page carries `identity`.
    pub(crate) fn open(
        choice: &ScreenChoice,
        identity: &TestPictureIdentity,
        sink: FrameSink,
        failures: FailureSink,
    ) -> Opening<Self> {
        Self::open_with(CaptureProgram::of_screens(), choice, identity, sink, failures)
    }

    /// [`ScreenLease::open`] with another capture program.
    fn open_with(
        program: CaptureProgram,
        choice: &ScreenChoice,
        identity: &TestPictureIdentity,
        sink: FrameSink,
        failures: FailureSink,
    ) -> Opening<Self> {
        let id = choice.to_string();
        let output = VideoOutput { kind: DeviceKind::Screen, id: id.clone(), sink, failures };
        let (choice, identity) = (choice.clone(), identity.clone());
        Opening::start(
            "screen",
            move |stop, opened: OpenReport<OpenedVideo>| match choice {
                ScreenChoice::None => {
                    opened.tell(Err(DeviceError::NotFound("none".into())));
                    Closed::nothing()
                }
                ScreenChoice::TestPage => test_page::run(&identity, stop, opened, &output),
                ScreenChoice::File(path) => play_file(&path, LARGEST, Scaling::Shrink, stop, opened, &output),
                ScreenChoice::Default | ScreenChoice::Process(_) | ScreenChoice::Source(_) => {
                    run(&program, &CaptureJob::screen(&output.id), stop, opened, &output)
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

    /// Ends the capture and waits for that at most `limit`. A capture process that does not end in time is killed.
    pub(crate) async fn release(self, limit: Duration) -> Released {
        tracing::debug!(screen = self.id, size = %self.opened.format, "releasing");
        self.thread.release(limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::StepState;
    use crate::devices::tests::{failures, frames, next};
    use crate::testcard::{identity_code, read};
    use tokio::time::timeout;

    async fn open(
        id: &str,
    ) -> Result<(ScreenLease, tokio::sync::mpsc::Receiver<std::sync::Arc<crate::base::VideoFrame>>), DeviceError> {
        let (sink, frames) = frames();
        let identity = TestPictureIdentity::default();
        identity.set("mina");
        let choice = id.parse().expect("an id");
        Ok((ScreenLease::open(&choice, &identity, sink, failures().0).await?, frames))
    }

    #[tokio::test]
    async fn the_test_page_gives_a_frame_at_once_and_then_its_changes() {
        let (lease, mut frames) = open("test-page").await.expect("opens");
        let first = read(next(&mut frames).await.as_ref()).expect("readable");
        assert_eq!((first.frame, first.identity), (0, identity_code("mina")));
        // At most ten seconds stand still.
        let second = timeout(Duration::from_secs(13), frames.recv()).await.expect("in time").expect("a frame");
        assert_eq!(read(&second).expect("readable").frame, 1);
        assert_eq!((lease.id(), lease.label()), ("test-page", "Test page"));
        assert_eq!(lease.release(Duration::from_secs(2)).await.state, StepState::Confirmed);
    }

    #[tokio::test]
    async fn a_picture_is_one_frame_of_its_own_size() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("page.png");
        image::RgbImage::from_pixel(300, 200, image::Rgb([255; 3])).save(&path).expect("a file");
        let (lease, mut frames) = open(&format!("file:{}", path.display())).await.expect("opens");
        let frame = next(&mut frames).await;
        assert_eq!((frame.width(), frame.height()), (300, 200));
        assert!(timeout(Duration::from_millis(200), frames.recv()).await.is_err(), "it stands still");
        assert_eq!(lease.release(Duration::from_secs(2)).await.state, StepState::Confirmed);
        let gone = open(&format!("file:{}", folder.path().join("gone.png").display())).await;
        assert!(matches!(gone.err(), Some(DeviceError::NotFound(_))));
    }
}
