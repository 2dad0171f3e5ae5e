//! Chat: a window writes by keyboard, our bot and LiveKit's SDKs read it, and what they answer arrives. On our server and on
//! livekit-server.

use crate::kit::program::{DEV_KEYS, Place};
use crate::kit::{
    Display, Events, Keyboard, LiveKitServer, Participant, Sdk, SdkPeer, Server, TestContext, livekit_server,
};

const ROOM: &str = "chat";
/// No media: these tests look at events only.
const QUIET: [&str; 4] = ["--camera", "none", "--microphone", "none"];
const SAID: &str = "Hello, see https://a.example";

/// What people who use an SDK do: they send nothing but an answer to everybody who writes.
fn quiet_sdk(answer: &str) -> [&str; 6] {
    ["--picture", "none", "--tone", "0", "--answer", answer]
}

fn say_and_hear(context: &TestContext, url: &str, guests: &[(SdkPeer, &str, &str)]) {
    let display = Display::start(context, "a");
    let bot = Participant::bot(context, url, ROOM, "tom", &QUIET);
    let place = Place { display: &display, pulse: None, url, room: ROOM };
    let more = [&QUIET[..], &["--renderer", "glow", "--speaker", "none"]].concat();
    let mut window = Participant::window(context, &place, "Ada", &more);
    bot.wait_for_user("RemoteUserEnterRoom", window.user());
    for (guest, name, _) in guests {
        window.wait_for_user("RemoteUserEnterRoom", name);
        guest.wait_for_user("RemoteUserEnterRoom", window.user());
    }
    let keyboard = Keyboard::of(&display, window.process());
    assert_eq!(keyboard.focus_after("ctrl+shift+c"), "Message everyone");
    keyboard.write(SAID);
    keyboard.press("Return");
    let heard = bot.wait_for_user("ChatMessage", window.user());
    assert_eq!((heard["text"].as_str(), &heard["private"]), (Some(SAID), &false.into()));
    for (guest, name, answer) in guests {
        assert_eq!(guest.wait_for_user("ChatMessage", window.user())["text"], SAID);
        let heard = window.wait_for_user("ChatMessage", name);
        assert_eq!((heard["text"].as_str(), &heard["private"]), (Some(*answer), &true.into()), "{name}");
    }
    display.settled_screenshot(context, "chat");
    assert_eq!(bot.all("ChatMessage").len(), 1, "the answers were for Ada alone");
    assert_eq!(window.all("ChatMessage").len(), guests.len());
    window.running().signal("TERM");
    window.running().wait_exit_code(0);
}

#[test]
fn a_window_a_bot_and_both_sdks_write_to_each_other_on_our_server() {
    let context = TestContext::new("chat");
    let server = Server::start(&context);
    let join = |sdk: Sdk, name: &'static str, answer: &'static str| {
        (sdk.join(&context, &server.url(), DEV_KEYS, ROOM, name, &quiet_sdk(answer)), name, answer)
    };
    let guests = [join(Sdk::Python, "python", "Read by a script"), join(Sdk::Browser, "browser", "Read by a page")];
    say_and_hear(&context, &server.url(), &guests);
}

#[test]
fn a_window_a_bot_and_the_python_sdk_write_to_each_other_on_livekit_server() {
    let context = TestContext::new("chat-on-livekit");
    let livekit = LiveKitServer::start(&context);
    let front = Server::start_over(&context, &livekit, "");
    let answer = "Read by a script";
    let sdk = Sdk::Python.join(&context, &livekit.url(), livekit_server::KEYS, ROOM, "python", &quiet_sdk(answer));
    say_and_hear(&context, &front.url(), &[(sdk, "python", answer)]);
}
