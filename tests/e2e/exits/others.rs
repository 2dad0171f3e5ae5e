//! Exits that others cause: removals before, after and during the own exit, the same user elsewhere, the end of the server,
//! and signals.

use super::scene::{CAMERA, ROOM, Scene};
use crate::kit::program::DEV_KEYS;
use crate::kit::{Events, Visavis, proc, wait_until};

/// A camera that takes most of a second to close, so that other things happen meanwhile.
const SLOW_TO_CLOSE: &str = "capture-process:hang-at-close:160x90@10";

#[test]
fn leave_just_after_a_kick() {
    let scene = Scene::start("kick-then-leave");
    let mut leaver = scene.leaver_with(&["--camera", SLOW_TO_CLOSE]);
    scene.room(&["remove-user", ROOM, leaver.user(), "--yes"]);
    leaver.leave();
    scene.has_exited(&mut leaver, 1).step("others_told", "not_applicable").is_clean();
    scene.others_are_told(leaver.user(), 2);
    leaver.ends_with(21);
}

#[test]
fn kicked_just_after_leaving() {
    let scene = Scene::start("leave-then-kick");
    let mut leaver = scene.leaver_with(&["--camera", SLOW_TO_CLOSE]);
    leaver.leave();
    // The server may or may not find the user.
    let url = scene.server.url();
    let remove = ["room", "remove-user", ROOM, leaver.user(), "--yes", "--server", &url];
    Visavis::run(Visavis::command(&scene.context).envs(DEV_KEYS).args(remove));
    scene.has_exited(&mut leaver, 0).is_clean();
    leaver.ends_with(0);
}

/// Both events wait when the participant's process continues. One of them counts, and the others are told the same.
#[test]
fn kicked_and_leaving_at_once() {
    let scene = Scene::start("kick-and-leave");
    let mut leaver = scene.leaver();
    proc::signal(leaver.pid(), "STOP");
    scene.room(&["remove-user", ROOM, leaver.user(), "--yes"]);
    leaver.leave();
    proc::signal(leaver.pid(), "CONT");
    let reason = leaver.wait_for("ExitRoom")["reason"].as_u64().expect("a reason");
    assert!(reason <= 1, "neither left nor removed: {reason}");
    scene.has_exited(&mut leaver, reason as u16);
    scene.others_are_told(leaver.user(), 2);
    leaver.ends_with(if reason == 0 { 0 } else { 21 });
}

#[test]
fn leave_after_a_kick_and_stay_away() {
    let scene = Scene::start("after-a-kick");
    let mut leaver = scene.leaver_with(&["--camera", CAMERA, "--linger", "4s"]);
    scene.room(&["remove-user", ROOM, leaver.user(), "--yes"]);
    scene.has_exited(&mut leaver, 1).step("others_told", "not_applicable").is_clean();
    scene.others_are_told(leaver.user(), 2);
    leaver.leave();
    leaver.running().wait_exit_code(21);
    assert_eq!(leaver.all("ExitRoom").len(), 1, "ExitRoom comes exactly once");
    assert_eq!(scene.watcher.all("RemoteUserEnterRoom").len(), 1, "who was removed came back");
}

#[test]
fn the_same_user_joins_elsewhere() {
    let scene = Scene::start("joined-elsewhere");
    let mut leaver = scene.leaver();
    let quiet = ["--camera", "none", "--microphone", "none", "--speaker", "none"];
    let mut second = scene.guest("leaver", &quiet);
    assert_eq!(second.user(), leaver.user());
    scene.has_exited(&mut leaver, 100).step("others_told", "not_applicable").is_clean();
    leaver.ends_with(25);
    // The second one stays.
    assert!(second.running().is_running() && second.all("ExitRoom").is_empty());
    scene.is_listed(second.user());
}

#[test]
fn the_server_is_stopped_gently() {
    let mut scene = Scene::start("server-stopped");
    let mut leaver = scene.leaver();
    scene.server.process().signal("TERM");
    scene.has_exited(&mut leaver, 101).step("others_told", "not_applicable").is_clean();
    scene.watcher.wait_for_where("ExitRoom", |e| e["reason"] == 101);
    scene.server.process().wait_exit_code(0);
    leaver.ends_with(24);
}

/// The other tests send TERM.
#[test]
fn told_to_end_by_other_signals() {
    for signal in ["INT", "HUP"] {
        let scene = Scene::start(&format!("signal-{}", signal.to_lowercase()));
        let mut leaver = scene.leaver();
        leaver.running().signal(signal);
        scene.has_left_cleanly(&mut leaver);
        leaver.ends_with(0);
    }
}

/// The second signal ends the program at once, with an open camera. The capture process must end too.
#[test]
fn told_to_end_twice() {
    let scene = Scene::start("signal-twice");
    let mut leaver = scene.leaver_with(&["--camera", SLOW_TO_CLOSE]);
    let (capture, _) = proc::capture_processes(leaver.pid()).pop().expect("a capture process");
    leaver.leave();
    leaver.wait_for("ExitRequested");
    leaver.leave();
    leaver.running().wait_exit_code(143);
    assert!(leaver.all("ExitRoom").len() <= 1);
    wait_until("the capture process to end", || (!proc::is_alive(capture)).then_some(()));
    scene.audio_is_closed();
    let told = scene.watcher.wait_for_user("RemoteUserLeaveRoom", leaver.user());
    assert!(told["reason"] == 0 || told["reason"] == 1, "{told}");
}

/// As by a crash or the out-of-memory killer.
#[test]
fn killed_outright() {
    let scene = Scene::start("killed");
    let mut leaver = scene.leaver();
    let (capture, _) = proc::capture_processes(leaver.pid()).pop().expect("a capture process");
    leaver.running().signal("KILL");
    leaver.running().wait_exit();
    wait_until("the capture process to end", || (!proc::is_alive(capture)).then_some(()));
    wait_until("the microphone to be free", || scene.pulse.microphone_users().is_empty().then_some(()));
    scene.others_are_told(leaver.user(), 1);
}
