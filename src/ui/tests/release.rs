//! Newer versions: the window asks once whether to look for them, and tells each until its note is closed.

use super::{Gallery, LARGE, press};
use crate::call::view::Notice;
use crate::proto::release::{Release, newest};
use crate::store::{RecentRoom, Settings};
use crate::ui::App;
use crate::ui::testing::{World, ada_with};
use egui::accesskit::{Role, Toggled};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

fn version(number: &str) -> Release {
    let page = format!("https://example.com/releases/tag/v{number}");
    let feed = serde_json::json!({ "tag_name": format!("v{number}"), "html_url": page });
    newest(feed.to_string().as_bytes(), "https://example.com/").expect("a release")
}

fn tell(world: &World, window: &mut Harness<'static, App>, number: &str) {
    world.lock().notices.push(Notice::NewRelease(version(number)));
    window.run_steps(3);
}

fn saved(world: &World) -> Settings {
    world.lock().settings.clone().expect("handed out")
}

fn with_past(answer: Option<bool>) -> Settings {
    ada_with(|s| {
        s.check_for_updates = answer;
        let (room, server) = ("1:1 with Lena".into(), "wss://meet.example".into());
        s.remember(RecentRoom { room, server, invitation: None, left_at: 1_763_800_000, reason: 0, confirmed: true });
    })
}

const QUESTION: &str = "May Visavis tell you about new versions?";

#[test]
fn a_newer_version_is_told_until_its_note_is_closed() {
    let gallery = Gallery::default();
    let world = World::new();
    let mut window = world.window(LARGE, with_past(Some(true)));
    assert!(window.query_by_label_contains("is out").is_none());
    tell(&world, &mut window, "9.0.0");
    assert!(window.query_by_label("Version 9.0.0 is out").is_some());
    gallery.keep(&mut window, "lobby-release");
    press(&mut window, "See what is new");
    assert_eq!(world.lock().pages, ["https://example.com/releases/tag/v9.0.0"]);
    press(&mut window, "Close this note");
    assert!(window.query_by_label_contains("is out").is_none());
    assert_eq!(saved(&world).closed_release.as_deref(), Some("9.0.0"));
    tell(&world, &mut window, "9.0.0");
    assert!(window.query_by_label_contains("is out").is_none(), "it was told already");
    tell(&world, &mut window, "9.0.1");
    assert!(window.query_by_label("Version 9.0.1 is out").is_some());
}

#[test]
fn after_the_first_call_the_window_asks_once_whether_to_look() {
    let gallery = Gallery::default();
    let world = World::new();
    let window = world.window(LARGE, ada_with(|s| s.check_for_updates = None));
    assert!(window.query_by_label(QUESTION).is_none(), "not at the first start");
    for (answer, wanted) in [("Yes, tell me", true), ("No, do not look for new versions", false)] {
        let world = World::new();
        let mut window = world.window(LARGE, with_past(None));
        assert!(window.query_by_label(QUESTION).is_some());
        gallery.keep(&mut window, "lobby-question");
        press(&mut window, answer);
        assert!(window.query_by_label(QUESTION).is_none());
        assert_eq!(saved(&world).check_for_updates, Some(wanted));
        let window = World::new().window(LARGE, saved(&world));
        assert!(window.query_by_label(QUESTION).is_none(), "it was answered");
    }
}

#[test]
fn the_settings_switch_it_and_tell_too() {
    let world = World::new();
    let mut window = world.window([1280.0, 1200.0], with_past(Some(false)));
    press(&mut window, "Settings");
    let switch = "Tell me about new versions";
    let is_on = |window: &Harness<'static, App>| {
        window.get_by_role_and_label(Role::Switch, switch).accesskit_node().toggled() == Some(Toggled::True)
    };
    assert!(!is_on(&window));
    window.get_by_role_and_label(Role::Switch, switch).click();
    window.run_steps(2);
    assert!(is_on(&window) && saved(&world).check_for_updates == Some(true));
    tell(&world, &mut window, "9.0.0");
    press(&mut window, "See what is new");
    assert_eq!(world.lock().pages.len(), 1);
    window.get_by_role_and_label(Role::Switch, switch).click();
    window.run_steps(3);
    assert!(window.query_by_label_contains("is out").is_none(), "it was turned off");
    assert_eq!(saved(&world).check_for_updates, Some(false));
}
