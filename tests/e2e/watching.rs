//! Only what is seen is sent: sizes by tile, nothing for a window that nobody sees, layers that nobody watches.

use crate::kit::livekit_server::KEYS;
use crate::kit::program::{DEV_KEYS, Place};
use crate::kit::{Display, Events, LiveKitServer, Participant, Process, Sdk, Server, TestContext, wait_until};
use serde_json::Value;

/// A camera with three simulcast layers, slow enough for nine of them on two cores.
const CAMERA: &str = "test-picture:1280x720@5";

/// The received video in an event Statistics.
fn videos(statistics: &Value) -> Vec<&Value> {
    let remote = statistics["remote"].as_array().map(Vec::as_slice).unwrap_or_default();
    remote.iter().filter(|r| r["kind"] == "video").collect()
}

fn flows(video: &Value) -> bool {
    video["fps"].as_f64() > Some(0.5)
}

/// Waits for new statistics that fit.
#[track_caller]
fn wait_for_statistics(source: &impl Events, what: &str, fits: impl Fn(&Value) -> bool) {
    let before = source.all("Statistics").len();
    wait_until(what, || source.all("Statistics").into_iter().skip(before).find(&fits).map(drop));
}

#[test]
fn a_window_of_nine_people_gets_nine_small_videos_and_a_minimised_one_none() {
    let context = TestContext::new("watching");
    let server = Server::start(&context);
    let url = server.url();
    let display = Display::start(&context, "a");
    let mut command = Participant::bot_command(&context, &url, "nine", "bot");
    command.args(["--count", "9", "--watch", "none", "--camera", CAMERA, "--microphone", "none"]);
    let bots = Process::start(&context, "bots", &mut command);
    wait_until("nine bots in the room", || (bots.all("EnterRoom").len() == 9).then_some(()));
    let place = Place { url: &url, room: "nine", display: &display, pulse: None };
    let quiet = ["--renderer", "glow", "--camera", "none", "--microphone", "none", "--speaker", "none"];
    let mut window = Participant::window(&context, &place, "Mina", &quiet);
    let is_small = |video: &&&Value| flows(video) && video["width"].as_u64() <= Some(320);
    wait_for_statistics(&window, "nine small videos", |s| videos(s).iter().filter(is_small).count() == 9);
    // Of each camera's three layers two have no receiver.
    let sent = |s: &Value| s["sent_kbps"].as_f64().unwrap_or_default();
    wait_for_statistics(&bots, "a bot that sends the small layer alone", |s| (1.0..250.0).contains(&sent(s)));
    let pid = window.running().pid();
    let hidden = display.minimise(pid);
    wait_for_statistics(&window, "a minimised window without video", |s| {
        !videos(s).iter().any(|video| flows(video)) && s["received_kbps"].as_f64() < Some(60.0)
    });
    wait_for_statistics(&bots, "a bot that sends nothing", |s| sent(s) < 60.0);
    display.activate(&hidden);
    wait_for_statistics(&window, "nine videos again", |s| videos(s).iter().filter(is_small).count() == 9);
    let freezes = |s: &Value| videos(s).iter().filter_map(|v| v["freezes"].as_u64()).sum::<u64>();
    let last = window.all("Statistics").pop().expect("statistics");
    display.screenshot(&context, "nine");
    assert!(freezes(&last) < 9 * 20, "the time in which nobody looked counts as no freeze: {last}");
    window.running().signal("TERM");
    window.running().wait_exit_code(0);
}

/// Dynacast at both ends: a bot of ours and LiveKit's server.
#[test]
fn a_camera_that_nobody_watches_is_not_sent_to_livekit_server() {
    let context = TestContext::new("watching-livekit");
    let server = LiveKitServer::start(&context);
    let join = |name: &str, more: &[&str]| {
        Participant::bot_by(&context, &server.url(), "seen", name, |command| {
            command.args(more).args(["--microphone", "none"]).envs(KEYS);
        })
    };
    let sender = join("sender", &["--camera", CAMERA]);
    let mut watcher = join("watcher", &["--camera", "none"]);
    let width = |s: &Value| videos(s).first().filter(|v| flows(v)).and_then(|v| v["width"].as_u64());
    wait_for_statistics(&watcher, "the large layer", |s| width(s) == Some(1280));
    watcher.running().signal("TERM");
    watcher.running().wait_exit();
    let sent = |s: &Value| s["sent_kbps"].as_f64().unwrap_or_default();
    wait_for_statistics(&sender, "a camera that is not sent", |s| sent(s) < 60.0);
    let small = join("small", &["--camera", "none", "--watch", "320x180"]);
    wait_for_statistics(&small, "the small layer", |s| width(s) == Some(320));
    wait_for_statistics(&sender, "the small layer alone", |s| (1.0..250.0).contains(&sent(s)));
}

#[test]
fn the_python_sdk_gets_the_layer_that_it_asks_for_in_every_order() {
    let context = TestContext::new("layers");
    let server = Server::start(&context);
    let simulcast = ["--simulcast", "--picture", "1280x720@15", "--tone", "0"];
    let _sender = Sdk::Python.join(&context, &server.url(), DEV_KEYS, "layers", "sender", &simulcast);
    let looks = ["--picture", "none", "--tone", "0", "--qualities", "2,0,1,2,1,0,2"];
    let receiver = Sdk::Python.join(&context, &server.url(), DEV_KEYS, "layers", "receiver", &looks);
    receiver.wait_for_within(std::time::Duration::from_secs(60), "QualitiesSeen", |_| true);
    let widths: Vec<u64> = receiver.all("QualitySeen").iter().filter_map(|e| e["width"].as_u64()).collect();
    assert_eq!(widths, [1280, 320, 640, 1280, 640, 320, 1280]);
}
