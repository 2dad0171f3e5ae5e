//! Leaving with devices that hang, have crashed or were unplugged.

use super::scene::{Scene, nothing_is_held};
use crate::kit::{Events, proc};

#[test]
fn leave_with_a_capture_process_that_never_answers() {
    let scene = Scene::start("camera-hangs");
    let mut leaver = scene.leaver_with(&["--camera", "capture-process:hang-at-close:160x90@10"]);
    leaver.leave();
    let exit = scene.has_left_cleanly(&mut leaver);
    assert!(exit.detail("camera_released").contains("had to be stopped"), "the receipt does not say so");
    leaver.ends_with(0);
}

/// A stopped process simulates a driver that sleeps in the kernel: both react to SIGKILL only.
#[test]
fn leave_with_a_capture_process_that_is_stopped() {
    let scene = Scene::start("camera-stopped");
    let mut leaver = scene.leaver();
    let (capture, _) = proc::capture_processes(leaver.pid()).pop().expect("a capture process");
    proc::signal(capture, "STOP");
    leaver.leave();
    let exit = scene.has_left_cleanly(&mut leaver);
    assert!(exit.detail("camera_released").contains("had to be stopped"), "the receipt does not say so");
    leaver.ends_with(0);
}

/// The user leaves just when the camera is given up as dead.
#[test]
fn leave_while_a_dead_camera_is_being_given_up() {
    let scene = Scene::start("camera-stalls");
    let leaver = scene.leaver_with(&["--camera", "capture-process:stall:160x90@10"]);
    // The camera stalls after ten frames; it is given up after five seconds without one.
    leaver.wait_for_where("Statistics", |_| true);
    let opened = crate::kit::events::at(&leaver.wait_for_where("DeviceOpened", |e| e["kind"] == "camera"));
    crate::kit::wait_until("the camera's stall", || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
        (now.as_secs_f64() * 1000.0 - opened > 6200.0).then_some(())
    });
    scene.leaves_cleanly(leaver);
}

#[test]
fn leave_after_the_camera_was_unplugged() {
    let scene = Scene::start("camera-unplugged");
    let leaver = scene.leaver_with(&["--camera", "capture-process:unplugged:160x90@10"]);
    leaver.wait_for_where("DeviceFailed", |e| e["kind"] == "camera");
    scene.leaves_cleanly(leaver);
}

#[test]
fn leave_after_the_microphone_was_unplugged() {
    let scene = Scene::start("microphone-unplugged");
    let leaver = scene.leaver();
    scene.pulse.unplug_microphones();
    scene.leaves_cleanly(leaver);
}

#[test]
fn leave_after_the_sound_server_was_killed() {
    let mut scene = Scene::start("sound-server-killed");
    let mut leaver = scene.leaver();
    scene.pulse.kill();
    leaver.leave();
    let exit = leaver.wait_for("ExitRoom");
    nothing_is_held(leaver.pid());
    super::scene::Exit::check(&leaver.events(), exit, 0).step("camera_released", "confirmed");
    scene.others_are_told(leaver.user(), 0);
    assert!(leaver.running().is_running());
    leaver.ends_with(0);
}

/// As with a camera: a screen that hangs is taken away, and the others see the share end before the person goes.
#[test]
fn leave_with_a_shared_screen_whose_capture_never_answers() {
    let scene = Scene::start("screen-hangs");
    let screen = ["--camera", super::scene::CAMERA, "--screen", "capture-process:hang-at-close"];
    let mut leaver = scene.leaver_with(&screen);
    let shares = |e: &serde_json::Value| e["remote_user"] == leaver.user() && e["available"] == true;
    scene.watcher.wait_for_where("UserSubStreamAvailable", shares);
    assert_eq!(proc::capture_processes(leaver.pid()).len(), 2, "camera and screen have a process each");
    leaver.leave();
    let exit = scene.has_left_cleanly(&mut leaver);
    exit.step("screen_released", "confirmed");
    assert!(exit.detail("screen_released").contains("had to be stopped"), "the receipt does not say so");
    scene.share_ended_first(leaver.user());
    leaver.ends_with(0);
}

#[test]
fn leave_after_the_shared_window_was_closed() {
    let scene = Scene::start("window-closed");
    let leaver = scene.leaver_with(&["--camera", super::scene::CAMERA, "--screen", "capture-process:unplugged"]);
    leaver.wait_for_where("DeviceFailed", |e| e["kind"] == "screen");
    let ended = |e: &serde_json::Value| e["remote_user"] == leaver.user() && e["available"] == false;
    scene.watcher.wait_for_where("UserSubStreamAvailable", ended);
    scene.leaves_cleanly(leaver);
}
