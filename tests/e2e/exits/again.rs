//! Entering again right after ExitRoom, and resources after many calls in one process.

use super::scene::{CAMERA, CEILING, Leaver, Scene};
use crate::kit::{Events, proc};
use serde_json::Value;
use std::time::Duration;

/// Time limit of fifty calls on a busy machine.
const LONG: Duration = Duration::from_secs(120);

/// At ExitRoom the devices are free: the next call opens them at the first attempt, and the server admits the same user
/// again at once.
#[test]
fn enter_again_right_after_exit_room_fifty_times() {
    let scene = Scene::start("fifty-times");
    let cycles = ["--camera", CAMERA, "--leave-after", "300ms", "--cycles", "50"];
    let leaver = scene.entering(&scene.url(), &cycles);
    leaver.wait_for_within(LONG, "ExitRoom", |e| e["session"] == 50);
    let mut opened_cameras = 0;
    for session in 1..=50 {
        let events: Vec<Value> = leaver.events().into_iter().filter(|e| e["session"] == session).collect();
        let count = |name: &str| events.iter().filter(|e| e["event"] == name).count();
        assert_eq!(count("EnterRoom"), 1, "session {session}");
        assert_eq!(count("ExitRoom"), 1, "session {session}");
        assert_eq!(count("DeviceFailed"), 0, "session {session}: a device was not free");
        for kind in ["camera", "microphone", "speaker"] {
            let opened = events.iter().filter(|e| e["event"] == "DeviceOpened" && e["kind"] == kind).count();
            assert!(opened <= 1, "session {session}: the {kind} opened {opened} times");
            opened_cameras += usize::from(kind == "camera") * opened;
        }
        let exit = events.last().expect("events");
        assert_eq!((&exit["event"], &exit["reason"]), (&Value::from("ExitRoom"), &Value::from(0)), "{exit}");
        assert!(exit["total_ms"].as_f64().is_some_and(|ms| ms < CEILING), "{exit}");
    }
    // On a busy machine some calls are over before their camera has opened.
    assert!(opened_cameras >= 40, "the camera opened in {opened_cameras} of 50 calls");
    // The watcher saw the user leave before each re-entry.
    let seen: Vec<String> = scene
        .watcher
        .events()
        .iter()
        .filter(|e| e["remote_user"] == leaver.user())
        .filter_map(|e| e["event"].as_str().filter(|n| n.starts_with("RemoteUser")).map(str::to_owned))
        .collect();
    let turns = seen.chunks(2).filter(|pair| *pair == ["RemoteUserEnterRoom", "RemoteUserLeaveRoom"]).count();
    assert!(turns >= 49, "{turns} of 50 turns were seen in order: {seen:?}");
}

/// The resources of a process, as the system counts them.
#[derive(Debug)]
struct Holdings {
    descriptors: usize,
    threads: usize,
    memory_kb: u64,
}

impl Holdings {
    fn of(leaver: &Leaver) -> Self {
        let pid = leaver.pid();
        Self {
            descriptors: proc::descriptors(pid).len(),
            threads: proc::threads(pid),
            memory_kb: proc::resident_kb(pid),
        }
    }
}

#[test]
fn two_hundred_calls_leave_nothing_behind() {
    let scene = Scene::start("two-hundred");
    let cycles = ["--camera", CAMERA, "--leave-after", "0s", "--cycles", "200", "--linger", "2s"];
    let mut leaver = scene.entering(&scene.url(), &cycles);
    // By now everything that is made once exists.
    leaver.wait_for_within(LONG, "ExitRoom", |e| e["session"] == 50);
    let early = Holdings::of(&leaver);
    leaver.wait_for_within(LONG, "ExitRoom", |e| e["session"] == 200);
    super::scene::nothing_is_held(leaver.pid());
    let late = Holdings::of(&leaver);
    assert!(leaver.running().is_running(), "there was no process to look at");
    // A leak of one for each call would make 150. The runtime adds and removes a few.
    assert!(late.descriptors <= early.descriptors + 8, "descriptors are left: {early:?}, then {late:?}");
    assert!(late.threads <= early.threads + 8, "threads are left: {early:?}, then {late:?}");
    let grown = late.memory_kb.saturating_sub(early.memory_kb);
    assert!(grown < 8 * 1024, "memory has grown by {grown} kB in 150 calls: {early:?}, then {late:?}");
    assert!(leaver.all("ExitRoom").len() == 200 && leaver.all("EnterRoom").len() == 200);
}
