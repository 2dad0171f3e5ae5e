//! Two real windows, each with a sound server of its own: one shows and plays what the other sends.

use crate::kit::program::{FPS, Place};
use crate::kit::screenshot::Screen;
use crate::kit::wav::Recorded;
use crate::kit::{Display, Events, Participant, Process, Pulse, Server, TestContext};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[test]
fn two_windows_show_and_play_each_other() {
    let context = TestContext::new("two-windows");
    let server = Server::start(&context);
    let url = server.url();
    let (left, right) = (Display::start(&context, "left"), Display::start(&context, "right"));
    let (desk, other_desk) = (Pulse::start(&context, "left"), Pulse::start(&context, "right"));
    let here = Place { display: &left, pulse: Some(&desk), url: &url, room: "windows" };
    let there = Place { display: &right, pulse: Some(&other_desk), url: &url, room: "windows" };
    // In software rendering, only glow is fast enough for a moving picture.
    let sends = ["--renderer", "glow", "--camera", "test-picture:640x360@15", "--microphone", "test-tone:440"];
    let mina = Participant::window(&context, &here, "Mina", &sends);
    let jonas = Participant::window(&context, &there, "Jonas", &["--renderer", "glow", "--camera", "none"]);
    jonas.wait_for_media_of(mina.user());

    let recording = other_desk.record_speaker(&context, "heard-by-jonas");
    let began = Instant::now();
    let first = look(&context, &right, mina.user(), "seen-by-jonas-1");
    sleep(Duration::from_secs(7));
    let last = look(&context, &right, mina.user(), "seen-by-jonas-2");
    let seconds = began.elapsed().as_secs_f64();
    Recorded::read(&recording.stop()).tone(440.0).holds(5.0);
    left.screenshot(&context, "mina");

    // The drawing times show the progress of the video, and the frame numbers, if the tile shows them, its rate.
    let moved = f64::from((last.drawn.wrapping_sub(first.drawn)) & 0xFF_FFFF) / 1000.0;
    assert!((5.0..seconds + 1.0).contains(&moved), "the picture moved on by {moved} s in {seconds} s");
    if let (Some(from), Some(to)) = (first.frame, last.frame) {
        let rate = f64::from(to - from) / moved;
        assert!((rate / FPS - 1.0).abs() < 0.15, "frame numbers advance by {rate:.1} a second, not by {FPS}");
    }
    let shown = jonas.wait_for_where("Statistics", |e| fps_of(e, mina.user()).is_some_and(|fps| fps > 0.8 * FPS));
    assert!(fps_of(&shown, mina.user()).is_some_and(|fps| fps < 1.2 * FPS), "{shown}");
}

/// The current test picture of `user` on the screen.
fn look(context: &TestContext, display: &Display, user: &str, name: &str) -> crate::kit::screenshot::Seen {
    let began = Instant::now();
    loop {
        let path = display.screenshot(context, name);
        if let Some(seen) = Screen::read(&path).find(user) {
            return seen;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "no test picture of {user} can be read in {}",
            path.display()
        );
    }
}

fn fps_of(statistics: &serde_json::Value, user: &str) -> Option<f64> {
    let remote = statistics["remote"].as_array()?;
    remote.iter().find(|r| r["remote_user"] == user && r["kind"] == "video")?["fps"].as_f64()
}

/// A computer without graphics for wgpu, as many virtual machines are: here wgpu is limited to a backend of macOS.
#[test]
fn where_wgpu_finds_no_graphics_glow_draws_the_window() {
    let context = TestContext::new("no-wgpu");
    let server = Server::start(&context);
    let display = Display::start(&context, "a");
    let place = Place { url: &server.url(), room: "plain", display: &display, pulse: None };
    let devices = ["--camera", "test-picture:320x180@15", "--microphone", "none", "--speaker", "none", "--join"];
    let mut command = Participant::window_command(&context, &place, "Mina", &devices);
    let mut window = Participant::entered(Process::start(&context, "Mina", command.env("WGPU_BACKEND", "metal")));
    window.wait_for_screen("call");
    display.screenshot(&context, "call");
    assert!(window.running().stderr().contains("glow does"), "{}", window.running().stderr());
    window.running().signal("TERM");
    assert_eq!(window.wait_for("ExitRoom")["reason"], 0);
    window.running().wait_exit_code(0);
}
