//! Hands and reactions: by keyboard, by accessible names, and as screen readers hear of them.

use super::{Gallery, LARGE, SMALL, in_a_call, press};
use crate::base::{Reaction, Withheld};
use crate::call::view::{CallCommand, CallPhase, HostRequest, Notice};
use crate::store::Theme;
use crate::ui::App;
use crate::ui::testing::{World, ada, ada_with, in_call};
use egui::{Key, Modifiers, accesskit::Live, accesskit::Role, accesskit::Toggled};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use std::time::Duration;

fn shortcut(window: &mut Harness<'static, App>, key: Key) {
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, key);
    window.run_steps(3);
}

fn description(window: &Harness<'static, App>, tool: &str) -> String {
    let tool = window.get_by_role_and_label(Role::Button, tool);
    tool.accesskit_node().data().description().unwrap_or_default().to_owned()
}

/// The names of the people's tiles that say that a hand is raised.
fn raised(window: &Harness<'static, App>) -> Vec<String> {
    let tiles = window.query_all_by(|n| n.role() == Role::Group);
    tiles.filter_map(|n| n.accesskit_node().label()).filter(|name| name.contains("hand raised")).collect()
}

#[test]
fn the_hand_is_raised_and_lowered_by_keyboard_and_button() {
    let world = World::new();
    let mut window = in_a_call(&world);
    assert_eq!(description(&window, "Hand"), "Raise hand, Ctrl+Shift+H");
    shortcut(&mut window, Key::H);
    assert_eq!(world.commands(), [CallCommand::RaiseHand(true)]);
    world.with_call(|call| {
        call.people[0].hand = Some(1);
        call.hand = Some(2);
    });
    window.run_steps(3);
    assert_eq!(description(&window, "Hand"), "Lower hand, Ctrl+Shift+H");
    let hand = window.get_by_role_and_label(Role::Button, "Hand");
    assert_eq!(hand.accesskit_node().toggled(), Some(Toggled::True));
    let tiles = raised(&window);
    assert!(tiles[0].starts_with("Mina Park, speaking, hand raised, number 1, microphone on"), "{tiles:?}");
    assert!(tiles[1].starts_with("Ada Okafor, you, hand raised, number 2"), "{tiles:?}");
    press(&mut window, "Hand");
    assert_eq!(world.commands(), [CallCommand::RaiseHand(false)]);
}

#[test]
fn hands_of_others_and_what_happens_to_ours_are_told_politely() {
    let world = World::new();
    let mut window = in_a_call(&world);
    let mut told = |notice: Notice, words: &str| {
        world.lock().notices.push(notice);
        window.run_steps(2);
        assert_eq!(window.get_by_label(words).accesskit_node().live(), Live::Polite);
    };
    told(Notice::HandRaised("Mina Park".into()), "Mina Park raised a hand");
    told(Notice::HandLowered(Withheld::Host), "The host has lowered your hand");
    told(Notice::HandLowered(Withheld::NotAllowed), "You may not raise a hand in this room");
}

#[test]
fn a_host_lowers_a_hand_from_the_menu_of_the_tile() {
    let world = World::new();
    let mut window = in_a_call(&world);
    let open = |window: &mut Harness<'static, App>| {
        let is_his = |label: String| label.starts_with("Tomás");
        window.get_by(|n| n.role() == Role::Group && n.label().is_some_and(is_his)).click_secondary();
        window.run_steps(3);
    };
    world.with_call(|call| call.people[1].hand = Some(1));
    open(&mut window);
    assert!(window.query_by_label("Lower hand").is_none(), "only a host does");
    window.key_press(Key::Escape);
    world.with_call(|call| call.host = true);
    window.run_steps(3);
    open(&mut window);
    window.get_by_role_and_label(Role::MenuItem, "Lower hand").click();
    window.run_steps(3);
    let commands = world.commands();
    let [CallCommand::AsHost(HostRequest::LowerHand { user, name })] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!((user.as_str(), name.as_str()), ("tomás", "Tomás Rivera"));
}

