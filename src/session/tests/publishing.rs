//! The announcement of our tracks, when it or its answer is lost, and tracks that the server ends in an outage.

use super::*;
use crate::base::Withheld;
use crate::session::publish::ANSWER_LIMIT;
use lk::signal_request::Message as Request;

impl World {
    /// The client ids of the announcements so far.
    fn announced(&self) -> Vec<&str> {
        let announced = self.sent.iter().filter_map(|message| match message {
            Request::AddTrack(request) => Some(request.cid.as_str()),
            _ => None,
        });
        announced.collect()
    }

    /// The server lists us with these tracks of ours, by client id; their sid is `TR_` and the client id.
    fn list(&mut self, cids: &[&str]) {
        let codec = |cid: &str| lk::SimulcastCodecInfo { cid: cid.into(), ..Default::default() };
        let track =
            |cid: &&str| lk::TrackInfo { sid: format!("TR_{cid}"), codecs: vec![codec(cid)], ..Default::default() };
        let tracks = cids.iter().map(track).collect();
        let me = lk::ParticipantInfo { sid: ME.into(), identity: "me".into(), tracks, ..Default::default() };
        self.message(update(vec![me]));
    }

    /// The link is lost, and resumed after `ms`. Media comes back by [`World::media_returns`].
    pub(super) fn lose_link(&mut self, ms: u64) {
        self.behaviour = Behaviour { server: false, peers: false, ..self.behaviour };
        self.scheduled.retain(|_, input| !matches!(input, Input::Link(..)));
        self.give(Input::Link(self.epoch, LinkInput::Lost));
        self.run(ms);
        self.behaviour.server = true;
        self.run(1500);
        let phase = self.session.phase();
        assert!(matches!(phase, Phase::Reconnecting(_)) && self.epoch == Epoch(1), "{phase:?}");
    }

    pub(super) fn media_returns(&mut self) {
        self.behaviour.peers = true;
        self.give(Input::Peers(self.epoch, PeerInput::Up(SignalTarget::Publisher)));
        assert!(matches!(self.session.phase(), Phase::InRoom(_)), "{:?}", self.session.phase());
    }

    fn share_screen(&mut self) {
        self.sent.clear();
        self.events.clear();
        self.give(Input::SetDevice(DeviceKind::Screen, true));
        self.run(25);
    }

    fn is_published(&self, source: TrackSource) -> bool {
        self.session.tracks.iter().any(|t| t.source == source && t.sid.is_some())
    }

    /// Whether a track was taken out of the connection, with an offer after it.
    fn is_unpublished(&self, cid: &str) -> bool {
        let is_it = |c: &PeerCommand| matches!(c, PeerCommand::Unpublish { cid: gone } if gone == cid);
        let at = self.commands.iter().position(is_it);
        at.is_some_and(|at| self.commands[at..].iter().any(|c| matches!(c, PeerCommand::Offer { .. })))
    }

    fn withheld(&self) -> Vec<(DeviceKind, Withheld)> {
        let withheld = |event: &EventKind| match event {
            EventKind::DeviceWithheld { kind, reason } => Some((*kind, *reason)),
            _ => None,
        };
        self.events.iter().filter_map(withheld).collect()
    }
}

const BOTH: [&str; 2] = ["microphone-1", "camera-2"];
const LIMIT_MS: u64 = ANSWER_LIMIT.as_millis() as u64;

#[test]
fn an_announcement_that_is_lost_with_the_link_is_repeated_after_it() {
    let mut w = World::entered();
    w.publishes = false;
    w.share_screen();
    w.run(50);
    w.lose_link(300);
    w.list(&BOTH);
    w.media_returns();
    w.publishes = true;
    w.run(LIMIT_MS - 10);
    assert_eq!(w.announced(), ["screen-3"]);
    w.run(100);
    assert_eq!(w.announced(), ["screen-3", "screen-3"]);
    assert!(w.is_published(TrackSource::Screen));
    w.run(60_000);
    assert_eq!(w.announced().len(), 2, "it is answered");
    assert!(w.withheld().is_empty());
}

#[test]
fn an_answer_that_is_lost_with_the_link_is_found_in_the_list_after_it() {
    let mut w = World::entered();
    w.publishes = false;
    w.share_screen();
    w.lose_link(300);
    w.list(&[BOTH[0], BOTH[1], "screen-3"]);
    assert!(w.is_published(TrackSource::Screen));
    w.media_returns();
    w.run(60_000);
    assert_eq!(w.announced(), ["screen-3"]);
}

/// The track is published by the offer after the resume, so the list of the resume does not have it yet.
#[test]
fn a_screen_that_ends_before_its_announcement_is_answered_is_unpublished() {
    let mut w = World::entered();
    w.publishes = false;
    w.share_screen();
    w.lose_link(300);
    w.list(&BOTH);
    w.media_returns();
    w.give(Input::SetDevice(DeviceKind::Screen, false));
    w.list(&[BOTH[0], BOTH[1], "screen-3"]);
    w.run(60_000);
    assert!(w.is_unpublished("screen-3"), "it ended meanwhile: {:?}", w.commands);
    assert_eq!((w.session.tracks.len(), w.announced()), (2, vec!["screen-3"]));
}

#[test]
fn a_device_whose_track_is_never_published_is_closed() {
    let mut w = World::entered();
    w.publishes = false;
    w.share_screen();
    w.run(3 * LIMIT_MS + 100);
    assert_eq!(w.announced(), ["screen-3"; 3]);
    assert_eq!(w.withheld(), [(DeviceKind::Screen, Withheld::Refused)]);
    assert!(!w.held.contains_key(&DeviceKind::Screen));
    w.publishes = true;
    w.give(Input::SetDevice(DeviceKind::Screen, true));
    w.run(100);
    assert!(w.is_published(TrackSource::Screen) && w.held.contains_key(&DeviceKind::Screen), "one press");
}

#[test]
fn a_device_that_is_turned_on_in_an_outage_is_announced_once_after_it() {
    let mut w = World::entered();
    w.lose_link(300);
    w.share_screen();
    w.run(100);
    w.list(&BOTH);
    assert_eq!(w.announced(), [""; 0]);
    w.media_returns();
    w.run(60_000);
    assert_eq!(w.announced(), ["screen-3"]);
}

#[test]
fn a_track_that_the_server_ended_in_an_outage_closes_its_device() {
    let mut w = World::entered();
    w.list(&BOTH);
    w.events.clear();
    w.lose_link(300);
    w.list(&[BOTH[0]]);
    w.media_returns();
    w.run(100);
    assert_eq!(w.withheld(), [(DeviceKind::Camera, Withheld::Host)]);
    assert!(!w.held.contains_key(&DeviceKind::Camera) && w.held.contains_key(&DeviceKind::Microphone));
}

/// ICE may have found the way back by itself when the list arrives.
#[test]
fn the_list_counts_after_the_return_of_media_too() {
    let mut w = World::entered();
    let tom = person("tom", lk::participant_info::State::Active, None);
    w.list(&BOTH);
    w.message(update(vec![tom]));
    w.lose_link(300);
    w.media_returns();
    w.list(&[BOTH[0]]);
    assert!(w.session.people().is_empty(), "tom left meanwhile");
    assert_eq!(w.withheld(), [(DeviceKind::Camera, Withheld::Host)]);
    w.list(&[]);
    assert_eq!(w.withheld().len(), 1, "only the first list after a resume is complete");
}
