//! Sharing a screen and looking at one, by keyboard and by accessible names.

use super::{Gallery, LARGE, SMALL, asked, in_a_call, press};
use crate::base::{DeviceProblemKind, FrameSlot, ScreenSourceKind, SharingSupport, VideoFrame, Withheld};
use crate::call::view::{CallCommand, DeviceProblem, DeviceState, LocalDevice, Notice, ShareOption, ShareOptions};
use crate::store::Theme;
use crate::ui::App;
use crate::ui::testing::{World, ada_with, in_call, share};
use egui::{Key, Modifiers, ViewportCommand, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use std::sync::Arc;

const PICKER: &str = "Share a screen or a window";

/// Something to share, with a picture of this colour.
fn option(id: &str, label: &str, kind: ScreenSourceKind, yuv: [u8; 3]) -> ShareOption {
    let frames = FrameSlot::default();
    frames.put(Arc::new(VideoFrame::filled(320, 200, yuv, 0).expect("a picture")));
    ShareOption { id: id.into(), label: label.into(), kind, size: (1920, 1200), frames }
}

/// The service finds two screens and three windows.
fn find(world: &World) {
    let (screen, window) = (ScreenSourceKind::Screen, ScreenSourceKind::Window);
    let options = vec![
        option("x11-screen:DP-1", "DP-1", screen, [60, 140, 110]),
        option("x11-screen:HDMI-1", "HDMI-1", screen, [120, 110, 150]),
        option("x11-window:0x11", "Onboarding flow, version 3", window, [200, 120, 130]),
        option(
            "x11-window:0x12",
            "Budget.ods — LibreOffice Calc, a title that is much too long",
            window,
            [160, 100, 140],
        ),
        option("x11-window:0x13", "Terminal", window, [30, 128, 128]),
    ];
    world.lock().snapshot.share_options = Some(Arc::new(ShareOptions { support: SharingSupport::Yes, options }));
}

fn share_key(window: &mut Harness<'static, App>) {
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
    window.run_steps(3);
}

fn is_open(window: &Harness<'static, App>) -> bool {
    window.query_by_role_and_label(Role::AlertDialog, PICKER).is_some()
}

fn focused(window: &Harness<'static, App>, label: &str) -> bool {
    window.query_by(|n| n.is_focused() && n.label().is_some_and(|l| l == label)).is_some()
}

/// We share a window.
fn sharing(world: &World, paused: bool) {
    let mut inner = world.lock();
    inner.snapshot.screen = LocalDevice {
        id: "x11-window:0x13".into(),
        label: "Terminal".into(),
        wanted: true,
        state: DeviceState::Open,
        ..LocalDevice::default()
    };
    inner.snapshot.sharing_paused = paused;
    let frame = VideoFrame::filled(320, 200, [30, 128, 128], 0).expect("a picture");
    inner.snapshot.screen_frames.put(Arc::new(frame));
}

#[test]
fn a_window_is_chosen_and_shared_by_keyboard() {
    let world = World::new();
    let mut window = in_a_call(&world);
    share_key(&mut window);
    assert!(is_open(&window) && focused(&window, "Cancel"));
    assert_eq!(world.commands(), [CallCommand::WatchScreens(true)]);
    find(&world);
    window.run_steps(3);
    for _ in 0..12 {
        if focused(&window, "Window: Terminal") {
            break;
        }
        window.key_press(Key::Tab);
        window.run_steps(2);
    }
    assert!(focused(&window, "Window: Terminal"), "Tab reaches every window");
    assert!(window.query_by_label("Share what is chosen").is_none(), "nothing is chosen yet");
    window.key_press(Key::Space);
    window.run_steps(3);
    press(&mut window, "Share what is chosen");
    assert!(!is_open(&window));
    let share = CallCommand::Share("x11-window:0x13".into());
    assert_eq!(world.commands(), [CallCommand::WatchScreens(false), share]);
}

#[test]
fn the_picker_is_closed_without_sharing_and_forgets_what_is_gone() {
    let world = World::new();
    let mut window = in_a_call(&world);
    press(&mut window, "Share");
    find(&world);
    window.run_steps(3);
    window.get_by_label("Window: Terminal").click();
    window.run_steps(3);
    assert!(window.query_by_label("Share what is chosen").is_some());
    let mut rest = (**world.lock().snapshot.share_options.as_ref().expect("options")).clone();
    rest.options.truncate(2);
    world.lock().snapshot.share_options = Some(Arc::new(rest));
    window.run_steps(3);
    assert!(window.query_by_label("Share what is chosen").is_none(), "the window was closed meanwhile");
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(!is_open(&window));
    assert_eq!(world.commands(), [CallCommand::WatchScreens(true), CallCommand::WatchScreens(false)]);
}

#[test]
fn the_picker_says_where_nothing_can_be_shared() {
    let world = World::new();
    let mut window = in_a_call(&world);
    press(&mut window, "Share");
    let options = ShareOptions { support: SharingSupport::Wayland, options: Vec::new() };
    world.lock().snapshot.share_options = Some(Arc::new(options));
    window.run_steps(3);
    assert!(window.query_by_label_contains("cannot share a screen in a Wayland session").is_some());
    press(&mut window, "Cancel");
    assert!(!is_open(&window));
}

#[test]
fn the_picker_looks_as_the_other_dialogs_in_both_themes_and_at_every_size_of_text() {
    let mut gallery = Gallery::default();
    for (name, theme, size, percent) in [
        ("share-picker-dark", Theme::Dark, LARGE, 100),
        ("share-picker-light", Theme::Light, LARGE, 100),
        ("share-picker-large-text", Theme::Dark, LARGE, 150),
        ("share-picker-compact", Theme::Dark, SMALL, 100),
    ] {
        let world = World::new();
        world.call(in_call());
        let mut window = world.window(size, ada_with(|s| (s.theme, s.text_size) = (theme, percent)));
        share_key(&mut window);
        find(&world);
        window.run_steps(3);
        window.get_by_label("Screen: DP-1").click();
        window.run_steps(8);
        assert!(window.query_by_label("Share what is chosen").is_some(), "{name}");
        if percent == 100 && size == LARGE {
            gallery.compare(&mut window, name);
        } else {
            gallery.keep(&mut window, name);
        }
    }
}

#[test]
fn a_bar_tells_what_is_shared_with_pause_change_and_stop() {
    let mut gallery = Gallery::default();
    let world = World::new();
    let mut window = in_a_call(&world);
    sharing(&world, false);
    window.run_steps(8);
    assert!(window.query_by_label("You are sharing “Terminal”. The others see it.").is_some());
    gallery.compare(&mut window, "sharing");
    press(&mut window, "Pause sharing");
    sharing(&world, true);
    window.run_steps(3);
    assert!(window.query_by_label("You are sharing “Terminal”. Paused: the others see the last picture.").is_some());
    press(&mut window, "Go on sharing");
    press(&mut window, "Share something else");
    assert!(is_open(&window));
    window.key_press(Key::Escape);
    window.run_steps(3);
    press(&mut window, "Stop sharing");
    share_key(&mut window);
    let expected = [
        CallCommand::PauseSharing(true),
        CallCommand::PauseSharing(false),
        CallCommand::WatchScreens(true),
        CallCommand::WatchScreens(false),
        CallCommand::StopSharing,
        CallCommand::StopSharing,
    ];
    assert_eq!(world.commands(), expected);
    gallery.keep(&mut window, "sharing-paused");
}

#[test]
fn the_end_of_a_share_is_told_with_a_way_back() {
    let world = World::new();
    let mut window = in_a_call(&world);
    let gone = DeviceProblem { kind: DeviceProblemKind::Unplugged, message: "the shared window was closed".into() };
    {
        let mut inner = world.lock();
        inner.snapshot.screen.label = "Terminal".into();
        inner.snapshot.screen.wanted = true;
        inner.snapshot.screen.state = DeviceState::Failed(gone);
        inner.notices = vec![Notice::Device(crate::base::DeviceKind::Screen)];
    }
    window.run_steps(3);
    assert!(window.query_by_label_contains("Sharing has ended: what you shared is gone").is_some());
    assert!(window.query_by_label_contains("You are sharing").is_none());
    press(&mut window, "Share again");
    assert!(is_open(&window));
    window.key_press(Key::Escape);
    world.lock().notices = vec![Notice::LockedWhileSharing];
    window.run_steps(3);
    assert!(window.query_by_label_contains("because the screen was locked").is_some());
    world.commands();
    world.lock().snapshot.screen.withheld = Some(Withheld::NotAllowed);
    window.run_steps(3);
    press(&mut window, "Share");
    assert!(!is_open(&window) && world.commands().is_empty());
    assert!(window.query_by_label_contains("You may not share your screen in this room").is_some());
}

#[test]
fn a_large_screen_is_magnified_by_keys_and_shown_on_the_whole_screen() {
    let gallery = Gallery::default();
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| share(&mut call.people[0], "TR_VS"));
    window.run_steps(30);
    window.key_press(Key::F6);
    window.run_steps(3);
    press(&mut window, "Show the screen on the whole screen");
    window.step();
    assert!(window.query_by_label("Leave call").is_none(), "the bars are gone");
    assert!(window.query_by_label("Mina Park's screen, good connection").is_some());
    gallery.keep(&mut window, "screen-whole");
    window.key_press(Key::Plus);
    window.run_steps(3);
    assert!(window.query_by_label("Fit the screen into the window").is_some(), "it is magnified");
    window.key_press(Key::Num0);
    window.run_steps(3);
    assert!(window.query_by_label("Show the screen in real size").is_some());
    window.key_down(Key::Escape);
    window.step();
    let left = asked(&window, &ViewportCommand::Fullscreen(false));
    window.key_up(Key::Escape);
    window.run_steps(3);
    assert!(left && window.query_by_label("Leave call").is_some());
    // The end of the screen ends it too.
    press(&mut window, "Show the screen on the whole screen");
    world.with_call(|call| drop(call.people[0].tracks.pop()));
    window.run_steps(3);
    assert!(window.query_by_label("Leave call").is_some());
}

#[test]
fn of_several_sharers_one_is_chosen_by_a_tab() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| {
        share(&mut call.people[0], "TR_VS1");
        share(&mut call.people[1], "TR_VS2");
    });
    window.run_steps(30);
    let width = |window: &Harness<'static, App>, name: &str| {
        let is_it = |label: &str| label.starts_with(name);
        window.get_by(|n| n.role() == Role::Group && n.label().is_some_and(|l| is_it(&l))).rect().width()
    };
    assert!(width(&window, "Mina Park's screen") > 900.0);
    window.get_by_label("Shared screen: Tomás Rivera's screen").click();
    window.run_steps(30);
    assert!(width(&window, "Tomás Rivera's screen") > 900.0 && width(&window, "Mina Park's screen") < 300.0);
}
