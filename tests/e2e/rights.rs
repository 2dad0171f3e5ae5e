//! Open means seen: what the operating system says of camera and microphone while a host takes the right to send away and
//! gives it back, and which pictures the others see after an "off".

use crate::kit::http::request;
use crate::kit::livekit_server::KEYS;
use crate::kit::program::{DEV_KEYS, Keys, Place};
use crate::kit::{
    Display, Events, Fault, Keyboard, LiveKitServer, Participant, Process, Pulse, Relay, Server, TestContext, events,
    proc, wait_until,
};
use livekit_api::access_token::{AccessToken, VideoGrants};
use serde_json::{Value, json};
use std::time::Instant;

const ROOM: &str = "rights";
const QUIET: [&str; 4] = ["--camera", "none", "--microphone", "none"];

/// A window that sends camera and microphone, and a bot that watches it.
struct Call {
    context: TestContext,
    url: String,
    keys: Keys,
    display: Display,
    pulse: Pulse,
    watcher: Participant,
    window: Participant,
}

impl Call {
    fn start(context: TestContext, url: String, keys: Keys) -> Self {
        let (display, pulse) = (Display::start(&context, "a"), Pulse::start(&context, "a"));
        let watcher = Participant::bot_by(&context, &url, ROOM, "watcher", |command| {
            command.args(QUIET).envs(keys);
        });
        let place = Place { display: &display, pulse: Some(&pulse), url: &url, room: ROOM };
        let devices = ["--renderer", "glow", "--camera", "capture-process:none:320x180@10", "--join"];
        let mut command = Participant::window_command(&context, &place, "Ann", &devices);
        let window = Participant::entered(Process::start(&context, "Ann", command.envs(keys)));
        window.wait_for_screen("call");
        watcher.wait_for_media_of(window.user());
        Self { context, url, keys, display, pulse, watcher, window }
    }

    /// A request to the server's RoomService about the window's user.
    fn ask(&self, method: &str, more: Value) {
        ask(&self.url, self.keys, self.window.user(), method, more);
    }

    fn permit(&self, may: bool) {
        self.ask("UpdateParticipant", permission(may));
    }

    /// Waits until the system says that camera and microphone are open, or are not.
    #[track_caller]
    fn wait_for_devices(&self, camera: bool, microphone: bool) {
        let pid = self.window.process().pid();
        wait_until(&format!("camera {camera} and microphone {microphone}"), || {
            let cameras = proc::capture_processes(pid).len() == usize::from(camera);
            let microphones = self.pulse.microphone_users().len() == usize::from(microphone);
            (cameras && microphones).then_some(())
        });
    }

    fn press(&self, key: &str) {
        Keyboard::of(&self.display, self.window.process()).press(key);
    }

    /// Waits until others keep a device off for this reason, for the `times`th time.
    #[track_caller]
    fn withheld(&self, kind: &str, reason: &str, times: usize) {
        let fits = |e: &Value| e["kind"] == kind && e["reason"] == reason;
        wait_until(&format!("{kind} to be kept off: {reason}"), || {
            let all = self.window.all("DeviceWithheld");
            (all.iter().filter(|e| fits(e)).count() >= times).then_some(())
        });
    }

    /// The tracks of an event that the watcher has told of, in order.
    fn tracks(&self, name: &str) -> Vec<String> {
        let track = |e: &Value| e["track"].as_str().unwrap_or_default().to_owned();
        let sends = |e: &&Value| e["available"].as_bool().unwrap_or(true);
        self.watcher.all(name).iter().filter(sends).map(track).collect()
    }

    /// Waits until the watcher has told `name` for a track that is not `before`. Returns that track.
    #[track_caller]
    fn new_track(&self, name: &str, before: &str) -> String {
        wait_until(&format!("{name} of another track"), || self.tracks(name).pop().filter(|track| track != before))
    }
}

/// A request to the RoomService of the server at `url` about a user.
fn ask(url: &str, keys: Keys, user: &str, method: &str, more: Value) {
    let [(_, key), (_, secret)] = keys;
    let grants = VideoGrants { room_admin: true, room: ROOM.into(), ..Default::default() };
    let token = AccessToken::with_api_key(key, secret).with_grants(grants).to_jwt().expect("signed");
    let mut body = json!({"room": ROOM, "identity": user});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let headers = [("Authorization", &*format!("Bearer {token}")), ("Content-Type", "application/json")];
    let path = format!("/twirp/livekit.RoomService/{method}");
    let (status, answer) = request(port(url), "POST", &path, &headers, &body.to_string());
    assert_eq!(status, 200, "{method}: {answer}");
}

fn port(url: &str) -> u16 {
    url.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port")
}

/// Whether a participant may publish.
fn permission(may: bool) -> Value {
    json!({"permission": {"can_subscribe": true, "can_publish": may, "can_publish_data": true}})
}

