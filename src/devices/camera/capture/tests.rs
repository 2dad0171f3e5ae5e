//! Capture processes that misbehave: the parent always closes, and nothing of them is left.

use super::*;
use crate::base::VideoFrame;
use crate::devices::camera::capture::framing::{write_failed, write_frame, write_opened};
use crate::devices::tests::{events, frames, next};
use crate::devices::{CameraChoice, CameraLease, ProblemKind, Released, TestPictureIdentity};
use std::path::Path;
use tokio::time::{sleep, timeout};

const LIMIT: Duration = Duration::from_secs(2);
const FORMAT: CameraFormat = CameraFormat { width: 160, height: 90, fps: 30 };

/// A folder with a shell script as the capture program and the files that the script writes.
struct Fake {
    folder: tempfile::TempDir,
}

impl Fake {
    /// `script` finds `$opened`, `$picture` and `$failed`: files with such messages. It runs in the folder.
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let save = |name: &str, write: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
            let mut bytes = Vec::new();
            write(&mut bytes).expect("a message");
            std::fs::write(folder.path().join(name), bytes).expect("a file");
        };
        let picture = VideoFrame::filled(160, 90, [50, 128, 128], 1_000_000).expect("a picture");
        save("opened", &|to| write_opened(to, "Fake camera", FORMAT));
        save("picture", &|to| write_frame(to, &picture));
        save("failed", &|to| write_failed(to, &DeviceError::Busy("held by another".into())));
        let script = format!("cd '{}'\necho $$ > pid\n{script}\n", folder.path().display());
        std::fs::write(folder.path().join("fake.sh"), script).expect("a script");
        Self { folder }
    }

    fn program(&self) -> CaptureProgram {
        CaptureProgram::other("/bin/sh", &[&self.folder.path().join("fake.sh").to_string_lossy()])
    }

    fn open(&self) -> (crate::devices::Opening<CameraLease>, Heard) {
        let (sink, pictures) = frames();
        let (events, failures) = events();
        let choice = CameraChoice::Device("fake".into());
        (
            CameraLease::open_with(self.program(), &choice, FORMAT, &TestPictureIdentity::default(), sink, events),
            Heard { pictures, failures },
        )
    }

    async fn opened(&self) -> (CameraLease, Heard) {
        let (opening, heard) = self.open();
        (opening.await.expect("opens"), heard)
    }

    /// Whether the process is there, a zombie included.
    fn lives(&self) -> bool {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap_or_default();
        !pid.trim().is_empty() && Path::new("/proc").join(pid.trim()).exists()
    }

    async fn started(&self) {
        eventually(|| self.lives()).await;
    }
}

struct Heard {
    pictures: tokio::sync::mpsc::Receiver<Arc<VideoFrame>>,
    failures: Arc<Mutex<Vec<crate::devices::DeviceFailure>>>,
}

impl Heard {
    async fn failure(&self) -> DeviceError {
        eventually(|| !self.failures.lock().expect("lock").is_empty()).await;
        self.failures.lock().expect("lock")[0].error.clone()
    }
}

