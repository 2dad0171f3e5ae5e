//! Capture processes that misbehave: the camera is always closed, and no process is left.

use super::*;
use crate::base::{DeviceProblemKind, StepState, VideoFrame};
use crate::devices::camera::capture::framing::{write_failed, write_frame, write_opened};
use crate::devices::tests::{failures, frames, next};
use crate::devices::{CameraChoice, CameraLease, DeviceFailure, Opening, Released, TestPictureIdentity};
use std::path::Path;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// The limit for releases that end early.
const LIMIT: Duration = Duration::from_secs(2);
/// The limit for releases that have to kill the process.
const RELEASE_LIMIT: Duration = Duration::from_millis(600);
const LIST_LIMIT: Duration = Duration::from_millis(300);
/// The delay that a busy machine may add to our limits; the fake drivers hang for longer, 60 s.
const SLACK: Duration = Duration::from_millis(1400);
const FORMAT: CameraFormat = CameraFormat { width: 160, height: 90, fps: 30 };

/// A folder with a shell script as the capture program and with the messages that it writes.
struct Fake {
    folder: tempfile::TempDir,
}

impl Fake {
    /// `script` runs in the folder, where `opened`, `frame`, `upright` (a frame of another size) and `failed` are files
    /// with such messages.
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let save = |name: &str, write: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
            let mut bytes = Vec::new();
            write(&mut bytes).expect("a message");
            std::fs::write(folder.path().join(name), bytes).expect("a file");
        };
        let frame = VideoFrame::filled(160, 90, [50, 128, 128], 1_000_000).expect("a frame");
        save("opened", &|to| write_opened(to, "Fake camera", FORMAT));
        save("frame", &|to| write_frame(to, &frame));
        let upright = VideoFrame::filled(90, 160, [50, 128, 128], 2_000_000).expect("a frame");
        save("upright", &|to| write_frame(to, &upright));
        save("failed", &|to| write_failed(to, &DeviceError::Busy("held by another".into())));
        let script = format!("cd '{}'\necho $$ > pid\n{script}\n", folder.path().display());
        std::fs::write(folder.path().join("fake.sh"), script).expect("a script");
        Self { folder }
    }

    fn program(&self) -> CaptureProgram {
        CaptureProgram::other("/bin/sh", &[&self.folder.path().join("fake.sh").to_string_lossy()])
    }

    fn open(&self) -> (Opening<CameraLease>, Received) {
        let (sink, frames) = frames();
        let (failure_sink, failures) = failures();
        let choice = CameraChoice::Device("fake".into());
        (
            CameraLease::open_with(
                self.program(),
                &choice,
                FORMAT,
                &TestPictureIdentity::default(),
                sink,
                failure_sink,
            ),
            Received { frames, failures },
        )
    }

    async fn opened(&self) -> (CameraLease, Received) {
        let (opening, received) = self.open();
        (opening.await.expect("opens"), received)
    }

    /// Whether the process exists, also as a zombie.
    fn lives(&self) -> bool {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap_or_default();
        !pid.trim().is_empty() && Path::new("/proc").join(pid.trim()).exists()
    }

    async fn started(&self) {
        eventually(|| self.lives()).await;
    }
}

struct Received {
    frames: mpsc::Receiver<Arc<VideoFrame>>,
    failures: Arc<Mutex<Vec<DeviceFailure>>>,
}

impl Received {
    async fn failure(&self) -> DeviceError {
        eventually(|| !self.failures.lock().is_empty()).await;
        self.failures.lock()[0].error.clone()
    }
}

