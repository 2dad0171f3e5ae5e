//! Sharing a screen: what arrives, by its content, at our own clients and at LiveKit's, on both servers.

use crate::kit::livekit_server::KEYS;
use crate::kit::program::{DEV_KEYS, Keys, Place};
use crate::kit::screenshot::Screen;
use crate::kit::{Display, Events, LiveKitServer, Participant, Sdk, Server, TestContext, events, wait_until};
use serde_json::Value;
use std::path::{Path, PathBuf};

const ROOM: &str = "share";
/// The user who shares.
const SHARER: &str = "sharer-1";

/// A bot that shares `screen`, with this camera.
fn sharer(context: &TestContext, url: &str, keys: Keys, camera: &str, screen: &str) -> Participant {
    Participant::bot_by(context, url, ROOM, "sharer", |command| {
        command.args(["--camera", camera, "--microphone", "none", "--screen", screen]).envs(keys);
    })
}

/// A bot that reads everything, and keeps pictures in the folder.
fn watcher(context: &TestContext, url: &str, keys: Keys, name: &str) -> (Participant, PathBuf) {
    let folder = context.artifact(&format!("{name}-pictures"));
    let bot = Participant::bot_by(context, url, ROOM, name, |command| {
        command.args(["--camera", "none", "--microphone", "none", "--speaker", "none", "--verify", "--pictures"]);
        command.arg(&folder).envs(keys);
    });
    (bot, folder)
}

/// What `--verify` says about the sharer's track of this source, once it has at least so many frames.
#[track_caller]
fn verified(watcher: &Participant, source: &str, least: u64) -> Value {
    let of_source = |event: &Value| -> Option<Value> {
        let user = event["users"].as_array()?.iter().find(|u| u["remote_user"] == SHARER)?;
        let track = user["tracks"].as_array()?.iter().find(|t| t["source"] == source)?;
        (track["picture"]["frames"].as_u64()? >= least).then(|| track["picture"].clone())
    };
    let event = watcher.wait_for_where("Verified", |e| of_source(e).is_some());
    of_source(&event).expect("just found")
}

/// Waits until the picture in the file has this size, and test picture rows of the sharer.
#[track_caller]
fn wait_for_page(file: &Path, size: (u32, u32)) {
    wait_until(&format!("a page of {size:?} in {}", file.display()), || {
        let is_whole = image::image_dimensions(file).is_ok_and(|found| found == size);
        (is_whole && Screen::read(file).find(SHARER).is_some()).then_some(())
    });
}

#[test]
fn a_page_is_seen_beside_its_persons_camera_also_by_those_who_come_while_it_stands_still() {
    let context = TestContext::new("screen-page");
    let server = Server::start(&context);
    let (first, pictures) = watcher(&context, &server.url(), DEV_KEYS, "first");
    let mut sharer = sharer(&context, &server.url(), DEV_KEYS, "test-picture:320x180@5", "test-page");
    let shares = first.wait_for_where("UserSubStreamAvailable", |e| e["remote_user"] == SHARER);
    assert_eq!((&shares["source"], &shares["available"]), (&"screen".into(), &true.into()), "{shares}");
    wait_for_page(&pictures.join("sharer-1.screen.png"), (1920, 1080));
    for (source, least) in [("screen", 3), ("camera", 10)] {
        assert_eq!(verified(&first, source, least)["wrong"], 0, "{source}");
    }
    // A picture file stands still for ever: whoever comes later sees it too.
    let still = context.artifact("still.png");
    wait_until("a copy of the page in full size", || {
        // On a busy machine the page comes in half its size for a while.
        std::fs::copy(pictures.join("sharer-1.screen.png"), &still).ok()?;
        image::image_dimensions(&still).is_ok_and(|size| size == (1920, 1080)).then_some(())
    });
    let other = Participant::bot_by(&context, &server.url(), ROOM, "still", |command| {
        command.args(["--camera", "none", "--microphone", "none", "--screen"]);
        command.arg(format!("file:{}", still.display()));
    });
    first.wait_for_where("FirstVideoFrame", |e| e["remote_user"] == other.user());
    std::thread::sleep(std::time::Duration::from_secs(4));
    let (_late, late_pictures) = watcher(&context, &server.url(), DEV_KEYS, "late");
    wait_for_page(&late_pictures.join("still-1.screen.png"), (1920, 1080));
    sharer.running().signal("TERM");
    let exit = sharer.wait_for("ExitRoom");
    assert!(events::is_confirmed(&exit, "screen_released"), "{exit}");
    first.wait_for_user("RemoteUserLeaveRoom", SHARER);
}