async fn eventually(holds: impl Fn() -> bool) {
    timeout(Duration::from_secs(10), async {
        while !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it does not come true");
}

fn confirmed(released: &Released) {
    assert_eq!(released.state, StepState::Confirmed, "{}", released.detail);
}

#[tokio::test]
async fn a_camera_that_behaves_ends_with_its_input() {
    let fake = Fake::new("cat opened picture picture; cat > input; exit 0");
    let (camera, mut heard) = fake.opened().await;
    assert_eq!((camera.label(), camera.format()), ("Fake camera", FORMAT));
    assert_eq!(next(&mut heard.pictures).await.timestamp_us(), 1_000_000);
    assert!(fake.lives());
    let released = camera.release(LIMIT).await;
    confirmed(&released);
    assert_eq!(released.detail, "");
    assert!(!fake.lives());
    assert!(heard.failures.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn a_hung_driver_is_stopped_within_the_limit() {
    let fake = Fake::new("cat opened picture; exec sleep 60");
    let (camera, mut heard) = fake.opened().await;
    next(&mut heard.pictures).await;
    let limit = Duration::from_millis(600);
    let released = camera.release(limit).await;
    confirmed(&released);
    assert!(released.detail.contains("had to be stopped"), "{}", released.detail);
    assert!(released.took < limit, "{:?}", released.took);
    assert!(!fake.lives());
}

#[tokio::test]
async fn leaving_while_the_driver_hangs_in_opening_stops_it() {
    let fake = Fake::new("exec sleep 60");
    let (mut opening, _heard) = fake.open();
    assert!(timeout(Duration::from_millis(50), &mut opening).await.is_err());
    fake.started().await;
    confirmed(&opening.cancel(Duration::from_millis(600)).await);
    assert!(!fake.lives());
}

#[tokio::test]
async fn a_lease_or_an_opening_that_is_just_dropped_closes_too() {
    let slow = Fake::new("exec sleep 60");
    let (opening, _heard) = slow.open();
    slow.started().await;
    drop(opening);
    let open = Fake::new("cat opened; cat > input");
    let (camera, _heard) = open.opened().await;
    drop(camera);
    eventually(|| !slow.lives() && !open.lives()).await;
}

#[tokio::test]
async fn pictures_that_flood_do_not_hold_up_the_release() {
    let fake = Fake::new("cat opened; while cat picture; do :; done");
    let (camera, mut heard) = fake.opened().await;
    for _ in 0..100 {
        next(&mut heard.pictures).await;
    }
    confirmed(&camera.release(Duration::from_millis(600)).await);
    assert!(!fake.lives());
    while heard.pictures.try_recv().is_ok() {}
    sleep(Duration::from_millis(50)).await;
    assert!(heard.pictures.try_recv().is_err(), "a picture after the release");
}

#[tokio::test]
async fn a_sink_that_blocks_does_not_hold_up_the_release() {
    let fake = Fake::new("cat opened; while cat picture; do :; done");
    let (free, wait) = std::sync::mpsc::sync_channel::<()>(0);
    let wait = Mutex::new(wait);
    let sink = Arc::new(move |_| {
        wait.lock().expect("lock").recv().ok();
    });
    let choice = CameraChoice::Device("fake".into());
    let camera =
        CameraLease::open_with(fake.program(), &choice, FORMAT, &TestPictureIdentity::default(), sink, events().0)
            .await
            .expect("opens");
    sleep(Duration::from_millis(50)).await;
    let released = camera.release(Duration::from_millis(600)).await;
    assert!(released.took < Duration::from_secs(2), "{:?}", released.took);
    assert!(!fake.lives(), "the camera is closed all the same");
    drop(free);
}

#[tokio::test]
async fn garbage_and_sudden_death_are_told_and_leave_nothing() {
    for (script, words) in [
        ("cat opened picture; head -c 5000 /dev/zero; exec sleep 60", "no picture"),
        ("cat opened picture; head -c 100 picture; exit 3", "ended by itself"),
        ("cat opened opened; exec sleep 60", "opened twice"),
    ] {
        let fake = Fake::new(script);
        let (camera, heard) = fake.opened().await;
        let error = heard.failure().await;
        assert!(error.message().contains(words), "{script}: {error}");
        eventually(|| !fake.lives()).await;
        confirmed(&camera.release(LIMIT).await);
    }
}

#[tokio::test]
async fn what_goes_wrong_in_opening_is_told_as_it_is() {
    for (script, kind) in [
        ("cat failed; exec sleep 60", ProblemKind::Busy),
        ("exit 1", ProblemKind::Other),
        ("cat picture; exec sleep 60", ProblemKind::Other),
        ("echo running 0 tests; exec sleep 60", ProblemKind::Other),
    ] {
        let fake = Fake::new(script);
        let error = fake.open().0.await.err().expect("does not open");
        assert_eq!(error.kind(), kind, "{script}: {error}");
        assert!(!fake.lives(), "{script}");
    }
    let missing = CaptureProgram::other("/nowhere/visavis", &[]);
    let choice = CameraChoice::Default;
    let opening =
        CameraLease::open_with(missing, &choice, FORMAT, &TestPictureIdentity::default(), frames().0, events().0);
    assert!(opening.await.err().expect("no program").message().contains("cannot be started"));
}

#[tokio::test]
async fn fifty_cameras_leave_no_descriptor_and_no_thread() {
    let count = |of: &str| std::fs::read_dir(of).map(Iterator::count).unwrap_or_default();
    let fake = Fake::new("cat opened picture; cat > input");
    let before = (count("/proc/self/fd"), count("/proc/self/task"));
    for _ in 0..50 {
        let (camera, mut heard) = fake.opened().await;
        next(&mut heard.pictures).await;
        confirmed(&camera.release(LIMIT).await);
        assert!(!fake.lives());
    }
    let after = (count("/proc/self/fd"), count("/proc/self/task"));
    // Other tests of this process come and go; a leak would be a hundred.
    assert!(after.0 < before.0 + 40 && after.1 < before.1 + 40, "{before:?} before, {after:?} now");
}

#[test]
fn a_lister_that_hangs_or_lies_finds_no_camera() {
    let list = |script: &str| {
        let fake = Fake::new(script);
        let begun = Instant::now();
        let found = cameras(&fake.program(), Duration::from_millis(300));
        assert!(begun.elapsed() < Duration::from_secs(2) && !fake.lives(), "{script}");
        found
    };
    assert!(list("exec sleep 60").is_empty());
    assert!(list("echo nonsense").is_empty());
    assert!(list("exit 1").is_empty());
    let one = r#"[{"id":"/dev/video0","label":"Cam","synthetic":false,"default":true,"formats":["1x1@1 YUYV"]}]"#;
    assert_eq!(list(&format!("echo '{one}'"))[0].label, "Cam");
}
