//! Microphones are plugged in and out during a call, the default changes, and the sound server is restarted: the other
//! hears the right one each time, and the window shows what is there.

use crate::kit::program::Place;
use crate::kit::wav::{self, Recorded};
use crate::kit::{Display, Events, Keyboard, Participant, Process, Pulse, Server, TestContext, wait_until};
use std::path::PathBuf;

const ROOM: &str = "plugging";
/// The tones in front of the first and of the second microphone, and where they are played.
const FIRST: (f64, &str) = (400.0, "micfeed");
const KITCHEN: (f64, &str) = (900.0, "kitchenfeed");
/// The amplitude above which a beat counts as heard, once the gain control has settled.
const HEARD: f64 = 0.04;

struct Call {
    context: TestContext,
    display: Display,
    pulse: Pulse,
    window: Participant,
    heard: PathBuf,
    _watcher: Participant,
    _server: Server,
}

impl Call {
    fn start() -> Self {
        let context = TestContext::new("plugging");
        let server = Server::start(&context);
        let (display, pulse) = (Display::start(&context, "a"), Pulse::start(&context, "a"));
        let heard = context.artifact("heard.wav");
        let listens = format!("file:{}", heard.display());
        let arguments = ["--microphone", "test-tone:600", "--speaker", &listens];
        let watcher = Participant::bot(&context, &server.url(), ROOM, "watcher", &arguments);
        let place = Place { display: &display, pulse: Some(&pulse), url: &server.url(), room: ROOM };
        let window = Participant::window(&context, &place, "Mina", &["--camera", "none"]);
        Self { context, display, pulse, window, heard, _watcher: watcher, _server: server }
    }

    /// Plays a tone into a microphone, in beats: what does not change is taken for noise and suppressed.
    fn speak(&self, (hz, feed): (f64, &str)) -> Process {
        let file = self.context.artifact(&format!("{feed}.wav"));
        wav::write_tone(&file, hz, 60, 0.2);
        self.pulse.speak_into(&self.context, feed, &file)
    }

    /// The window uses this microphone and the first speaker, and the other hears its tone.
    #[track_caller]
    fn uses(&self, microphone: &str, (hz, _): (f64, &str)) {
        let wanted = (vec![microphone.to_owned()], vec!["speaker".to_owned()]);
        wait_until(&format!("only {microphone} to be in use"), || (self.pulse.in_use() == wanted).then_some(()));
        let amount = || {
            let tone = Recorded::read_so_far(&self.heard).map(|heard| heard.tone_over(hz, HEARD));
            tone.map_or(0.0, |tone| tone.seconds * tone.held)
        };
        let before = amount();
        wait_until(&format!("{microphone} to be heard"), || (amount() > before + 0.3).then_some(()));
    }
}

#[test]
fn the_call_follows_what_is_plugged_in_and_out() {
    let mut call = Call::start();
    let first = call.speak(FIRST);
    call.uses("mic", FIRST);

    // The default changes, and soon again.
    call.pulse.plug_in_more();
    let kitchen = call.speak(KITCHEN);
    for name in ["kitchen", "mic", "kitchen"] {
        call.pulse.set_default_microphone(name);
    }
    call.uses("kitchen", KITCHEN);
    drop(kitchen);
    call.pulse.unplug_more();
    call.uses("mic", FIRST);

    // One that is chosen in the menu, where it appeared by itself, is used whenever it is there.
    call.pulse.plug_in_more();
    let kitchen = call.speak(KITCHEN);
    let keyboard = Keyboard::of(&call.display, call.window.process());
    let is_chosen = (0..5).any(|_| {
        keyboard.press("Escape");
        keyboard.focus("F6", "Microphone");
        keyboard.activate("Tab", "Choose microphone and speaker");
        keyboard.try_focus("k", "Kitchen", 3)
    });
    assert!(is_chosen, "the menu has no Kitchen: {:?}", keyboard.visited());
    keyboard.press("Return");
    call.uses("kitchen", KITCHEN);
    drop(kitchen);
    call.pulse.unplug_more();
    call.uses("mic", FIRST);
    call.display.screenshot(&call.context, "unplugged");
    call.pulse.plug_in_more();
    let kitchen = call.speak(KITCHEN);
    call.uses("kitchen", KITCHEN);

    // A sound server that was killed and started again has only the first devices.
    drop((first, kitchen));
    call.pulse.kill();
    let lost = |e: &serde_json::Value| e["kind"] == "microphone";
    call.window.wait_for_where("DeviceFailed", lost);
    call.pulse.start_again(&call.context);
    let _first = call.speak(FIRST);
    call.uses("mic", FIRST);

    call.window.process().signal("TERM");
    call.window.running().wait_exit_code(0);
    assert_eq!(call.pulse.in_use(), (Vec::new(), Vec::new()), "a sound device is still in use");
}
