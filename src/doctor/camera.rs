//! The camera: it opens, delivers frames of the promised size and rate that are not black, and closes.

use super::trouble::{CLOSE_LIMIT, closed, failures, opened, unusable, used};
use crate::base::{CheckName, Finding, VideoFrame};
use crate::devices::{CameraChoice, CameraFormat, CameraLease, DeviceError, TestPictureIdentity};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long frames are counted, from the first one on.
const LOOK: Duration = Duration::from_millis(1500);
/// How long the first frame may take after the camera has opened.
const FIRST_FRAME: Duration = Duration::from_secs(3);
/// Part of the promised frames that have to come. In the dark many cameras give half.
const ENOUGH_FRAMES: f64 = 0.6;
/// Mean luma up to which a picture counts as black; in limited range, black is 16.
const BLACK: f64 = 20.0;
/// Samples of luma that are read of a frame.
const SAMPLES: usize = 4096;

/// What a camera delivered.
#[derive(Clone, Debug, Default)]
struct Take {
    frames: u32,
    width: u32,
    height: u32,
    /// Mean luma of the brightest frame.
    luma: f64,
    /// Time from the first frame to the last one.
    span: Duration,
}

/// Counts the frames of a camera, on the camera's thread.
#[derive(Debug, Default)]
struct Counter {
    first: Option<Instant>,
    take: Take,
}

impl Counter {
    fn add(&mut self, frame: &VideoFrame, now: Instant) {
        let first = *self.first.get_or_insert(now);
        self.take.frames += 1;
        (self.take.width, self.take.height) = (frame.width(), frame.height());
        self.take.luma = self.take.luma.max(mean_luma(frame));
        self.take.span = now - first;
    }
}

/// Checks the camera; `None` after a stop.
pub(super) async fn check(choice: &CameraChoice, stop: &CancellationToken) -> Option<Finding> {
    if *choice == CameraChoice::None {
        return Some(Finding::skipped(CheckName::Camera, "No camera is chosen."));
    }
    let id = choice.to_string();
    let counter = Arc::new(Mutex::new(Counter::default()));
    let counted = counter.clone();
    let (failed, mut failure) = failures();
    let format = choice.format().unwrap_or_default();
    let sink = Arc::new(move |frame: Arc<VideoFrame>| counted.lock().add(&frame, Instant::now()));
    let opening = CameraLease::open(choice, format, &TestPictureIdentity::default(), sink, failed);
    let lease = match opened(opening, stop).await? {
        Ok(lease) => lease,
        Err(error) => return Some(unusable(CheckName::Camera, "camera", &id, &error)),
    };
    let (label, promised) = (lease.label().to_owned(), lease.format());
    let looked = used(look(&counter), &mut failure, stop).await;
    let released = lease.release(CLOSE_LIMIT).await;
    let finding = match looked? {
        Err(error) => unusable(CheckName::Camera, "camera", &id, &error),
        Ok(()) => judge(&id, &label, promised, &counter.lock().take),
    };
    Some(closed(finding, "camera", &released))
}

/// Waits until frames have come for [`LOOK`], or none has come for [`FIRST_FRAME`].
async fn look(counter: &Mutex<Counter>) {
    let begun = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let first = counter.lock().first;
        let over = first.map_or(begun.elapsed() >= FIRST_FRAME, |first| first.elapsed() >= LOOK);
        if over {
            return;
        }
    }
}

