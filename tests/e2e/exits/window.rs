//! Exits of the real window: closed once and twice, with an open menu or question, during an outage.

use super::scene::{CAMERA, CEILING, Exit, ROOM, Scene, nothing_is_held};
use crate::kit::program::Place;
use crate::kit::screenshot::Screen;
use crate::kit::{Display, Events, Fault, Keyboard, Participant, Visavis, proc, wait_until};
use std::fs;
use std::thread::sleep;
use std::time::Duration;

/// Time in which a client that wrongly went on reconnecting would be back.
const RETRY_TIME: Duration = Duration::from_secs(2);

/// A window in a call, with open devices.
struct Call {
    scene: Scene,
    display: Display,
    window: Participant,
}

impl Call {
    #[track_caller]
    fn start(scene: Scene, camera: &str) -> Self {
        Self::drawn_by("glow", scene, camera)
    }

    #[track_caller]
    fn drawn_by(renderer: &str, scene: Scene, camera: &str) -> Self {
        let display = Display::start(&scene.context, "a");
        let url = scene.url();
        let place = Place { display: &display, pulse: Some(&scene.pulse), url: &url, room: ROOM };
        let window = Participant::window(&scene.context, &place, "Mina", &["--renderer", renderer, "--camera", camera]);
        window.wait_for_where("DeviceOpened", |e| e["kind"] == "camera");
        scene.audio_is_open();
        display.focus(window.process().pid());
        Self { scene, display, window }
    }

    fn keyboard(&self) -> Keyboard<'_> {
        Keyboard::of(&self.display, self.window.process())
    }

    /// A window with the setting to ask before leaving.
    #[track_caller]
    fn asking(name: &str) -> Self {
        let scene = Scene::start(name);
        let settings = scene.context.artifact("home").join("visavis");
        fs::create_dir_all(&settings).expect("a settings folder");
        fs::write(settings.join("settings.toml"), "ask_before_leaving = true\n").expect("settings");
        Self::start(scene, CAMERA)
    }

    /// Opens the menu of the camera, and waits until it takes keys.
    #[track_caller]
    fn open_menu(&self) {
        let keyboard = self.keyboard();
        keyboard.focus("F6", "Microphone");
        keyboard.activate("Tab", "Choose camera");
        keyboard.focus("t", "Test picture");
    }

    /// Presses Leave, waits for the question, and checks that the window has not left yet.
    #[track_caller]
    fn asks(&self) {
        let keyboard = self.keyboard();
        let before = keyboard.visited().len();
        keyboard.press("ctrl+shift+l");
        // The tile that has the focus until then tells a new name when its person's state changes.
        wait_until("the question to get the focus", || {
            keyboard.visited()[before..]
                .iter()
                .any(|control| ["Leave", "Stay"].contains(&control.as_str()))
                .then_some(())
        });
        self.display.screenshot(&self.scene.context, "question");
        assert!(self.window.all("ExitRequested").is_empty(), "it leaves without asking");
    }

    /// Checks the exit while the window is open, and the screen after it.
    #[track_caller]
    fn has_exited(&self, reason: u16, screen: &str) -> Exit {
        let exit = self.window.wait_for("ExitRoom");
        nothing_is_held(self.window.process().pid());
        self.scene.audio_is_closed();
        let exit = Exit::check(&self.window.events(), exit, reason);
        self.window.wait_for_screen(screen);
        exit
    }

    /// Checks that everything was confirmed and that the others were told, and ends the program.
    #[track_caller]
    fn leaves_well(self) {
        self.has_exited(0, "end").is_clean();
        self.scene.others_are_told(self.window.user(), 0);
        self.ends();
    }

    /// Waits until the window has left and its program has ended by itself.
    #[track_caller]
    fn ends_by_itself(mut self) {
        let exit = self.window.wait_for("ExitRoom");
        Exit::check(&self.window.events(), exit, 0).is_clean();
        self.scene.others_are_told(self.window.user(), 0);
        self.window.running().wait_exit_code(0);
        self.scene.audio_is_closed();
        assert_eq!(self.window.all("ExitRoom").len(), 1, "ExitRoom comes exactly once");
    }

    /// Ends the program after its exit.
    #[track_caller]
    fn ends(mut self) {
        assert!(self.window.running().is_running(), "there was no window to look at");
        self.window.running().signal("TERM");
        self.window.running().wait_exit_code(0);
        assert_eq!(self.window.all("ExitRoom").len(), 1, "ExitRoom comes exactly once");
    }
}

#[test]
fn leave_pressed_twice() {
    let call = Call::start(Scene::start("pressed-twice"), CAMERA);
    call.display.press("ctrl+shift+l");
    call.display.press("ctrl+shift+l");
    call.leaves_well();
}

