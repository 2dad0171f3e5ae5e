//! The actions that a host's window offers and asks about first, and that a guest's window lacks.

use super::{Gallery, LARGE, SMALL, copied, press};
use crate::base::{ExitReason, Secret};
use crate::call::view::{CallCommand, HostRequest, Notice};
use crate::ui::App;
use crate::ui::testing::{World, ada, ending, in_call, person};
use egui::{Key, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

/// A window in Ada's call, in which she is the host.
fn as_host(world: &World, size: [f32; 2]) -> Harness<'static, App> {
    world.call(in_call());
    world.with_call(|call| call.host = true);
    let mut window = world.window(size, ada());
    window.run_steps(8);
    world.commands();
    window
}

fn open_tile_menu(window: &mut Harness<'static, App>, name: &str) {
    window.get_by(|n| n.role() == Role::Group && n.label().is_some_and(|l| l.starts_with(name))).click_secondary();
    window.run_steps(3);
}

fn choose(window: &mut Harness<'static, App>, item: &str) {
    window.get_by_role_and_label(Role::MenuItem, item).click();
    window.run_steps(3);
}

fn asks(window: &Harness<'static, App>, question: &str) -> bool {
    window.query_by_role_and_label(Role::AlertDialog, question).is_some()
}

fn remove_tomas() -> HostRequest {
    HostRequest::Remove { user: person(1).user, name: "Tomás Rivera".into() }
}

#[test]
fn a_host_removes_somebody_and_is_asked_first() {
    let gallery = Gallery::default();
    let world = World::new();
    let mut window = as_host(&world, LARGE);
    open_tile_menu(&mut window, "Tomás");
    gallery.keep(&mut window, "host-tile-menu");
    choose(&mut window, "Remove from call…");
    assert!(asks(&window, "Remove Tomás Rivera?"));
    assert!(window.get_by_label("Cancel").is_focused(), "the safe button");
    gallery.keep(&mut window, "host-remove-question");
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(!asks(&window, "Remove Tomás Rivera?"));
    assert_eq!(world.commands(), [], "nobody was hit");

    open_tile_menu(&mut window, "Tomás");
    choose(&mut window, "Remove from call…");
    press(&mut window, "Remove");
    assert_eq!(world.commands(), [CallCommand::AsHost(remove_tomas())]);
    let sentence = "Tomás Rivera was not removed: the server does not answer. Try again.";
    world.lock().notices.push(Notice::Refused { request: remove_tomas(), sentence: sentence.into() });
    window.run_steps(3);
    assert!(window.query_by_label(sentence).is_some(), "a refusal is said");
}

#[test]
fn a_question_about_somebody_closes_when_they_leave() {
    let world = World::new();
    let mut window = as_host(&world, LARGE);
    open_tile_menu(&mut window, "Tomás");
    choose(&mut window, "Remove from call…");
    world.with_call(|call| drop(call.people.remove(1)));
    window.run_steps(3);
    assert!(!asks(&window, "Remove Tomás Rivera?"));
    window.key_press(Key::Enter);
    window.run_steps(3);
    assert_eq!(world.commands(), []);
}

#[test]
fn the_one_other_person_can_be_removed_too() {
    let world = World::new();
    let mut window = as_host(&world, LARGE);
    world.with_call(|call| call.people.truncate(1));
    window.run_steps(3);
    open_tile_menu(&mut window, "Mina");
    assert!(window.query_by_label("Pin for me").is_none(), "there is nothing to choose");
    choose(&mut window, "Remove from call…");
    assert!(asks(&window, "Remove Mina Park?"));
}

#[test]
fn a_host_ends_the_call_for_everyone_and_is_asked_first() {
    let gallery = Gallery::default();
    let world = World::new();
    let mut window = as_host(&world, LARGE);
    press(&mut window, "More ways to leave");
    gallery.keep(&mut window, "host-leave-menu");
    choose(&mut window, "End call for everyone…");
    assert!(asks(&window, "End the call for all 4 people?"));
    assert!(window.get_by_label("Cancel").is_focused(), "the safe button");
    assert_eq!(world.commands(), [], "not yet");
    gallery.keep(&mut window, "host-end-question");
    press(&mut window, "End for everyone");
    assert_eq!(world.commands(), [CallCommand::AsHost(HostRequest::EndForEveryone)]);
    world.end(ending(ExitReason::Dismissed));
    window.run_steps(4);
    assert!(asks(&window, "You ended the call for everyone"));
    assert_eq!(world.lock().screens.last(), Some(&"dismissed"));
}

