//! Hands and reactions: a window by keyboard, bots, and LiveKit's SDKs. On our server, where no token gives a right for it,
//! and on livekit-server.

use crate::kit::program::{DEV_KEYS, Keys, Place};
use crate::kit::{
    Display, Events, Keyboard, LiveKitServer, Participant, Process, Sdk, SdkPeer, Server, TestContext, Visavis,
    livekit_server,
};
use serde_json::Value;

const ROOM: &str = "hands";
/// No media: these tests look at events only.
const QUIET: [&str; 4] = ["--camera", "none", "--microphone", "none"];

/// A person who uses an SDK: raises the hand, and claps when somebody reacts.
fn join(sdk: Sdk, context: &TestContext, (url, keys): (&str, Keys), name: &str, more: &[&str]) -> SdkPeer {
    let quiet = ["--picture", "none", "--tone", "0", "--hand"];
    sdk.join(context, url, keys, ROOM, name, &[&quiet[..], more].concat())
}

/// A host's window.
fn host(context: &TestContext, server: &Server, display: &Display) -> Participant {
    let link = Visavis::room(context, server, &["link", ROOM, "--host"]).trim().to_owned();
    let url = server.url();
    let place = Place { display, pulse: None, url: &url, room: "another-room" };
    let plain = ["--renderer", "glow", "--speaker", "none", "--join", &link];
    let mut command = Participant::window_command(context, &place, "Ada", &[&QUIET[..], &plain].concat());
    let window = Participant::entered(Process::start(context, "Ada", &mut command));
    window.wait_for_screen("call");
    window
}

/// Waits until `who` has told that a hand was raised or lowered so often.
#[track_caller]
fn wait_for_hand(who: &impl Events, user: &str, raised: bool, times: usize) {
    let is_it = |e: &Value| e["remote_user"] == user && e["raised"] == raised;
    crate::kit::wait_until(&format!("the hand of {user} to be {raised}"), || {
        (who.all("HandRaised").iter().filter(|e| is_it(e)).count() >= times).then_some(())
    });
}

/// The first one in the room, so that its tile is the first one too: a bot that raises its hand.
fn tom(context: &TestContext, server: &Server) -> Participant {
    Participant::bot(context, &server.url(), ROOM, "tom", &[&QUIET[..], &["--raise-hand"]].concat())
}

/// `come` lets the guests in, when the window has Tom's tile: the order in which livekit-server lists people is not fixed.
fn raise_and_react(
    context: &TestContext,
    server: &Server,
    tom: &Participant,
    come: impl FnOnce() -> Vec<(SdkPeer, &'static str)>,
) {
    let url = server.url();
    let display = Display::start(context, "a");
    let mut ada = host(context, server, &display);
    wait_for_hand(&ada, tom.user(), true, 1);
    let guests = come();
    for (guest, name) in &guests {
        // Those who come later are told too.
        wait_for_hand(&ada, name, true, 1);
        wait_for_hand(tom, name, true, 1);
        wait_for_hand(guest, tom.user(), true, 1);
    }
    let keyboard = Keyboard::of(&display, ada.process());
    for (raised, times) in [(true, 1), (false, 1), (true, 2)] {
        keyboard.press("ctrl+shift+h");
        wait_for_hand(tom, ada.user(), raised, times);
        for (guest, _) in &guests {
            wait_for_hand(guest, ada.user(), raised, times);
        }
    }
    display.settled_screenshot(context, "hands");
    keyboard.press("ctrl+shift+r");
    keyboard.focus("h", "Heart");
    keyboard.press("Return");
    assert_eq!(tom.wait_for_user("Reaction", ada.user())["reaction"], "red-heart");
    for (guest, name) in &guests {
        assert_eq!(guest.wait_for_user("Reaction", ada.user())["emoji"], "red-heart", "{name}");
        let clapped = ada.wait_for_user("Reaction", name);
        assert_eq!((&clapped["reaction"], &clapped["emoji"]), (&"clapping-hands".into(), &"👏".into()), "{name}");
    }
    display.screenshot(context, "reactions");
    // The host lowers Tom's hand by the menu of his tile.
    keyboard.focus_any("shift+F6", |control| control.starts_with(tom.user()));
    keyboard.press("Return");
    keyboard.focus("l", "Lower hand");
    keyboard.press("Return");
    assert_eq!(tom.wait_for("HandLowered")["reason"], "host");
    wait_for_hand(&ada, tom.user(), false, 1);
    for (guest, _) in &guests {
        wait_for_hand(guest, tom.user(), false, 1);
    }
    let late = Participant::bot(context, &url, ROOM, "late", &QUIET);
    wait_for_hand(&late, ada.user(), true, 1);
    assert!(late.all("HandRaised").iter().all(|e| e["remote_user"] != tom.user()), "it is down");
    ada.running().signal("TERM");
    ada.running().wait_exit_code(0);
}

#[test]
fn a_window_a_bot_and_both_sdks_see_each_others_hands_and_reactions_on_our_server() {
    let context = TestContext::new("hands");
    let server = Server::start(&context);
    let (url, keys) = (server.url(), DEV_KEYS);
    let tom = tom(&context, &server);
    let come = || {
        let guests = [(Sdk::Python, "python"), (Sdk::Browser, "browser")];
        guests.map(|(sdk, name)| (join(sdk, &context, (&url, keys), name, &[]), name)).into()
    };
    raise_and_react(&context, &server, &tom, come);
}

/// livekit-server has one right for all attributes, which the tokens of our front grant.
#[test]
fn a_window_a_bot_and_the_python_sdk_see_each_others_hands_and_reactions_on_livekit_server() {
    let context = TestContext::new("hands-on-livekit");
    let livekit = LiveKitServer::start(&context);
    let front = Server::start_over(&context, &livekit, "");
    let tom = tom(&context, &front);
    let url = livekit.url();
    let come =
        || vec![(join(Sdk::Python, &context, (&url, livekit_server::KEYS), "python", &["--own-metadata"]), "python")];
    raise_and_react(&context, &front, &tom, come);
}
