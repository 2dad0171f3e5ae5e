//! Before the room and at its door: what a guest sees who waits, and what a host does with those who wait.

use super::{Gallery, LARGE, SMALL, in_a_call, press};
use crate::base::ExitReason;
use crate::call::view::{CallCommand, HostRequest, Notice};
use crate::proto::room_settings::RoomSettings;
use crate::store::Theme;
use crate::ui::App;
use crate::ui::testing::{World, ada_with, ending, in_call};
use egui::accesskit::{Live, Role};
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

const SOON: &str = "The host lets you in soon";

/// Ada waits to be let in.
fn at_the_door(world: &World, size: [f32; 2], theme: Theme) -> Harness<'static, App> {
    world.call(in_call());
    world.with_call(|call| {
        call.waiting = true;
        call.people.clear();
    });
    let mut window = world.window(size, ada_with(|s| s.theme = theme));
    window.run_steps(8);
    world.commands();
    window
}

fn guest(user: &str, name: &str) -> (crate::base::UserId, String) {
    (user.parse().expect("a user id"), name.to_owned())
}

/// A host's window while Tom and Lena wait.
fn with_guests(world: &World) -> Harness<'static, App> {
    let mut window = in_a_call(world);
    world.with_call(|call| {
        call.host = true;
        call.settings.waiting_room = true;
        call.guests = vec![guest("tom", "Tom Berger"), guest("lena", "Lena Vogt")];
    });
    window.run_steps(4);
    window
}

#[test]
fn one_who_waits_sees_only_the_own_picture_and_may_leave() {
    let world = World::new();
    let mut window = at_the_door(&world, LARGE, Theme::Dark);
    assert_eq!(world.lock().screens.last(), Some(&"waiting"));
    assert_eq!(window.get_by_label(SOON).accesskit_node().live(), Live::Polite);
    assert!(window.query_by_label("Your picture, as only you see it").is_some());
    for of_the_call in ["Chat", "People", "Share", "Hand", "Join"] {
        assert!(window.query_by_role_and_label(Role::Button, of_the_call).is_none(), "{of_the_call}");
    }
    assert!(window.get_by_label("Leave call").is_focused());
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert_eq!(world.commands(), [], "Escape does not leave");
    window.key_press_modifiers(Modifiers::COMMAND, Key::E);
    window.run_steps(2);
    assert_eq!(world.commands(), [CallCommand::SetCamera(false)]);
    press(&mut window, "Leave call");
    assert!(matches!(&world.commands()[..], [CallCommand::Leave(_)]));
    world.end(ending(ExitReason::Left));
    window.run_steps(20);
    assert_eq!(world.lock().screens.last(), Some(&"end"));
}

#[test]
fn one_is_let_in_or_told_that_one_is_not() {
    let world = World::new();
    let mut window = at_the_door(&world, LARGE, Theme::Dark);
    world.call(in_call());
    window.run_steps(4);
    assert_eq!(world.lock().screens.last(), Some(&"call"));
    assert!(window.query_by_label(SOON).is_none());
    let mut window = at_the_door(&world, LARGE, Theme::Dark);
    world.end(ending(ExitReason::Kicked));
    window.run_steps(20);
    assert!(window.query_by_role_and_label(Role::AlertDialog, "The host did not let you in").is_some());
    assert!(window.query_by_label_contains("Nobody has seen or heard you").is_some());
}

#[test]
fn a_host_lets_people_in_from_the_bar_and_from_the_list() {
    let world = World::new();
    let mut window = with_guests(&world);
    let bar = window.get_by_label("Tom Berger and Lena Vogt wait to come in");
    assert_eq!(bar.accesskit_node().live(), Live::Polite);
    press(&mut window, "Let all in");
    let all = vec![guest("tom", "Tom Berger"), guest("lena", "Lena Vogt")];
    assert_eq!(world.commands(), [CallCommand::AsHost(HostRequest::Admit(all))]);
    press(&mut window, "See who waits");
    press(&mut window, "Let Tom Berger in");
    let tom = vec![guest("tom", "Tom Berger")];
    assert_eq!(world.commands(), [CallCommand::AsHost(HostRequest::Admit(tom))]);
    press(&mut window, "Do not let Lena Vogt in");
    let (user, name) = guest("lena", "Lena Vogt");
    assert_eq!(world.commands(), [CallCommand::AsHost(HostRequest::Refuse { user, name })]);
    world.with_call(|call| call.guests.clear());
    window.run_steps(3);
    assert!(
        window.query_by_label_contains("wait to come in").is_none() && window.query_by_label("Let all in").is_none()
    );
}

#[test]
fn a_guest_of_the_call_sees_nothing_of_those_who_wait() {
    let world = World::new();
    let mut window = with_guests(&world);
    world.with_call(|call| call.host = false);
    window.run_steps(3);
    assert!(window.query_by_label_contains("wait to come in").is_none());
}

#[test]
fn under_the_settings_a_note_tells_who_waits() {
    let world = World::new();
    let mut window = with_guests(&world);
    let tell = |world: &World| {
        let (user, name) = guest("tom", "Tom Berger");
        world.lock().notices.push(Notice::Waits(user, name));
    };
    tell(&world);
    window.run_steps(3);
    assert!(window.query_by_label("Tom Berger waits to come in").is_none(), "the bar says so");
    press(&mut window, "Settings");
    tell(&world);
    window.run_steps(3);
    assert!(window.query_by_label("Tom Berger waits to come in").is_some());
    press(&mut window, "Let in");
    let tom = vec![guest("tom", "Tom Berger")];
    assert_eq!(world.commands(), [CallCommand::AsHost(HostRequest::Admit(tom))]);
}

#[test]
fn a_host_locks_the_call_and_opens_a_waiting_room() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| call.host = true);
    window.run_steps(3);
    press(&mut window, "People");
    for (name, settings) in [
        ("Lock the call", RoomSettings { locked: true, ..Default::default() }),
        ("Waiting room", RoomSettings { waiting_room: true, ..Default::default() }),
    ] {
        window.get_by_role_and_label(Role::Switch, name).click();
        window.run_steps(3);
        assert_eq!(world.commands(), [CallCommand::AsHost(HostRequest::Set(settings))]);
    }
}

#[test]
fn waiting_fits_into_every_window() {
    for (size, theme) in [(LARGE, Theme::Light), ([853.0, 533.0], Theme::Dark), (SMALL, Theme::Light)] {
        let world = World::new();
        let window = at_the_door(&world, size, theme);
        let leave = window.get_by_label("Leave call").rect();
        assert!(leave.left() >= 0.0 && leave.right() <= size[0] && leave.bottom() <= size[1], "{size:?}: {leave}");
    }
}

#[test]
fn the_door_looks_as_the_rest() {
    let mut gallery = Gallery::default();
    for (theme, name) in [(Theme::Dark, "waiting-dark"), (Theme::Light, "waiting-light")] {
        let world = World::new();
        // The spinner stands still.
        world.call(in_call());
        world.with_call(|call| {
            call.waiting = true;
            call.people.clear();
        });
        let mut window = world.window(LARGE, ada_with(|s| (s.theme, s.reduce_motion) = (theme, true)));
        window.run_steps(8);
        gallery.compare(&mut window, name);
    }
    let world = World::new();
    let mut window = with_guests(&world);
    press(&mut window, "See who waits");
    window.run_steps(8);
    gallery.compare(&mut window, "guests-wait");
}
