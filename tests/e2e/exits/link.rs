//! Leaving, and being removed, over a link that is lossy, cut or dead, or that returns at the wrong time.

use super::scene::{CAMERA, ROOM, Scene};
use crate::kit::{Events, Fault, wait_until};
use std::fs;
use std::thread::sleep;
use std::time::Duration;

const CUT: Fault = Fault { loss: 0.0, loss_up: 0.0, black_hole: false, cut: true };
/// Longer than the server keeps a lost peer, which is 6 s.
const LONG_OUTAGE: Duration = Duration::from_secs(8);
const BLACK_HOLE: Fault = Fault { loss: 0.0, loss_up: 0.0, black_hole: true, cut: false };

#[test]
fn leave_while_reconnecting_and_the_link_returns_afterwards() {
    let scene = Scene::behind_relay("link-returns");
    let mut leaver = scene.leaver_with(&["--camera", CAMERA, "--linger", "5s"]);
    scene.link().set(CUT);
    leaver.wait_for("ConnectionLost");
    leaver.leave();
    scene.has_exited(&mut leaver, 0).step("others_told", "unconfirmed").step("camera_released", "confirmed");
    scene.link().set(Fault::default());
    scene.others_are_told(leaver.user(), 1);
    // The process runs on for some seconds, and must not come back.
    assert!(leaver.running().is_running());
    super::scene::nothing_is_held(leaver.pid());
    assert!(!scene.room(&["users", ROOM, "--json"]).contains(leaver.user()), "who has left is back");
    assert_eq!(scene.watcher.all("RemoteUserEnterRoom").len(), 1, "who has left came back");
    leaver.ends_with(0);
}

#[test]
fn leave_while_the_link_is_a_black_hole() {
    let scene = Scene::behind_relay("black-hole");
    let mut leaver = scene.leaver();
    scene.link().set(BLACK_HOLE);
    leaver.leave();
    scene.has_exited(&mut leaver, 0).step("others_told", "unconfirmed").step("camera_released", "confirmed");
    scene.others_are_told(leaver.user(), 1);
    leaver.ends_with(0);
}

#[test]
fn leave_right_after_the_server_was_killed() {
    let mut scene = Scene::start("server-killed");
    let mut leaver = scene.leaver();
    scene.server.process().signal("KILL");
    leaver.leave();
    scene.has_exited(&mut leaver, 0).step("camera_released", "confirmed").step("microphone_released", "confirmed");
    leaver.ends_with(0);
}

#[test]
fn leave_while_reconnecting_to_a_server_that_was_killed() {
    let mut scene = Scene::start("server-gone");
    let mut leaver = scene.leaver();
    scene.server.process().signal("KILL");
    leaver.wait_for_where("TryToReconnect", |e| e["attempt"] == 2);
    leaver.leave();
    scene.has_exited(&mut leaver, 0).step("others_told", "unconfirmed").step("camera_released", "confirmed");
    leaver.ends_with(0);
}

/// The server is stopped: everything sent waits in queues, the goodbye too.
#[test]
fn leave_with_a_full_send_queue() {
    let mut scene = Scene::start("full-queue");
    let mut leaver = scene.leaver();
    scene.server.process().signal("STOP");
    let pid = scene.server.process().pid();
    wait_until("the server's queue to fill", || (waiting_bytes(pid) > 100_000).then_some(()));
    leaver.leave();
    scene.has_exited(&mut leaver, 0).step("others_told", "unconfirmed").step("camera_released", "confirmed");
    scene.server.process().signal("CONT");
    // The goodbye was in the queue.
    scene.others_are_told(leaver.user(), 0);
    leaver.ends_with(0);
}

/// Unread bytes in the UDP sockets of `pid`.
fn waiting_bytes(pid: u32) -> u64 {
    let table = fs::read_to_string(format!("/proc/{pid}/net/udp")).expect("the kernel's table");
    let ours = crate::kit::proc::sockets(pid);
    let queues = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let known = format!("udp {} {}", fields.get(1)?, fields.get(2)?);
        let (_, waiting) = fields.get(4)?.split_once(':')?;
        ours.contains(&known).then(|| u64::from_str_radix(waiting, 16).ok()).flatten()
    });
    queues.sum()
}

