//! The chat panel: by keyboard and by accessible names.

use super::{Gallery, LARGE, SMALL, copied, in_a_call, press};
use crate::base::{Delivery, ExitReason};
use crate::call::view::CallCommand;
use crate::store::Theme;
use crate::ui::App;
use crate::ui::testing::{World, ada, ada_with, ending, in_call, message, write_message};
use egui::{Key, Modifiers, accesskit::Live, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

const FIELD: &str = "Message everyone";

fn chat_key(window: &mut Harness<'static, App>) {
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::C);
    window.run_steps(3);
}

fn focused(window: &Harness<'static, App>, label: &str) -> bool {
    window.query_by(|n| n.is_focused() && n.label().is_some_and(|l| l == label)).is_some()
}

fn write(window: &mut Harness<'static, App>, field: &str, text: &str) {
    window.get_by_label(field).type_text(text);
    window.run_steps(2);
}

fn said(to: Option<&str>, text: &str) -> CallCommand {
    let to = to.map(|user| user.parse().expect("a user id"));
    CallCommand::SendMessage { to, text: text.into() }
}

/// What screen readers say of the button.
fn description(window: &Harness<'static, App>) -> String {
    let chat = window.get_by_role_and_label(Role::Button, "Chat");
    chat.accesskit_node().data().description().unwrap_or_default().to_owned()
}

#[test]
fn a_message_is_written_and_sent_by_keyboard() {
    let world = World::new();
    let mut window = in_a_call(&world);
    chat_key(&mut window);
    assert!(focused(&window, FIELD));
    window.key_press(Key::Enter);
    write(&mut window, FIELD, " \t");
    window.key_press(Key::Enter);
    window.run_steps(2);
    assert_eq!(world.commands(), [], "nothing to say");
    write(&mut window, FIELD, "Hello");
    window.key_press_modifiers(Modifiers::SHIFT, Key::Enter);
    window.run_steps(2);
    write(&mut window, FIELD, "all");
    window.key_press(Key::Enter);
    window.run_steps(2);
    let commands = world.commands();
    let [CallCommand::SendMessage { to: None, text }] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!(text.trim(), "Hello\nall");
    assert!(focused(&window, FIELD) && window.get_by_label(FIELD).value().unwrap_or_default().is_empty());
    window.key_press(Key::Space);
    window.run_steps(2);
    assert_eq!(world.commands(), [], "Space does not talk there");
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label(FIELD).is_none() && focused(&window, "Chat"));
    press(&mut window, "Chat");
    write(&mut window, FIELD, "again");
    press(&mut window, "Send message");
    assert!(matches!(&world.commands()[..], [CallCommand::SendMessage { text, .. }] if text.trim() == "again"));
    press(&mut window, "Close chat");
    assert!(window.query_by_label(FIELD).is_none());
}

#[test]
fn what_is_unread_is_counted_and_announced_by_name_only() {
    let world = World::new();
    let mut window = in_a_call(&world);
    assert_eq!(description(&window), "Open chat, Ctrl+Shift+C");
    write_message(&world, message(1, Some(0), "a secret"));
    write_message(&world, message(2, None, "mine"));
    window.run_steps(2);
    assert_eq!(description(&window), "Open chat, Ctrl+Shift+C. 1 unread");
    let news = window.get_by_label("Message from Mina Park");
    assert_eq!(news.accesskit_node().live(), Live::Polite);
    assert!(window.query_by_label_contains("a secret").is_none(), "it is not shown, nor read out");
    chat_key(&mut window);
    assert_eq!(description(&window), "Close chat, Ctrl+Shift+C");
    assert!(window.query_by_label("a secret").is_some());
    chat_key(&mut window);
    assert_eq!(description(&window), "Open chat, Ctrl+Shift+C", "it was read");
    let mut private = message(3, Some(1), "for you");
    private.private = true;
    write_message(&world, private);
    window.run_steps(2);
    assert!(window.query_by_label("Private message from Tomás Rivera").is_some());
}