/// A support bundle contains the receipt and the journal, but neither the server nor its key, nor any name.
#[test]
fn the_receipt_is_in_the_support_bundle() {
    let call = Call::start(Scene::start("support-bundle"), CAMERA);
    call.display.press("ctrl+shift+l");
    call.has_exited(0, "end").is_clean();
    let exit = call.window.wait_for("ExitRoom");
    let bundle = || {
        let mut command = Visavis::command(&call.scene.context);
        let output = Visavis::run(command.args(["support", "bundle", "--out", "-"]));
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let text = wait_until("the receipt to be kept", || Some(bundle()).filter(|text| text.contains("ExitRoom")));
    let found: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let kept = found["exits"].as_array().expect("a list").last().expect("an exit");
    assert_eq!((&kept["receipt"], &kept["reason"]), (&exit["receipt"], &exit["reason"]));
    for private in [&call.scene.url(), "devkey", call.window.user()] {
        assert!(!text.contains(private), "{private} is in it:\n{text}");
    }
    call.ends();
}

#[test]
fn leave_while_a_menu_is_open() {
    let call = Call::start(Scene::start("menu-open"), CAMERA);
    call.open_menu();
    call.display.screenshot(&call.scene.context, "menu");
    call.display.press("ctrl+shift+l");
    call.leaves_well();
}

#[test]
fn kicked_while_the_question_is_open() {
    let call = Call::asking("question-kicked");
    call.asks();
    call.scene.room(&["remove-user", ROOM, call.window.user(), "--yes"]);
    call.has_exited(1, "kicked").is_clean();
    call.scene.others_are_told(call.window.user(), 2);
    call.ends();
}

#[test]
fn leave_is_pressed_again_while_the_question_is_open() {
    let call = Call::asking("question-answered");
    call.asks();
    call.display.press("ctrl+shift+l");
    call.leaves_well();
}

#[test]
fn told_to_end_while_the_question_is_open() {
    let call = Call::asking("question-term");
    call.asks();
    call.window.process().signal("TERM");
    call.ends_by_itself();
}

#[test]
fn the_window_is_closed_while_a_menu_is_open() {
    let call = Call::start(Scene::start("menu-closed"), CAMERA);
    call.open_menu();
    call.display.press("alt+F4");
    call.ends_by_itself();
}

/// The second close does not wait for a camera that hangs; its capture process ends all the same.
#[test]
fn the_window_is_closed_twice() {
    let mut call = Call::start(Scene::start("closed-twice"), "capture-process:hang-at-close:160x90@10");
    let (capture, _) = proc::capture_processes(call.window.process().pid()).pop().expect("a capture process");
    call.display.press("alt+F4");
    call.window.wait_for("ExitRequested");
    call.display.press("alt+F4");
    let exit = call.window.wait_for("ExitRoom");
    assert!(exit["total_ms"].as_f64().is_some_and(|ms| ms < CEILING), "{exit}");
    assert_eq!(exit["reason"], 0, "{exit}");
    call.scene.others_are_told(call.window.user(), 0);
    call.window.running().wait_exit_code(0);
    wait_until("the capture process to end", || (!proc::is_alive(capture)).then_some(()));
    call.scene.audio_is_closed();
    assert_eq!(call.window.all("ExitRoom").len(), 1, "ExitRoom comes exactly once");
}

#[test]
fn the_login_session_ends_under_the_window() {
    the_display_goes_away("glow");
}

#[test]
fn the_login_session_ends_under_a_window_that_wgpu_draws() {
    the_display_goes_away("wgpu");
}

/// The end of the X server closes its connections: the window gets no close event, but leaves.
#[track_caller]
fn the_display_goes_away(renderer: &str) {
    let scene = Scene::start(&format!("session-ends-{renderer}"));
    let mut call = Call::drawn_by(renderer, scene, CAMERA);
    let (capture, _) = proc::capture_processes(call.window.process().pid()).pop().expect("a capture process");
    call.display.end();
    // Xlib, winit or the renderer may notice it first, the latter two by a panic. To the user it is one thing.
    call.ends_by_itself();
    assert!(!proc::is_alive(capture), "the capture process is still there");
}

#[test]
fn a_window_that_left_while_reconnecting_stays_out() {
    let call = Call::start(Scene::behind_relay("window-link-returns"), CAMERA);
    call.scene.link().set(Fault { cut: true, ..Fault::default() });
    call.window.wait_for("ConnectionLost");
    call.display.screenshot(&call.scene.context, "reconnecting");
    call.display.press("ctrl+shift+l");
    call.has_exited(0, "end").step("others_told", "unconfirmed");
    call.scene.link().set(Fault::default());
    call.scene.others_are_told(call.window.user(), 1);
    sleep(RETRY_TIME);
    nothing_is_held(call.window.process().pid());
    assert_eq!(call.scene.watcher.all("RemoteUserEnterRoom").len(), 1, "who has left came back");
    call.ends();
}

/// The tile of a user who left during our outage must not stay on the screen.
#[test]
fn no_frozen_tile_of_somebody_who_left_while_i_reconnected() {
    let scene = Scene::behind_relay("no-frozen-tile");
    let sends = ["--camera", "test-picture:320x180@10", "--microphone", "none", "--speaker", "none"];
    let mut guest = scene.guest("guest", &sends);
    let call = Call::start(scene, CAMERA);
    call.window.wait_for_user("FirstVideoFrame", guest.user());
    let look = |name: &str| Screen::read(&call.display.screenshot(&call.scene.context, name)).find(guest.user());
    wait_until("the guest's picture", || look("before"));
    call.scene.link().set(Fault { cut: true, ..Fault::default() });
    call.window.wait_for("ConnectionLost");
    proc::signal(guest.process().pid(), "TERM");
    guest.wait_for("ExitRoom");
    call.scene.link().set(Fault::default());
    call.window.wait_for("ConnectionRecovery");
    call.window.wait_for_user("RemoteUserLeaveRoom", guest.user());
    wait_until("their picture to go", || look("after").is_none().then_some(()));
    guest.running().wait_exit_code(0);
    call.display.press("ctrl+shift+l");
    call.has_exited(0, "end").is_clean();
    call.ends();
}
