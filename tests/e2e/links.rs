//! Links to calls: a browser or a menu starts the program with a link. The link fills the lobby in, and enters no room by
//! itself.

use crate::kit::context::tool;
use crate::kit::program::Place;
use crate::kit::{Display, Events, Keyboard, Participant, Process, Server, TestContext, Visavis, wait_until};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A window in its lobby that receives links, and a bot in the room of the links.
struct LobbyWindow {
    context: TestContext,
    server: Server,
    display: Display,
    bot: Participant,
    window: Process,
}

impl LobbyWindow {
    fn open(name: &str) -> Self {
        let context = TestContext::new(name);
        let server = Server::start(&context);
        let display = Display::start(&context, "a");
        let bot = Participant::bot(&context, &server.url(), "tea", "bot", &[]);
        let url = server.url();
        let place = Place { display: &display, pulse: None, url: &url, room: "another-room" };
        let common = ["--renderer", "glow", "--camera", "none", "--microphone", "none", "--speaker", "none"];
        let mut command = Participant::window_command(&context, &place, "Mina", &common);
        let window = Process::start(&context, "window", &mut command);
        window.wait_for_where("ScreenShown", |e| e["screen"] == "lobby");
        Self { context, server, display, bot, window }
    }

    /// Moves the focus away from Join, where a new link puts it.
    #[track_caller]
    fn focus_elsewhere(&self) {
        Keyboard::of(&self.display, &self.window).focus("Tab", "Settings");
    }

    /// Starts the program with a link, as a browser does. It forwards the link and ends.
    fn click(&self, link: &str) {
        let mut command = Visavis::command(&self.context);
        command.arg(link).env("DISPLAY", self.display.name()).env("VISAVIS_RENDERER", "glow");
        let output = Visavis::run(&mut command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Registers the program for its links in the home folder of the test, as its package does. Once a started program has
    /// forwarded its link and ended, the link is in the returned file.
    fn register(&self) -> PathBuf {
        let (home, taken) = (self.context.artifact("home"), self.context.artifact("taken"));
        let opener = self.context.artifact("open");
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

    /// Opens the page of the room in a real browser without JavaScript, as several systems, and presses its button at the
    /// end.
    fn visit(&self) -> Process {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/join_page.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(format!("http://127.0.0.1:{}/j/tea", self.server.port()));
        command
            .arg(self.context.artifact("browser"))
            .arg(self.context.artifact("page.png"))
            .env("NODE_SDK", tool("node"));
        command.env("DISPLAY", self.display.name()).env("VISAVIS_RENDERER", "glow");
        let home = self.context.artifact("home");
        for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
            command.env(variable, &home);
        }
        Process::start(&self.context, "browser", &mut command)
    }

    /// Waits until a link has put the focus on Join, and joins. The window has not entered by itself.
    #[track_caller]
    fn joins_from_the_lobby(&self) {
        let keyboard = Keyboard::of(&self.display, &self.window);
        wait_until("Join to have the focus", || {
            keyboard.visited().last().is_some_and(|name| name == "Join").then_some(())
        });
        self.display.screenshot(&self.context, "lobby");
        assert!(self.window.all("EnterRoom").is_empty(), "the link entered by itself");
        keyboard.press("Return");
        self.bot.wait_for_where("RemoteUserEnterRoom", |e| e["name"] == "Mina");
    }
}

#[test]
fn a_link_goes_to_the_open_window_and_leads_into_its_room() {
    let lobby = LobbyWindow::open("link-opened");
    lobby.focus_elsewhere();
    lobby.click(&format!("http://127.0.0.1:{}/j/tea", lobby.server.port()));
    lobby.joins_from_the_lobby();
}

#[test]
fn the_page_of_a_link_says_what_happens_and_its_button_leads_into_the_room() {
    let lobby = LobbyWindow::open("link-page");
    lobby.focus_elsewhere();
    let taken = lobby.register();
    let browser = lobby.visit();
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
    assert_eq!(link.trim(), format!("visavis://127.0.0.1:{}/tea", lobby.server.port()));
    lobby.joins_from_the_lobby();
}

#[test]
fn a_link_of_another_program_finds_the_lobby_behind_the_settings() {
    let lobby = LobbyWindow::open("link-settings");
    let keyboard = Keyboard::of(&lobby.display, &lobby.window);
    keyboard.focus_after("ctrl+comma");
    lobby.display.screenshot(&lobby.context, "settings");
    lobby.click(&format!("visavis://join?server={}&room=tea&name=Jo", lobby.server.url()));
    // The user's own name wins over the link's.
    lobby.joins_from_the_lobby();
}
