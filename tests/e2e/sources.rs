//! Several video tracks of one participant: camera and screen are kept apart.

use crate::kit::program::{DEV_KEYS, Place};
use crate::kit::{Display, Events, Participant, Sdk, Server, TestContext, wait_until};
use serde_json::Value;
use std::path::Path;

/// The user who publishes a grey camera of 320x180 and a blue screen of 640x360.
const SHARER: &str = "sharer";

#[test]
fn a_camera_and_a_screen_of_one_person_are_told_apart() {
    let context = TestContext::new("camera-and-screen");
    let server = Server::start(&context);
    let url = server.url();
    let display = Display::start(&context, "a");
    let pictures = context.artifact("pictures");
    std::fs::create_dir_all(&pictures).expect("a folder for pictures");
    let bot = Participant::bot_by(&context, &url, "share", "looker", |command| {
        command.args(["--camera", "none", "--microphone", "none", "--verify", "--pictures"]).arg(&pictures);
    });
    let place = Place { display: &display, pulse: None, url: &url, room: "share" };
    let quiet = ["--renderer", "glow", "--camera", "none", "--microphone", "none", "--speaker", "none", "--verify"];
    let window = Participant::window(&context, &place, "Mina", &quiet);
    let mut sdk =
        Sdk::Python.join(&context, &url, DEV_KEYS, "share", SHARER, &["--screen", "640x360@5", "--tone", "0"]);

    let mut screens = Vec::new();
    for watcher in [&bot, &window] {
        let camera = begins(watcher, "UserVideoAvailable", "camera");
        let screen = begins(watcher, "UserSubStreamAvailable", "screen");
        assert_ne!(camera, screen);
        assert_eq!(first_frame(watcher, &camera), ("camera".into(), 320, 180));
        assert_eq!(first_frame(watcher, &screen), ("screen".into(), 640, 360));
        // No frame of one track is among the frames of the other.
        for track in [&camera, &screen] {
            let verified = watcher.wait_for_where("Verified", |e| picture_of(e, track, 15).is_some());
            let picture = picture_of(&verified, track, 15).expect("just found");
            assert_eq!((&picture["wrong"], &picture["repeated"]), (&0.into(), &0.into()), "{verified}");
        }
        let of_person = |e: &Value| {
            e["users"].as_array().is_some_and(|u| u.iter().any(|u| u["picture"]["frames"].as_f64() > Some(15.0)))
        };
        watcher.wait_for_where("Verified", of_person);
        let both = |e: &Value| [&camera, &screen].iter().all(|track| sends(e, track));
        watcher.wait_for_where("Statistics", both);
        screens.push(screen);
    }
    assert_eq!(screens[0], screens[1], "a track has one id");
    let (face, screen) = (pictures.join("sharer.png"), pictures.join("sharer.screen.png"));
    wait_for_picture(&face, (320, 180), false);
    wait_for_picture(&screen, (640, 360), true);
    display.screenshot(&context, "camera-and-screen");

    sdk.running().signal("USR1");
    for (watcher, screen) in [&bot, &window].into_iter().zip(&screens) {
        let ended = |e: &Value| e["remote_user"] == SHARER && e["available"] == false;
        let event = watcher.wait_for_where("UserVideoAvailable", ended);
        assert_eq!(event["source"], "camera", "{event}");
        let frames = frames_of(watcher, screen);
        watcher.wait_for_where("Verified", |e| picture_of(e, screen, frames + 10).is_some());
        assert!(watcher.all("UserSubStreamAvailable").iter().all(|e| e["available"] == true), "the screen goes on");
    }
    wait_for_picture(&screen, (640, 360), true);
    display.screenshot(&context, "screen-alone");
    sdk.running().signal("TERM");
    for watcher in [&bot, &window] {
        watcher.wait_for_user("RemoteUserLeaveRoom", SHARER);
    }
}

/// Waits until the sharer's track of this source is available. Returns its id.
#[track_caller]
fn begins(watcher: &Participant, event: &str, source: &str) -> String {
    let fits = |e: &Value| e["remote_user"] == SHARER && e["available"] == true;
    let told = watcher.wait_for_where(event, fits);
    assert_eq!(told["source"], source, "{told}");
    told["track"].as_str().expect("a track id").to_owned()
}

/// Source, width and height of the first frame of a track.
#[track_caller]
fn first_frame(watcher: &Participant, track: &str) -> (String, u64, u64) {
    let first = watcher.wait_for_where("FirstVideoFrame", |e| e["track"] == track);
    let size = |key: &str| first[key].as_u64().expect("a size");
    (first["source"].as_str().expect("a source").to_owned(), size("width"), size("height"))
}

/// The verification of a track, if it has at least so many frames.
fn picture_of<'a>(verified: &'a Value, track: &str, least: u64) -> Option<&'a Value> {
    let user = verified["users"].as_array()?.iter().find(|u| u["remote_user"] == SHARER)?;
    let picture = &user["tracks"].as_array()?.iter().find(|t| t["track"] == track)?["picture"];
    (picture["frames"].as_u64()? >= least).then_some(picture)
}

fn frames_of(watcher: &Participant, track: &str) -> u64 {
    let newest = watcher.all("Verified").into_iter().rev().find_map(|e| picture_of(&e, track, 0)?["frames"].as_u64());
    newest.expect("figures of the track")
}

/// Whether the statistics have the track, at more than 1 frame per second.
fn sends(statistics: &Value, track: &str) -> bool {
    let remote = statistics["remote"].as_array();
    remote.is_some_and(|r| {
        r.iter().any(|t| t["track"] == track && t["remote_user"] == SHARER && t["fps"].as_f64() > Some(1.0))
    })
}

/// Waits until a file has an image of this size that is blue, or grey.
#[track_caller]
fn wait_for_picture(path: &Path, size: (u32, u32), blue: bool) {
    let color = if blue { "blue" } else { "grey" };
    wait_until(&format!("a {color} image of {size:?} in {}", path.display()), || {
        let image = image::open(path).ok()?.into_rgb8();
        let [r, _, b] = image.get_pixel(image.width() / 2, image.height() * 3 / 4).0;
        (image.dimensions() == size && (i32::from(b) - i32::from(r) > 60) == blue).then_some(())
    });
}
