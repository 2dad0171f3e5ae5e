//! "Report a problem": what the file holds is shown first, and nothing is saved without Save.

use super::{Gallery, LARGE, SMALL, press};
use crate::base::ExitReason;
use crate::ui::testing::{World, ada, ada_with, ending, in_call};
use crate::ui::{App, ReportRequest, ReportState};
use egui::Key;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

const REPORT: &str = "Report a problem";

fn lines() -> ReportState {
    let mut lines = vec!["Support bundle of Visavis 0.1.0, made 2025-11-30 20:26:02 UTC".to_owned(), String::new()];
    lines.extend((1..400).map(|n| format!("  {:>9}  RemoteUserEnterRoom: user-{n:08x} came", "0:12.5")));
    ReportState::Ready(lines.into())
}

fn set(world: &World, window: &mut Harness<'static, App>, state: ReportState) {
    world.lock().report = Some(state);
    // The dialog grows with its content, and is in its place a few frames later.
    window.run_steps(12);
}

fn requests(world: &World) -> Vec<ReportRequest> {
    std::mem::take(&mut world.lock().report_requests)
}

#[track_caller]
fn shows_and_saves(world: &World, window: &mut Harness<'static, App>) {
    press(window, REPORT);
    assert_eq!(requests(world), [ReportRequest::Collect]);
    assert!(window.query_by_role_and_label(Role::Button, "Save").is_none(), "there is nothing to save yet");
    set(world, window, lines());
    assert!(window.query_by_label_contains("Support bundle of Visavis").is_some());
    assert_eq!(requests(world), [], "nothing is saved without Save");
    world.lock().report = Some(ReportState::Working);
    press(window, "Save");
    assert_eq!(requests(world), [ReportRequest::Save]);
    set(world, window, ReportState::Saved("/home/ada/Downloads/visavis-support-1.json".into()));
}

#[test]
fn after_a_call_the_report_is_shown_and_then_saved() {
    let mut gallery = Gallery::default();
    for (size, name) in [(LARGE, "report"), (SMALL, "report-small")] {
        let world = World::new();
        world.call(in_call());
        let mut window = world.window(size, ada());
        world.end(ending(ExitReason::Left));
        window.run_steps(10);
        press(&mut window, REPORT);
        set(&world, &mut window, lines());
        if size == LARGE {
            gallery.compare(&mut window, name);
        } else {
            gallery.keep(&mut window, name);
        }
        window.key_press(Key::PageDown);
        window.run_steps(10);
        assert!(window.query_by_label_contains("Support bundle of Visavis").is_none(), "the keys move the preview");
        press(&mut window, "Cancel");
        assert!(window.query_by_role_and_label(Role::Button, "Save").is_none());
        assert_eq!(requests(&world), [ReportRequest::Collect], "nothing was saved");
        world.lock().report = None;
        shows_and_saves(&world, &mut window);
        assert!(window.query_by_label_contains("visavis-support-1.json").is_some());
        press(&mut window, "Close");
        assert!(window.query_by_role_and_label(Role::Button, "New call").is_some());
    }
}

#[test]
fn escape_closes_the_dialog_and_not_what_is_behind_it() {
    for (reason, behind) in [(ExitReason::Left, "New call"), (ExitReason::Kicked, "Back to lobby")] {
        let world = World::new();
        world.call(in_call());
        let mut window = world.window(LARGE, ada());
        world.end(ending(reason));
        window.run_steps(10);
        press(&mut window, REPORT);
        set(&world, &mut window, ReportState::Failed("The file could not be saved: no space left.".into()));
        assert!(window.query_by_label_contains("no space left").is_some());
        press(&mut window, "Try again");
        assert_eq!(requests(&world), [ReportRequest::Collect; 2]);
        window.key_press(Key::Escape);
        window.run_steps(3);
        assert!(window.query_by_label_contains("no space left").is_none(), "the dialog is closed");
        assert!(window.query_by_role_and_label(Role::Button, behind).is_some(), "what was behind it is there");
    }
}

#[test]
fn the_settings_offer_it_too() {
    let world = World::new();
    let mut window = world.window([1280.0, 1200.0], ada_with(|s| s.theme = crate::store::Theme::Light));
    let gallery = Gallery::default();
    press(&mut window, "Settings");
    press(&mut window, REPORT);
    set(&world, &mut window, lines());
    gallery.keep(&mut window, "report-light");
    press(&mut window, "Cancel");
    world.lock().report = None;
    requests(&world);
    shows_and_saves(&world, &mut window);
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("Close settings").is_some(), "the settings stay open");
}

#[test]
fn a_crash_is_told_once_in_the_lobby() {
    let mut gallery = Gallery::default();
    let world = World::new();
    world.lock().crashed = true;
    let mut window = world.window(LARGE, ada());
    let told = |window: &Harness<'static, App>| window.query_by_label_contains("broke down").is_some();
    assert!(told(&window));
    gallery.compare(&mut window, "lobby-crash");
    press(&mut window, "Close the note about the crash");
    assert!(!told(&window));
    assert_eq!(requests(&world), [ReportRequest::CloseCrashNote]);
}
