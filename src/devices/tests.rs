//! Synthetic devices, used as a call uses them.

use super::*;
use crate::base::{PcmFormat, StepState, VideoFrame};
use crate::devices::camera::FrameSink;
use crate::testcard::{ToneMeter, identity_code, read};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

const LIMIT: Duration = Duration::from_secs(2);

/// A sink for failures, and the failures that it took.
pub(super) fn failures() -> (FailureSink, Arc<Mutex<Vec<DeviceFailure>>>) {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let sink = taken.clone();
    (Arc::new(move |failure| sink.lock().push(failure)), taken)
}

/// A sink for frames, and the frames that it took.
pub(super) fn frames() -> (FrameSink, mpsc::Receiver<Arc<VideoFrame>>) {
    let (put, frames) = mpsc::channel(8);
    (Arc::new(move |frame| drop(put.try_send(frame))), frames)
}

pub(super) async fn next(frames: &mut mpsc::Receiver<Arc<VideoFrame>>) -> Arc<VideoFrame> {
    timeout(Duration::from_secs(10), frames.recv()).await.expect("a frame in time").expect("a frame")
}

fn small(fps: u32) -> CameraFormat {
    CameraFormat { width: 320, height: 180, fps }
}

async fn open_camera(id: &str) -> (CameraLease, mpsc::Receiver<Arc<VideoFrame>>) {
    let (sink, frames) = frames();
    let choice = id.parse().expect("an id");
    (
        CameraLease::open(&choice, small(50), &TestPictureIdentity::default(), sink, failures().0)
            .await
            .expect("opens"),
        frames,
    )
}

async fn camera_error(id: &str) -> DeviceError {
    let choice = id.parse().expect("an id");
    CameraLease::open(&choice, small(50), &TestPictureIdentity::default(), frames().0, failures().0)
        .await
        .err()
        .expect("does not open")
}

#[tokio::test]
async fn the_test_picture_carries_number_time_and_identity() {
    let identity = TestPictureIdentity::default();
    let (sink, mut frames) = frames();
    let choice = "test-picture".parse().expect("an id");
    let camera = CameraLease::open(&choice, small(50), &identity, sink, failures().0).await.expect("opens");
    let first = read(next(&mut frames).await.as_ref()).expect("readable");
    identity.set("mina");
    let mut last = first;
    for _ in 0..200 {
        let frame = next(&mut frames).await;
        last = read(&frame).expect("readable");
        assert_eq!(last.time_ms24, (frame.timestamp_us() / 1000 % (1 << 24)) as u32);
        if last.identity == identity_code("mina") {
            break;
        }
    }
    assert_eq!(last.identity, identity_code("mina"));
    assert!(last.frame > first.frame);
    assert_eq!(camera.release(LIMIT).await.state, StepState::Confirmed);
    while frames.try_recv().is_ok() {}
    sleep(Duration::from_millis(100)).await;
    assert!(frames.try_recv().is_err(), "a frame after the release");
}

#[tokio::test]
async fn a_test_picture_may_have_its_own_format() {
    let (camera, mut frames) = open_camera("test-picture:640x360@15").await;
    assert_eq!(camera.format(), CameraFormat { width: 640, height: 360, fps: 15 });
    assert_eq!(next(&mut frames).await.width(), 640);
    let _ = camera.release(LIMIT).await;
}

#[tokio::test]
async fn a_portrait_carries_the_identity_too() {
    let voice = std::sync::Arc::new(|| -20.0);
    let identity = TestPictureIdentity::with_voice(voice);
    identity.set("mina");
    let (sink, mut frames) = frames();
    let choice = "portrait:2".parse().expect("an id");
    let camera = CameraLease::open(&choice, small(50), &identity, sink, failures().0).await.expect("opens");
    assert_eq!((camera.label(), camera.id()), ("Portrait 2", "portrait:2"));
    let first = read(next(&mut frames).await.as_ref()).expect("readable");
    assert_eq!(first.identity, identity_code("mina"));
    assert!(read(next(&mut frames).await.as_ref()).expect("readable").frame > first.frame);
    assert_eq!(camera.release(LIMIT).await.state, StepState::Confirmed);
}

#[tokio::test]
async fn a_picture_file_is_fitted_into_the_format() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("red.png");
    image::RgbImage::from_pixel(1000, 1000, image::Rgb([255, 0, 0])).save(&path).expect("a file");
    let (camera, mut frames) = open_camera(&format!("file:{}", path.display())).await;
    let frame = next(&mut frames).await;
    assert_eq!((frame.width(), frame.height(), camera.label()), (180, 180, "red.png"));
    assert!(frame.plane(0).data[0].abs_diff(81) < 4 && frame.plane(2).data[0].abs_diff(240) < 4);
    assert!(next(&mut frames).await.timestamp_us() > frame.timestamp_us());
    let _ = camera.release(LIMIT).await;
}

#[tokio::test]
async fn a_video_file_begins_again_after_its_end() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("two.y4m");
    let mut file = b"YUV4MPEG2 W16 H8 F100:1 C420jpeg\n".to_vec();
    for luma in [50, 200] {
        file.extend(b"FRAME\n");
        file.extend([luma; 128]);
        file.extend([128; 64]);
    }
    std::fs::write(&path, &file).expect("a file");
    let (camera, mut frames) = open_camera(&format!("file:{}", path.display())).await;
    let mut lumas = Vec::new();
    for _ in 0..6 {
        lumas.push(next(&mut frames).await.plane(0).data[0]);
    }
    assert_eq!(lumas, [50, 200, 50, 200, 50, 200]);
    let _ = camera.release(LIMIT).await;
}