/// The finding about a camera that has opened.
fn judge(id: &str, label: &str, promised: CameraFormat, take: &Take) -> Finding {
    if take.frames == 0 {
        let error = DeviceError::Other("it opened, but no frame came".into());
        return unusable(CheckName::Camera, "camera", id, &error).fact("label", label).fact("frames", 0);
    }
    let fps = if take.frames > 1 { f64::from(take.frames - 1) / take.span.as_secs_f64().max(0.001) } else { 0.0 };
    let fps = (fps * 10.0).round() / 10.0;
    let delivers = format!("“{label}” delivers {}x{}, {fps} frames a second", take.width, take.height);
    let finding = if take.luma <= BLACK {
        let advice = "Open the cover of the camera's lens, switch its privacy key off, or turn on a light.";
        Finding::warning(CheckName::Camera, format!("{delivers}, but its picture is black."), advice)
    } else if fps < f64::from(promised.fps) * ENOUGH_FRAMES {
        let advice = "Turn on more light: many cameras slow down in the dark. If that does not help, plug the camera in \
                      elsewhere, without a hub.";
        Finding::warning(CheckName::Camera, format!("{delivers} instead of {}.", promised.fps), advice)
    } else {
        Finding::ok(CheckName::Camera, format!("{delivers}."))
    };
    finding
        .fact("id", id)
        .fact("label", label)
        .fact("width", take.width)
        .fact("height", take.height)
        .fact("fps", fps)
        .fact("promised_fps", promised.fps)
        .fact("frames", take.frames)
        .fact("mean_luma", take.luma.round())
}

/// Mean of samples of the luma plane, evenly spread.
fn mean_luma(frame: &VideoFrame) -> f64 {
    let (plane, width) = (frame.plane(0), frame.width() as usize);
    let rows = plane.data.chunks(plane.stride.max(1)).take(frame.height() as usize);
    let step = (width * frame.height() as usize / SAMPLES).max(1);
    // A step that shares no factor with usual widths spreads over the columns too.
    let step = if step.is_multiple_of(2) { step + 1 } else { step };
    let (mut sum, mut count) = (0_u64, 0_u64);
    for sample in rows.flat_map(|row| &row[..width.min(row.len())]).step_by(step) {
        sum += u64::from(*sample);
        count += 1;
    }
    sum as f64 / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Verdict;

    const PROMISED: CameraFormat = CameraFormat { width: 640, height: 360, fps: 30 };

    fn take(frames: u32, luma: f64) -> Take {
        Take { frames, width: 640, height: 360, luma, span: Duration::from_millis(1000) }
    }

    async fn checked(id: &str) -> Finding {
        let choice = id.parse().expect("a camera");
        check(&choice, &CancellationToken::new()).await.expect("a finding")
    }

    #[test]
    fn darkness_slowness_and_a_missing_picture_are_told_apart() {
        let verdict = |take: &Take| judge("c", "Cam", PROMISED, take).verdict;
        assert_eq!(verdict(&take(31, 90.0)), Verdict::Ok);
        assert_eq!(verdict(&take(31, 16.4)), Verdict::Warning);
        assert_eq!(verdict(&take(15, 90.0)), Verdict::Warning);
        let none = judge("c", "Cam", PROMISED, &take(0, 0.0));
        assert_eq!((none.verdict, &none.facts["frames"]), (Verdict::Failed, &0.into()));
        let slow = judge("c", "Cam", PROMISED, &take(11, 90.0));
        assert_eq!(slow.found, "“Cam” delivers 640x360, 10 frames a second instead of 30.");
        assert!(slow.advice.is_some_and(|advice| advice.contains("light")));
    }

    #[test]
    fn luma_is_the_mean_of_the_picture() {
        let frame = VideoFrame::filled(641, 359, [77, 128, 128], 0).expect("a frame");
        assert!((mean_luma(&frame) - 77.0).abs() < 0.01);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_camera_is_opened_looked_at_and_closed() {
        let finding = checked("test-picture:320x180@15").await;
        assert_eq!(finding.verdict, Verdict::Ok, "{finding:?}");
        assert_eq!(finding.facts["width"], 320);
        assert_eq!(finding.facts["closed"], "confirmed");
        assert_eq!(checked("none").await.verdict, Verdict::Skipped);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_missing_camera_fails() {
        let finding = checked("file:/nowhere/picture.png").await;
        assert_eq!((finding.verdict, &finding.facts["problem"]), (Verdict::Failed, &"not_found".into()), "{finding:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stop_ends_the_look_at_once() {
        let stop = CancellationToken::new();
        let choice = "test-picture".parse().expect("a camera");
        let checking = check(&choice, &stop);
        stop.cancel();
        let finding = tokio::time::timeout(Duration::from_secs(5), checking).await.expect("it ends");
        assert_eq!(finding, None);
    }
}
