//! The right to publish, and devices that others turn off: what is open may leave.

use super::*;
use crate::base::Withheld;
use lk::TrackSource as S;
use lk::request_response::{Reason, Request as Refused};

const MAY: fn(&[S]) -> lk::ParticipantPermission = |sources| lk::ParticipantPermission {
    can_publish: true,
    can_publish_sources: sources.iter().map(|s| *s as i32).collect(),
    ..Default::default()
};

fn may_not() -> lk::ParticipantPermission {
    lk::ParticipantPermission { can_publish: false, ..MAY(&[]) }
}

impl World {
    /// In the room, with both devices open and both tracks published.
    fn sending() -> Self {
        let mut w = Self::entered();
        w.events.clear();
        w
    }

    fn permit(&mut self, permission: lk::ParticipantPermission) {
        self.permission = Some(permission);
        let me = self.join().participant.expect("us");
        self.message(update(vec![me]));
    }

    /// The server ends a track of ours.
    fn end_track(&mut self, source: TrackSource) {
        let track_sid = self.sid(source);
        self.message(Response::TrackUnpublished(lk::TrackUnpublishedResponse { track_sid }));
    }

    fn sid(&self, source: TrackSource) -> String {
        let track = self.session.tracks.iter().find(|t| t.source == source).expect("announced");
        track.sid.clone().expect("published")
    }

    fn mute(&mut self, source: TrackSource, muted: bool) {
        let sid = self.sid(source);
        self.message(Response::Mute(lk::MuteTrackRequest { sid, muted }));
    }

    /// Devices that are held or being opened.
    fn open(&self) -> Vec<DeviceKind> {
        self.held.keys().copied().filter(|kind| *kind != DeviceKind::Speaker).collect()
    }

    /// What was told of devices that others keep off, since the last call.
    fn told_of_devices(&mut self) -> Vec<String> {
        let told = |event: EventKind| match event {
            EventKind::DeviceWithheld { kind, reason } => Some(format!("{kind:?} {reason:?}")),
            EventKind::DeviceAllowed { kind } => Some(format!("{kind:?} allowed")),
            _ => None,
        };
        std::mem::take(&mut self.events).into_iter().filter_map(told).collect()
    }

    pub(super) fn unpublished(&self) -> Vec<&str> {
        let unpublished = self.commands.iter().filter_map(|command| match command {
            PeerCommand::Unpublish { cid } => Some(cid.as_str()),
            _ => None,
        });
        unpublished.collect()
    }
}

#[test]
fn a_right_that_is_taken_away_closes_the_devices_and_one_press_publishes_again() {
    let mut w = World::sending();
    w.permit(may_not());
    w.run(10);
    assert_eq!(w.open(), []);
    assert_eq!(w.told_of_devices(), ["Camera NotAllowed", "Microphone NotAllowed"]);
    w.end_track(TrackSource::Camera);
    w.end_track(TrackSource::Microphone);
    assert_eq!(w.unpublished(), ["camera-2", "microphone-1"]);
    w.give(Input::SetDevice(DeviceKind::Microphone, true));
    w.run(100);
    assert_eq!(w.open(), [], "pressed in vain");
    assert_eq!(w.told_of_devices(), ["Microphone NotAllowed"]);

    w.permit(MAY(&[]));
    w.run(100);
    assert_eq!(w.open(), [], "nobody is seen because of what somebody else did");
    assert_eq!(w.told_of_devices(), ["Camera allowed", "Microphone allowed", "Screen allowed"]);
    assert!(w.session.tracks.is_empty());
    w.give(Input::SetDevice(DeviceKind::Camera, true));
    w.run(100);
    assert_eq!(w.open(), [DeviceKind::Camera]);
    let tracks: Vec<_> = w.session.tracks.iter().map(|t| (t.cid.as_str(), t.muted)).collect();
    assert_eq!(tracks, [("camera-3", false)], "another publication");
    assert_eq!(w.session.withheld(DeviceKind::Camera), None);
}

#[test]
fn a_server_that_ends_the_tracks_first_closes_the_devices_too() {
    let mut w = World::sending();
    w.end_track(TrackSource::Microphone);
    w.run(10);
    assert_eq!(w.open(), [DeviceKind::Camera]);
    w.permit(may_not());
    assert_eq!(w.told_of_devices(), ["Microphone Host", "Camera NotAllowed", "Microphone NotAllowed"]);
}

#[test]
fn a_right_for_the_camera_alone_closes_the_microphone_alone() {
    let mut w = World::sending();
    w.permit(MAY(&[S::Camera, S::ScreenShare]));
    w.run(10);
    assert_eq!(w.open(), [DeviceKind::Camera]);
    assert_eq!(w.told_of_devices(), ["Microphone NotAllowed"]);
    w.permit(MAY(&[S::Camera, S::Microphone]));
    assert_eq!(w.told_of_devices(), ["Microphone allowed"], "the screen is not shared, and its end is not told");
    assert_eq!(w.session.withheld(DeviceKind::Screen), Some(Withheld::NotAllowed));
}

