//! Two real windows, each with the sound server of its own computer: what one sends, the other shows and plays.

use crate::kit::program::{FPS, Place};
use crate::kit::screenshot::Screen;
use crate::kit::wav::Recorded;
use crate::kit::{Display, Events, Participant, Process, Pulse, Server, Stage};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[test]
fn two_windows_show_and_play_each_other() {
    let stage = Stage::new("two-windows");
    let server = Server::start(&stage);
    let url = server.url();
    let (left, right) = (Display::start(&stage, "left"), Display::start(&stage, "right"));
    let (desk, other_desk) = (Pulse::start(&stage, "left"), Pulse::start(&stage, "right"));
    let here = Place { display: &left, pulse: Some(&desk), url: &url, room: "windows" };
    let there = Place { display: &right, pulse: Some(&other_desk), url: &url, room: "windows" };
    // Both draw in software here: glow is the one that can follow a moving picture so.
    let sends = ["--renderer", "glow", "--camera", "test-picture:640x360@15", "--microphone", "test-tone:440"];
    let mina = Participant::window(&stage, &here, "Mina", &sends);
    let jonas = Participant::window(&stage, &there, "Jonas", &["--renderer", "glow", "--camera", "none"]);
    jonas.wait_for_media_of(mina.user());

    let recording = other_desk.record_speaker(&stage, "heard-by-jonas");
    let began = Instant::now();
    let first = look(&stage, &right, mina.user(), "seen-by-jonas-1");
    sleep(Duration::from_secs(7));
    let last = look(&stage, &right, mina.user(), "seen-by-jonas-2");
    let seconds = began.elapsed().as_secs_f64();
    Recorded::read(&recording.stop()).tone(440.0).holds(5.0);
    left.screenshot(&stage, "mina");

    // Drawn times say how far the picture moved on; frame numbers, where the tile shows them, at which rate.
    let moved = f64::from((last.drawn.wrapping_sub(first.drawn)) & 0xFF_FFFF) / 1000.0;
    assert!((5.0..seconds + 1.0).contains(&moved), "the picture moved on by {moved} s in {seconds} s");
    if let (Some(from), Some(to)) = (first.frame, last.frame) {
        let rate = f64::from(to - from) / moved;
        assert!((rate / FPS - 1.0).abs() < 0.15, "frame numbers advance by {rate:.1} a second, not by {FPS}");
    }
    let shown = jonas.wait_for_where("Statistics", |e| fps_of(e, mina.user()).is_some_and(|fps| fps > 0.8 * FPS));
    assert!(fps_of(&shown, mina.user()).is_some_and(|fps| fps < 1.2 * FPS), "{shown}");
}

/// The test picture of `user` as it stands on the screen now.
fn look(stage: &Stage, display: &Display, user: &str, name: &str) -> crate::kit::screenshot::Seen {
    let began = Instant::now();
    loop {
        let path = display.screenshot(stage, name);
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

/// A computer without a graphics driver that wgpu can use, as many virtual ones are: here a system that Linux is not.
#[test]
fn where_wgpu_finds_no_graphics_glow_draws_the_window() {
    let stage = Stage::new("no-wgpu");
    let server = Server::start(&stage);
    let display = Display::start(&stage, "a");
    let place = Place { url: &server.url(), room: "plain", display: &display, pulse: None };
    let devices = ["--camera", "test-picture:320x180@15", "--microphone", "none", "--speaker", "none", "--join"];
    let mut command = Participant::window_command(&stage, &place, "Mina", &devices);
    let mut window = Participant::entered(Process::start(&stage, "Mina", command.env("WGPU_BACKEND", "metal")));
    window.wait_for_screen("call");
    display.screenshot(&stage, "call");
    assert!(window.running().stderr().contains("glow does"), "{}", window.running().stderr());
    window.running().signal("TERM");
    assert_eq!(window.wait_for("ExitRoom")["reason"], 0);
    window.running().wait_exit_code(0);
}
