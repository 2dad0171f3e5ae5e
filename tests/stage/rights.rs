//! Open means seen: a camera or microphone is open exactly while the others see that it sends, whatever happens to the right
//! to publish.

use crate::room;
use livekit_protocol as lk;
use proptest::prelude::*;
use std::time::Duration;
use visavis::base::{DeviceKind, EventKind, Moment, TrackSource};
use visavis::hub::AdminCall;
use visavis::session::Input;
use visavis::stage::{DeviceBehaviour, ROOM, Stage};

/// The devices that are published.
const DEVICES: [DeviceKind; 2] = [DeviceKind::Camera, DeviceKind::Microphone];

/// Everything may be published.
const ALL: [bool; 2] = [true, true];

/// What these tests do on the stage, and what they ask of it.
trait Rights {
    /// Sets which of [`DEVICES`] a participant may publish.
    fn permit(&mut self, who: usize, may: [bool; 2]);
    /// The host mutes a participant's track, as somebody else sees it.
    fn mute(&mut self, who: usize, source: TrackSource);
    /// When a device was opened or closed last, and whether it is open, by the events.
    fn device(&self, who: usize, kind: DeviceKind) -> (Moment, bool);
    /// Whether `other` sees that a device of `who` sends, and gets its media.
    fn sees_sending(&self, other: usize, who: usize, kind: DeviceKind) -> bool;
    fn check_open_means_seen(&self);
    fn press(&mut self, who: usize, kind: DeviceKind);
}

impl Rights for Stage {
    fn permit(&mut self, who: usize, may: [bool; 2]) {
        let sources = [lk::TrackSource::Camera, lk::TrackSource::Microphone];
        let sources: Vec<i32> = sources.into_iter().zip(may).filter(|(_, may)| *may).map(|(s, _)| s as i32).collect();
        let permission = lk::ParticipantPermission {
            can_subscribe: true,
            can_publish: !sources.is_empty(),
            can_publish_sources: if may == ALL { Vec::new() } else { sources },
            ..Default::default()
        };
        let (room, identity) = (ROOM.into(), self.people[who].user.to_string());
        let request =
            lk::UpdateParticipantRequest { room, identity, permission: Some(permission), ..Default::default() };
        self.admin(AdminCall::UpdateParticipant(request));
    }

    fn mute(&mut self, who: usize, source: TrackSource) {
        let user = self.people[who].user.clone();
        let tracks = self.people.iter().flat_map(|p| p.session.people()).filter(|p| p.user == user);
        let Some(track) = tracks.flat_map(|p| &p.tracks).find(|t| t.source == source) else { return };
        let request = lk::MuteRoomTrackRequest {
            room: ROOM.into(),
            identity: user.to_string(),
            track_sid: track.sid.to_string(),
            muted: true,
        };
        self.admin(AdminCall::MutePublishedTrack(request));
    }

    fn device(&self, who: usize, kind: DeviceKind) -> (Moment, bool) {
        let change = |(at, event): &(Moment, EventKind)| match event {
            EventKind::DeviceOpened { kind: k, .. } if *k == kind => Some((*at, true)),
            EventKind::DeviceClosed { kind: k, .. } | EventKind::DeviceFailed { kind: k, .. } if *k == kind => {
                Some((*at, false))
            }
            _ => None,
        };
        self.people[who].events.iter().rev().find_map(change).unwrap_or((Moment::ZERO, false))
    }

    fn sees_sending(&self, other: usize, who: usize, kind: DeviceKind) -> bool {
        let (user, source) = (&self.people[who].user, kind.source().expect("it feeds a track"));
        let other = &self.people[other];
        let mut tracks = other.session.people().iter().filter(|p| p.user == *user).flat_map(|p| &p.tracks);
        let sending = tracks.find(|t| t.source == source && !t.muted);
        sending.is_some_and(|track| other.bound.values().any(|bound| bound.sid == track.sid))
    }

