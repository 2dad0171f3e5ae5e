//! A host's window: it came by a host's link, removes a guest through the menu of a tile, ends the call for everyone
//! through the menu of Leave, and invites. All by keyboard, on our own server and over a livekit-server.

use crate::kit::program::Place;
use crate::kit::{Display, Events, LiveKitServer, Participant, Process, Server, Stage, Visavis, wait_until};
use serde_json::Value;
use std::thread::sleep;
use std::time::Duration;

const ROOM: &str = "hosting";
/// Bots that only listen: nobody looks at pictures here.
const QUIET: [&str; 4] = ["--camera", "none", "--microphone", "none"];
/// A menu or a dialog has grown, and takes keys.
const GROWN: Duration = Duration::from_secs(1);

struct Call {
    stage: Stage,
    server: Server,
    display: Display,
    mina: Participant,
    tom: Participant,
    host: Participant,
}

/// A link to the room from whoever runs the server.
fn link(stage: &Stage, server: &Server, more: &[&str]) -> String {
    Visavis::room(stage, server, &[&["link", ROOM], more].concat()).trim().to_owned()
}

/// Opens a window that enters by `link`.
fn window(stage: &Stage, server: &Server, display: &Display, name: &str, link: &str) -> Participant {
    let url = server.url();
    let place = Place { display, pulse: None, url: &url, room: "another-room" };
    let plain = ["--renderer", "glow", "--speaker", "none", "--join", link];
    let mut command = Participant::window_command(stage, &place, name, &[&QUIET[..], &plain].concat());
    let window = Participant::entered(Process::start(stage, name, &mut command));
    window.wait_for_screen("call");
    display.focus(window.process().pid());
    sleep(GROWN);
    window
}

impl Call {
    fn start(name: &str) -> Self {
        let stage = Stage::new(name);
        let server = Server::start(&stage);
        Self::with(stage, server)
    }

    fn with(stage: Stage, server: Server) -> Self {
        let display = Display::start(&stage, "a");
        let [mina, tom] = ["mina", "tom"].map(|name| Participant::bot(&stage, &server.url(), ROOM, name, &QUIET));
        let host = window(&stage, &server, &display, "Ada", &link(&stage, &server, &["--host"]));
        host.wait_for_user("RemoteUserEnterRoom", tom.user());
        Self { stage, server, display, mina, tom, host }
    }

    fn press(&self, keys: &[&str]) {
        for key in keys {
            self.display.press(key);
            sleep(Duration::from_millis(300));
        }
    }

    /// From the tools to the stage, where the first tile is Mina's; its menu, "Remove from call…", and yes.
    #[track_caller]
    fn remove_mina(&mut self) {
        self.open(&["shift+F6", "Return"], "tile-menu");
        self.open(&["r", "Return"], "remove-question");
        assert!(self.mina.all("ExitRoom").is_empty(), "nobody was asked yet");
        self.press(&["Tab", "Return"]);
        let exit = self.mina.wait_for("ExitRoom");
        assert_eq!(exit["reason"], 1, "{exit}");
        self.mina.running().wait_exit_code(21);
        for other in [&self.tom, &self.host] {
            let gone = other.wait_for_user("RemoteUserLeaveRoom", self.mina.user());
            assert_eq!(gone["reason"], 2, "{gone}");
        }
        assert!(self.host.all("ExitRoom").is_empty() && self.tom.all("ExitRoom").is_empty(), "the call goes on");
        // Her tile had the keyboard, and goes.
        sleep(GROWN);
        self.display.screenshot(&self.stage, "removed");
    }

    /// From the stage to the tools, then along them: Mic and Camera with their lists, Leave, and its menu with "End for
    /// everyone…", and yes.
    #[track_caller]
    fn end(&mut self) {
        self.press(&["F6", "Tab", "Tab", "Tab", "Tab", "Tab"]);
        self.open(&["Return"], "leave-menu");
        self.open(&["e", "Return"], "end-question");
        assert!(self.tom.all("ExitRoom").is_empty(), "not yet");
        self.press(&["Tab", "Return"]);
        for one in [&self.tom, &self.host] {
            let exit = one.wait_for("ExitRoom");
            assert_eq!(exit["reason"], 2, "{exit}");
        }
        self.tom.running().wait_exit_code(22);
        self.host.wait_for_screen("dismissed");
        sleep(GROWN);
        self.display.screenshot(&self.stage, "ended-by-us");
        let exit = self.host.place("ExitRoom", |e| e["event"] == "ExitRoom");
        assert!(exit < self.host.place("the dialog", |e| e["event"] == "ScreenShown" && e["screen"] == "dismissed"));
        // The call ends before the server behind has answered, and the line is written after that.
        wait_until("the audit of both deeds", || {
            let audit = self.server.process().stderr();
            let deeds = audit.contains("RemoveParticipant") && audit.contains("DeleteRoom");
            (deeds && audit.contains(self.host.user())).then_some(())
        });
    }

    /// Presses the last key that opens something, and keeps a picture of what it opened.
    fn open(&self, keys: &[&str], name: &str) {
        self.press(keys);
        sleep(GROWN);
        self.display.screenshot(&self.stage, name);
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

/// livekit-server lets no participant do that: our front does it for its host.
#[test]
fn a_host_removes_a_guest_and_ends_the_call_over_a_livekit_server() {
    let stage = Stage::new("hosting-livekit");
    let livekit = LiveKitServer::start(&stage);
    let server = Server::start_over(&stage, &livekit, "");
    let mut call = Call::with(stage, server);
    call.remove_mina();
    call.end();
}

/// Invite puts a link on the clipboard; pasted into another lobby, it lets a guest in, who is no host.
#[test]
fn a_link_of_invite_lets_a_guest_in_who_is_no_host() {
    let call = Call::start("invite");
    // The top bar: the settings, the two layouts, Invite.
    call.press(&["F6", "Tab", "Tab", "Tab", "Return"]);
    sleep(GROWN);
    call.display.screenshot(&call.stage, "invited");
    let mut command = Visavis::command(&call.stage);
    command.args(["--name", "Eve", "--renderer", "glow", "--speaker", "none", "--events", "-"]).args(QUIET);
    command.env("DISPLAY", call.display.name()).env("VISAVIS_CONFIG_DIR", call.stage.artifact("eve"));
    let lobby = Process::start(&call.stage, "Eve", &mut command);
    lobby.wait_for_where("ScreenShown", |e| e["screen"] == "lobby");
    call.display.focus(lobby.pid());
    sleep(GROWN);
    // The room's field is empty, and so has the focus.
    call.open(&["ctrl+v"], "pasted");
    call.press(&["Return"]);
    let guest = Participant::entered(lobby);
    call.tom.wait_for_user("RemoteUserEnterRoom", guest.user());
    guest.wait_for_screen("call");
    sleep(GROWN);
    // The keys that remove somebody in a host's window do nothing of the kind in a guest's.
    for keys in [["shift+F6", "Return"], ["r", "Return"], ["Tab", "Return"]] {
        call.open(&keys, "guest");
    }
    assert!(call.mina.all("ExitRoom").is_empty(), "a guest removed somebody");
    assert_eq!(call.tom.all("RemoteUserLeaveRoom"), Vec::<Value>::new());
}