/// A page shared by our bot, seen by LiveKit's own clients.
fn clients_see_the_page(context: &TestContext, url: &str, keys: Keys) {
    let mut sharer = sharer(context, url, keys, "none", "test-page");
    for sdk in [Sdk::Python, Sdk::Browser] {
        let name = if matches!(sdk, Sdk::Python) { "python" } else { "browser" };
        let peer = sdk.join(context, url, keys, ROOM, name, &["--picture", "none", "--tone", "0"]);
        let reads = |e: &Value| {
            let user = e["users"].as_array().and_then(|users| users.iter().find(|u| u["remote_user"] == SHARER));
            user.is_some_and(|u| u["picture"]["frames"].as_f64() >= Some(3.0) && u["picture"]["wrong"] == 0)
        };
        peer.wait_for_where("Verified", reads);
    }
    sharer.running().signal("TERM");
    sharer.wait_for("ExitRoom");
    sharer.running().wait_exit_code(0);
}

#[test]
fn livekits_clients_see_a_page_on_our_server() {
    let context = TestContext::new("screen-on-our-server");
    let server = Server::start(&context);
    clients_see_the_page(&context, &server.url(), DEV_KEYS);
}

#[test]
fn livekits_clients_see_a_page_on_livekit_server() {
    let context = TestContext::new("screen-on-livekit");
    let server = LiveKitServer::start(&context);
    clients_see_the_page(&context, &server.url(), KEYS);
}

/// A display is shared on which a window shows somebody's test picture: it arrives with what the window has painted.
#[test]
fn a_real_screen_is_shared_and_listed() {
    let context = TestContext::new("screen-x11");
    let server = Server::start(&context);
    let url = server.url();
    let display = Display::start(&context, "a");
    let guest = Participant::bot(&context, &url, "other-room", "sharer", &["--microphone", "none"]);
    assert_eq!(guest.user(), SHARER);
    let place = Place { display: &display, pulse: None, url: &url, room: "other-room" };
    let quiet = ["--renderer", "glow", "--camera", "none", "--microphone", "none", "--speaker", "none"];
    let window = Participant::window(&context, &place, "Mina", &quiet);
    window.wait_for_user("FirstVideoFrame", SHARER);
    let listed = crate::kit::Visavis::run(
        crate::kit::Visavis::command(&context).args(["devices", "--json"]).env("DISPLAY", display.name()),
    );
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let screens = listed["screens"].as_array().expect("screens");
    let of_kind =
        |kind: &str| screens.iter().find(|s| s["kind"] == kind).unwrap_or_else(|| panic!("no {kind}: {listed}"));
    assert_eq!((&of_kind("screen")["width"], &of_kind("screen")["height"]), (&1440.into(), &900.into()));
    let (watcher, pictures) = watcher(&context, &url, DEV_KEYS, "looker");
    for (name, source) in [("screens", "screen"), ("windows", "window")] {
        let id = of_kind(source)["id"].as_str().expect("an id").to_owned();
        let mut bot = Participant::bot_by(&context, &url, ROOM, name, |command| {
            command.args(["--camera", "none", "--microphone", "none", "--screen", &id]);
            command.env("DISPLAY", display.name());
        });
        bot.wait_for_where("DeviceOpened", |e| e["kind"] == "screen" && e["id"] == id);
        let file = pictures.join(format!("{}.screen.png", bot.user()));
        wait_until(&format!("the test picture in {}", file.display()), || {
            (file.exists() && Screen::read(&file).find(SHARER).is_some()).then_some(())
        });
        bot.running().signal("TERM");
        bot.wait_for("ExitRoom");
        watcher.wait_for_user("RemoteUserLeaveRoom", bot.user());
    }
}
