//! Real streams on a private PulseAudio, whose null sinks are a speaker and a microphone that can be played into.
//!
//! Clients find the server through environment variables, so each test runs itself again as a process of its own that has
//! them set. The threads and descriptors of that process belong to the test alone.

mod plugging;
mod pulse_server;

use super::host::has_cards;
use crate::base::{DeviceEntry, DeviceProblemKind, PcmFormat, StepState};
use crate::devices::tests::failures;
use crate::devices::*;
use crate::testcard::{TestTone, ToneMeter, ToneReading};
use parking_lot::Mutex;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// Set to the folder of the test's sound server.
const FOLDER: &str = "VISAVIS_TEST_PULSE";

/// The limit for releases that end early.
const LIMIT: Duration = Duration::from_secs(1);
/// How long to wait for a condition.
const PATIENCE: Duration = Duration::from_secs(10);
/// The delay that a busy machine may add to our limits.
const SLACK: Duration = Duration::from_secs(1);

/// A private sound server; dropping it kills it.
struct Server {
    process: Child,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let process = pulse_server::server(folder.path(), "")
            .stderr(Stdio::null())
            .spawn()
            .expect("pulseaudio is missing: apt-get install pulseaudio pulseaudio-utils");
        std::fs::write(folder.path().join("pid"), process.id().to_string()).expect("pid");
        let server = Self { process, folder };
        let begun = Instant::now();
        while !server.command("pactl").arg("info").output().is_ok_and(|o| o.status.success()) {
            assert!(begun.elapsed() < Duration::from_secs(15), "PulseAudio does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let folder = self.folder.path();
        command.env("PULSE_SERVER", format!("unix:{}", pulse_server::socket(folder).display()));
        // Another home than the server's: one without a cookie.
        command.env("XDG_RUNTIME_DIR", folder).env("HOME", folder.join("home")).env(FOLDER, folder);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Runs `body` in a process with a private sound server. `test` is the name of the calling test.
fn with_server<F: Future<Output = ()>>(test: &str, body: impl FnOnce() -> F) {
    if std::env::var_os(FOLDER).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        return runtime.block_on(body());
    }
    let server = Server::start();
    let name = format!("{}::{test}", module_path!().split_once("::").expect("a crate").1);
    let mut child = server
        .command(std::env::current_exe().expect("this program"))
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .spawn()
        .expect("starts");
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("status") {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().ok();
            panic!("{test} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{test} failed; see above");
}

fn folder() -> PathBuf {
    std::env::var_os(FOLDER).expect("runs in with_server").into()
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"))
}

/// The programs' streams on the server: `source-outputs` or `sink-inputs`, without the remapped source's own.
fn streams(kind: &str) -> Vec<String> {
    let output = run("pactl", &["list", "short", kind]);
    assert!(output.status.success());
    let lines = String::from_utf8_lossy(&output.stdout);
    lines.lines().filter(|l| l.contains("protocol-native.c")).map(Into::into).collect()
}

/// A process that is killed when this is dropped.
struct Player(Child);

impl Drop for Player {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Plays a tone into the microphone.
fn play_into_microphone(hz: f64, seconds: usize) -> Player {
    play_into("micfeed", hz, seconds, &[1.0])
}

/// Plays a tone into a sink, each channel with its factor.
fn play_into(sink: &str, hz: f64, seconds: usize, channels: &[f32]) -> Player {
    let path = folder().join(format!("{sink}.wav"));
    let spec = hound::WavSpec {
        channels: channels.len() as u16,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut samples = vec![0.0; 48_000 * seconds];
    TestTone::new(hz, -20.0).fill(&mut samples);
    let mut writer = hound::WavWriter::create(&path, spec).expect("a file");
    for sample in samples {
        for factor in channels {
            writer.write_sample((sample * factor * 32767.0) as i16).expect("a sample");
        }
    }
    writer.finalize().expect("a file");
    Player(Command::new("paplay").arg(format!("--device={sink}")).arg(path).spawn().expect("paplay"))
}

fn measure(samples: &[f32]) -> ToneReading {
    let mut meter = ToneMeter::searching();
    meter.push(samples);
    meter.reading()
}

/// Reads the first channel of a stereo microphone for `length`.
async fn record(samples: &mut rtrb::Consumer<f32>, format: PcmFormat, length: Duration) -> Vec<f32> {
    assert_eq!(format, PcmFormat { rate: 48_000, channels: 2 });
    let wanted = (96.0 * length.as_millis() as f64) as usize;
    let mut heard = Vec::new();
    let listening = async {
        while heard.len() < wanted {
            let n = samples.slots();
            heard.extend(samples.read_chunk(n).expect("chunk"));
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, listening).await.expect("sound in time");
    heard.into_iter().step_by(2).collect()
}

/// The first failure that is reported.
async fn first(failures: &Mutex<Vec<DeviceFailure>>) -> DeviceFailure {
    let reported = async {
        while failures.lock().is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, reported).await.expect("reported in time");
    failures.lock()[0].clone()
}

/// Plays a tone for `length`, a little ahead of the speaker.
async fn play(ring: &mut rtrb::Producer<f32>, format: PcmFormat, hz: f64, length: Duration) {
    let channels = usize::from(format.channels);
    let mut tone = TestTone::new(hz, -20.0);
    for _ in 0..length.as_millis() / 10 {
        let mut piece = [0.0; 480];
        tone.fill(&mut piece);
        let frames: Vec<f32> = piece.iter().flat_map(|s| std::iter::repeat_n(*s, channels)).collect();
        while ring.push_entire_slice(&frames).is_err() {
            assert!(!ring.is_abandoned(), "the speaker is gone");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

#[test]
fn a_microphone_records_and_is_closed_by_its_release() {
    with_server("a_microphone_records_and_is_closed_by_its_release", || async {
        let _tone = play_into_microphone(700.0, 20);
        let (sink, failures) = failures();
        let opening = AudioLease::open_microphone(&MicrophoneChoice::Default, sink);
        let (microphone, mut samples, format) = opening.await.expect("opens");
        assert_eq!(streams("source-outputs").len(), 1);
        record(&mut samples, format, Duration::from_millis(500)).await;
        let reading = measure(&record(&mut samples, format, Duration::from_secs(2)).await);
        assert!((reading.hz - 700.0).abs() < 2.0 && (reading.dbfs + 20.0).abs() < 1.0, "{reading:?}");
        let released = microphone.release(LIMIT).await;
        assert_eq!(released.state, StepState::Confirmed, "{}", released.detail);
        assert_eq!(streams("source-outputs"), Vec::<String>::new());
        assert!(samples.is_abandoned(), "the callback still holds its ring");
        assert!(failures.lock().is_empty());
        println!("microphone released in {:?}; {reading:?}", released.took);
    });
}

#[test]
fn a_speaker_plays_and_is_closed_by_its_release() {
    with_server("a_speaker_plays_and_is_closed_by_its_release", || async {
        let wav = folder().join("heard.wav");
        let recorder = Command::new("parec")
            .args(["--device=speaker.monitor", "--format=s16le", "--rate=48000", "--channels=1", "--file-format=wav"])
            .arg(&wav)
            .spawn();
        let recorder = Player(recorder.expect("parec"));
        let opening = AudioLease::open_speaker(&SpeakerChoice::Default, failures().0);
        let (speaker, mut ring, format) = opening.await.expect("opens");
        assert_eq!(format, PcmFormat { rate: 48_000, channels: 2 });
        play(&mut ring, format, 440.0, Duration::from_secs(3)).await;
        sleep(Duration::from_millis(300)).await;
        assert_eq!(streams("sink-inputs").len(), 1);
        let missed = speaker.lost_samples();
        let released = speaker.release(LIMIT).await;
        assert_eq!(released.state, StepState::Confirmed, "{}", released.detail);
        assert_eq!(streams("sink-inputs"), Vec::<String>::new());
        assert!(ring.is_abandoned());
        drop(recorder);
        let bytes = std::fs::read(&wav).expect("a recording");
        let samples = bytes[44..].as_chunks().0.iter().map(|s| f32::from(i16::from_le_bytes(*s)) / 32768.0);
        let reading = measure(&samples.collect::<Vec<_>>());
        assert!((reading.hz - 440.0).abs() < 2.0 && (reading.dbfs + 20.0).abs() < 1.0, "{reading:?}");
        println!("speaker released in {:?}; {missed} samples missed; {reading:?}", released.took);
    });
}

#[test]
fn devices_are_listed_and_opened_by_their_ids() {
    with_server("devices_are_listed_and_opened_by_their_ids", || async {
        let lists = list(Duration::from_secs(5)).await;
        let real = |entries: &[DeviceEntry]| -> Vec<(String, bool)> {
            entries.iter().filter(|e| !e.synthetic).map(|e| (e.id.clone(), e.default)).collect()
        };
        assert_eq!(real(&lists.microphones), [("pulseaudio:mic".to_owned(), true)]);
        let speakers = real(&lists.speakers);
        assert!(speakers.contains(&("pulseaudio:speaker".into(), true)), "{speakers:?}");
        assert!(speakers.contains(&("pulseaudio:micfeed".into(), false)), "{speakers:?}");
        let choice = "pulseaudio:mic".parse().expect("an id");
        let (microphone, ..) = AudioLease::open_microphone(&choice, failures().0).await.expect("opens");
        assert_eq!(microphone.id(), "pulseaudio:mic");
        assert_eq!(microphone.release(LIMIT).await.state, StepState::Confirmed);
        for id in ["pulseaudio:nobody", "pulseaudio:speaker", "nonsense", "alsa:nothing"] {
            let choice = id.parse().expect("an id");
            let error = AudioLease::open_microphone(&choice, failures().0).await.err().expect(id);
            assert_eq!(error.kind(), DeviceProblemKind::NotFound, "{id}: {error}");
        }
    });
}

#[test]
fn fifty_rounds_of_real_streams_leave_no_thread_or_descriptor() {
    with_server("fifty_rounds_of_real_streams_leave_no_thread_or_descriptor", || async {
        let count = |of: &str| std::fs::read_dir(of).map(Iterator::count).unwrap_or_default();
        let now = || (count("/proc/self/fd"), count("/proc/self/task"));
        let round = || async {
            let microphone = AudioLease::open_microphone(&MicrophoneChoice::Default, failures().0);
            let speaker = AudioLease::open_speaker(&SpeakerChoice::Default, failures().0);
            let (microphone, speaker) = tokio::join!(microphone, speaker);
            let (microphone, speaker) = (microphone.expect("opens").0, speaker.expect("opens").0);
            let (a, b) = tokio::join!(microphone.release(LIMIT), speaker.release(LIMIT));
            assert_eq!([a.state, b.state], [StepState::Confirmed; 2], "{a:?} {b:?}");
            a.took.max(b.took)
        };
        round().await;
        let before = now();
        let mut took = Vec::new();
        for _ in 0..50 {
            took.push(round().await);
        }
        // The system removes threads a moment after they were joined.
        for _ in 0..100 {
            if now() <= before {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(now(), before, "descriptors and threads");
        assert_eq!(streams("source-outputs").len() + streams("sink-inputs").len(), 0);
        took.sort();
        println!("released in {:?} (median), {:?} (longest)", took[25], took[49]);
    });
}

#[test]
fn an_unplugged_microphone_is_reported_and_closes() {
    with_server("an_unplugged_microphone_is_reported_and_closes", || async {
        let (sink, failures) = failures();
        let choice = "pulseaudio:mic".parse().expect("an id");
        let (microphone, ..) = AudioLease::open_microphone(&choice, sink).await.expect("opens");
        // All sources: while there is another one, PulseAudio moves the stream to it.
        for module in ["module-remap-source", "module-null-sink"] {
            assert!(run("pactl", &["unload-module", module]).status.success());
        }
        let failure = first(&failures).await;
        assert_eq!((failure.id.as_str(), failure.error.kind()), ("pulseaudio:mic", DeviceProblemKind::Unplugged));
        let released = microphone.release(LIMIT).await;
        assert_eq!(released.state, StepState::Confirmed, "{released:?}");
        assert_eq!(failures.lock().len(), 1, "reported once");
    });
}

/// PulseAudio removes the stream with its speaker; the client library's close would then never return.
#[test]
fn an_unplugged_speaker_closes() {
    with_server("an_unplugged_speaker_closes", || async {
        let (speaker, ..) = AudioLease::open_speaker(&SpeakerChoice::Default, failures().0).await.expect("opens");
        for module in ["module-remap-source", "module-loopback", "module-null-sink"] {
            run("pactl", &["unload-module", module]);
        }
        let released = speaker.release(LIMIT).await;
        assert_eq!(released.state, StepState::Confirmed, "{released:?}");
        assert_eq!(streams("sink-inputs"), Vec::<String>::new());
    });
}

/// A wireless headset that does not wake up gives no samples, so it does not count as open.
#[test]
fn a_microphone_that_does_not_start_is_closed_and_the_speaker_plays_on() {
    with_server("a_microphone_that_does_not_start_is_closed_and_the_speaker_plays_on", || async {
        let choice = "pulseaudio:mic".parse().expect("an id");
        let (_speaker, ..) = AudioLease::open_speaker(&SpeakerChoice::Default, failures().0).await.expect("opens");
        for _ in 0..3 {
            assert!(run("pactl", &["suspend-source", "mic", "1"]).status.success());
            let mut opening = AudioLease::open_microphone(&choice, failures().0);
            assert!(
                timeout(Duration::from_millis(500), &mut opening).await.is_err(),
                "it opens although it is suspended"
            );
            assert_eq!(streams("source-outputs").len(), 1);
            let released = opening.cancel(LIMIT).await;
            assert_eq!(released.state, StepState::Confirmed, "{released:?}");
            assert_eq!(streams("source-outputs"), Vec::<String>::new());
            assert_eq!(streams("sink-inputs").len(), 1, "the speaker was closed with it");
            assert!(run("pactl", &["suspend-source", "mic", "0"]).status.success());
            let (microphone, ..) =
                AudioLease::open_microphone(&choice, failures().0).await.expect("opens when it is resumed");
            assert_eq!(microphone.release(LIMIT).await.state, StepState::Confirmed);
        }
    });
}

/// Sends a signal to the sound server.
fn signal(name: &str) {
    let pid = std::fs::read_to_string(folder().join("pid")).expect("pid");
    assert!(run("kill", &[name, &pid]).status.success());
}

#[test]
fn a_release_does_not_wait_for_a_sound_server_that_hangs() {
    with_server("a_release_does_not_wait_for_a_sound_server_that_hangs", || async {
        let (microphone, ..) =
            AudioLease::open_microphone(&MicrophoneChoice::Default, failures().0).await.expect("opens");
        let (speaker, ..) = AudioLease::open_speaker(&SpeakerChoice::Default, failures().0).await.expect("opens");
        signal("-STOP");
        let limit = Duration::from_millis(400);
        let (a, b) = tokio::join!(microphone.release(limit), speaker.release(limit));
        signal("-CONT");
        assert_eq!([a.state, b.state], [StepState::Unconfirmed; 2], "{a:?} {b:?}");
        assert!(a.detail.contains("microphone") && b.detail.contains("speaker"), "{a:?} {b:?}");
        assert!(a.took < limit + SLACK && b.took < limit + SLACK, "{a:?} {b:?}");
        let gone = async {
            while streams("source-outputs").len() + streams("sink-inputs").len() > 0 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, gone).await.expect("closed once the server goes on");
    });
}

#[test]
fn a_sound_server_that_crashes_is_reported_and_a_new_one_is_used() {
    with_server("a_sound_server_that_crashes_is_reported_and_a_new_one_is_used", || async {
        let (sink, failures) = failures();
        let opening = AudioLease::open_microphone(&MicrophoneChoice::Default, sink.clone());
        let (microphone, ..) = opening.await.expect("opens");
        signal("-KILL");
        assert_eq!(first(&failures).await.error.kind(), DeviceProblemKind::Unplugged);
        assert_eq!(microphone.release(LIMIT).await.state, StepState::Confirmed);
        std::fs::remove_file(pulse_server::socket(&folder())).ok();
        let second = Server::start();
        std::os::unix::fs::symlink(pulse_server::socket(second.folder.path()), pulse_server::socket(&folder()))
            .expect("a link");
        let opening = AudioLease::open_microphone(&MicrophoneChoice::Default, sink);
        let (microphone, ..) = opening.await.expect("opens on the new server");
        assert_eq!(microphone.release(LIMIT).await.state, StepState::Confirmed);
    });
}

/// Without a sound server, the hardware is left, through ALSA.
#[test]
fn without_a_sound_server_only_hardware_is_listed_and_opened() {
    with_server("without_a_sound_server_only_hardware_is_listed_and_opened", || async {
        signal("-KILL");
        std::fs::remove_file(pulse_server::socket(&folder())).ok();
        let lists = list(Duration::from_secs(5)).await;
        let real: Vec<_> = lists.microphones.iter().chain(&lists.speakers).filter(|e| !e.synthetic).collect();
        assert!(real.iter().all(|e| e.id.starts_with("alsa:plughw:")), "{real:?}");
        let gone = AudioLease::open_microphone(&"pulseaudio:mic".parse().expect("an id"), failures().0).await.err();
        assert_eq!(gone, Some(DeviceError::NotFound("pulseaudio:mic".into())));
        let microphone = AudioLease::open_microphone(&MicrophoneChoice::Default, failures().0).await.err();
        let speaker = AudioLease::open_speaker(&SpeakerChoice::Default, failures().0).await.err();
        let no_microphone = DeviceError::NotFound("this computer has no microphone".into());
        let no_speaker = DeviceError::NotFound("this computer has no speaker".into());
        if has_cards() {
            // With hardware there is a default device; whether it opens depends on who else uses it.
            assert!(!real.is_empty(), "{lists:?}");
            assert!(microphone != Some(no_microphone) && speaker != Some(no_speaker), "{microphone:?} {speaker:?}");
        } else {
            assert_eq!(real, Vec::<&DeviceEntry>::new());
            assert_eq!((microphone, speaker), (Some(no_microphone), Some(no_speaker)));
        }
    });
}
