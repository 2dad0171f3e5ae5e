//! What the window tells while it is not seen: notifications, the title in the taskbar, and the sounds of coming and going.

use super::{LARGE, asked, in_a_call};
use crate::base::ExitReason;
use crate::call::view::{CallCommand, DeviceState, JoinSound, Notice};
use crate::ui::testing::{World, ada, ada_with, ending, in_call, message, write_message};
use crate::ui::{App, Notification, NotificationOrder};
use egui::ViewportCommand;
use egui_kittest::Harness;

/// Steps of the test's window in a bit more than a second.
const SECOND: usize = 25;

fn focus(window: &mut Harness<'static, App>, focused: bool) {
    window.input_mut().focused = focused;
    window.run_steps(2);
}

fn orders(world: &World) -> Vec<NotificationOrder> {
    std::mem::take(&mut world.lock().notifications)
}

fn show(body: &str) -> NotificationOrder {
    NotificationOrder::Show(Notification { title: "Visavis: Design review".into(), body: body.into() })
}

fn notice(window: &mut Harness<'static, App>, world: &World, notice: Notice) {
    world.lock().notices.push(notice);
    window.step();
}

#[test]
fn a_window_without_the_focus_notifies_and_takes_it_back_when_it_is_seen() {
    let world = World::new();
    let mut window = in_a_call(&world);
    notice(&mut window, &world, Notice::Joined("Lena Vogt".into()));
    window.run_steps(SECOND);
    assert_eq!(orders(&world), [], "the window is seen");
    focus(&mut window, false);
    for name in ["Lena Vogt", "Sam Idris", "Noah Berg", "Amir Haddad"] {
        notice(&mut window, &world, Notice::Joined(name.into()));
    }
    write_message(&world, message(1, Some(0), "The slides are up"));
    window.run_steps(SECOND);
    let body = "Mina Park wrote a message\nLena Vogt, Sam Idris and 2 others joined";
    assert_eq!(orders(&world), [show(body)]);
    focus(&mut window, true);
    assert_eq!(orders(&world), [NotificationOrder::Withdraw]);
}

#[test]
fn the_settings_decide_about_notifications_texts_and_sounds() {
    let told = |change: fn(&mut crate::store::Settings)| {
        let world = World::new();
        world.call(in_call());
        let mut window = world.window(LARGE, ada_with(change));
        world.commands();
        focus(&mut window, false);
        notice(&mut window, &world, Notice::Left("Lena Vogt".into()));
        write_message(&world, message(1, Some(0), "The slides are up"));
        window.run_steps(SECOND);
        (orders(&world), world.commands())
    };
    let sound = || vec![CallCommand::PlaySound(JoinSound::Went)];
    assert_eq!(told(|_| ()), (vec![show("Mina Park wrote a message")], sound()));
    assert_eq!(told(|s| s.notification_text = true), (vec![show("Mina Park: The slides are up")], sound()));
    let nothing = |s: &mut crate::store::Settings| (s.notifications, s.join_sounds) = (false, false);
    assert_eq!(told(nothing), (vec![], vec![]));
}

#[test]
fn the_end_of_the_call_and_a_shared_screen_take_it_back() {
    for shares in [false, true] {
        let world = World::new();
        let mut window = in_a_call(&world);
        focus(&mut window, false);
        notice(&mut window, &world, Notice::HandRaised("Lena Vogt".into()));
        window.run_steps(SECOND);
        assert_eq!(orders(&world), [show("Lena Vogt raised a hand")]);
        if shares {
            world.lock().snapshot.screen.wanted = true;
        } else {
            world.end(ending(ExitReason::Kicked));
        }
        window.run_steps(2);
        assert_eq!(orders(&world), [NotificationOrder::Withdraw]);
        notice(&mut window, &world, Notice::HandRaised("Sam Idris".into()));
        window.run_steps(SECOND);
        assert_eq!(orders(&world), []);
    }
}

#[test]
fn the_title_tells_what_is_open_by_the_state_of_the_devices() {
    let world = World::new();
    let mut window = world.window(LARGE, ada());
    let title = |title: &str| ViewportCommand::Title(title.into());
    world.call(in_call());
    window.step();
    assert!(asked(&window, &title("Camera on, microphone on – Design review – Visavis")));
    world.lock().snapshot.camera.wanted = false;
    world.lock().snapshot.camera.state = DeviceState::Closing;
    window.step();
    assert!(!asked(&window, &title("Camera off, microphone on – Design review – Visavis")), "it is still open");
    world.lock().snapshot.camera.state = DeviceState::Off;
    world.lock().snapshot.screen.state = DeviceState::Open;
    window.step();
    assert!(asked(&window, &title("Sharing a screen, camera off, microphone on – Design review – Visavis")));
    world.end(ending(ExitReason::Left));
    window.step();
    assert!(asked(&window, &title("Visavis")));
}