    fn check_open_means_seen(&self) {
        let here = (0..self.people.len()).filter(|w| self.people[*w].alive && self.is_in_room(*w));
        let here: Vec<usize> = here.collect();
        for (who, other) in here.iter().flat_map(|w| here.iter().map(move |o| (*w, *o))).filter(|(w, o)| w != o) {
            for kind in DEVICES {
                let (open, seen) = (self.device(who, kind).1, self.sees_sending(other, who, kind));
                assert_eq!(open, seen, "p{who}'s {kind:?} (left: open, right: seen by p{other})");
            }
        }
    }

    fn press(&mut self, who: usize, kind: DeviceKind) {
        self.input(who, Input::SetDevice(kind, true));
    }
}

#[test]
fn a_right_that_is_lost_closes_the_devices_and_one_press_is_seen_again() {
    let mut stage = room(3);
    stage.check_open_means_seen();
    for who in 0..3 {
        let asked = stage.now;
        stage.permit(who, [false, false]);
        stage.run(1000);
        for kind in DEVICES {
            let (at, open) = stage.device(who, kind);
            assert!(
                !open && at.since(asked) <= Duration::from_millis(100),
                "{kind:?} of p{who} after {asked:?}: {at:?}"
            );
        }
        stage.check_open_means_seen();
        stage.press(who, DeviceKind::Camera);
        stage.permit(who, ALL);
        stage.run(1000);
        assert!(DEVICES.iter().all(|kind| !stage.device(who, *kind).1), "nobody has turned p{who}'s on");
        DEVICES.iter().for_each(|kind| stage.press(who, *kind));
        stage.run(1000);
        assert!(DEVICES.iter().all(|kind| stage.device(who, *kind).1));
        stage.check_open_means_seen();
    }
    stage.finish();
}

/// The server refuses or ends tracks, and the next ones are announced before the offer without the first ones.
#[test]
fn tracks_that_are_announced_within_a_round_trip_of_the_last_ones_end_are_seen() {
    let mut begin = room(2);
    begin.permit(0, [false, false]);
    begin.run(1000);
    begin.permit(0, ALL);
    begin.run(1000);
    const PAUSES: [u64; 7] = [0, 10, 20, 25, 35, 45, 70];
    let pairs = PAUSES.into_iter().flat_map(|lost| PAUSES.map(|back| (lost, back)));
    for (lost, back, pressed) in pairs.flat_map(|(lost, back)| PAUSES.map(|pressed| (lost, back, pressed))) {
        let mut stage = begin.clone();
        // Its offer for the media of somebody else is pending.
        stage.enter("p2");
        DEVICES.iter().for_each(|kind| stage.press(0, *kind));
        stage.run(lost);
        stage.permit(0, [false, false]);
        stage.run(back);
        stage.permit(0, ALL);
        stage.run(pressed);
        for _ in 0..2 {
            DEVICES.iter().for_each(|kind| stage.press(0, *kind));
            stage.run(200);
        }
        stage.run(3000);
        for kind in DEVICES {
            assert!(stage.device(0, kind).1, "{kind:?}, after {lost}, {back} and {pressed} ms");
        }
        stage.check_open_means_seen();
    }
}

#[test]
fn a_right_for_the_camera_alone_leaves_the_camera_open() {
    let mut stage = room(2);
    stage.permit(0, [true, false]);
    stage.run(500);
    assert_eq!(DEVICES.map(|kind| stage.device(0, kind).1), [true, false]);
    stage.check_open_means_seen();
    stage.mute(0, TrackSource::Camera);
    stage.run(500);
    assert_eq!(DEVICES.map(|kind| stage.device(0, kind).1), [false, false]);
    stage.press(0, DeviceKind::Camera);
    stage.run(500);
    assert_eq!(DEVICES.map(|kind| stage.device(0, kind).1), [true, false]);
    stage.check_open_means_seen();
    stage.finish();
}

