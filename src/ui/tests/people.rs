//! The list of people: by keyboard and by accessible names, for guests and for hosts.

use super::{Gallery, LARGE, SMALL, in_a_call, press};
use crate::base::{DeviceKind, TrackRole};
use crate::call::view::{CallCommand, HostRequest, Notice};
use crate::proto::room_settings::RoomSettings;
use crate::store::Theme;
use crate::ui::App;
use crate::ui::testing::{World, ada_with, guest, in_call, mute, share};
use egui::accesskit::{Live, Role};
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

fn people_key(window: &mut Harness<'static, App>) {
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    window.run_steps(3);
}

/// What screen readers say of the rows, from top to bottom.
fn rows(window: &Harness<'static, App>) -> Vec<String> {
    let mut rows: Vec<_> = window.query_all_by_role(Role::ListItem).collect();
    rows.sort_by(|a, b| a.rect().top().total_cmp(&b.rect().top()));
    rows.iter().filter_map(|row| row.accesskit_node().label()).collect()
}

fn items(window: &Harness<'static, App>) -> Vec<String> {
    window.query_all_by_role(Role::MenuItem).filter_map(|item| item.accesskit_node().label()).collect()
}

fn choose(window: &mut Harness<'static, App>, person: &str, item: &str) {
    press(window, &format!("Actions for {person}"));
    window.get_by_role_and_label(Role::MenuItem, item).click();
    window.run_steps(3);
}

fn focused(window: &Harness<'static, App>, label: &str) -> bool {
    window.query_by(|n| n.is_focused() && n.label().is_some_and(|l| l == label)).is_some()
}

fn tomas() -> crate::base::UserId {
    "tomás".parse().expect("a user id")
}

#[test]
fn the_list_says_who_is_here_and_what_they_do() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| {
        call.people[0].host = true;
        call.people[2].hand = Some(1);
        mute(&mut call.people[2], TrackRole::Camera, true);
    });
    people_key(&mut window);
    assert_eq!(
        rows(&window),
        [
            "Priya Nair, hand raised, number 1, microphone on, camera off",
            "Ada Okafor, you, microphone on, camera on",
            "Mina Park, host, speaking, microphone on, camera on",
            "Tomás Rivera, microphone off, camera on",
        ]
    );
    assert!(focused(&window, "Search people"));
    window.get_by_label("Search people").type_text("riv");
    window.run_steps(3);
    assert_eq!(rows(&window), ["Tomás Rivera, microphone off, camera on"]);
    window.get_by_label("Search people").type_text("x");
    window.run_steps(3);
    assert!(window.query_by_label("Nobody has this name.").is_some());
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("Search people").is_none() && focused(&window, "People"));
}

#[test]
fn a_guest_pins_writes_and_hides_but_does_nothing_to_others() {
    let world = World::new();
    let mut window = in_a_call(&world);
    people_key(&mut window);
    press(&mut window, "Actions for Tomás Rivera");
    assert_eq!(items(&window), ["Pin for me", "Message", "Volume", "Hide picture for me"]);
    assert!(window.query_by_label("Mute everyone").is_none());
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("Search people").is_some(), "Escape closes the menu first");
}

#[test]
fn a_volume_is_set_by_keys_and_pointer() {
    let world = World::new();
    let mut window = in_a_call(&world);
    people_key(&mut window);
    choose(&mut window, "Tomás Rivera", "Volume");
    let slider = window.get_by_label("Volume of Tomás Rivera");
    let node = slider.accesskit_node();
    assert_eq!((node.numeric_value(), node.data().max_numeric_value()), (Some(100.0), Some(200.0)));
    assert!(focused(&window, "Volume of Tomás Rivera"));
    let mut set = |key: Key, percent: u16| {
        window.key_press(key);
        window.run_steps(2);
        assert_eq!(world.commands(), [CallCommand::SetVolume(tomas(), percent)], "{key:?}");
        world.with_call(|call| call.people[1].volume = percent);
        window.run_steps(2);
    };
    set(Key::ArrowRight, 110);
    set(Key::End, 200);
    set(Key::Home, 0);
    choose(&mut window, "Tomás Rivera", "Volume");
    assert!(window.query_by_label("Volume of Tomás Rivera").is_none());
}

#[test]
fn a_hidden_picture_is_not_received_until_it_is_shown_again() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| share(&mut call.people[1], "TR_VS"));
    window.run_steps(4);
    assert!(world.watched().contains_key("TR_VC1"));
    people_key(&mut window);
    choose(&mut window, "Tomás Rivera", "Hide picture for me");
    window.run_steps(4);
    assert!(!world.watched().contains_key("TR_VC1") && world.watched().contains_key("TR_VS"), "{:?}", world.watched());
    let tile = window.get_by(|n| n.role() == Role::Group && n.label().is_some_and(|l| l.starts_with("Tomás Rivera,")));
    assert!(tile.accesskit_node().label().is_some_and(|l| l.contains("You have hidden this picture")));
    press(&mut window, "Show Tomás Rivera's picture");
    window.run_steps(4);
    assert!(world.watched().contains_key("TR_VC1"));
}

