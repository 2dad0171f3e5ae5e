//! The window on Wayland: it has a title bar, shows what others send, and leaves when the session ends.

use crate::kit::compositor::{Compositor, WindowPixels};
use crate::kit::screenshot::Screen;
use crate::kit::{Events, Participant, Process, Server, TestContext, Visavis, events, proc, wait_until};

/// Less than the height of any title bar.
const IN_TITLE_BAR: u32 = 8;
/// Below the title bar, beside the content, the window shows its own background.
const BELOW_TITLE_BAR: u32 = 60;

#[test]
fn a_window_on_wayland_has_a_title_bar_and_leaves_with_the_session() {
    let context = TestContext::new("wayland");
    let server = Server::start(&context);
    let mut compositor = Compositor::start(&context);
    let bot = Participant::bot(&context, &server.url(), "wayland", "bot", &["--microphone", "none"]);
    let mut command = Visavis::command(&context);
    command.args(["--server", &server.url(), "--room", "wayland", "--name", "Ann", "--join", "--events", "-"]);
    command.args(["--renderer", "glow", "--camera", "capture-process:none:160x90@10", "--microphone", "none"]);
    command.args(["--speaker", "none"]).env("WAYLAND_DISPLAY", compositor.socket());
    let mut window = Participant::entered(Process::start(&context, "ann", &mut command));
    window.wait_for_screen("call");
    bot.wait_for_user("FirstVideoFrame", window.user());
    window.wait_for_user("FirstVideoFrame", bot.user());

    wait_until("the bot's picture", || Screen::read(&compositor.screenshot()).find(bot.user()));
    let pixels = WindowPixels::find(&compositor.screenshot()).expect("a window");
    assert!(pixels.width() >= 1000, "the window is {} pixels wide", pixels.width());
    let across = [pixels.width() / 8, pixels.width() / 4, pixels.width() * 3 / 4];
    let [bar, content] = [IN_TITLE_BAR, BELOW_TITLE_BAR].map(|y| across.map(|x| pixels.at(x, y)));
    assert!(bar.iter().all(|colour| *colour == bar[0]), "the title bar is one area: {bar:?}");
    assert!(
        content.iter().all(|colour| *colour != bar[0]),
        "{content:?} is no other colour than that of the title bar"
    );

    let (capture, _) = proc::capture_processes(window.process().pid()).pop().expect("a capture process");
    compositor.end();
    let exit = window.wait_for("ExitRoom");
    assert_eq!(exit["reason"], 0, "{exit}");
    for step in ["camera_released", "others_told", "connections_closed"] {
        assert!(events::is_confirmed(&exit, step), "{step}: {exit}");
    }
    window.running().wait_exit_code(0);
    assert!(!proc::is_alive(capture), "the capture process is still there");
    bot.wait_for_where("RemoteUserLeaveRoom", |e| e["remote_user"] == window.user() && e["reason"] == 0);
}
