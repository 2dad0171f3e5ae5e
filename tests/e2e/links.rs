//! Links to calls: a browser or a menu starts the program with one; it fills the lobby in and enters nothing by itself.

use crate::kit::program::Place;
use crate::kit::{Display, Events, Participant, Process, Server, Stage, Visavis};

/// A window in its lobby that takes links, and the bot that waits in the room that they lead to.
struct Door {
    stage: Stage,
    server: Server,
    display: Display,
    bot: Participant,
    window: Process,
}

impl Door {
    fn open(name: &str) -> Self {
        let stage = Stage::new(name);
        let server = Server::start(&stage);
        let display = Display::start(&stage, "a");
        let bot = Participant::bot(&stage, &server.url(), "tea", "bot", &[]);
        let url = server.url();
        let place = Place { display: &display, pulse: None, url: &url, room: "another-room" };
        let common = ["--renderer", "glow", "--camera", "none", "--microphone", "none", "--speaker", "none"];
        let mut command = Participant::window_command(&stage, &place, "Mina", &common);
        let window = Process::start(&stage, "window", &mut command);
        window.wait_for_where("ScreenShown", |e| e["screen"] == "lobby");
        Self { stage, server, display, bot, window }
    }

    /// What a browser does with a link: it starts the program, which hands the link over.
    fn click(&self, link: &str) {
        let mut command = Visavis::command(&self.stage);
        command.arg(link).env("DISPLAY", self.display.name()).env("VISAVIS_RENDERER", "glow");
        let output = Visavis::run(&mut command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The lobby is shown, filled in; Mina is in the room when she presses Join, and not before.
    #[track_caller]
    fn joins_from_the_lobby(&self) {
        self.display.focus(self.window.pid());
        std::thread::sleep(std::time::Duration::from_millis(600));
        self.display.screenshot(&self.stage, "lobby");
        assert!(self.window.all("EnterRoom").is_empty(), "the link entered by itself");
        // Join has the focus, as nothing is missing.
        self.display.press("Return");
        self.bot.wait_for_where("RemoteUserEnterRoom", |e| e["name"] == "Mina");
    }
}

#[test]
fn a_link_goes_to_the_open_window_and_leads_into_its_room() {
    let door = Door::open("link-opened");
    door.click(&format!("http://127.0.0.1:{}/j/tea", door.server.port()));
    door.joins_from_the_lobby();
}

#[test]
fn a_link_of_another_program_finds_the_lobby_behind_the_settings() {
    let door = Door::open("link-settings");
    door.display.focus(door.window.pid());
    door.display.press("ctrl+comma");
    std::thread::sleep(std::time::Duration::from_millis(600));
    door.display.screenshot(&door.stage, "settings");
    door.click(&format!("visavis://join?server={}&room=tea&name=Jo", door.server.url()));
    // The name is the user's own, not the link's.
    door.joins_from_the_lobby();
}