#[test]
fn a_right_that_was_never_given_publishes_nothing_and_closes_what_is_opening() {
    let mut w = World::new(PROMPT);
    w.permission = Some(MAY(&[S::Microphone]));
    w.scheduled.clear();
    w.give(Input::Link(w.epoch, LinkInput::Joined { response: Box::new(w.join()), single: true }));
    w.run(300);
    let sources: Vec<_> = w.session.tracks.iter().map(|t| t.source).collect();
    assert_eq!(sources, [TrackSource::Microphone]);
    assert!(!w.held.contains_key(&DeviceKind::Camera));
    assert_eq!(w.told_of_devices(), ["Camera NotAllowed"]);
}

#[test]
fn a_right_that_is_lost_while_a_device_opens_closes_it() {
    let mut w = World::sending();
    w.give(Input::SetDevice(DeviceKind::Camera, false));
    w.run(20);
    w.give(Input::SetDevice(DeviceKind::Camera, true));
    w.permit(MAY(&[S::Microphone]));
    w.run(100);
    assert_eq!(w.open(), [DeviceKind::Microphone]);
}

#[test]
fn a_right_that_is_lost_in_an_outage_closes_the_devices_after_it() {
    let mut w = World::sending();
    w.permission = Some(may_not());
    w.behaviour.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(6000);
    assert_eq!(w.open().len(), 2, "nobody has told us");
    w.behaviour.server = true;
    w.run(12_000);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{:?}", w.session.phase());
    assert_eq!(w.open(), []);
    assert!(w.session.tracks.is_empty());
}

#[test]
fn a_device_that_the_host_mutes_is_closed_and_one_press_opens_it() {
    let mut w = World::sending();
    w.mute(TrackSource::Microphone, true);
    w.run(10);
    assert_eq!(w.open(), [DeviceKind::Camera]);
    assert_eq!(w.told_of_devices(), ["Microphone Host"]);
    w.outputs.clear();
    w.mute(TrackSource::Microphone, false);
    w.run(100);
    assert_eq!(w.open(), [DeviceKind::Camera], "only the user turns it on");
    assert!(w.outputs.iter().any(|o| o.contains("Mute(")), "the others are not to see it as on: {:?}", w.outputs);
    w.give(Input::SetDevice(DeviceKind::Microphone, true));
    assert_eq!(w.session.withheld(DeviceKind::Microphone), None);
    w.run(100);
    assert_eq!(w.open(), [DeviceKind::Camera, DeviceKind::Microphone]);
    // A device that is off already was not turned off by the host.
    w.give(Input::SetDevice(DeviceKind::Microphone, false));
    w.mute(TrackSource::Microphone, true);
    assert_eq!((w.session.withheld(DeviceKind::Microphone), w.told_of_devices()), (None, vec![]));
}

#[test]
fn a_track_that_the_server_refuses_closes_its_device() {
    for (reason, why) in [(Reason::NotAllowed, Withheld::NotAllowed), (Reason::LimitExceeded, Withheld::Refused)] {
        let mut w = World::unanswered();
        w.events.clear();
        let cid = w.session.tracks.iter().find(|t| t.source == TrackSource::Camera).expect("announced").cid.clone();
        let refused = |reason: Reason| {
            let request = Some(Refused::AddTrack(lk::AddTrackRequest { cid: cid.clone(), ..Default::default() }));
            Response::RequestResponse(lk::RequestResponse { reason: reason as i32, request, ..Default::default() })
        };
        w.message(refused(Reason::Queued));
        assert_eq!(w.open().len(), 2);
        w.message(refused(reason));
        w.run(10);
        assert_eq!(w.open(), [DeviceKind::Microphone]);
        assert_eq!(w.told_of_devices(), [format!("Camera {why:?}")]);
        w.give(Input::SetDevice(DeviceKind::Camera, true));
        assert!(w.session.tracks.iter().any(|t| t.source == TrackSource::Camera && t.cid != cid), "it tries again");
    }
}

#[test]
fn pictures_of_a_muted_track_are_not_received() {
    use lk::participant_info::State;
    let mut w = World::entered();
    let mut receiving = |muted| {
        w.outputs.clear();
        w.message(update(vec![person("mina", State::Active, Some(muted))]));
        w.outputs.iter().filter(|o| o.starts_with("SetReceiving")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(receiving(false), [""; 0], "a new track sends");
    assert_eq!(receiving(true), [r#"SetReceiving { track: TrackSid("TR_mina"), on: false }"#]);
    assert_eq!(receiving(true), [""; 0]);
    assert_eq!(receiving(false), [r#"SetReceiving { track: TrackSid("TR_mina"), on: true }"#]);
}
