//! The commands that follow from a person's actions in the window.

use super::{LARGE, SMALL, asked, close, in_a_call, leaving, press};
use crate::base::{ExitReason, ExitRequestedBy, FrameSlot, TrackRole};
use crate::call::view::{CallCommand, CallPhase, DeviceChoice, JoinParams, Notice};
use crate::store::Theme;
use crate::ui::App;
use crate::ui::testing::{SERVER, World, ada, ada_with, ending, guest, in_call, mute, portrait};
use egui::{Key, Modifiers, ViewportId, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use std::time::Duration;

fn request() -> JoinParams {
    JoinParams {
        server: Some("https://meet.example".into()),
        room: "Design review".parse().expect("a room"),
        name: "Ada Okafor".into(),
        invitation: None,
    }
}

#[test]
fn the_lobby_opens_the_preview_and_joins() {
    let world = World::new();
    let mut window = world.window(LARGE, ada());
    let start = [
        CallCommand::SetMicrophone(true),
        CallCommand::SetCamera(true),
        CallCommand::UseDevices(DeviceChoice::default()),
    ];
    assert_eq!(world.commands(), start);
    assert_eq!(world.lock().screens, ["lobby"]);
    press(&mut window, "Join");
    assert_eq!(world.commands(), [CallCommand::Join(request())]);

    world.call(CallPhase::Entering);
    window.run_steps(3);
    assert!(window.query_by_label("Joining").is_some());
    world.call(in_call());
    window.run_steps(3);
    assert_eq!(world.lock().screens, ["lobby", "joining", "call"]);
    let on_stage = window.query_by(|n| n.role() == Role::Group && n.is_focused()).is_some();
    assert!(on_stage, "the focus is on a tile");
}

#[test]
fn an_empty_form_is_filled_in_by_typing() {
    let world = World::new();
    let mut window = world.window(
        LARGE,
        ada_with(|s| {
            s.name.clear();
            s.room.clear();
        }),
    );
    assert!(window.get_by_label("Link or room name").is_focused(), "the first empty field has the focus");
    window.get_by_label("Link or room name").type_text("design-review");
    window.run_steps(2);
    window.get_by_label("Your name").click();
    window.run_steps(2);
    world.commands();
    window.key_press(Key::Enter);
    window.run_steps(2);
    assert!(window.query_by_label("Write the name the others will see.").is_some());
    assert_eq!(world.commands(), []);
    window.get_by_label("Your name").type_text("Mina");
    window.run_steps(2);
    assert!(window.query_by_label("Write the name the others will see.").is_none(), "typing takes the sentence away");
    window.key_press(Key::Enter);
    window.run_steps(2);
    let commands = world.commands();
    assert!(
        matches!(&commands[..], [CallCommand::Join(r)] if r.name == "Mina" && r.server.as_deref() == Some(SERVER)),
        "{commands:?}"
    );
    let saved = world.lock().settings.clone().expect("handed out");
    assert_eq!((saved.name.as_str(), saved.room.as_str()), ("Mina", "design-review"));
}

#[test]
fn the_server_is_under_advanced_and_a_call_can_be_started_here() {
    let world = World::new();
    let mut window = world.window(
        LARGE,
        ada_with(|s| {
            s.room = "a".into();
            s.server = "nonsense://x".into();
        }),
    );
    assert!(window.query_by_label("Server address").is_none());
    press(&mut window, "Join");
    assert!(window.query_by_label("Server address").is_some(), "a bad address unfolds its field");
    world.commands();
    press(&mut window, "Start a call on this computer");
    let commands = world.commands();
    assert!(matches!(&commands[..], [CallCommand::Join(r)] if r.server.is_none()), "{commands:?}");
}

#[test]
fn esc_stops_joining_and_a_refusal_is_told_in_the_lobby() {
    let world = World::new();
    world.call(CallPhase::Entering);
    let mut window = world.window(LARGE, ada());
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert_eq!(world.commands(), [CallCommand::Leave(ExitRequestedBy::User)]);
    let mut failed = ending(ExitReason::EntryFailed);
    failed.message = "This call is full (50 people). Try again when someone leaves.".into();
    world.end(failed);
    window.run_steps(3);
    assert_eq!(world.commands(), [CallCommand::Dismiss, CallCommand::UseDevices(DeviceChoice::default())]);
    assert!(window.query_by_label_contains("This call is full").is_some());
    world.lock().snapshot.call = None;
    window.run_steps(3);
    assert!(window.query_by_label_contains("This call is full").is_some(), "the sentence stays");
    assert_eq!(world.lock().screens, ["joining", "lobby"]);
}

#[test]
fn a_refusal_before_the_first_frame_is_told_too() {
    let world = World::new();
    world.call(CallPhase::Entering);
    let mut failed = ending(ExitReason::EntryFailed);
    failed.message = "The server does not accept this invitation. Ask for a new one.".into();
    world.end(failed);
    let mut window = world.window(LARGE, ada());
    window.run_steps(3);
    assert!(window.query_by_label_contains("does not accept").is_some());
    assert_eq!(world.commands(), [CallCommand::Dismiss, CallCommand::UseDevices(DeviceChoice::default())], "once");
}

#[test]
fn keys_switch_devices_and_leave_but_esc_never_leaves() {
    let world = World::new();
    let mut window = in_a_call(&world);
    window.key_press_modifiers(Modifiers::COMMAND, Key::D);
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::E);
    window.run_steps(2);
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert_eq!(world.commands(), [CallCommand::SetMicrophone(false), CallCommand::SetCamera(false)]);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    window.run_steps(2);
    assert!(window.query_by_label("Leaving the call").is_some(), "before the snapshot says so");
    assert_eq!(world.commands(), [CallCommand::Leave(ExitRequestedBy::User)]);
}