#[tokio::test]
async fn bad_files_are_errors_that_name_them() {
    let folder = tempfile::tempdir().expect("folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        format!("file:{}", path.display())
    };
    assert!(matches!(camera_error("file:nowhere.png").await, DeviceError::NotFound(m) if m.contains("nowhere.png")));
    for name in ["bad.png", "bad.jpg", "bad.y4m"] {
        let error = camera_error(&file(name, b"not a picture at all")).await;
        assert!(error.message().contains(name), "{error}");
    }
    camera_error(&file("huge.y4m", b"YUV4MPEG2 W99999 H99999 F25:1\nFRAME\n")).await;
    let wav = file("bad.wav", b"RIFFxxxxWAVE").parse().expect("an id");
    let error = AudioLease::open_microphone(&wav, failures().0).await.err().expect("no sound");
    assert!(error.message().contains("bad.wav"), "{error}");
    let nowhere = "file:/nowhere/out.wav".parse().expect("an id");
    assert!(matches!(AudioLease::open_speaker(&nowhere, failures().0).await.err(), Some(DeviceError::NotFound(_))));
}

#[tokio::test]
async fn the_camera_none_opens_and_gives_no_frame() {
    let (camera, mut frames) = open_camera("none").await;
    assert!(timeout(Duration::from_millis(100), frames.recv()).await.is_err());
    assert_eq!(camera.release(LIMIT).await.state, StepState::NotApplicable);
}

/// Reads half a second of a microphone.
async fn listen(samples: &mut rtrb::Consumer<f32>, format: PcmFormat) -> Vec<f32> {
    let wanted = format.rate as usize / 2 * usize::from(format.channels);
    let mut heard = Vec::new();
    timeout(Duration::from_secs(10), async {
        while heard.len() < wanted {
            let n = samples.slots();
            heard.extend(samples.read_chunk(n).expect("chunk"));
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("sound in time");
    heard
}

#[tokio::test]
async fn the_test_tone_has_its_frequency_and_level() {
    let choice = "test-tone:700".parse().expect("an id");
    let (microphone, mut samples, format) = AudioLease::open_microphone(&choice, failures().0).await.expect("opens");
    let heard = listen(&mut samples, format).await;
    let mut meter = ToneMeter::searching();
    meter.push(&heard);
    let reading = meter.reading();
    assert!((reading.hz - 700.0).abs() < 5.0 && (reading.dbfs + 20.0).abs() < 0.5, "{reading:?}");
    assert_eq!(reading.gaps_ms, 0.0);
    assert_eq!(microphone.release(LIMIT).await.state, StepState::Confirmed);
    assert!(samples.is_abandoned());
}

#[tokio::test]
async fn a_recorded_file_can_be_played() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("out.wav");
    let id = format!("file:{}", path.display());
    let (speaker, mut ring, format) =
        AudioLease::open_speaker(&id.parse().expect("an id"), failures().0).await.expect("opens");
    let mut tone = crate::testcard::TestTone::new(440.0, -20.0);
    for _ in 0..60 {
        let mut piece = vec![0.0; format.rate as usize / 100 * usize::from(format.channels)];
        tone.fill(&mut piece);
        while ring.push_entire_slice(&piece).is_err() {
            sleep(Duration::from_millis(5)).await;
        }
    }
    let drained = async {
        while ring.slots() < ring.buffer().capacity() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), drained).await.expect("the ring is read in time");
    assert_eq!(speaker.release(LIMIT).await.state, StepState::Confirmed);
    assert!(ring.is_abandoned());

    let played: Vec<i16> =
        hound::WavReader::open(&path).expect("a WAV").samples().map(|s| s.expect("sample")).collect();
    let loud = played.iter().filter(|s| s.unsigned_abs() > 100).count();
    assert!(loud > 60 * 480 * 9 / 10, "{loud} of {}", played.len());

    let (microphone, mut samples, format) =
        AudioLease::open_microphone(&id.parse().expect("an id"), failures().0).await.expect("opens");
    let heard = listen(&mut samples, format).await;
    let peak = heard.iter().fold(0f32, |peak, s| peak.max(s.abs()));
    assert!((peak - 0.1).abs() < 0.01, "{peak}");
    let _ = microphone.release(LIMIT).await;
}

#[tokio::test]
async fn a_full_ring_drops_the_newest_samples_and_counts_them() {
    let choice = "test-tone".parse().expect("an id");
    let (microphone, samples, _) = AudioLease::open_microphone(&choice, failures().0).await.expect("opens");
    timeout(Duration::from_secs(10), async {
        while microphone.lost_samples() == 0 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("drops");
    assert_eq!(samples.slots(), 24_000, "500 ms");
    let _ = microphone.release(LIMIT).await;
}

#[tokio::test]
async fn opening_and_releasing_fifty_times_leaves_no_thread() {
    let threads = || std::fs::read_dir("/proc/self/task").map(Iterator::count).unwrap_or_default();
    let folder = tempfile::tempdir().expect("folder");
    let record = format!("file:{}", Path::new(folder.path()).join("o.wav").display());
    let before = threads();
    for _ in 0..50 {
        let (camera, _frames) = open_camera("test-picture").await;
        let microphone = AudioLease::open_microphone(&MicrophoneChoice::TestTone(440), failures().0);
        let speaker_choice = record.parse().expect("an id");
        let speaker = AudioLease::open_speaker(&speaker_choice, failures().0);
        let (microphone, speaker) = (microphone.await.expect("opens"), speaker.await.expect("opens"));
        let (a, b, c) = tokio::join!(camera.release(LIMIT), microphone.0.release(LIMIT), speaker.0.release(LIMIT));
        assert_eq!([a.state, b.state, c.state], [StepState::Confirmed; 3]);
    }
    // Other tests of this process have threads too; a leak would be 150 of them.
    assert!(threads() < before + 60, "{before} threads before, {} now", threads());
}
