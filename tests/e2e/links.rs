//! Links to calls: a browser or a menu starts the program with one; it fills the lobby in and enters nothing by itself.

use crate::kit::program::Place;
use crate::kit::stage::tool;
use crate::kit::{Display, Events, Participant, Process, Server, Stage, Visavis, wait_until};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

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

    /// Registers the program for its links, as its package does, in the home of whoever runs it here. What it was started
    /// with is written into the file `taken` once it has handed the link over and ended.
    fn register(&self) -> PathBuf {
        let (home, taken) = (self.stage.artifact("home"), self.stage.artifact("taken"));
        let opener = self.stage.artifact("open");
        let script =
            format!("#!/bin/sh\n{} \"$1\" && echo \"$1\" >{}\n", env!("CARGO_BIN_EXE_visavis"), taken.display());
        fs::write(&opener, script).expect("a script");
        fs::set_permissions(&opener, Permissions::from_mode(0o755)).expect("a program");
        let entry = format!(
            "[Desktop Entry]\nType=Application\nName=Visavis\nExec={} %u\nMimeType=x-scheme-handler/visavis;\n",
            opener.display()
        );
        fs::create_dir_all(home.join("applications")).expect("a folder for menu entries");
        fs::write(home.join("applications/visavis.desktop"), entry).expect("a menu entry");
        let defaults = "[Default Applications]\nx-scheme-handler/visavis=visavis.desktop\n";
        fs::write(home.join("mimeapps.list"), defaults).expect("the default applications");
        taken
    }

    /// Somebody opens the page of the room in a real browser without JavaScript, from several systems, and presses the
    /// button in the end.
    fn visit(&self) -> Process {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/join_page.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(format!("http://127.0.0.1:{}/j/tea", self.server.port()));
        command.arg(self.stage.artifact("browser")).arg(self.stage.artifact("page.png")).env("NODE_SDK", tool("node"));
        command.env("DISPLAY", self.display.name()).env("VISAVIS_RENDERER", "glow");
        let home = self.stage.artifact("home");
        for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
            command.env(variable, &home);
        }
        Process::start(&self.stage, "browser", &mut command)
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
fn the_page_of_a_link_says_what_happens_and_its_button_leads_into_the_room() {
    let door = Door::open("link-page");
    let taken = door.register();
    let browser = door.visit();
    for (system, offer) in [
        ("Windows", "Get Visavis for Windows, then open this page again"),
        ("macOS", "Get Visavis for macOS, then open this page again"),
        ("Linux", "Get Visavis for Linux, then open this page again"),
        ("telephone", "Visavis runs on computers with Windows, macOS or Linux: get it there"),
    ] {
        let page = browser.wait_for_where("Shown", |e| e["system"] == system);
        let text = page["text"].as_str().expect("words");
        assert_eq!(page["status"], 200);
        assert!(text.contains("You are invited to “tea”") && text.contains(offer), "{system}: {text}");
        assert!(text.contains("nobody sees or hears you before you press Join"), "what happens: {text}");
    }
    let loaded = browser.wait_for("Loaded");
    assert_eq!(loaded["urls"].as_array().map(Vec::len), Some(1), "the page loads something: {loaded}");
    browser.wait_for("Pressed");
    let link =
        wait_until("the program to take the link over", || fs::read_to_string(&taken).ok().filter(|l| !l.is_empty()));
    assert_eq!(link.trim(), format!("visavis://127.0.0.1:{}/tea", door.server.port()));
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
