//! Interoperability with LiveKit: its SDKs on our server, and our bot on livekit-server.

use crate::kit::livekit_server::KEYS;
use crate::kit::program::{DEV_KEYS, FPS, PICTURE};
use crate::kit::{Events, LiveKitServer, Participant, Sdk, SdkPeer, Server, TestContext, verified};

/// livekit-server's rooms may have any name.
const ROOM: &str = "a/b Über uns 日本語🎉";

const BOT: [&str; 3] = ["--microphone", "test-tone:440", "--verify"];

#[test]
fn the_python_sdk_and_our_bot_meet_on_our_server() {
    let context = TestContext::new("sdk-on-our-server");
    let server = Server::start(&context);
    let bot = Participant::bot(&context, &server.url(), "sdk", "bot", &BOT);
    let sdk = Sdk::Python.join(&context, &server.url(), DEV_KEYS, "sdk", "sdk", &[]);
    see_and_hear_each_other(&bot, &sdk);
    leaving_is_told(bot, sdk);
}

#[test]
fn the_python_sdk_over_two_connections_and_our_bot_meet_on_our_server() {
    let context = TestContext::new("sdk-v0-on-our-server");
    let server = Server::start(&context);
    let sdk = Sdk::Python.join(&context, &server.url(), DEV_KEYS, "v0", "sdk", &["--two-connections"]);
    let bot = Participant::bot(&context, &server.url(), "v0", "bot", &BOT);
    see_and_hear_each_other(&bot, &sdk);
}

#[test]
fn a_browser_and_our_bot_meet_on_our_server() {
    let context = TestContext::new("browser-on-our-server");
    let server = Server::start(&context);
    let bot = Participant::bot(&context, &server.url(), "web", "bot", &BOT);
    let browser = Sdk::Browser.join(&context, &server.url(), DEV_KEYS, "web", "sdk", &["--simulcast"]);
    see_and_hear_each_other(&bot, &browser);
    leaving_is_told(bot, browser);
}

#[test]
fn a_browser_over_two_connections_and_our_bot_meet_on_our_server() {
    let context = TestContext::new("browser-v0-on-our-server");
    let server = Server::start(&context);
    let browser = Sdk::Browser.join(&context, &server.url(), DEV_KEYS, "v0", "sdk", &["--two-connections"]);
    let bot = Participant::bot(&context, &server.url(), "v0", "bot", &BOT);
    see_and_hear_each_other(&bot, &browser);
}

#[test]
fn our_bot_and_the_python_sdk_meet_on_livekit_server() {
    let context = TestContext::new("livekit-server");
    let server = LiveKitServer::start(&context);
    // livekit-server has no token endpoint: the bot signs its own token.
    let bot = Participant::bot_by(&context, &server.url(), ROOM, "bot", |command| {
        command.args(BOT).envs(KEYS);
    });
    let sdk = Sdk::Python.join(&context, &server.url(), KEYS, ROOM, "sdk", &[]);
    see_and_hear_each_other(&bot, &sdk);
    leaving_is_told(bot, sdk);
}

/// On the way are 534 messages, more than any queue of the server held that dropped them once.
#[test]
fn a_file_of_eight_megabytes_arrives_whole_through_our_server() {
    let context = TestContext::new("file-through-our-server");
    let server = Server::start(&context);
    let quiet = ["--picture", "none", "--tone", "0"];
    let join = |name: &str, more: &[&str]| {
        Sdk::Python.join(&context, &server.url(), DEV_KEYS, "file", name, &[&quiet, more].concat())
    };
    let sender = join("sender", &["--send-file", "8"]);
    let receiver = join("receiver", &[]);
    let sent = sender.wait_for("FileSent");
    let received = receiver.wait_for_user("FileReceived", "sender");
    assert_eq!((&received["bytes"], &received["sha256"]), (&sent["bytes"], &sent["sha256"]));
    assert_eq!(sent["bytes"], 8_000_000);
}

#[test]
fn a_phone_that_is_turned_is_seen_upright_on_our_server() {
    let context = TestContext::new("turned-on-our-server");
    let server = Server::start(&context);
    let bot = Participant::bot(&context, &server.url(), "phone", "bot", &BOT);
    let turns = ["--turn", "1.1", "--simulcast", "--picture", "640x360@15"];
    let _sdk = Sdk::Python.join(&context, &server.url(), DEV_KEYS, "phone", "sdk", &turns);
    stays_upright(&bot);
}

#[test]
fn a_phone_that_is_turned_is_seen_upright_on_livekit_server() {
    let context = TestContext::new("turned-on-livekit");
    let server = LiveKitServer::start(&context);
    let bot = Participant::bot_by(&context, &server.url(), "phone", "bot", |command| {
        command.args(BOT).envs(KEYS);
    });
    let _sdk = Sdk::Python.join(&context, &server.url(), KEYS, "phone", "sdk", &["--turn", "1.1"]);
    stays_upright(&bot);
}

/// The test picture is read in all four orientations; on its side or upside down it is not readable.
fn stays_upright(bot: &Participant) {
    let first = verified::first(bot, "sdk");
    let later = verified::after(bot, "sdk", std::time::Duration::from_secs(6));
    let between = later.since(&first);
    assert!(between.frames > 30.0 && between.wrong * 20.0 < between.frames, "{first:?}, then {later:?}");
    let frame = bot.wait_for_user("FirstVideoFrame", "sdk");
    assert!(frame["width"].as_u64() > frame["height"].as_u64(), "{frame}");
}

fn see_and_hear_each_other(bot: &Participant, sdk: &SdkPeer) {
    assert!(PICTURE.ends_with("@15"), "the SDK's peer sends at the same rate unless told otherwise");
    let (first, first_there) = (verified::first(bot, "sdk"), verified::first(sdk, bot.user()));
    let later = verified::after(bot, "sdk", std::time::Duration::from_secs(6));
    later.since(&first).moved_at(FPS);
    later.holds_tone(660.0);
    let there = verified::after(sdk, bot.user(), std::time::Duration::from_secs(6));
    there.since(&first_there).moved_at(FPS);
    there.holds_tone(440.0);
}

fn leaving_is_told(mut bot: Participant, mut sdk: SdkPeer) {
    sdk.running().signal("TERM");
    let gone = bot.wait_for_user("RemoteUserLeaveRoom", "sdk");
    assert_eq!(gone["reason"], 0, "the SDK left by itself: {gone}");
    bot.running().signal("TERM");
    let exit = bot.wait_for("ExitRoom");
    assert_eq!(exit["reason"], 0, "{exit}");
    bot.running().wait_exit_code(0);
}