fn a_right_is_taken_and_given_back(call: &Call) {
    call.wait_for_devices(true, true);
    let first = ["FirstVideoFrame", "FirstAudioFrame"].map(|name| call.tracks(name).pop().expect("just told"));
    let asked = Instant::now();
    call.permit(false);
    call.wait_for_devices(false, false);
    println!("camera and microphone were closed {} ms after the request", asked.elapsed().as_millis());
    for kind in ["camera", "microphone"] {
        call.withheld(kind, "not_allowed", 1);
    }
    for name in ["UserVideoAvailable", "UserAudioAvailable"] {
        call.watcher.wait_for_where(name, |e| e["available"] == false);
    }
    call.display.screenshot(&call.context, "not-allowed");
    call.press("ctrl+d");
    call.withheld("microphone", "not_allowed", 2);
    call.wait_for_devices(false, false);

    let opened = call.window.all("DeviceOpened").len();
    call.permit(true);
    call.window.wait_for_where("DeviceAllowed", |e| e["kind"] == "microphone");
    assert_eq!(call.window.all("DeviceOpened").len(), opened, "only the user turns a device on");
    call.press("ctrl+e");
    call.press("ctrl+d");
    call.wait_for_devices(true, true);
    call.new_track("FirstVideoFrame", &first[0]);
    let voice = call.new_track("FirstAudioFrame", &first[1]);

    let asked = Instant::now();
    call.ask("MutePublishedTrack", json!({"track_sid": voice, "muted": true}));
    call.wait_for_devices(true, false);
    println!("the microphone was closed {} ms after the request", asked.elapsed().as_millis());
    call.withheld("microphone", "host", 1);
    let told = call.tracks("UserAudioAvailable").len();
    call.press("ctrl+d");
    call.wait_for_devices(true, true);
    wait_until("the voice to be back", || (call.tracks("UserAudioAvailable").len() > told).then_some(()));
}

#[test]
fn devices_close_while_the_right_is_gone_and_are_seen_again_after_one_press() {
    let context = TestContext::new("rights");
    let server = Server::start(&context);
    let call = Call::start(context, server.url(), DEV_KEYS);
    a_right_is_taken_and_given_back(&call);
}

#[test]
fn devices_close_while_the_right_is_gone_on_livekit_server() {
    let context = TestContext::new("rights-on-livekit-server");
    let server = LiveKitServer::start(&context);
    let call = Call::start(context, server.url(), KEYS);
    a_right_is_taken_and_given_back(&call);
}

/// Both messages are lost with the link, and in the end the right is there. The list of tracks after the resume tells that
/// the server has ended the track; where the server demands a new stay first, the camera is published in that one.
#[track_caller]
fn a_right_is_gone_for_a_moment_of_an_outage(context: &TestContext, url: &str, keys: Keys) {
    let relay = Relay::before(port(url), port(url));
    let watcher = Participant::bot_by(context, url, ROOM, "watcher", |command| {
        command.args(QUIET).envs(keys);
    });
    let sender = Participant::bot_by(context, &relay.url(), ROOM, "sender", |command| {
        command.args(["--camera", "capture-process:none:320x180@10", "--microphone", "none"]).envs(keys);
    });
    watcher.wait_for_user("FirstVideoFrame", sender.user());
    relay.set(Fault { cut: true, ..Fault::default() });
    sender.wait_for("ConnectionLost");
    ask(url, keys, sender.user(), "UpdateParticipant", permission(false));
    watcher.wait_for_where("UserVideoAvailable", |e| e["available"] == false);
    ask(url, keys, sender.user(), "UpdateParticipant", permission(true));
    relay.set(Fault::default());
    sender.wait_for("ConnectionRecovery");
    let pid = sender.process().pid();
    wait_until("the camera to be closed with a reason, or to be seen again", || {
        let is_closed = proc::capture_processes(pid).is_empty() && !sender.all("DeviceWithheld").is_empty();
        (is_closed || watcher.all("FirstVideoFrame").len() > 1).then_some(())
    });
}

#[test]
fn open_means_seen_after_a_right_was_gone_for_a_moment_of_an_outage() {
    let context = TestContext::new("rights-in-an-outage");
    let server = Server::start(&context);
    a_right_is_gone_for_a_moment_of_an_outage(&context, &server.url(), DEV_KEYS);
}

#[test]
fn open_means_seen_after_a_right_was_gone_for_a_moment_of_an_outage_on_livekit_server() {
    let context = TestContext::new("rights-in-an-outage-on-livekit-server");
    let server = LiveKitServer::start(&context);
    a_right_is_gone_for_a_moment_of_an_outage(&context, &server.url(), KEYS);
}

#[test]
fn a_camera_that_is_on_again_shows_no_picture_of_before() {
    let context = TestContext::new("no-picture-of-before");
    let server = Server::start(&context);
    let url = server.url();
    let (here, there) = (Display::start(&context, "a"), Display::start(&context, "b"));
    let window = |display, name, camera| {
        let place = Place { display, pulse: None, url: &url, room: ROOM };
        let devices = ["--renderer", "glow", "--camera", camera, "--microphone", "none", "--speaker", "none"];
        Participant::window(&context, &place, name, &devices)
    };
    let sender = window(&here, "Ann", "capture-process:slow-to-open:320x180@10");
    let looker = window(&there, "Bob", "none");
    looker.wait_for_user("FirstVideoFrame", sender.user());
    let keyboard = Keyboard::of(&here, sender.process());
    keyboard.press("ctrl+e");
    looker.wait_for_where("UserVideoAvailable", |e| e["available"] == false);
    sender.wait_for_where("DeviceClosed", |e| e["kind"] == "camera");
    keyboard.press("ctrl+e");
    let second = |told: Vec<Value>| told.into_iter().nth(1);
    let shown = wait_until("a picture after the off", || second(looker.all("FirstVideoFrame")));
    let cameras = || sender.all("DeviceOpened").into_iter().filter(|e| e["kind"] == "camera").collect();
    let opened = wait_until("the camera to be open again", || second(cameras()));
    assert!(events::at(&shown) > events::at(&opened), "a picture of before: {shown}, the camera: {opened}");
}