#[test]
fn leave_shows_the_receipt_and_comes_back() {
    let world = World::new();
    let mut window = in_a_call(&world);
    press(&mut window, "Leave call");
    assert_eq!(world.commands(), [CallCommand::Leave(ExitRequestedBy::User)]);
    world.end(ending(ExitReason::Left));
    window.run_steps(12);
    assert_eq!(world.lock().screens, ["call", "leaving", "end"]);
    assert!(window.query_by_label("You left. It is confirmed.").is_some());
    assert!(window.query_by_label("Everyone told").is_some());
    assert!(window.query_by_label("24 min, 4 people").is_some());
    assert!(window.get_by_label("New call").is_focused());
    press(&mut window, "Copy receipt");
    press(&mut window, "Rejoin");
    let commands = world.commands();
    assert_eq!(commands[0], CallCommand::Dismiss);
    assert!(matches!(&commands[1], CallCommand::Join(r) if r.room == request().room), "{commands:?}");
}

#[test]
fn a_slow_server_leaves_a_choice() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| call.phase = leaving(300, 2));
    window.run_steps(3);
    assert!(window.query_by_label("Telling everyone").is_some());
    world.with_call(|call| call.phase = leaving(1200, 2));
    window.run_steps(3);
    assert!(window.query_by_label_contains("gone within 6 seconds").is_some());
    press(&mut window, "Keep waiting");
    assert!(window.query_by_label("Telling everyone").is_some());
    assert_eq!(world.commands(), []);
}

#[test]
fn a_stuck_camera_is_not_said_to_be_off() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| call.phase = leaving(1500, 0));
    window.run_steps(3);
    assert!(window.query_by_label("Turning the camera off").is_some());
    assert!(window.query_by_label("Still telling everyone").is_none());
}

#[test]
fn removed_and_dismissed_are_dialogs_that_lead_back() {
    for (reason, title, screen) in [
        (ExitReason::Kicked, "You were removed from this call", "kicked"),
        (ExitReason::Dismissed, "This call was ended for everyone", "dismissed"),
    ] {
        let world = World::new();
        let mut window = in_a_call(&world);
        world.end(ending(reason));
        window.run_steps(4);
        assert_eq!(world.lock().screens.last(), Some(&screen));
        assert!(window.query_by_role_and_label(Role::AlertDialog, title).is_some());
        assert!(window.get_by_label("Back to lobby").is_focused());
        window.key_press(Key::Escape);
        window.run_steps(2);
        assert_eq!(world.commands(), [CallCommand::Dismiss]);
    }
}

#[test]
fn joined_elsewhere_offers_to_come_here() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.end(ending(ExitReason::JoinedElsewhere));
    window.run_steps(4);
    press(&mut window, "Join here instead");
    assert!(matches!(&world.commands()[..], [CallCommand::Dismiss, CallCommand::Join(_)]));
}

#[test]
fn closing_the_window_leaves_first() {
    let world = World::new();
    let mut window = in_a_call(&world);
    close(&mut window);
    assert!(asked(&window, &egui::ViewportCommand::CancelClose));
    assert_eq!(world.commands(), [CallCommand::Leave(ExitRequestedBy::Window)]);
    world.end(ending(ExitReason::Left));
    window.step();
    assert!(asked(&window, &egui::ViewportCommand::Close));
}