async fn eventually(holds: impl Fn() -> bool) {
    timeout(Duration::from_secs(10), async {
        while !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the condition holds in time");
}

fn confirmed(released: &Released) {
    assert_eq!(released.state, StepState::Confirmed, "{}", released.detail);
}

#[tokio::test]
async fn a_capture_process_ends_with_its_input() {
    let fake = Fake::new("cat opened frame frame; cat > input; exit 0");
    let (camera, mut received) = fake.opened().await;
    assert_eq!((camera.label(), camera.format()), ("Fake camera", FORMAT));
    assert_eq!(next(&mut received.frames).await.timestamp_us(), 1_000_000);
    assert!(fake.lives());
    let released = camera.release(LIMIT).await;
    confirmed(&released);
    assert_eq!(released.detail, "");
    assert!(!fake.lives());
    assert!(received.failures.lock().is_empty());
}

#[tokio::test]
async fn frames_may_change_their_size() {
    let fake = Fake::new("cat opened frame upright frame; cat > input; exit 0");
    let (camera, mut received) = fake.opened().await;
    for size in [(160, 90), (90, 160), (160, 90)] {
        let frame = next(&mut received.frames).await;
        assert_eq!((frame.width(), frame.height()), size);
    }
    confirmed(&camera.release(LIMIT).await);
    assert!(received.failures.lock().is_empty());
}

#[tokio::test]
async fn a_hung_driver_is_stopped_within_the_limit() {
    let fake = Fake::new("cat opened frame; exec sleep 60");
    let (camera, mut received) = fake.opened().await;
    next(&mut received.frames).await;
    let released = camera.release(RELEASE_LIMIT).await;
    confirmed(&released);
    assert!(released.detail.contains("had to be stopped"), "{}", released.detail);
    assert!(released.took < RELEASE_LIMIT, "{:?}", released.took);
    assert!(!fake.lives());
}

#[tokio::test]
async fn cancelling_kills_a_driver_that_hangs_while_opening() {
    let fake = Fake::new("exec sleep 60");
    let (mut opening, _received) = fake.open();
    assert!(timeout(Duration::from_millis(50), &mut opening).await.is_err());
    fake.started().await;
    confirmed(&opening.cancel(RELEASE_LIMIT).await);
    assert!(!fake.lives());
}

#[tokio::test]
async fn dropping_a_lease_or_an_opening_closes_the_camera() {
    let slow = Fake::new("exec sleep 60");
    let (opening, _received) = slow.open();
    slow.started().await;
    drop(opening);
    let open = Fake::new("cat opened; cat > input");
    let (camera, _received) = open.opened().await;
    drop(camera);
    eventually(|| !slow.lives() && !open.lives()).await;
}

#[tokio::test]
async fn a_flood_of_frames_does_not_delay_the_release() {
    let fake = Fake::new("cat opened; while cat frame; do :; done");
    let (camera, mut received) = fake.opened().await;
    for _ in 0..100 {
        next(&mut received.frames).await;
    }
    confirmed(&camera.release(RELEASE_LIMIT).await);
    assert!(!fake.lives());
    while received.frames.try_recv().is_ok() {}
    sleep(Duration::from_millis(50)).await;
    assert!(received.frames.try_recv().is_err(), "a frame after the release");
}

#[tokio::test]
async fn a_sink_that_blocks_does_not_delay_the_release() {
    let fake = Fake::new("cat opened; while cat frame; do :; done");
    let (free, wait) = std::sync::mpsc::sync_channel::<()>(0);
    let wait = Mutex::new(wait);
    let sink = Arc::new(move |_| {
        wait.lock().recv().ok();
    });
    let choice = CameraChoice::Device("fake".into());
    let camera =
        CameraLease::open_with(fake.program(), &choice, FORMAT, &TestPictureIdentity::default(), sink, failures().0)
            .await
            .expect("opens");
    sleep(Duration::from_millis(50)).await;
    let released = camera.release(RELEASE_LIMIT).await;
    assert!(released.took < RELEASE_LIMIT + SLACK, "{:?}", released.took);
    assert!(!fake.lives(), "the camera is closed nevertheless");
    drop(free);
}

#[tokio::test]
async fn garbage_and_crashes_are_reported_and_leave_no_process() {
    for (script, words) in [
        ("cat opened frame; head -c 5000 /dev/zero; exec sleep 60", "no picture"),
        ("cat opened frame; head -c 100 frame; exit 3", "ended by itself"),
        ("cat opened opened; exec sleep 60", "opened twice"),
    ] {
        let fake = Fake::new(script);
        let (camera, received) = fake.opened().await;
        let error = received.failure().await;
        assert!(error.message().contains(words), "{script}: {error}");
        eventually(|| !fake.lives()).await;
        confirmed(&camera.release(LIMIT).await);
    }
}

#[tokio::test]
async fn errors_of_opening_are_reported_as_they_are() {
    for (script, kind) in [
        ("cat failed; exec sleep 60", DeviceProblemKind::Busy),
        ("exit 1", DeviceProblemKind::Other),
        ("cat frame; exec sleep 60", DeviceProblemKind::Other),
        ("echo running 0 tests; exec sleep 60", DeviceProblemKind::Other),
    ] {
        let fake = Fake::new(script);
        let error = fake.open().0.await.err().expect("does not open");
        assert_eq!(error.kind(), kind, "{script}: {error}");
        assert!(!fake.lives(), "{script}");
    }
    let missing = CaptureProgram::other("/nowhere/visavis", &[]);
    let choice = CameraChoice::Default;
    let opening =
        CameraLease::open_with(missing, &choice, FORMAT, &TestPictureIdentity::default(), frames().0, failures().0);
    assert!(opening.await.err().expect("no program").message().contains("cannot be started"));
}

#[tokio::test]
async fn fifty_cameras_leave_no_descriptor_and_no_thread() {
    let count = |of: &str| std::fs::read_dir(of).map(Iterator::count).unwrap_or_default();
    let fake = Fake::new("cat opened frame; cat > input");
    let before = (count("/proc/self/fd"), count("/proc/self/task"));
    for _ in 0..50 {
        let (camera, mut received) = fake.opened().await;
        next(&mut received.frames).await;
        confirmed(&camera.release(LIMIT).await);
        assert!(!fake.lives());
    }
    let after = (count("/proc/self/fd"), count("/proc/self/task"));
    // Other tests of this process have descriptors and threads too; a leak would be 50 or 100 of them.
    assert!(after.0 < before.0 + 40 && after.1 < before.1 + 40, "{before:?} before, {after:?} now");
}

#[test]
fn a_list_that_hangs_or_is_invalid_is_none() {
    let list = |script: &str| {
        let fake = Fake::new(script);
        let begun = Instant::now();
        let found = list_json::<Vec<crate::base::DeviceEntry>>(&fake.program(), LIST_LIMIT);
        let took = begun.elapsed();
        assert!(took < LIST_LIMIT + list::END_LIMIT + SLACK && !fake.lives(), "{script}: {took:?}");
        found
    };
    assert_eq!(list("exec sleep 60"), None);
    assert_eq!(list("echo nonsense"), None);
    assert_eq!(list("exit 1"), None);
    assert_eq!(list("echo '[]'"), Some(Vec::new()));
    let one = r#"[{"id":"/dev/video0","label":"Cam","synthetic":false,"default":true,"formats":["1x1@1 YUYV"]}]"#;
    assert_eq!(list(&format!("echo '{one}'")).expect("a list")[0].label, "Cam");
}