#[test]
fn a_reaction_is_chosen_by_keyboard() {
    let world = World::new();
    let mut window = in_a_call(&world);
    shortcut(&mut window, Key::R);
    let items = window.query_all_by_role(Role::MenuItem).count();
    assert_eq!(items, Reaction::ALL.len());
    window.key_press(Key::ArrowDown);
    window.run_steps(2);
    window.key_press(Key::ArrowDown);
    window.run_steps(2);
    window.key_press(Key::Enter);
    window.run_steps(3);
    let commands = world.commands();
    let [CallCommand::React(reaction)] = &commands[..] else { panic!("{commands:?}") };
    assert!(Reaction::ALL.contains(reaction));
    assert!(window.query_by(|n| n.is_focused() && n.label().is_some_and(|l| l == "React")).is_some());
    shortcut(&mut window, Key::R);
    window.get_by_role_and_label(Role::MenuItem, "Applause").click();
    window.run_steps(3);
    assert_eq!(world.commands(), [CallCommand::React(Reaction::Clapping)]);
}

#[test]
fn nothing_is_sent_while_the_connection_is_lost() {
    let world = World::new();
    let mut window = in_a_call(&world);
    let (elapsed, limit) = (Duration::from_secs(1), Duration::from_secs(60));
    world.with_call(|call| call.phase = CallPhase::Reconnecting { attempt: 1, elapsed, limit });
    window.run_steps(3);
    shortcut(&mut window, Key::R);
    window.get_by_role_and_label(Role::MenuItem, "Heart").click();
    window.run_steps(3);
    assert_eq!(world.commands(), []);
}

#[test]
fn reactions_of_others_are_read_out_and_go_by_themselves() {
    let world = World::new();
    let mut window = in_a_call(&world);
    let react = |reaction| {
        let (user, name) = ("mina".parse().expect("a user"), "Mina Park".to_owned());
        world.lock().notices.push(Notice::Reaction { user, name, reaction });
    };
    react(Reaction::Party);
    window.run_steps(2);
    assert_eq!(window.get_by_label("Mina Park: Celebration").accesskit_node().live(), Live::Polite);
    // 100 frames are 5 s of the window's clock.
    window.run_steps(100);
    assert!(window.query_by_label("Mina Park: Celebration").is_none());
    for _ in 0..100 {
        react(Reaction::Heart);
        window.step();
    }
    assert!(window.query_by_label("Mina Park: Heart").is_some());
}

#[test]
fn a_compact_bar_has_one_button_for_hand_and_reactions_and_none_meets_leave() {
    let sizes = [([1422.0, 889.0], true), (LARGE, true), ([1000.0, 640.0], true), ([853.0, 533.0], true)];
    for (size, own) in sizes.into_iter().chain([([720.0, 480.0], true), (SMALL, false), ([480.0, 480.0], false)]) {
        let world = World::new();
        world.call(in_call());
        world.with_call(|call| call.host = true);
        let mut window = world.window(size, ada());
        window.run_steps(8);
        world.commands();
        let leave = window.get_by_label("Leave call").rect();
        let tools = window.query_all_by(|n| n.role() == Role::Button).map(|n| n.rect());
        let meets = tools.filter(|r| *r != leave && r.intersects(leave.shrink(1.0))).collect::<Vec<_>>();
        assert_eq!(meets, [], "{size:?}: {leave}");
        assert_eq!(window.query_by_label("Hand").is_some(), own, "{size:?}");
        if own {
            continue;
        }
        press(&mut window, "Hand and reactions");
        let items: Vec<_> = window.query_all_by_role(Role::MenuItem).map(|n| n.rect()).collect();
        assert!(items.len() == 10 && items.iter().all(|r| r.top() >= 0.0 && r.bottom() <= leave.top()), "{items:?}");
        window.get_by_role_and_label(Role::MenuItem, "Raise hand").click();
        window.run_steps(3);
        assert_eq!(world.commands(), [CallCommand::RaiseHand(true)]);
    }
}

#[test]
fn hands_and_reactions_look_as_designed() {
    let mut gallery = Gallery::default();
    for (theme, name) in [(Theme::Dark, "reactions-dark"), (Theme::Light, "reactions-light")] {
        let world = World::new();
        world.call(in_call());
        world.with_call(|call| {
            call.people[2].hand = Some(1);
            call.hand = Some(2);
        });
        let mut window = world.window(LARGE, ada_with(|s| s.theme = theme));
        window.run_steps(8);
        for (i, reaction) in Reaction::ALL.into_iter().enumerate() {
            let (user, name) = ("mina".parse().expect("a user"), ["Mina Park", "Tomás Rivera"][i % 2].to_owned());
            world.lock().notices.push(Notice::Reaction { user, name, reaction });
            window.run_steps(6);
        }
        shortcut(&mut window, Key::R);
        gallery.compare(&mut window, name);
    }
}
