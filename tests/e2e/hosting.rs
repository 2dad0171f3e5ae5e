//! A host's window, used by keyboard: it enters by a host's link, removes a guest with the menu of a tile, ends the call for
//! everyone with the menu of Leave, and invites. On our own server and over a livekit-server.

use crate::kit::program::Place;
use crate::kit::{
    Display, Events, Keyboard, LiveKitServer, Participant, Process, Server, TestContext, Visavis, wait_until,
};
use serde_json::Value;
use std::time::{Duration, Instant};

const ROOM: &str = "hosting";
/// No media: these tests look at events only.
const QUIET: [&str; 4] = ["--camera", "none", "--microphone", "none"];

struct Call {
    context: TestContext,
    server: Server,
    display: Display,
    mina: Participant,
    tom: Participant,
    host: Participant,
}

/// A link to the room, made by the server's operator.
fn link(context: &TestContext, server: &Server, more: &[&str]) -> String {
    Visavis::room(context, server, &[&["link", ROOM], more].concat()).trim().to_owned()
}

/// Opens a window that enters by `link`.
fn window(context: &TestContext, server: &Server, display: &Display, name: &str, link: &str) -> Participant {
    let url = server.url();
    let place = Place { display, pulse: None, url: &url, room: "another-room" };
    let plain = ["--renderer", "glow", "--speaker", "none", "--join", link];
    let mut command = Participant::window_command(context, &place, name, &[&QUIET[..], &plain].concat());
    let window = Participant::entered(Process::start(context, name, &mut command));
    window.wait_for_screen("call");
    window
}

impl Call {
    fn start(name: &str) -> Self {
        let context = TestContext::new(name);
        let server = Server::start(&context);
        Self::with(context, server)
    }

    fn with(context: TestContext, server: Server) -> Self {
        let display = Display::start(&context, "a");
        let [mina, tom] = ["mina", "tom"].map(|name| Participant::bot(&context, &server.url(), ROOM, name, &QUIET));
        let host = window(&context, &server, &display, "Ada", &link(&context, &server, &["--host"]));
        host.wait_for_user("RemoteUserEnterRoom", tom.user());
        Self { context, server, display, mina, tom, host }
    }

    fn keyboard(&self) -> Keyboard<'_> {
        Keyboard::of(&self.display, self.host.process())
    }

    fn screenshot(&self, name: &str) {
        self.display.screenshot(&self.context, name);
    }

    /// Removes Mina with the menu of her tile.
    #[track_caller]
    fn remove_mina(&mut self) {
        let keyboard = self.keyboard();
        focus_tile_of_mina(&keyboard);
        keyboard.press("Return");
        keyboard.focus("r", "Remove from call…");
        self.screenshot("tile-menu");
        assert_eq!(keyboard.focus_after("Return"), "Cancel");
        keyboard.focus("Tab", "Remove");
        self.screenshot("remove-question");
        assert!(self.mina.all("ExitRoom").is_empty(), "she is removed before the question is answered");
        keyboard.press("Return");
        let exit = self.mina.wait_for("ExitRoom");
        assert_eq!(exit["reason"], 1, "{exit}");
        self.mina.running().wait_exit_code(21);
        for other in [&self.tom, &self.host] {
            let gone = other.wait_for_user("RemoteUserLeaveRoom", self.mina.user());
            assert_eq!(gone["reason"], 2, "{gone}");
        }
        assert!(self.host.all("ExitRoom").is_empty() && self.tom.all("ExitRoom").is_empty(), "the call goes on");
        self.screenshot("removed");
    }

    /// Ends the call for everyone with the menu of Leave.
    #[track_caller]
    fn end(&mut self) {
        let keyboard = self.keyboard();
        keyboard.focus("F6", "Microphone");
        keyboard.activate("Tab", "More ways to leave");
        keyboard.focus("e", "End call for everyone…");
        self.screenshot("leave-menu");
        assert_eq!(keyboard.focus_after("Return"), "Cancel");
        keyboard.focus("Tab", "End for everyone");
        self.screenshot("end-question");
        assert!(self.tom.all("ExitRoom").is_empty(), "the call ends before the question is answered");
        keyboard.press("Return");
        for one in [&self.tom, &self.host] {
            let exit = one.wait_for("ExitRoom");
            assert_eq!(exit["reason"], 2, "{exit}");
        }
        self.tom.running().wait_exit_code(22);
        self.host.wait_for_screen("dismissed");
        self.screenshot("ended-by-us");
        let exit = self.host.place("ExitRoom", |e| e["event"] == "ExitRoom");
        assert!(exit < self.host.place("the dialog", |e| e["event"] == "ScreenShown" && e["screen"] == "dismissed"));
        // The line is written after the answer of the server behind, which may come after the end of the call.
        wait_until("the audit entries of both actions", || {
            let audit = self.server.process().stderr();
            let has_both = audit.contains("RemoveParticipant") && audit.contains("DeleteRoom");
            (has_both && audit.contains(self.host.user())).then_some(())
        });
    }
}

