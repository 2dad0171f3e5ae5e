//! What the server is told of the videos that are watched.

use super::*;
use crate::base::{VideoView, WatchedVideos};
use crate::session::watching::{FIRST_VIEW, SETTLE};
use lk::participant_info::State;
use lk::signal_request::Message as Request;

const SETTLE_MS: u64 = SETTLE.as_millis() as u64;
const FIRST_MS: u64 = FIRST_VIEW.as_millis() as u64;

fn view(width: u32) -> VideoView {
    VideoView { width, height: width * 9 / 16, fps: 0 }
}

impl World {
    /// In a room with others who publish a camera, `TR_a` and so on.
    fn with_cameras(names: &[&str]) -> Self {
        let mut w = Self::entered();
        w.others(names, false);
        w
    }

    fn others(&mut self, names: &[&str], muted: bool) {
        self.message(update(names.iter().map(|name| person(name, State::Active, Some(muted))).collect()));
    }

    /// The window shows the cameras of these people, so wide.
    fn shows(&mut self, shown: &[(&str, u32)]) {
        let views = shown.iter().map(|(name, width)| (format!("TR_{name}").as_str().into(), view(*width)));
        self.give(Input::Watch(WatchedVideos::Only(views.collect())));
    }

    /// The settings that were sent since the last call: `a b:320` or `a:off`.
    fn settings(&mut self) -> Vec<String> {
        let line = |message: Request| {
            let Request::TrackSetting(s) = message else { return None };
            let names: Vec<_> = s.track_sids.iter().map(|sid| sid.trim_start_matches("TR_")).collect();
            let value = if s.disabled { "off".to_owned() } else { s.width.to_string() };
            Some(format!("{}:{value}", names.join(" ")))
        };
        std::mem::take(&mut self.sent).into_iter().filter_map(line).collect()
    }
}

#[test]
fn a_client_that_watches_everything_says_nothing() {
    let mut w = World::with_cameras(&["a", "b"]);
    w.run(10_000);
    assert_eq!(w.settings(), [""; 0]);
}

#[test]
fn tiles_of_one_size_go_into_one_message_and_what_is_not_drawn_is_off_after_a_while() {
    let mut w = World::with_cameras(&["a", "b", "c", "d"]);
    w.shows(&[("a", 320), ("b", 320), ("c", 1280)]);
    assert_eq!(w.settings(), ["a b:320", "c:1280"], "at once");
    w.run(FIRST_MS - 10);
    assert_eq!(w.settings(), [""; 0], "its tile may come");
    w.run(20);
    assert_eq!(w.settings(), ["d:off"]);
}

#[test]
fn a_window_that_is_resized_sends_few_messages_and_the_last_size() {
    let mut w = World::with_cameras(&["a"]);
    w.shows(&[("a", 300)]);
    w.settings();
    for width in 301..400 {
        w.shows(&[("a", width)]);
        w.run(10);
    }
    let told = w.settings();
    assert!((1..=1000 / SETTLE_MS as usize).contains(&told.len()), "{told:?}");
    w.run(SETTLE_MS);
    assert_eq!(w.settings(), ["a:399"]);
    w.run(10_000);
    assert_eq!(w.settings(), [""; 0]);
}

#[test]
fn a_video_that_goes_out_of_view_for_a_moment_stays_and_one_that_comes_back_is_asked_for_at_once() {
    let mut w = World::with_cameras(&["a"]);
    w.shows(&[("a", 300)]);
    w.settings();
    w.shows(&[]);
    w.run(SETTLE_MS - 10);
    w.shows(&[("a", 300)]);
    w.run(10_000);
    assert_eq!(w.settings(), [""; 0]);
    w.shows(&[]);
    w.run(SETTLE_MS + 10);
    assert_eq!(w.settings(), ["a:off"]);
    w.shows(&[("a", 300)]);
    assert_eq!(w.settings(), ["a:300"]);
}

#[test]
fn a_muted_video_has_no_tile_and_keeps_its_setting() {
    let mut w = World::with_cameras(&["a"]);
    w.shows(&[("a", 300)]);
    w.settings();
    w.others(&["a"], true);
    w.shows(&[]);
    w.run(10_000);
    assert_eq!(w.settings(), [""; 0], "its first picture after an unmute comes without a request");
    w.others(&["a"], false);
    w.run(SETTLE_MS + 10);
    assert_eq!(w.settings(), ["a:off"], "nobody sees it");
}

#[test]
fn after_a_resume_and_after_a_fresh_join_everything_is_told_again() {
    let mut w = World::with_cameras(&["a", "b"]);
    w.shows(&[("a", 300)]);
    w.run(FIRST_MS + 10);
    assert_eq!(w.settings(), ["a:300", "b:off"]);
    w.lose_link(300);
    assert_eq!(w.settings(), [""; 0], "not while the connection is lost");
    w.media_returns();
    w.run(FIRST_MS + 10);
    assert_eq!(w.settings(), ["a:300", "b:off"]);
    let rejoin = lk::LeaveRequest { action: lk::leave_request::Action::Reconnect as i32, ..Default::default() };
    w.message(Response::Leave(rejoin));
    w.run(1000);
    assert_eq!(w.epoch, Epoch(2));
    w.others(&["a", "b"], false);
    w.run(FIRST_MS + 10);
    assert_eq!(w.settings(), ["a:300", "b:off"]);
}

#[test]
fn a_bot_that_watches_nothing_says_so_of_everybody_who_comes() {
    let mut w = World::with_cameras(&["a"]);
    w.give(Input::Watch(WatchedVideos::Each(None)));
    w.run(FIRST_MS + 10);
    w.others(&["b"], false);
    w.run(FIRST_MS + 10);
    assert_eq!(w.settings(), ["a:off", "b:off"]);
    w.give(Input::Watch(WatchedVideos::Each(Some(view(640)))));
    assert_eq!(w.settings(), ["a b:640"]);
}