#[test]
fn a_host_who_was_refused_did_not_end_the_call() {
    let world = World::new();
    let mut window = as_host(&world, LARGE);
    press(&mut window, "More ways to leave");
    choose(&mut window, "End call for everyone…");
    press(&mut window, "End for everyone");
    let sentence = "This server does not let a host end the call.".into();
    world.lock().notices.push(Notice::Refused { request: HostRequest::EndForEveryone, sentence });
    window.run_steps(3);
    world.end(ending(ExitReason::Dismissed));
    window.run_steps(4);
    assert!(asks(&window, "This call was ended for everyone"), "it was not us");
}

#[test]
fn leave_leaves_at_once_for_a_host_too_and_stays_where_it_is() {
    let gallery = Gallery::default();
    for size in [LARGE, SMALL] {
        let world = World::new();
        let mut window = as_host(&world, size);
        gallery.keep(&mut window, if size == LARGE { "host" } else { "host-compact" });
        let caret = window.get_by_label("More ways to leave").rect();
        let leave = window.get_by_label("Leave call").rect();
        assert!(leave.left() >= 0.0 && (leave.right() - caret.left()).abs() < 0.5, "{leave:?} {caret:?}");
        assert!(leave.union(caret).right() <= size[0] - 16.0 + 0.5 && leave.width() >= 100.0, "{leave:?}");
        let camera = window.get_by_role_and_label(Role::Button, "Choose camera").rect();
        assert!(camera.right() <= leave.left(), "{camera:?} {leave:?}");
        press(&mut window, "Leave call");
        assert!(matches!(&world.commands()[..], [CallCommand::Leave(_)]));
    }
}

#[test]
fn a_host_invites_and_has_the_link_on_the_clipboard() {
    let world = World::new();
    let mut window = as_host(&world, LARGE);
    press(&mut window, "Invite");
    assert_eq!(world.commands(), [CallCommand::AsHost(HostRequest::Invite)]);
    let link = "https://meet.example/j/tea?i=devkey.guest.0.abc";
    world.lock().notices.push(Notice::Invitation(link.into()));
    assert_eq!(copied(&mut window).as_deref(), Some(link));
    window.run_steps(2);
    assert!(window.query_by_label("Link copied").is_some());

    // Alone, the button stands in the tile area only.
    world.with_call(|call| call.people.clear());
    window.run_steps(3);
    press(&mut window, "Invite");
    assert_eq!(world.commands(), [CallCommand::AsHost(HostRequest::Invite)]);
    assert!(window.query_by_label("Copy link").is_none());
}

#[test]
fn a_guest_is_offered_nothing_of_a_host() {
    let world = World::new();
    let mut window = super::in_a_call(&world);
    window.run_steps(8);
    for name in ["Invite", "More ways to leave", "You are the host"] {
        assert!(window.query_by_label(name).is_none(), "{name}");
    }
    open_tile_menu(&mut window, "Tomás");
    assert!(window.query_by_label("Pin for me").is_some());
    assert!(window.query_by_label("Remove from call…").is_none());
}

#[test]
fn a_guest_passes_on_the_link_they_came_by() {
    let world = World::new();
    let mut window = super::in_a_call(&world);
    world.with_call(|call| {
        call.people.clear();
        call.invitation = Some(Secret::new("devkey.guest.0.abc".into()));
    });
    window.run_steps(3);
    window.get_by_role_and_label(Role::Button, "Copy link").click();
    let link = "https://meet.example/j/Design%20review?i=devkey.guest.0.abc";
    assert_eq!(copied(&mut window).as_deref(), Some(link));
}