#[test]
fn messages_say_who_when_for_whom_and_whether_they_were_sent() {
    let world = World::new();
    let mut window = in_a_call(&world);
    chat_key(&mut window);
    assert!(window.query_by_label_contains("since you joined").is_some());
    let mut private = message(1, Some(1), "for you");
    (private.private, private.edited) = (true, true);
    write_message(&world, private);
    let mut waits = message(2, None, "waits");
    (waits.delivery, waits.private) = (Delivery::Waiting, true);
    waits.recipient = message(9, Some(0), "").author;
    write_message(&world, waits);
    let mut late = message(3, None, "late");
    late.delivery = Delivery::Undeliverable;
    late.recipient = message(9, Some(2), "").author;
    write_message(&world, late);
    write_message(&world, message(4, Some(0), ""));
    window.run_steps(3);
    let expected = [
        "14:32, only to you, edited",
        "14:32, only to Mina Park",
        "Not sent",
        "Not sent: Priya Nair has left",
        "This message was taken back.",
    ];
    for label in expected {
        assert!(window.query_by_label(label).is_some(), "{label}");
    }
    assert_eq!(window.query_all_by_label("You").count(), 2);
}

#[test]
fn a_link_opens_the_browser() {
    let world = World::new();
    let mut window = in_a_call(&world);
    chat_key(&mut window);
    write_message(&world, message(1, Some(0), "The notes: https://notes.example/a?b=c, and file:///etc/passwd"));
    write_message(&world, message(2, Some(0), "שלום https://mixed.example שלום"));
    window.run_steps(3);
    assert_eq!(window.query_all_by_role(Role::Link).count(), 2);
    for address in ["https://notes.example/a?b=c", "https://mixed.example"] {
        window.get_by_role_and_label(Role::Link, address).click();
        window.run_steps(3);
        assert_eq!(world.lock().pages.pop().as_deref(), Some(address));
    }
}

#[test]
fn one_person_is_written_to_from_the_menu_of_their_tile() {
    let world = World::new();
    let mut window = in_a_call(&world);
    window.get_by(|n| n.role() == Role::Group && n.label().is_some_and(|l| l.starts_with("Tomás"))).click_secondary();
    window.run_steps(3);
    window.get_by_role_and_label(Role::MenuItem, "Message").click();
    window.run_steps(3);
    let field = "Message Tomás Rivera";
    assert!(focused(&window, field));
    write(&mut window, field, "psst");
    window.key_press(Key::Enter);
    window.run_steps(2);
    assert_eq!(world.commands(), [said(Some("tomás"), "psst")]);
    write(&mut window, field, "too late");
    world.with_call(|call| drop(call.people.remove(1)));
    window.run_steps(2);
    window.key_press(Key::Enter);
    window.run_steps(2);
    assert_eq!(world.commands(), [], "it does not go to others");
    press(&mut window, "Write to everyone");
    window.key_press(Key::Enter);
    window.run_steps(2);
    assert_eq!(world.commands(), [said(None, "too late")]);
}

#[test]
fn a_field_that_is_off_says_why() {
    let world = World::new();
    let mut window = in_a_call(&world);
    chat_key(&mut window);
    write(&mut window, FIELD, "hello");
    world.with_call(|call| call.chat.allowed = false);
    window.run_steps(2);
    let why = |window: &Harness<'static, App>| {
        window.get_by_label(FIELD).accesskit_node().data().description().unwrap_or_default().to_owned()
    };
    assert_eq!(why(&window), "You may not write in this room.");
    window.key_press(Key::Enter);
    window.run_steps(2);
    assert_eq!(world.commands(), []);
    world.with_call(|call| (call.chat.allowed, call.chat.full) = (true, true));
    window.run_steps(2);
    assert_eq!(why(&window), "Too many messages wait for the connection.");
    world.with_call(|call| call.chat.full = false);
    window.run_steps(2);
    assert_eq!(why(&window), "");
    window.get_by_label(FIELD).focus();
    window.run_steps(2);
    write(&mut window, FIELD, &"x".repeat(4100));
    assert!(window.query_by_label_contains("too long").is_some());
    press(&mut window, "Send message");
    assert_eq!(world.commands(), []);
}

