//! The window within its desktop: push to talk beside other windows, a screen that stays on during a call, notifications.

use crate::kit::program::Place;
use crate::kit::session_bus::SessionBus;
use crate::kit::{Display, Events, Participant, Process, Pulse, Server, TestContext, Visavis, wait_until};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

const ROOM: &str = "desk";

/// A window in a call, with the microphone off, on a desktop with a screen saver.
struct Desk {
    window: Participant,
    bus: SessionBus,
    display: Display,
    pulse: Pulse,
    server: Server,
    context: TestContext,
}

impl Desk {
    #[track_caller]
    fn start(name: &str) -> Self {
        let context = TestContext::beside_others(name);
        let settings = context.artifact("home").join("visavis");
        fs::create_dir_all(&settings).expect("a settings folder");
        fs::write(settings.join("settings.toml"), "join_with_microphone = false\ntalk_key = \"F9\"\n")
            .expect("settings");
        let server = Server::start(&context);
        let pulse = Pulse::start(&context, "a");
        let display = Display::start(&context, "a");
        let bus = SessionBus::start(&context);
        let window = Self::window(&context, &server, &pulse, &display, &bus);
        Self { window, bus, display, pulse, server, context }
    }

    fn window(
        context: &TestContext,
        server: &Server,
        pulse: &Pulse,
        display: &Display,
        bus: &SessionBus,
    ) -> Participant {
        let place = Place { url: &server.url(), room: ROOM, display, pulse: Some(pulse) };
        let arguments = ["--camera", "none", "--speaker", "none", "--renderer", "glow", "--join"];
        let mut command = Participant::window_command(context, &place, "Mina", &arguments);
        command.env("DBUS_SESSION_BUS_ADDRESS", bus.address());
        let window = Participant::entered(Process::start(context, "Mina", &mut command));
        window.wait_for_screen("call");
        display.focus(window.process().pid());
        window
    }

    /// Holds `key` down until the microphone is open, for the sound server and for the window.
    #[track_caller]
    fn talk(&self, key: &str) {
        let before = self.opened();
        self.display.key_down(key);
        wait_until("the microphone to open", || (self.opened() > before).then_some(()));
        assert_eq!(self.pulse.microphone_users().len(), 1);
    }

    /// Waits until the microphone is closed, and checks that it stays so while the key is still down.
    #[track_caller]
    fn is_silent(&self, why: &str) {
        wait_until(why, || self.pulse.microphone_users().is_empty().then_some(()));
        // Longer than a key takes to repeat.
        sleep(Duration::from_millis(800));
        assert_eq!(self.pulse.microphone_users(), [""; 0], "{why}: it was opened again");
    }

    fn opened(&self) -> usize {
        self.window.all("DeviceOpened").iter().filter(|e| e["kind"] == "microphone").count()
    }
}

#[test]
fn push_to_talk_ends_with_each_way_out_of_the_window() {
    let mut desk = Desk::start("push-to-talk");
    let pid = desk.window.process().pid();
    assert_eq!(desk.bus.screen_holders(), 1, "the screen stays on");

    desk.talk("space");
    sleep(Duration::from_secs(1));
    assert_eq!(desk.opened(), 1, "the repeats of a held key do nothing");
    desk.display.key_up("space");
    desk.is_silent("the key's release");

    desk.talk("space");
    let window = desk.display.minimise(pid);
    desk.is_silent("a minimised window");
    desk.display.activate(&window);
    desk.is_silent("a window that is shown again while the key is down");
    desk.display.key_up("space");

    desk.talk("space");
    desk.display.show_desktop(1);
    desk.is_silent("another workspace");
    desk.display.key_up("space");

    // The key for all programs: it is the only one that works while the window is not there.
    desk.display.key_down("space");
    desk.display.key_up("space");
    desk.talk("F9");
    desk.display.key_up("F9");
    desk.is_silent("the release of the key for all programs");
    desk.talk("F9");
    desk.bus.lock_screen();
    desk.is_silent("a locked screen");
    desk.display.key_up("F9");
    desk.display.show_desktop(0);
    desk.display.activate(&window);
    assert_eq!(desk.opened(), 5, "once for each press");

    desk.display.press("ctrl+shift+l");
    desk.window.wait_for("ExitRoom");
    wait_until("the screen to be free", || (desk.bus.screen_holders() == 0).then_some(()));
    assert_eq!(desk.bus.withdrawn(), 1);
    desk.window.running().signal("TERM");
    desk.window.running().wait_exit_code(0);
}

#[test]
fn notifications_and_the_screen_that_stays_on_end_with_a_removal_and_a_crash() {
    let mut desk = Desk::start("stays-on");
    wait_until("the screen to be kept on", || (desk.bus.screen_holders() == 1).then_some(()));
    desk.display.minimise(desk.window.process().pid());
    // The window takes a moment to notice that nobody sees it; who comes before that is no news.
    let told = (1..=8).find_map(|n| {
        let _guest = Participant::bot(&desk.context, &desk.server.url(), ROOM, &format!("guest{n}"), &[]);
        let until = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until && desk.bus.notifications().is_empty() {
            sleep(Duration::from_millis(20));
        }
        desk.bus.notifications().pop()
    });
    assert!(told.as_ref().is_some_and(|body| body.ends_with(" joined")), "{told:?}");
    Visavis::room(&desk.context, &desk.server, &["remove-user", ROOM, desk.window.user(), "--yes"]);
    desk.window.wait_for("ExitRoom");
    wait_until("the notification to be withdrawn", || desk.bus.notifications().is_empty().then_some(()));
    wait_until("the screen to be free", || (desk.bus.screen_holders() == 0).then_some(()));
    assert_eq!(desk.bus.withdrawn(), 1);
    desk.window.running().signal("KILL");
    desk.window.running().wait_exit();

    desk.window = Desk::window(&desk.context, &desk.server, &desk.pulse, &desk.display, &desk.bus);
    wait_until("the screen to be kept on", || (desk.bus.screen_holders() == 1).then_some(()));
    desk.window.running().signal("KILL");
    desk.window.running().wait_exit();
    wait_until("the screen to be free", || (desk.bus.screen_holders() == 0).then_some(()));
    assert_eq!(desk.bus.withdrawn(), 1, "the bus tells of the end of a connection");
}
