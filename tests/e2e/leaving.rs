//! Leaving, removal and dismissal in the real window: devices are closed first, ExitRoom comes once, then the right screen.

use crate::kit::program::Place;
use crate::kit::tencent::{self, BackEnd};
use crate::kit::{Display, Events, Participant, Pulse, Server, TestContext, Visavis, proc, wait_until};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A window with a microphone of a real sound server, and a bot that watches it.
struct Call {
    context: TestContext,
    server: Server,
    display: Display,
    pulse: Pulse,
    watcher: Participant,
    window: Participant,
}

const ROOM: &str = "leaving";
/// The test picture from a capture process, as from a real camera.
const CAMERA: &str = "capture-process:none";

impl Call {
    fn start(name: &str) -> Self {
        Self::start_with(name, "")
    }

    /// The same on a server with these settings.
    fn start_with(name: &str, settings: &str) -> Self {
        let context = TestContext::new(name);
        let server = Server::start_with(&context, settings);
        let (display, pulse) = (Display::start(&context, "a"), Pulse::start(&context, "a"));
        let watcher = Participant::bot(&context, &server.url(), ROOM, "watcher", &[]);
        let place = Place { display: &display, pulse: Some(&pulse), url: &server.url(), room: ROOM };
        // The microphone and the speaker are the sound server's defaults.
        let window = Participant::window(&context, &place, "Mina", &["--camera", CAMERA]);
        let call = Self { context, server, display, pulse, watcher, window };
        call.is_running();
        call
    }

    /// Waits until the call is up. If the devices had never been open, their absence at the end would prove nothing.
    fn is_running(&self) {
        self.window.wait_for_media_of(self.watcher.user());
        self.watcher.wait_for_media_of(self.window.user());
        assert!(!self.capture_processes().is_empty(), "the camera has no process of its own");
        wait_until("the window to record from the microphone", || self.pulse.microphone_users().pop());
        self.display.screenshot(&self.context, "call");
    }

    /// Checks an exit with any reason, at ExitRoom and after it.
    fn ended(mut self, reason: u16, screen: &str, told: u16) {
        let exit = self.window.wait_for("ExitRoom");
        // ExitRoom was read before: a file that is open now was open then.
        let microphone = self.pulse.microphone_users();
        let left = self.capture_processes();
        assert!(microphone.is_empty(), "the microphone is still in use at ExitRoom: {microphone:?}");
        assert!(left.is_empty(), "a capture process is still there at ExitRoom: {left:?}");
        let devices = |path: &PathBuf| ["/dev/video", "/dev/snd"].iter().any(|d| path.to_string_lossy().starts_with(d));
        let open: Vec<PathBuf> = proc::descriptors(self.window.process().pid()).into_iter().filter(devices).collect();
        assert!(open.is_empty(), "devices are still open at ExitRoom: {open:?}");
        assert_eq!(exit["reason"], reason, "{exit}");
        receipt_is_clean(&exit);

        self.window.wait_for_screen(screen);
        self.display.settled_screenshot(&self.context, screen);
        self.order(screen);
        let gone = self.watcher.wait_for_user("RemoteUserLeaveRoom", self.window.user());
        assert_eq!(gone["reason"], told, "{gone}");

        self.window.process().signal("TERM");
        self.window.running().wait_exit();
        assert_eq!(self.window.all("ExitRoom").len(), 1, "ExitRoom comes exactly once");
        let devices = |name: &str| self.window.all(name).len();
        assert_eq!(devices("DeviceOpened"), devices("DeviceClosed"), "every device that was opened was closed");
    }

    /// Waits until the window has left and its program has ended by itself.
    fn ends_by_itself(mut self) {
        let exit = self.window.wait_for("ExitRoom");
        assert_eq!(exit["reason"], 0, "{exit}");
        receipt_is_clean(&exit);
        let gone = self.watcher.wait_for_user("RemoteUserLeaveRoom", self.window.user());
        assert_eq!(gone["reason"], 0, "{gone}");
        self.window.running().wait_exit_code(0);
        assert_eq!(self.pulse.microphone_users(), Vec::<String>::new());
    }