#[test]
fn a_host_removes_a_guest_and_ends_the_call() {
    let mut call = Call::start("hosting");
    call.remove_mina();
    call.end();
    for one in [&call.tom, &call.host] {
        let told = one.all("RemoteUserLeaveRoom");
        let all_of_mina = told.iter().all(|e| e["remote_user"] == call.mina.user());
        assert!(all_of_mina, "nobody is told of the others first: {told:?}");
    }
}

/// livekit-server allows no participant to do this; our front does it for the host.
#[test]
fn a_host_removes_a_guest_and_ends_the_call_over_a_livekit_server() {
    let context = TestContext::new("hosting-livekit");
    let livekit = LiveKitServer::start(&context);
    let server = Server::start_over(&context, &livekit, "");
    let mut call = Call::with(context, server);
    call.remove_mina();
    call.end();
}

/// Invite puts a link on the clipboard. Pasted into another lobby, it admits a guest who is no host.
#[test]
fn a_link_of_invite_lets_a_guest_in_who_is_no_host() {
    let call = Call::start("invite");
    let keyboard = call.keyboard();
    keyboard.focus("F6", "Settings");
    keyboard.activate("Tab", "Invite");
    call.screenshot("invited");
    let mut command = Visavis::command(&call.context);
    command.args(["--name", "Eve", "--renderer", "glow", "--speaker", "none", "--events", "-"]).args(QUIET);
    command.env("DISPLAY", call.display.name()).env("VISAVIS_CONFIG_DIR", call.context.artifact("eve"));
    let lobby = Process::start(&call.context, "Eve", &mut command);
    lobby.wait_for_where("ScreenShown", |e| e["screen"] == "lobby");
    paste_and_join(&call.display, &lobby);
    let guest = Participant::entered(lobby);
    call.tom.wait_for_user("RemoteUserEnterRoom", guest.user());
    guest.wait_for_screen("call");
    // The menu of a tile, where a host finds "Remove from call…".
    let keyboard = Keyboard::of(&call.display, guest.process());
    focus_tile_of_mina(&keyboard);
    keyboard.press("Return");
    keyboard.focus("p", "Pin for me");
    assert!(!keyboard.try_focus("r", "Remove from call…", 2), "a guest can remove somebody");
    call.screenshot("guest");
    keyboard.press("Return");
    assert!(call.mina.all("ExitRoom").is_empty(), "a guest removed somebody");
    assert_eq!(call.tom.all("RemoteUserLeaveRoom"), Vec::<Value>::new());
}

/// F6 goes to the first tile, and arrow keys to the others.
#[track_caller]
fn focus_tile_of_mina(keyboard: &Keyboard<'_>) {
    let first = keyboard.focus_any("shift+F6", |control| ["mina", "tom", "Ada"].iter().any(|n| control.starts_with(n)));
    if !first.starts_with("mina") {
        keyboard.focus_any("Right", |control| control.starts_with("mina"));
    }
}

/// Pastes the link into the empty field of the room, which has the focus, and joins. The link comes from the server and
/// may not be on the clipboard at once.
#[track_caller]
fn paste_and_join(display: &Display, lobby: &Process) {
    let keyboard = Keyboard::of(display, lobby);
    let joins = || lobby.all("ScreenShown").iter().any(|e| e["screen"] != "lobby");
    wait_until("the lobby to take the link", || {
        for key in ["ctrl+a", "ctrl+v", "Return"] {
            keyboard.press(key);
        }
        let pressed = Instant::now();
        while pressed.elapsed() < Duration::from_secs(3) && !joins() {
            std::thread::sleep(Duration::from_millis(50));
        }
        joins().then_some(())
    });
}
