//! Devices are changed during a call with the menus of the window: the others see and hear the new ones, and the old ones
//! are closed.

use crate::kit::program::Place;
use crate::kit::wav::{self, Recorded};
use crate::kit::{
    Display, Events, Keyboard, Participant, Process, Pulse, Server, TestContext, Verified, proc, verified, wait_until,
};
use std::path::PathBuf;

const ROOM: &str = "switching";
/// The tones in front of the two microphones. Both have whole waves in a measuring window, which keeps them apart.
const TONES: [(f64, &str); 2] = [(400.0, "micfeed"), (900.0, "kitchenfeed")];
/// The amplitude above which a beat counts as heard. Beats arrive at half of full scale, or at a tenth once the gain control
/// has settled; a click of the other tone's beats has a hundredth.
const HEARD: f64 = 0.04;
/// The tone of the other participant.
const ANSWER: f64 = 700.0;

/// The buttons that open the lists of devices.
const CHOOSE_MICROPHONE: &str = "Choose microphone and speaker";
const CHOOSE_CAMERA: &str = "Choose camera";

struct Call {
    context: TestContext,
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
        let context = TestContext::new("switching");
        let server = Server::start(&context);
        let (display, pulse) = (Display::start(&context, "a"), Pulse::start(&context, "a"));
        pulse.plug_in_more();
        let heard = context.artifact("heard.wav");
        let listens = format!("file:{}", heard.display());
        let answers = format!("test-tone:{ANSWER}");
        let watches = ["--verify", "--microphone", &answers, "--speaker", &listens];
        let watcher = Participant::bot(&context, &server.url(), ROOM, "watcher", &watches);
        let speak = |(hz, feed): (f64, &str)| {
            let file = context.artifact(&format!("{feed}.wav"));
            wav::write_tone(&file, hz, 60, 0.2); // in beats: what does not change is taken for noise and suppressed
            pulse.speak_into(&context, feed, &file)
        };
        let speaking = TONES.map(speak).into();
        let place = Place { display: &display, pulse: Some(&pulse), url: &server.url(), room: ROOM };
        let window = Participant::window(&context, &place, "Mina", &["--camera", "capture-process:none"]);
        window.wait_for_media_of(watcher.user());
        watcher.wait_for_media_of(window.user());
        Self { context, display, pulse, watcher, window, heard, _speaking: speaking, _server: server }
    }

    /// Opens a list of devices and chooses the one called `name`, whose first letter is `letter`. Waits until the device
    /// whose id contains `id` is open. The list may lack the device on a busy machine; then it is opened again.
    #[track_caller]
    fn choose(&self, button: &str, (letter, name): (&str, &str), kind: &str, id: &str) {
        let keyboard = Keyboard::of(&self.display, self.window.process());
        let is_chosen = (0..3).any(|_| {
            keyboard.press("Escape");
            keyboard.focus("F6", "Microphone");
            keyboard.activate("Tab", button);
            keyboard.try_focus(letter, name, 5)
        });
        assert!(is_chosen, "{button} has no {name}: {:?}", keyboard.visited());
        self.display.screenshot(&self.context, &format!("choosing-{kind}"));
        keyboard.press("Return");
        self.window
            .wait_for_where("DeviceOpened", |e| e["kind"] == kind && e["id"].as_str().is_some_and(|i| i.contains(id)));
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

    // The picture of a capture process has no user in it; the test picture has hers.
    let before = verified::first(&call.watcher, &mina);
    assert_eq!(before.frames, 0.0, "{before:?}");
    call.choose(CHOOSE_CAMERA, ("t", "Test picture"), "camera", "test-picture");
    wait_until("the capture process to end", || (call.capture_processes() == 0).then_some(()));
    let seen = |e: &serde_json::Value| Verified::of(e, &mina).is_some_and(|v| v.frames > 0.0);
    let first = call.watcher.wait_for_where("Verified", seen);
    let first = Verified::of(&first, &mina).expect("just seen");

    call.choose(CHOOSE_MICROPHONE, ("k", "Kitchen"), "microphone", "kitchen");
    call.in_use("kitchen", "speaker");
    let [_, (kitchen_hz, _)] = TONES;
    wait_until("the kitchen microphone to be heard", || {
        let tone = Recorded::read_so_far(&call.heard)?.tone_over(kitchen_hz, HEARD);
        (tone.seconds * tone.held > 0.5).then_some(())
    });
    call.choose(CHOOSE_MICROPHONE, ("h", "Headphones"), "speaker", "headphones");
    call.in_use("kitchen", "headphones");
    let (old, new) = (
        call.pulse.record(&call.context, "speaker", "on-the-old-speaker"),
        call.pulse.record(&call.context, "headphones", "on-the-new-speaker"),
    );
    wait_until("the new speaker to play", || {
        (Recorded::read_so_far(new.path())?.tone(ANSWER).seconds >= 2.0).then_some(())
    });
    // The monitor of a null sink may hold the last two seconds back.
    wait_until("the recording of the old speaker", || {
        (Recorded::read_so_far(old.path())?.seconds() >= 3.0).then_some(())
    });
    // How evenly a call sounds is measured elsewhere, on a machine that has time for it.
    let played = Recorded::read(&new.stop()).tone(ANSWER);
    assert!(played.seconds * played.held > 1.0, "the new speaker hardly plays: {played:?}");
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