    /// Checks both participants after the room was dismissed.
    fn dismissed(self) {
        let told = self.watcher.wait_for("ExitRoom");
        assert_eq!(told["reason"], 2, "{told}");
        let none = Vec::<Value>::new();
        let before = "on a dismissal nobody is told of the others first";
        assert_eq!(self.watcher.all("RemoteUserLeaveRoom"), none, "{before}");
        let exit = self.window.wait_for("ExitRoom");
        assert_eq!(exit["reason"], 2, "{exit}");
        self.window.wait_for_screen("dismissed");
        self.display.screenshot(&self.context, "dismissed");
        self.order("dismissed");
        assert_eq!(self.pulse.microphone_users(), Vec::<String>::new());
        let (mut window, mut watcher) = (self.window, self.watcher);
        watcher.running().wait_exit_code(22);
        window.process().signal("TERM");
        window.running().wait_exit();
        assert_eq!(window.all("ExitRoom").len(), 1, "ExitRoom comes exactly once");
        assert_eq!(window.all("RemoteUserLeaveRoom"), none, "{before}");
    }

    fn capture_processes(&self) -> Vec<(u32, String)> {
        proc::capture_processes(self.window.process().pid())
    }

    fn order(&self, screen: &str) {
        let closed = |kind: &'static str| {
            self.window
                .place(&format!("DeviceClosed of the {kind}"), |e| e["event"] == "DeviceClosed" && e["kind"] == kind)
        };
        let exit = self.window.place("ExitRoom", |e| e["event"] == "ExitRoom");
        let shown = self.window.place("the screen", |e| e["event"] == "ScreenShown" && e["screen"] == screen);
        assert!(closed("camera") < exit, "ExitRoom came before the camera was closed");
        assert!(closed("microphone") < exit, "ExitRoom came before the microphone was closed");
        assert!(exit < shown, "the screen {screen} was shown before ExitRoom");
    }
}

fn receipt_is_clean(exit: &Value) {
    let steps = exit["receipt"].as_array().expect("a receipt");
    let names: Vec<_> = steps.iter().map(|s| s["step"].as_str().unwrap_or_default()).collect();
    let all = ["camera_released", "microphone_released", "screen_released", "others_told", "connections_closed"];
    assert_eq!(names, all, "{exit}");
    let unclean = steps.iter().find(|s| s["state"] != "confirmed" && s["state"] != "not_applicable");
    assert!(unclean.is_none(), "not everything was confirmed: {exit}");
    let total = exit["total_ms"].as_f64().expect("total_ms");
    assert!(total < 2000.0, "the exit took {total} ms, over its ceiling");
}

#[test]
fn leave_in_the_window() {
    let call = Call::start("leave");
    call.display.focus(call.window.process().pid());
    call.display.press("ctrl+shift+l");
    call.ended(0, "end", 0);
}

#[test]
fn the_window_is_closed_in_a_call() {
    let call = Call::start("window-closed");
    call.display.focus(call.window.process().pid());
    call.display.press("alt+F4");
    call.ends_by_itself();
}

#[test]
fn the_program_is_told_to_end_in_a_call() {
    let call = Call::start("sigterm");
    call.window.process().signal("TERM");
    call.ends_by_itself();
}

#[test]
fn removed_by_the_operator() {
    let call = Call::start("kick");
    Visavis::room(&call.context, &call.server, &["remove-user", ROOM, call.window.user(), "--yes"]);
    call.ended(1, "kicked", 2);
}

#[test]
fn the_room_is_ended_for_everyone() {
    let call = Call::start("dismiss");
    Visavis::room(&call.context, &call.server, &["dismiss", ROOM, "--yes"]);
    call.dismissed();
}

/// By Tencent's own SDK, as a back end of TRTC does it.
#[test]
fn removed_by_a_back_end() {
    let call = Call::start_with("kick-by-back-end", &tencent::settings(tencent::KEY));
    let params = json!({"SdkAppId": tencent::SDK_APP_ID, "RoomId": ROOM, "UserIds": [call.window.user()]});
    BackEnd { context: &call.context, server: &call.server }.succeeds("RemoveUserByStrRoomId", params);
    call.ended(1, "kicked", 2);
}

#[test]
fn dismissed_by_a_back_end() {
    let call = Call::start_with("dismiss-by-back-end", &tencent::settings(tencent::KEY));
    let params = json!({"SdkAppId": tencent::SDK_APP_ID, "RoomId": ROOM});
    BackEnd { context: &call.context, server: &call.server }.succeeds("DismissRoomByStrRoomId", params);
    call.dismissed();
}

#[test]
fn a_bot_that_is_removed_says_so() {
    let context = TestContext::new("bot-kick");
    let server = Server::start(&context);
    let mut bot = Participant::bot(&context, &server.url(), ROOM, "bot", &[]);
    Visavis::room(&context, &server, &["remove-user", ROOM, bot.user(), "--yes"]);
    let exit = bot.wait_for("ExitRoom");
    assert_eq!(exit["reason"], 1, "{exit}");
    receipt_is_clean(&exit);
    bot.running().wait_exit_code(21);
}
