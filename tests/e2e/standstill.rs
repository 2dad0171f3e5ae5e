//! A process that stands still, as in sleep or in a debugger, while its system acknowledges what arrives for it.

use crate::kit::{Events, Participant, Server, TestContext, proc};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longer than the server waits for a silent participant: it has given the bot up when that goes on.
const STANDSTILL: Duration = Duration::from_secs(8);

#[test]
fn a_participant_that_was_stopped_for_eight_seconds_is_back_with_its_camera() {
    let context = TestContext::new("standstill");
    let server = Server::start(&context);
    let camera = ["--camera", "capture-process:none:320x180@10", "--microphone", "test-tone"];
    let other = Participant::bot(&context, &server.url(), "tea", "other", &["--camera", "none"]);
    let mut stopped = Participant::bot(&context, &server.url(), "tea", "stopped", &camera);
    other.wait_for_media_of(stopped.user());
    let pid = stopped.running().pid();
    let captures = proc::capture_processes(pid);
    assert_eq!(captures.len(), 1);
    let all: Vec<u32> = captures.iter().map(|(child, _)| *child).chain([pid]).collect();
    for pid in all.iter().rev() {
        proc::signal(*pid, "STOP");
    }
    sleep(STANDSTILL);
    let woke = SystemTime::now().duration_since(UNIX_EPOCH).expect("the time").as_secs_f64() * 1000.0;
    for pid in &all {
        proc::signal(*pid, "CONT");
    }
    let back = |e: &serde_json::Value| e["unix_ms"].as_f64() >= Some(woke);
    other.wait_for_where("FirstVideoFrame", |e| back(e) && e["remote_user"] == stopped.user());
    other.wait_for_where("FirstAudioFrame", |e| back(e) && e["remote_user"] == stopped.user());
    for event in ["ExitRoom", "DeviceFailed", "DeviceClosed"] {
        assert!(stopped.all(event).is_empty(), "{:?}", stopped.all(event));
    }
    assert_eq!(proc::capture_processes(pid), captures, "the same capture process");
    stopped.running().signal("TERM");
    stopped.running().wait_exit_code(0);
}