#[test]
fn the_panel_takes_its_width_from_the_stage_and_leave_stays_where_it_is() {
    // The points of a window at text sizes from 100 to 90 and 150 %, and the smallest one.
    let sizes = [(LARGE, Theme::Dark), ([1422.0, 889.0], Theme::Light), ([853.0, 533.0], Theme::Dark)];
    for (size, theme) in sizes.into_iter().chain([(SMALL, Theme::Light), ([480.0, 480.0], Theme::Dark)]) {
        let world = World::new();
        world.call(in_call());
        let mut window = world.window(size, ada_with(|s| s.theme = theme));
        window.run_steps(8);
        let leave = window.get_by_label("Leave call").rect();
        write_message(&world, message(1, Some(0), &"Here is the agenda. ".repeat(20)));
        write_message(&world, message(2, None, "Thanks"));
        chat_key(&mut window);
        window.run_steps(12);
        assert_eq!(window.get_by_label("Leave call").rect(), leave, "{size:?}");
        let field = window.get_by_label(FIELD).rect();
        let newest = window.get_by_label("Thanks").rect();
        assert!(newest.bottom() < field.top() && field.right() < size[0], "{size:?}: {newest} {field}");
        let tiles: Vec<_> = window.query_all_by(|n| n.role() == Role::Group).map(|n| n.rect()).collect();
        assert!(tiles.iter().all(|tile| tile.right() < field.left()), "{size:?}: {tiles:?} {field}");
        assert_eq!(tiles.is_empty(), size[0] < 720.0, "a compact window is covered");
        let chat = window.get_by_role_and_label(Role::Button, "Chat").rect();
        assert!(chat.right() < leave.left(), "{size:?}: {chat} {leave}");
    }
}

#[test]
fn a_thousand_messages_end_with_the_newest() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| {
        let all = (1..=1000).map(|n| message(n, Some((n % 3) as usize), &format!("Message {n}\nof many")));
        call.chat.messages = std::sync::Arc::new(all.collect());
    });
    chat_key(&mut window);
    window.run_steps(5);
    let newest = window.get_by_label("Message 1000\nof many").rect();
    let field = window.get_by_label(FIELD).rect();
    assert!(newest.bottom() < field.top() && newest.bottom() > field.top() - 60.0, "{newest} {field}");
}

#[test]
fn after_the_call_the_words_can_be_copied() {
    for reason in [ExitReason::Left, ExitReason::Kicked] {
        let world = World::new();
        let mut window = in_a_call(&world);
        assert!(window.query_by_label("Copy the chat").is_none());
        write_message(&world, message(1, Some(0), "Hello\nall"));
        write_message(&world, message(2, None, "Bye"));
        world.end(ending(reason));
        window.run_steps(20);
        window.get_by_label("Copy the chat").click();
        let text = copied(&mut window).expect("something is copied");
        let expected = "Design review, 2025-11-23\n14:32 Mina Park: Hello\n    all\n14:32 Ada Okafor: Bye\n";
        assert_eq!(text, expected, "{reason:?}");
    }
    let world = World::new();
    let mut window = in_a_call(&world);
    chat_key(&mut window);
    write(&mut window, FIELD, "unsent");
    world.lock().snapshot.call = None;
    window.run_steps(3);
    world.call(in_call());
    window.run_steps(3);
    assert!(window.query_by_label(FIELD).is_none(), "the next call begins without it");
    chat_key(&mut window);
    assert!(window.get_by_label(FIELD).value().unwrap_or_default().is_empty());
}

#[test]
fn the_chat_looks_as_designed() {
    let mut gallery = Gallery::default();
    let world = World::new();
    world.call(in_call());
    let mut window = world.window(LARGE, ada());
    write_message(&world, message(1, Some(0), "Here is the draft: https://docs.example/draft"));
    write_message(&world, message(2, Some(1), "Step 2 reads well now. 謝謝!"));
    write_message(&world, message(3, None, "I will send the notes after this."));
    let mut waits = message(4, None, "See you tomorrow");
    waits.delivery = Delivery::Waiting;
    write_message(&world, waits);
    chat_key(&mut window);
    window.run_steps(12);
    gallery.compare(&mut window, "chat-dark");
}