#[test]
fn closing_it_twice_closes_at_once() {
    let world = World::new();
    let mut window = in_a_call(&world);
    close(&mut window);
    world.with_call(|call| call.phase = leaving(20, 0));
    window.step();
    world.commands();
    close(&mut window);
    assert!(!asked(&window, &egui::ViewportCommand::CancelClose));
    assert_eq!(world.commands(), [CallCommand::CloseNow]);
}

#[test]
fn a_program_that_is_to_end_closes_its_window_after_the_call() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.lock().snapshot.quit = true;
    window.run_steps(2);
    assert!(!asked(&window, &egui::ViewportCommand::Close));
    world.end(ending(ExitReason::Left));
    let closed = (0..6).any(|_| {
        window.step();
        asked(&window, &egui::ViewportCommand::Close)
    });
    assert!(closed);
    assert_eq!(world.lock().screens.last(), Some(&"end"), "the end was shown before");
}

#[test]
fn tiles_say_who_speaks_and_who_is_muted() {
    let world = World::new();
    let mut window = in_a_call(&world);
    assert!(window.query_by_label("Mina Park, speaking, microphone on, good connection").is_some());
    assert!(window.query_by_label("Tomás Rivera, microphone off, good connection").is_some());
    assert!(window.query_by_label("Ada Okafor, you, microphone on").is_some());
    world.lock().notices.push(Notice::Left("Mina Park".into()));
    world.with_call(|call| call.people.remove(0).speaking = false);
    window.run_steps(2);
    assert!(window.query_by_label("Mina Park left").is_some());
    assert!(window.query_by_label_contains("Mina Park, ").is_none(), "the tile goes at once");
    window.run_steps(100);
    assert!(window.query_by_label("Mina Park left").is_none(), "the note goes after four seconds");
}

#[test]
fn devices_are_chosen_from_menus() {
    let world = World::new();
    let mut window = in_a_call(&world);
    press(&mut window, "Choose microphone and speaker");
    assert!(window.query_by_label("System default (Headset microphone)").is_some());
    window.get_by_label("Screen speakers").click();
    window.run_steps(3);
    let speaker = Some("spk1".to_owned());
    assert_eq!(world.commands(), [CallCommand::UseDevices(DeviceChoice { speaker, ..DeviceChoice::default() })]);
    assert!(window.query_by_label("Screen speakers").is_none(), "the menu is closed");

    window.get_by_role_and_label(Role::Button, "Camera").click_secondary();
    window.run_steps(3);
    assert!(window.query_by_label("Test picture").is_some());
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("Test picture").is_none());
    assert_eq!(world.commands(), [], "Esc only closes the menu");
}

#[test]
fn the_default_is_named_rightly_and_an_unplugged_choice_is_shown() {
    let world = World::new();
    {
        let mut inner = world.lock();
        let speakers = &mut inner.snapshot.devices.speakers;
        (speakers[0].default, speakers[1].default) = (false, true);
        inner.snapshot.choice.microphone = Some("desk".into());
        inner.snapshot.microphone.missing = Some("Desk microphone".into());
    }
    let mut window = world.window(LARGE, ada());
    window.get_by_role_and_label(Role::ComboBox, "Speaker").click();
    window.run_steps(3);
    assert!(window.query_by_label("System default (Screen speakers)").is_some());
    window.key_press(Key::Escape);
    window.run_steps(3);
    let sentence = "“Desk microphone” is not plugged in. “Headset microphone” is used until it is back.";
    assert!(window.query_by_label(sentence).is_some());
    window.get_by_role_and_label(Role::ComboBox, "Microphone").click();
    window.run_steps(3);
    assert!(window.query_by_label("System default (Headset microphone)").is_some());
    assert!(window.query_by_label("Desk microphone (not plugged in)").is_some());
}

#[test]
fn pickers_of_the_lobby_work_by_keyboard() {
    let world = World::new();
    let mut window = world.window(LARGE, ada());
    world.commands();
    window.get_by_label("Speaker").focus();
    window.run_steps(2);
    window.key_press(Key::Enter);
    window.run_steps(3);
    window.key_press(Key::End);
    window.run_steps(2);
    window.key_press(Key::ArrowUp);
    window.run_steps(3);
    window.key_press(Key::Enter);
    window.run_steps(3);
    let speaker = Some("spk1".to_owned());
    assert_eq!(world.commands(), [CallCommand::UseDevices(DeviceChoice { speaker, ..DeviceChoice::default() })]);
}

#[test]
fn the_theme_is_remembered() {
    let world = World::new();
    let mut window = world.window(LARGE, ada());
    press(&mut window, "Use the light theme");
    assert_eq!(world.lock().settings.as_ref().map(|p| p.theme), Some(Theme::Light));
    assert!(window.query_by_label("Use the dark theme").is_some());
}

