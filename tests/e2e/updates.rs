//! The program looks for newer versions only where its user said so, and then says nothing of that user.

use crate::kit::http::Site;
use crate::kit::{Display, Events, Process, Stage, Visavis, wait_until};
use std::time::Duration;

/// The feed is asked three seconds after the start.
const LONG_AFTER: Duration = Duration::from_secs(7);

fn window(stage: &Stage, display: &Display, name: &str, settings: &str) -> Process {
    let folder = stage.artifact("home/visavis");
    std::fs::create_dir_all(&folder).expect("a folder for settings");
    std::fs::write(folder.join("settings.toml"), settings).expect("settings");
    let mut command = Visavis::command(stage);
    command.args(["--renderer", "glow", "--camera", "none", "--microphone", "none", "--speaker", "none"]);
    command.args(["--events", "-"]).env("DISPLAY", display.name());
    let window = Process::start(stage, name, &mut command);
    window.wait_for_where("ScreenShown", |e| e["screen"] == "lobby");
    window
}

#[test]
fn new_versions_are_looked_for_where_the_user_said_so_and_nowhere_else() {
    let stage = Stage::new("updates");
    let display = Display::start(&stage, "a");
    let site = Site::answering(|url| {
        serde_json::json!({ "tag_name": "v999.0.0", "html_url": format!("{url}/tag/v999.0.0") }).to_string()
    });
    let feed = format!("release_feed = \"{}/latest.json\"\nname = \"Mina\"\n", site.url());
    for (name, answer) in [("not-asked", ""), ("no", "check_for_updates = false\n")] {
        let mut window = window(&stage, &display, name, &format!("{answer}{feed}"));
        std::thread::sleep(LONG_AFTER);
        assert_eq!(site.requests(), Vec::<String>::new(), "{name}");
        window.signal("TERM");
        window.wait_exit_code(0);
    }
    let window = window(&stage, &display, "yes", &format!("check_for_updates = true\n{feed}"));
    let request = wait_until("the feed to be asked", || site.requests().pop()).to_lowercase();
    let version = env!("CARGO_PKG_VERSION");
    for said in ["mina", version, "linux", "cookie", "accept-language"] {
        assert!(!request.contains(said), "the request says {said}: {request}");
    }
    std::thread::sleep(Duration::from_secs(1));
    display.focus(window.pid());
    display.screenshot(&stage, "note");
    assert_eq!(site.requests().len(), 1);
}
