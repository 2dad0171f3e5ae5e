//! A part of the program panics during a call: the call goes on where possible, and its exit is complete.

use super::scene::{CAMERA, CEILING, Exit, Leaver, Scene, nothing_is_held};
use crate::kit::program::Place;
use crate::kit::{Display, Events, Participant, verified, wait_until};
use std::fs;
use std::path::PathBuf;

/// A camera whose frames the others can read.
const TINY: &str = "test-picture:160x90@10";

/// The file in which a test names the part that is to panic.
fn panic_file(scene: &Scene) -> PathBuf {
    scene.context.artifact("panic")
}

/// Makes a part of a running participant panic, and waits for it.
#[track_caller]
fn break_down(scene: &Scene, place: &str) {
    let file = panic_file(scene);
    fs::write(&file, place).expect("a file");
    wait_until("the panic", || (!file.exists()).then_some(()));
}

/// A leaver and a guest who verify each other's video.
#[track_caller]
fn call(scene: &Scene) -> (Leaver, Participant) {
    let sends = ["--camera", TINY, "--microphone", "test-tone:440", "--verify"];
    let guest = scene.guest("guest", &sends);
    let file = panic_file(scene);
    let leaver = scene.entering_by(&scene.url(), |command| {
        command.args(["--camera", TINY, "--verify"]).env("VISAVIS_PANIC_FILE", file);
    });
    leaver.is_in();
    leaver.wait_for_user("FirstVideoFrame", guest.user());
    guest.wait_for_media_of(leaver.user());
    scene.audio_is_open();
    (leaver, guest)
}

/// Asserts that `reader` goes on reading frames of `user`: more than can have arrived before the panic.
#[track_caller]
fn frames_continue(reader: &impl Events, user: &str) {
    let frames = || verified::newest(reader, user).map(|v| v.frames);
    let before = wait_until("figures", frames);
    wait_until("more pictures", || frames().filter(|now| *now > before + 40.0));
}

/// Asserts that the panic is in a crash report.
#[track_caller]
fn has_left_a_report(scene: &Scene, told: &str) {
    let journal = scene.context.artifact("home").join("visavis/journal");
    let files = fs::read_dir(&journal).expect("the journal").flatten();
    let reports = files.filter(|file| file.file_name().to_string_lossy().starts_with("crash-"));
    let reports: Vec<String> = reports.map(|file| fs::read_to_string(file.path()).expect("a report")).collect();
    assert!(reports.len() == 1 && reports[0].contains(told) && reports[0].contains("backtrace"), "{reports:?}");
}

/// Leaves and checks the exit. Stderr has one panic, the wanted one.
#[track_caller]
fn leaves_well(scene: &Scene, mut leaver: Leaver, place: &str) {
    leaver.leave();
    scene.has_left_cleanly(&mut leaver);
    leaver.running().wait_exit();
    assert_eq!(leaver.all("ExitRoom").len(), 1, "ExitRoom comes exactly once");
    let stderr = leaver.running().stderr();
    let told = format!("VISAVIS_PANIC_FILE asks the {place} to panic");
    assert!(stderr.contains(&told) && stderr.matches("panicked at").count() == 1, "{stderr}");
    has_left_a_report(scene, &told);
}

#[test]
fn leave_after_a_panic_in_the_decoder() {
    let scene = Scene::start("panic-decoder");
    let (leaver, guest) = call(&scene);
    break_down(&scene, "decoder");
    frames_continue(&leaver, guest.user());
    leaves_well(&scene, leaver, "decoder");
}

#[test]
fn leave_after_a_panic_in_the_encoder() {
    let scene = Scene::start("panic-encoder");
    let (leaver, guest) = call(&scene);
    break_down(&scene, "encoder");
    frames_continue(&guest, leaver.user());
    leaves_well(&scene, leaver, "encoder");
}

#[test]
fn leave_after_a_panic_in_the_audio_thread() {
    let scene = Scene::start("panic-audio");
    let (leaver, guest) = call(&scene);
    break_down(&scene, "audio");
    frames_continue(&leaver, guest.user());
    leaves_well(&scene, leaver, "audio");
}

/// The window is lost, but the exit is complete.
#[test]
fn a_panic_in_the_windows_code() {
    let scene = Scene::start("panic-window");
    let display = Display::start(&scene.context, "a");
    let (url, file) = (scene.url(), panic_file(&scene));
    let place = Place { display: &display, pulse: Some(&scene.pulse), url: &url, room: super::scene::ROOM };
    let devices = ["--renderer", "glow", "--camera", CAMERA, "--join"];
    let mut command = Participant::window_command(&scene.context, &place, "Mina", &devices);
    let mut window = Participant::entered(crate::kit::Process::start(
        &scene.context,
        "window",
        command.env("VISAVIS_PANIC_FILE", file),
    ));
    window.wait_for_screen("call");
    scene.audio_is_open();
    break_down(&scene, "window");
    let exit = window.wait_for("ExitRoom");
    nothing_is_held(window.process().pid());
    scene.audio_is_closed();
    assert!(exit["total_ms"].as_f64().is_some_and(|ms| ms < CEILING));
    Exit::check(&window.events(), exit, 0).is_clean();
    scene.others_are_told(window.user(), 0);
    window.running().wait_exit_code(1);
    assert_eq!(window.all("ExitRoom").len(), 1, "ExitRoom comes exactly once");
    let stderr = window.process().stderr();
    assert!(stderr.contains("The window broke down"), "nobody is told what happened: {stderr}");
    has_left_a_report(&scene, "VISAVIS_PANIC_FILE asks the window to panic");
}
