//! Devices are changed in the middle of a call, with the mouse and the menus of the window: the others see and hear the
//! new ones, and nothing holds the old ones any more.

use crate::kit::program::Place;
use crate::kit::wav::{self, Recorded};
use crate::kit::{Display, Events, Participant, Process, Pulse, Server, Stage, Verified, proc, verified, wait_until};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

const ROOM: &str = "switching";
/// What the two microphones hear. Both fill a measuring window with whole waves, so neither is taken for the other.
const TONES: [(f64, &str); 2] = [(400.0, "micfeed"), (900.0, "kitchenfeed")];
/// The amplitude from which a beat is heard. They arrive at half of full scale or, once the gain has settled, at a tenth;
/// a click of the other one's beats has a hundredth.
const HEARD: f64 = 0.04;
/// What the others say.
const ANSWER: f64 = 700.0;

/// Where the middle of a tool stands, from the middle of the window's lower edge.
const MICROPHONE: (i32, i32) = (-68, 41);
const CAMERA: (i32, i32) = (38, 41);

struct Call {
    stage: Stage,
    display: Display,
    pulse: Pulse,
    watcher: Participant,
    window: Participant,
    heard: PathBuf,
    _speaking: Vec<Process>,
    _server: Server,
}

impl Call {
    fn start() -> Self {
        let stage = Stage::new("switching");
        let server = Server::start(&stage);
        let (display, pulse) = (Display::start(&stage, "a"), Pulse::start(&stage, "a"));
        pulse.plug_in_more();
        let heard = stage.artifact("heard.wav");
        let listens = format!("file:{}", heard.display());
        let answers = format!("test-tone:{ANSWER}");
        let watches = ["--verify", "--microphone", &answers, "--speaker", &listens];
        let watcher = Participant::bot(&stage, &server.url(), ROOM, "watcher", &watches);
        let speak = |(hz, feed): (f64, &str)| {
            let file = stage.artifact(&format!("{feed}.wav"));
            wav::write_tone(&file, hz, 60, 0.2); // in beats: what does not change is taken for noise and suppressed
            pulse.speak_into(&stage, feed, &file)
        };
        let speaking = TONES.map(speak).into();
        let place = Place { display: &display, pulse: Some(&pulse), url: &server.url(), room: ROOM };
        let window = Participant::window(&stage, &place, "Mina", &["--camera", "capture-process:none"]);
        window.wait_for_media_of(watcher.user());
        watcher.wait_for_media_of(window.user());
        Self { stage, display, pulse, watcher, window, heard, _speaking: speaking, _server: server }
    }

    /// Opens the menu of a tool and chooses the device whose name begins with `letter`; waits for its id. On a busy
    /// machine the list of devices may not be there yet: then it is opened again, as a person does.
    fn choose(&self, tool: (i32, i32), letter: &str, kind: &str, id: &str) {
        let is_it = |e: &serde_json::Value| e["kind"] == kind && e["id"].as_str().is_some_and(|told| told.contains(id));
        for _ in 0..3 {
            self.pick(tool, letter, kind);
            for _ in 0..50 {
                if self.window.all("DeviceOpened").iter().any(is_it) {
                    return;
                }
                sleep(Duration::from_millis(100));
            }
        }
        self.window.wait_for_where("DeviceOpened", is_it);
    }

    fn pick(&self, (right, above): (i32, i32), letter: &str, kind: &str) {
        let pid = self.window.process().pid();
        self.display.focus(pid);
        self.display.press("Escape");
        self.display.click(pid, 3, right, above);
        sleep(Duration::from_secs(1)); // the menu grows
        self.display.press(letter);
        self.display.screenshot(&self.stage, &format!("choosing-{kind}"));
        self.display.press("Return");
    }

    fn in_use(&self, microphone: &str, speaker: &str) {
        let wanted = (vec![microphone.to_owned()], vec![speaker.to_owned()]);
        wait_until(&format!("only {microphone} and {speaker} to be in use"), || {
            (self.pulse.in_use() == wanted).then_some(())
        });
    }

    fn capture_processes(&self) -> usize {
        proc::capture_processes(self.window.process().pid()).len()
    }
}

#[test]
fn camera_microphone_and_speaker_are_switched_in_a_call() {
    let mut call = Call::start();
    let mina = call.window.user().to_owned();
    call.in_use("mic", "speaker");
    assert_eq!(call.capture_processes(), 1);

    // The picture of a capture process carries nobody's name; that of the test picture hers.
    let before = verified::first(&call.watcher, &mina);
    assert_eq!(before.frames, 0.0, "{before:?}");
    call.choose(CAMERA, "t", "camera", "test-picture");
    wait_until("the capture process to end", || (call.capture_processes() == 0).then_some(()));
    let seen = |e: &serde_json::Value| Verified::of(e, &mina).is_some_and(|v| v.frames > 0.0);
    let first = call.watcher.wait_for_where("Verified", seen);
    let first = Verified::of(&first, &mina).expect("just seen");

    call.choose(MICROPHONE, "k", "microphone", "kitchen");
    call.in_use("kitchen", "speaker");
    sleep(Duration::from_secs(2)); // it is heard before the next change
    call.choose(MICROPHONE, "h", "speaker", "headphones");
    call.in_use("kitchen", "headphones");
    let (old, new) = (
        call.pulse.record(&call.stage, "speaker", "on-the-old-speaker"),
        call.pulse.record(&call.stage, "headphones", "on-the-new-speaker"),
    );
    // A null sink's monitor may hold the last two seconds back.
    sleep(Duration::from_secs(5));
    Recorded::read(&new.stop()).tone(ANSWER).holds(2.0);
    let left = Recorded::read(&old.stop()).tone(ANSWER);
    assert!(left.seconds < 0.1, "the old speaker still plays: {left:?}");
    let between = verified::newest(&call.watcher, &mina).expect("told of before").since(&first);
    assert!(between.frames > 10.0 && between.wrong <= 0.02 * between.frames, "the new picture is not seen well");

    call.window.process().signal("TERM");
    call.window.running().wait_exit_code(0);
    assert_eq!(call.pulse.in_use(), (Vec::new(), Vec::new()), "a sound device is still in use");
    let devices = |name: &str| call.window.all(name).len();
    assert_eq!(devices("DeviceOpened"), devices("DeviceClosed"), "every device that was opened was closed");
    call.watcher.process().signal("TERM");
    call.watcher.running().wait_exit();
    let heard = Recorded::read(&call.heard);
    let [old, new] = TONES.map(|(hz, _)| heard.tone_over(hz, HEARD));
    for tone in [&old, &new] {
        assert!(tone.seconds * tone.held > 0.5, "a microphone was not heard: first {old:?}, then {new:?}");
    }
    assert!(old.begins + old.seconds <= new.begins + 0.1, "both microphones are heard at once: {old:?}, {new:?}");
}