#[test]
fn a_right_that_is_lost_during_an_outage_closes_the_devices_after_it() {
    for away in [500, 3000, 8000] {
        let mut stage = room(2);
        stage.network(0, false);
        stage.run(100);
        stage.permit(0, [false, false]);
        stage.run(away);
        stage.network(0, true);
        stage.run(20_000);
        assert!(stage.is_in_room(0));
        stage.check_open_means_seen();
        stage.finish();
    }
}

#[test]
fn a_mute_of_the_host_that_is_lost_with_the_link_holds() {
    let mut stage = room(2);
    stage.mute(0, TrackSource::Microphone);
    stage.network(0, false);
    stage.run(1000);
    stage.network(0, true);
    stage.run(5000);
    assert_eq!(DEVICES.map(|kind| stage.device(0, kind).1), [true, false]);
    stage.check_open_means_seen();
    stage.finish();
}

#[test]
fn a_press_that_crosses_a_mute_of_the_host_leaves_both_sides_off() {
    let mut stage = room(2);
    stage.input(0, Input::SetDevice(DeviceKind::Microphone, false));
    stage.mute(0, TrackSource::Microphone);
    stage.press(0, DeviceKind::Microphone);
    stage.run(2000);
    assert!(!stage.device(0, DeviceKind::Microphone).1);
    stage.check_open_means_seen();
    stage.finish();
}

#[test]
fn a_press_that_is_lost_with_the_link_is_repeated() {
    for on in [false, true] {
        let mut stage = room(2);
        if on {
            stage.input(0, Input::SetDevice(DeviceKind::Microphone, false));
            stage.run(500);
        }
        stage.input(0, Input::SetDevice(DeviceKind::Microphone, on));
        stage.network(0, false);
        stage.run(1000);
        stage.network(0, true);
        stage.run(5000);
        assert_eq!(stage.device(0, DeviceKind::Microphone).1, on);
        stage.check_open_means_seen();
        stage.finish();
    }
}

/// One thing that happens to somebody's devices.
#[derive(Clone, Debug)]
enum Op {
    Permit(usize, [bool; 2]),
    Mute(usize, bool),
    Device(usize, bool, bool),
    Behave(usize, u64, u64),
    Latency(usize, u64),
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0..3usize;
    prop_oneof![
        4 => (who.clone(), any::<[bool; 2]>()).prop_map(|(n, may)| Op::Permit(n, may)),
        3 => (who.clone(), any::<bool>()).prop_map(|(n, camera)| Op::Mute(n, camera)),
        5 => (who.clone(), any::<bool>(), any::<bool>()).prop_map(|(n, camera, on)| Op::Device(n, camera, on)),
        1 => (who.clone(), 0..500u64, 0..500u64).prop_map(|(n, open, release)| Op::Behave(n, open, release)),
        1 => (who, 1..100u64).prop_map(|(n, ms)| Op::Latency(n, ms)),
    ]
}

fn act(stage: &mut Stage, op: &Op) {
    match *op {
        Op::Permit(n, may) => stage.permit(n, may),
        Op::Mute(n, camera) => stage.mute(n, if camera { TrackSource::Camera } else { TrackSource::Microphone }),
        Op::Device(n, camera, on) => stage.input(n, Input::SetDevice(DEVICES[usize::from(!camera)], on)),
        Op::Behave(n, open_ms, release_ms) => {
            stage.behaviour(n, DeviceBehaviour { open_ms, release_ms, ..DeviceBehaviour::PROMPT });
        }
        Op::Latency(n, ms) => stage.set_latency(n, ms),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::random::cases() / 100, ..ProptestConfig::default() })]

    /// After each step of any sequence, a device is open exactly if the others see and get what it gives. A step ends before
    /// the next; the named cases are about those that cross.
    #[test]
    fn open_means_seen_after_every_sequence(ops in proptest::collection::vec(op(), 1..12)) {
        let mut stage = room(3);
        for op in &ops {
            act(&mut stage, op);
            stage.run(3000);
            stage.check_open_means_seen();
        }
        stage.finish();
    }
}
