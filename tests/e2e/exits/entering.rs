//! Leaving, and being removed, in each state of entering.

use super::scene::{CAMERA, ROOM, Scene};
use crate::kit::http::StuckServer;
use crate::kit::{Events, Fault, proc, wait_until};
use livekit_api::access_token::{AccessToken, VideoGrants};
use std::path::PathBuf;
use visavis::proto::token::{ApiKey, JOIN_VALIDITY, JoinClaims};

/// Datagrams are lost and TCP connections work: a participant joins, but its media does not connect.
const NO_MEDIA: Fault = Fault { loss: 1.0, loss_up: 0.0, black_hole: false, cut: false };

#[test]
fn leave_while_the_token_is_asked_for() {
    let scene = Scene::start("token-asked-for");
    leave_while_stuck(&scene, &StuckServer::silent(), &[]);
}

#[test]
fn leave_while_the_connection_opens() {
    let scene = Scene::start("connection-opens");
    let token = token_file(&scene);
    leave_while_stuck(&scene, &StuckServer::silent(), &["--token", token.to_str().expect("UTF-8")]);
}

#[test]
fn leave_while_the_servers_first_word_is_awaited() {
    let scene = Scene::start("first-word");
    let token = token_file(&scene);
    leave_while_stuck(&scene, &StuckServer::after_the_upgrade(), &["--token", token.to_str().expect("UTF-8")]);
}

/// A participant gets as far as `server` allows, with open devices, and leaves.
#[track_caller]
fn leave_while_stuck(scene: &Scene, server: &StuckServer, arguments: &[&str]) {
    let arguments = [&["--camera", CAMERA], arguments].concat();
    let mut leaver = scene.entering(&server.url(), &arguments);
    wait_until("the server to be reached", || server.is_reached().then_some(()));
    leaver.wait_for_where("DeviceOpened", |e| e["kind"] == "camera");
    scene.audio_is_open();
    leaver.leave();
    scene.has_exited(&mut leaver, 0).step("camera_released", "confirmed").step("microphone_released", "confirmed");
    assert!(leaver.all("EnterRoom").is_empty(), "who never entered has no EnterRoom");
    leaver.ends_with(0);
}

fn token_file(scene: &Scene) -> PathBuf {
    let join = JoinClaims {
        room: ROOM.parse().expect("a room"),
        user: "leaver-1".parse().expect("a user"),
        name: "Leaver".into(),
        metadata: String::new(),
        attributes: Vec::new(),
        room_admin: false,
        own_metadata: false,
        valid_for: JOIN_VALIDITY,
    };
    let file = scene.context.artifact("token.jwt");
    std::fs::write(&file, ApiKey::dev().join_token(&join).expect("a token").expose()).expect("a file");
    file
}

#[test]
fn leave_before_the_media_is_up() {
    let scene = Scene::behind_relay("media-not-up");
    scene.link().set(NO_MEDIA);
    let mut leaver = scene.entering(&scene.url(), &["--camera", CAMERA]);
    scene.is_listed(leaver.user());
    leaver.wait_for_where("DeviceOpened", |e| e["kind"] == "camera");
    leaver.leave();
    scene.has_exited(&mut leaver, 0).is_clean();
    assert!(leaver.all("EnterRoom").is_empty(), "who never entered has no EnterRoom");
    assert!(!scene.room(&["users", ROOM, "--json"]).contains(leaver.user()), "the server lists who has left");
    leaver.ends_with(0);
}

#[test]
fn leave_right_after_entering() {
    let scene = Scene::start("right-after");
    let mut leaver = scene.entering(&scene.url(), &["--camera", CAMERA, "--leave-after", "0s"]);
    scene.has_left_cleanly(&mut leaver);
    leaver.ends_with(0);
}

#[test]
fn leave_while_the_camera_is_still_opening() {
    let scene = Scene::start("camera-opening");
    let mut leaver = scene.entering(&scene.url(), &["--camera", "capture-process:slow-to-open:160x90@10"]);
    leaver.is_in();
    wait_until("the camera's process", || crate::kit::proc::capture_processes(leaver.pid()).pop());
    leaver.leave();
    scene.has_left_cleanly(&mut leaver);
    assert!(
        leaver.all("DeviceOpened").iter().all(|e| e["kind"] != "camera"),
        "the camera opened before it was given up: the test was too slow to see anything"
    );
    leaver.ends_with(0);
}

#[test]
fn leave_while_the_camera_hangs_in_opening() {
    let scene = Scene::start("camera-hangs-opening");
    let mut leaver = scene.entering(&scene.url(), &["--camera", "capture-process:hang-at-open:160x90@10"]);
    leaver.is_in();
    wait_until("the camera's process", || crate::kit::proc::capture_processes(leaver.pid()).pop());
    leaver.leave();
    let exit = scene.has_left_cleanly(&mut leaver);
    assert!(exit.detail("camera_released").contains("had to be stopped"), "the receipt does not say so");
    leaver.ends_with(0);
}

/// The token does not allow publishing.
#[test]
fn leave_while_publishing_fails() {
    let scene = Scene::start("publishing-fails");
    let grants = VideoGrants {
        room: ROOM.into(),
        room_join: true,
        can_publish: Some(false),
        can_subscribe: Some(true),
        ..VideoGrants::default()
    };
    let token = AccessToken::with_api_key("devkey", "secret").with_identity("leaver-1").with_grants(grants).to_jwt();
    let file = scene.context.artifact("token.jwt");
    std::fs::write(&file, token.expect("a token")).expect("a file");
    let leaver = scene.entering(&scene.url(), &["--camera", CAMERA, "--token", file.to_str().expect("UTF-8")]);
    leaver.is_in();
    // What may not be published is closed, and only the speaker stays open.
    for kind in ["camera", "microphone"] {
        leaver.wait_for_where("DeviceWithheld", |e| e["kind"] == kind);
    }
    wait_until("the camera to close", || proc::capture_processes(leaver.pid()).is_empty().then_some(()));
    wait_until("the microphone to close", || scene.pulse.microphone_users().is_empty().then_some(()));
    scene.leaves_cleanly(leaver);
}

#[test]
fn dismissed_while_entering() {
    let scene = Scene::behind_relay("dismissed-entering");
    scene.link().set(NO_MEDIA);
    let mut leaver = scene.entering(&scene.url(), &["--camera", CAMERA]);
    scene.is_listed(leaver.user());
    scene.room(&["dismiss", ROOM, "--yes"]);
    scene.has_exited(&mut leaver, 2).is_clean();
    assert!(leaver.all("EnterRoom").is_empty(), "who never entered has no EnterRoom");
    leaver.ends_with(22);
}

#[test]
fn kicked_while_entering() {
    let scene = Scene::behind_relay("kicked-entering");
    scene.link().set(NO_MEDIA);
    let mut leaver = scene.entering(&scene.url(), &["--camera", CAMERA]);
    scene.is_listed(leaver.user());
    scene.room(&["remove-user", ROOM, leaver.user(), "--yes"]);
    scene.has_exited(&mut leaver, 1).is_clean();
    leaver.ends_with(21);
}
