//! The journal and the bundle of a real call whose names, room and words are unmistakable: what happened is in it, and
//! nobody's name.

use crate::kit::program::Place;
use crate::kit::{Display, Events, Keyboard, Participant, Server, TestContext, Visavis, wait_until};
use serde_json::Value;
use std::fs;

const ROOM: &str = "sesquipedalian-room";
const NAME: &str = "Zebediah Quillfeather";
const SAID: &str = "the otters meet at midnight";
/// No media: this test looks at events only.
const QUIET: [&str; 4] = ["--camera", "none", "--microphone", "none"];

#[track_caller]
fn run(context: &TestContext, arguments: &[&str]) -> String {
    let output = Visavis::run(Visavis::command(context).arg("support").args(arguments));
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_bundle_of_a_call_tells_what_happened_and_names_nobody() {
    let context = TestContext::new("support");
    let server = Server::start(&context);
    let display = Display::start(&context, "a");
    let url = server.url();
    let breaks = ["--camera", "capture-process:abort:160x90@10", "--microphone", "none", "--journal"];
    let mut bot = Participant::bot(&context, &url, ROOM, "quillbot", &breaks);
    let place = Place { display: &display, pulse: None, url: &url, room: ROOM };
    let more = [&QUIET[..], &["--renderer", "glow", "--speaker", "none"]].concat();
    let mut window = Participant::window(&context, &place, NAME, &more);
    bot.wait_for_user("RemoteUserEnterRoom", window.user());
    let keyboard = Keyboard::of(&display, window.process());
    assert_eq!(keyboard.focus_after("ctrl+shift+c"), "Message everyone");
    keyboard.write(SAID);
    keyboard.press("Return");
    bot.wait_for_user("ChatMessage", window.user());
    bot.wait_for_where("DeviceFailed", |e| e["kind"] == "camera");
    for participant in [&mut window, &mut bot] {
        participant.running().signal("TERM");
        participant.running().wait_exit_code(0);
    }

    let file = context.artifact("bundle.json");
    let path = file.to_str().expect("a path");
    let text = wait_until("both exits", || {
        run(&context, &["bundle", "--out", path]);
        let text = fs::read_to_string(&file).expect("the bundle");
        (text.matches("ExitRoom\"").count() >= 3).then_some(text)
    });
    let shown = run(&context, &["show", path]);
    let json = run(&context, &["show", path, "--json"]);
    let private = [ROOM, "Zebediah", "Quillfeather", "quillbot", "otters", window.user(), bot.user(), &url, "devkey"];
    for (place, text) in [("bundle", &text), ("show", &shown), ("show --json", &json)] {
        for word in private {
            assert!(!text.to_lowercase().contains(&word.to_lowercase()), "{word} is in {place}:\n{text}");
        }
    }
    for said in [
        "You came in after",
        " wrote a message (27 characters)",
        "left (0); everything confirmed",
        "the capture process broke down",
    ] {
        assert!(shown.contains(said), "{said:?} is not in:\n{shown}");
    }
    let calls: Value = serde_json::from_str(&json).expect("JSON");
    let calls = calls["calls"].as_array().expect("calls");
    assert_eq!(calls.len(), 2, "{json}");
    assert_eq!(calls[0]["room"], calls[1]["room"], "one room has one pseudonym");
    assert_ne!(calls[0]["user"], calls[1]["user"]);

    fs::write(&file, &text[..text.len() / 2]).expect("written");
    let output = Visavis::run(Visavis::command(&context).args(["support", "show", path]));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains("damaged"), "{stderr}");
}