#[test]
fn kicked_while_reconnecting() {
    let scene = Scene::behind_relay("kicked-reconnecting");
    let mut leaver = scene.leaver();
    scene.link().set(CUT);
    leaver.wait_for("ConnectionLost");
    scene.room(&["remove-user", ROOM, leaver.user(), "--yes"]);
    scene.others_are_told(leaver.user(), 2);
    scene.link().set(Fault::default());
    scene.has_exited(&mut leaver, 1).step("others_told", "not_applicable").is_clean();
    assert_eq!(scene.watcher.all("RemoteUserEnterRoom").len(), 1, "who was removed came back");
    leaver.ends_with(21);
}

/// The server has already removed the lost peer when the operator removes the user, who comes back by a fresh join.
#[test]
fn kicked_during_an_outage_that_is_too_long_for_a_resume() {
    let scene = Scene::behind_relay("kicked-long-outage");
    let mut leaver = scene.leaver();
    let cut_at = std::time::Instant::now();
    scene.link().set(CUT);
    leaver.wait_for("ConnectionLost");
    scene.others_are_told(leaver.user(), 1);
    scene.room(&["remove-user", ROOM, leaver.user(), "--yes"]);
    sleep(LONG_OUTAGE.saturating_sub(cut_at.elapsed()));
    assert!(leaver.all("ExitRoom").is_empty(), "it has not given up by itself before the link is back");
    scene.link().set(Fault::default());
    scene.has_exited(&mut leaver, 1).step("others_told", "not_applicable").is_clean();
    assert!(leaver.all("ConnectionRecovery").is_empty(), "who was removed was let in");
    assert!(!scene.room(&["users", ROOM, "--json"]).contains(leaver.user()), "who was removed is back");
    assert_eq!(scene.watcher.all("RemoteUserEnterRoom").len(), 1, "who was removed came back");
    leaver.ends_with(21);
}

#[test]
fn dismissed_while_reconnecting() {
    let scene = Scene::behind_relay("dismissed-reconnecting");
    let mut leaver = scene.leaver();
    scene.link().set(CUT);
    leaver.wait_for("ConnectionLost");
    scene.room(&["dismiss", ROOM, "--yes"]);
    scene.watcher.wait_for_where("ExitRoom", |e| e["reason"] == 2);
    assert!(scene.watcher.all("RemoteUserLeaveRoom").is_empty(), "nobody is told of the others first");
    scene.link().set(Fault::default());
    scene.has_exited(&mut leaver, 2).step("others_told", "not_applicable").is_clean();
    leaver.ends_with(22);
}

#[test]
fn somebody_leaves_while_i_reconnect_by_a_resume() {
    somebody_leaves_while_i_reconnect("left-while-resuming", Duration::ZERO);
}

#[test]
fn somebody_leaves_while_i_reconnect_by_a_fresh_join() {
    somebody_leaves_while_i_reconnect("left-while-rejoining", Duration::from_secs(7));
}

/// The participant who was away is told of the leave once it is back.
#[track_caller]
fn somebody_leaves_while_i_reconnect(name: &str, outage: Duration) {
    let scene = Scene::behind_relay(name);
    let guest = Guest::start(&scene);
    let mut leaver = scene.leaver();
    leaver.wait_for_user("FirstVideoFrame", guest.0.user());
    scene.link().set(CUT);
    leaver.wait_for("ConnectionLost");
    guest.leaves();
    sleep(outage);
    scene.link().set(Fault::default());
    leaver.wait_for("ConnectionRecovery");
    let told = leaver.wait_for_user("RemoteUserLeaveRoom", "guest-1");
    assert_eq!(told["reason"], 0, "{told}");
    leaver.leave();
    scene.has_exited(&mut leaver, 0).is_clean();
    scene.others_are_told(leaver.user(), if outage.is_zero() { 0 } else { 1 });
    leaver.ends_with(0);
}

/// A participant with video.
struct Guest(crate::kit::Participant);

impl Guest {
    fn start(scene: &Scene) -> Self {
        let quiet = ["--camera", "test-picture:160x90@10", "--microphone", "none", "--speaker", "none"];
        Self(scene.guest("guest", &quiet))
    }

    #[track_caller]
    fn leaves(mut self) {
        self.0.running().signal("TERM");
        self.0.running().wait_exit_code(0);
    }
}