#[test]
fn the_text_grows_with_its_keys_and_stays_in_bounds() {
    let world = World::new();
    let mut window = world.window(LARGE, ada());
    for _ in 0..9 {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Plus);
        window.run_steps(2);
    }
    assert_eq!(window.ctx.zoom_factor(), 1.5);
    press(&mut window, "Use the light theme");
    assert_eq!(world.lock().settings.as_ref().map(|s| s.text_size), Some(150));
}

#[test]
fn without_the_receipt_the_lobby_comes_at_once() {
    let world = World::new();
    world.call(in_call());
    let mut window = world.window(LARGE, ada_with(|s| s.show_receipt = false));
    world.commands();
    world.end(ending(ExitReason::Left));
    window.run_steps(3);
    assert_eq!(world.commands(), [CallCommand::Dismiss, CallCommand::UseDevices(DeviceChoice::default())]);
    assert_eq!(world.lock().screens, ["call", "lobby"]);
}

#[test]
fn the_first_video_frame_is_reported_once_a_track_and_only_when_it_was_painted() {
    let world = World::new();
    let mut window = in_a_call(&world);
    assert_eq!(world.lock().first_frames, [], "nothing was painted yet");
    window.render().expect("a picture");
    window.run_steps(2);
    window.render().expect("a picture");
    window.run_steps(2);
    let mut first = world.lock().first_frames.clone();
    first.sort();
    assert_eq!(first.len(), 3);
    assert_eq!(first[0], ("mina".to_owned(), 640, 360));

    let minas = |world: &World| world.lock().painted.iter().filter(|(user, ..)| user == "mina").count();
    assert_eq!(minas(&world), 1, "each picture is told once, however often it is painted");
    let slot = FrameSlot::default();
    slot.put(portrait([[1, 2, 3], [4, 5, 6]]));
    let in_window = slot.clone();
    world.with_call(|call| {
        let camera = &mut call.people[0].tracks[0];
        (camera.track.sid, camera.frames) = ("TR_VC-new".into(), Some(in_window));
    });
    let paint = |window: &mut Harness<'static, App>| {
        window.run_steps(2);
        window.render().expect("a picture");
        window.run_steps(2);
    };
    paint(&mut window);
    assert_eq!(world.lock().first_frames.len(), 4, "a new track of the same person");
    assert_eq!(minas(&world), 2);

    slot.clear();
    slot.put(portrait([[7, 8, 9], [1, 2, 3]]));
    paint(&mut window);
    assert_eq!(world.lock().first_frames.len(), 5, "off and on between two frames of the window");
    slot.put(portrait([[3, 2, 1], [9, 8, 7]]));
    paint(&mut window);
    assert_eq!(world.lock().first_frames.len(), 5, "the second picture after it");
}

#[test]
fn a_quiet_window_does_not_repaint() {
    let world = World::new();
    world.call(in_call());
    world.with_call(|call| {
        for person in &mut call.people {
            mute(person, TrackRole::Camera, true);
            person.speaking = false;
        }
    });
    let mut window = world.window(LARGE, ada());
    window.run_steps(40);
    let root = &window.output().viewport_output[&ViewportId::ROOT];
    assert!(root.repaint_delay >= Duration::from_millis(200), "{:?}: only the timer", root.repaint_delay);
}

#[test]
fn tab_goes_from_the_tools_to_leave() {
    let world = World::new();
    let mut window = in_a_call(&world);
    let devices = ["Microphone", "Choose microphone and speaker", "Camera", "Choose camera"];
    for name in devices.into_iter().chain(["Share", "Hand", "React", "Chat", "People", "Support", "Leave call"]) {
        window.key_press(Key::Tab);
        window.run_steps(2);
        assert!(window.get_by_role_and_label(Role::Button, name).is_focused(), "{name}");
    }
}

#[test]
fn many_people_and_small_windows_hold() {
    for (size, people) in [(LARGE, 24), (SMALL, 3), (SMALL, 1), (SMALL, 0), ([720.0, 500.0], 8)] {
        let world = World::new();
        world.call(in_call());
        world.with_call(|call| {
            call.people = (0..people).map(guest).collect();
        });
        let mut window = world.window(size, ada());
        window.run_steps(3);
        let leave = window.get_by_label("Leave call").rect();
        assert!(leave.right() <= size[0] && leave.bottom() <= size[1], "{size:?}: Leave is at {leave:?}");
        assert!(leave.width() >= 124.0);
    }
}
