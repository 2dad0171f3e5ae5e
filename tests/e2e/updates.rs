//! The program looks for newer versions only where its user allowed it, and the request does not identify the user.

use crate::kit::http::Site;
use crate::kit::{Display, Events, Process, TestContext, Visavis, wait_until};

/// Opens a window with settings of its own.
fn window(context: &TestContext, display: &Display, name: &str, settings: &str) -> Process {
    let folder = context.artifact(name);
    std::fs::create_dir_all(&folder).expect("a folder for settings");
    std::fs::write(folder.join("settings.toml"), settings).expect("settings");
    let mut command = Visavis::command(context);
    command.args(["--renderer", "glow", "--camera", "none", "--microphone", "none", "--speaker", "none"]);
    command.args(["--events", "-"]).env("DISPLAY", display.name()).env("VISAVIS_CONFIG_DIR", folder);
    let window = Process::start(context, name, &mut command);
    window.wait_for_where("ScreenShown", |e| e["screen"] == "lobby");
    window
}

/// The feed is asked three seconds after the start. The window that may ask starts last: its request shows that the time
/// of the others is over.
#[test]
fn new_versions_are_looked_for_only_where_the_user_allowed_it() {
    let context = TestContext::new("updates");
    let display = Display::start(&context, "a");
    let site = Site::answering(|url| {
        serde_json::json!({ "tag_name": "v999.0.0", "html_url": format!("{url}/tag/v999.0.0") }).to_string()
    });
    let feed = |path: &str| format!("release_feed = \"{}/{path}.json\"\nname = \"Mina\"\n", site.url());
    let settings = [
        ("not-asked", feed("not-asked")),
        ("no", format!("check_for_updates = false\n{}", feed("no"))),
        ("yes", format!("check_for_updates = true\n{}", feed("yes"))),
    ];
    let windows = settings.map(|(name, settings)| window(&context, &display, name, &settings));
    let request = wait_until("the feed to be asked", || site.requests().pop()).to_lowercase();
    assert!(request.starts_with("get /yes.json "), "{request}");
    assert_eq!(site.requests().len(), 1, "a window asked without leave: {:?}", site.requests());
    let version = env!("CARGO_PKG_VERSION");
    for told in ["mina", version, "linux", "cookie", "accept-language"] {
        assert!(!request.contains(told), "the request tells {told}: {request}");
    }
    display.screenshot(&context, "note");
    for mut window in windows {
        window.signal("TERM");
        window.wait_exit_code(0);
    }
    assert_eq!(site.requests().len(), 1, "the feed is asked once");
}