#[test]
fn a_host_turns_off_asks_and_makes_hosts() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| {
        call.host = true;
        share(&mut call.people[1], "TR_VS");
    });
    window.run_steps(3);
    people_key(&mut window);
    let name = || "Tomás Rivera".to_owned();
    let muted = |sid: &str| HostRequest::Mute { whose: name(), tracks: vec![(tomas(), sid.into())] };
    let asked = HostRequest::AskToTurnOn { user: tomas(), name: name(), kind: DeviceKind::Microphone };
    for (item, request) in [
        ("Ask to unmute", asked),
        ("Turn camera off", muted("TR_VC1")),
        ("Stop sharing", muted("TR_VS")),
        ("Make host", HostRequest::MakeHost { user: tomas(), name: name() }),
        ("Spotlight for everyone", HostRequest::Set(RoomSettings { spotlight: Some(tomas()), ..Default::default() })),
    ] {
        choose(&mut window, "Tomás Rivera", item);
        assert_eq!(world.commands(), [CallCommand::AsHost(request)], "{item}");
    }
    world.with_call(|call| {
        call.settings.spotlight = Some(tomas());
        call.people[1].host = true;
        mute(&mut call.people[1], TrackRole::Voice, false);
    });
    window.run_steps(3);
    press(&mut window, "Actions for Tomás Rivera");
    let items = items(&window);
    assert!(items.contains(&"End spotlight".to_owned()) && items.contains(&"Mute microphone".to_owned()), "{items:?}");
    assert!(!items.contains(&"Make host".to_owned()) && items.last().is_some_and(|i| i == "Remove from call…"));
}

#[test]
fn a_host_mutes_everybody_now_and_when_they_come() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| call.host = true);
    people_key(&mut window);
    press(&mut window, "Mute everyone");
    let tracks =
        vec![("mina".parse().expect("a user"), "TR_AM0".into()), ("priya".parse().expect("a user"), "TR_AM2".into())];
    assert_eq!(world.commands(), [CallCommand::AsHost(HostRequest::Mute { whose: "everybody".into(), tracks })]);
    window.get_by_role_and_label(Role::Switch, "Mute everyone who comes in").click();
    window.run_steps(3);
    let settings = RoomSettings { muted_on_entry: true, ..Default::default() };
    assert_eq!(world.commands(), [CallCommand::AsHost(HostRequest::Set(settings))]);
}

#[test]
fn a_request_of_the_host_has_a_button_and_turns_nothing_on_by_itself() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.lock().snapshot.microphone.wanted = false;
    world.lock().notices.push(Notice::Asked(DeviceKind::Microphone));
    window.run_steps(3);
    let sentence = window.get_by_label("The host asks you to turn your microphone on");
    assert_eq!(sentence.accesskit_node().live(), Live::Polite);
    assert_eq!(world.commands(), []);
    press(&mut window, "Turn on");
    assert_eq!(world.commands(), [CallCommand::SetMicrophone(true)]);
}

#[test]
fn one_is_told_to_be_in_the_spotlight() {
    let world = World::new();
    let mut window = in_a_call(&world);
    let told =
        |window: &Harness<'static, App>| window.query_by_label("The host shows you large to everybody").is_some();
    world.with_call(|call| call.settings.spotlight = Some(tomas()));
    window.run_steps(3);
    assert!(!told(&window));
    world.with_call(|call| call.settings.spotlight = Some(call.user.clone()));
    window.run_steps(3);
    assert!(told(&window));
}

#[test]
fn the_list_fits_above_the_chat_and_in_small_windows() {
    let sizes =
        [(LARGE, Theme::Dark), ([853.0, 533.0], Theme::Light), (SMALL, Theme::Dark), ([480.0, 480.0], Theme::Light)];
    for (size, theme) in sizes {
        let world = World::new();
        world.call(in_call());
        world.with_call(|call| {
            call.host = true;
            call.people = (0..300).map(guest).collect();
        });
        let mut window = world.window(size, ada_with(|s| s.theme = theme));
        window.run_steps(8);
        let leave = window.get_by_label("Leave call").rect();
        if size[0] < 720.0 {
            press(&mut window, "Chat");
        }
        press(&mut window, "People");
        let count = rows(&window).len();
        assert!(count > 2 && count < 40, "{size:?}: {count} rows are laid out");
        press(&mut window, "Actions for Guest 1");
        let inside = |r: egui::Rect| r.left() >= 0.0 && r.right() <= size[0] && r.top() >= 0.0;
        let items: Vec<_> = window.query_all_by_role(Role::MenuItem).map(|n| n.rect()).collect();
        assert!(!items.is_empty() && items.iter().all(|r| inside(*r)), "{size:?}: {items:?}");
        assert!(items[0].bottom() < leave.top(), "{size:?}: {items:?}");
        window.key_press(Key::Escape);
        window.run_steps(3);
        window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::C);
        window.run_steps(4);
        let (search, message) = (window.get_by_label("Search people"), window.get_by_label("Message everyone"));
        assert!(search.rect().bottom() < message.rect().top(), "{size:?}");
        assert_eq!(window.get_by_label("Leave call").rect(), leave, "{size:?}");
    }
}

#[test]
fn the_people_look_as_designed() {
    let mut gallery = Gallery::default();
    for (theme, name) in [(Theme::Dark, "people-dark"), (Theme::Light, "people-light")] {
        let world = World::new();
        world.call(in_call());
        world.with_call(|call| {
            call.host = true;
            call.people[2].hand = Some(1);
            call.people[0].host = true;
        });
        let mut window = world.window(LARGE, ada_with(|s| s.theme = theme));
        window.run_steps(8);
        people_key(&mut window);
        choose(&mut window, "Mina Park", "Volume");
        if theme == Theme::Dark {
            press(&mut window, "Actions for Tomás Rivera");
        }
        window.run_steps(8);
        gallery.compare(&mut window, name);
    }
    let world = World::new();
    let mut window = in_a_call(&world);
    people_key(&mut window);
    choose(&mut window, "Tomás Rivera", "Hide picture for me");
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::C);
    window.run_steps(12);
    gallery.compare(&mut window, "people-and-chat");
}
