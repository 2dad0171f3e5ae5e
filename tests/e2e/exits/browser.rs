//! A removed user stays out, also with another client: livekit-client in a browser treats the Leave that answers its
//! resume as a failure, and joins again with its token.

use super::scene::{ROOM, STALE_PEER_LIMIT, Scene};
use crate::kit::program::DEV_KEYS;
use crate::kit::{Events, Fault, Sdk, SdkPeer};
use std::thread::sleep;
use std::time::{Duration, Instant};

const CUT: Fault = Fault { loss: 0.0, loss_up: 0.0, black_hole: false, cut: true };
const USER: &str = "browser";
/// The server's HTTP status for a token that a ban refuses.
const REFUSED: u16 = 403;

#[test]
fn a_browser_that_is_removed_while_its_link_is_cut_does_not_come_back() {
    stays_out("browser-kicked", Duration::ZERO, |scene| {
        scene.room(&["remove-user", ROOM, USER, "--yes"]);
        scene.others_are_told(USER, 2);
    });
}

/// By then the server has removed the participant: there is no session to resume.
#[test]
fn a_browser_that_is_removed_during_a_long_outage_does_not_come_back() {
    stays_out("browser-kicked-late", Duration::from_secs(8), |scene| {
        scene.others_are_told(USER, 1);
        scene.room(&["remove-user", ROOM, USER, "--yes"]);
    });
}

#[test]
fn a_browser_whose_room_is_dismissed_while_its_link_is_cut_does_not_come_back() {
    stays_out("browser-dismissed", Duration::ZERO, |scene| {
        scene.room(&["dismiss", ROOM, "--yes"]);
        scene.watcher.wait_for_where("ExitRoom", |e| e["reason"] == 2);
    });
}

/// Cuts the link of a browser for at least `outage` and removes its user meanwhile. It tries to join again and is refused.
#[track_caller]
fn stays_out(name: &str, outage: Duration, send_away: impl FnOnce(&Scene)) {
    let scene = Scene::behind_relay(name);
    let browser = join(&scene);
    // The last step of its join.
    scene.watcher.wait_for_user("UserAudioAvailable", USER);
    let cut_at = Instant::now();
    scene.link().set(CUT);
    browser.wait_for("TryToReconnect");
    send_away(&scene);
    sleep(outage.saturating_sub(cut_at.elapsed()));
    scene.link().set(Fault::default());
    browser.wait_for_where("Answered", |e| e["status"] == REFUSED);
    browser.wait_for("ExitRoom");
    // Long enough for another attempt.
    sleep(STALE_PEER_LIMIT.saturating_sub(cut_at.elapsed()));
    assert!(browser.all("ConnectionRecovery").is_empty(), "it was let in again");
    assert!(scene.watcher.all("RemoteUserEnterRoom").len() == 1, "the others saw it come back");
    assert!(!scene.room(&["list", "--json"]).contains(USER), "it is listed");
}

fn join(scene: &Scene) -> SdkPeer {
    Sdk::Browser.join(&scene.context, &scene.url(), DEV_KEYS, ROOM, USER, &["--picture", "160x90@10"])
}
