//! Several tracks of one participant: a camera and a screen, a screen alone, two cameras, two microphones.

use super::*;
use crate::base::{MediaKind, TrackRef};
use lk::TrackSource as S;
use lk::participant_info::State;

fn track(sid: &str, source: S, muted: bool) -> lk::TrackInfo {
    let audio = matches!(source, S::Microphone | S::ScreenShareAudio) || sid.starts_with("TR_A");
    let kind = if audio { lk::TrackType::Audio } else { lk::TrackType::Video };
    lk::TrackInfo { sid: sid.into(), r#type: kind as i32, source: source as i32, muted, ..Default::default() }
}

/// Mina publishes these tracks and no others.
fn mina(w: &mut World, tracks: &[lk::TrackInfo]) {
    let info = lk::ParticipantInfo { tracks: tracks.to_vec(), ..person("mina", State::Active, None) };
    w.message(update(vec![info]));
}

/// Which tracks have begun (`+`) or ceased (`-`) to send since the last call, by event, source and sid.
fn told(w: &mut World) -> Vec<String> {
    let line = |e: EventKind| match e {
        EventKind::UserVideoAvailable { ref track, available }
        | EventKind::UserAudioAvailable { ref track, available }
        | EventKind::UserSubStreamAvailable { ref track, available } => {
            let sign = if available { '+' } else { '-' };
            Some(format!("{sign}{} {} {}", e.name(), track.source.as_str(), track.sid))
        }
        _ => None,
    };
    std::mem::take(&mut w.events).into_iter().filter_map(line).collect()
}

/// Media begins on v0, where its msid names the track.
fn media(w: &mut World, handle: u64, sid: &str, kind: MediaKind) {
    let input = PeerInput::Track {
        handle: TrackHandle(handle),
        mid: handle.to_string(),
        stream_id: String::new(),
        track_id: sid.into(),
        kind,
    };
    w.give(Input::Peers(w.epoch, input));
}

#[test]
fn a_screen_beside_a_camera_ends_without_it() {
    let mut w = World::entered();
    let (camera, screen) = (track("TR_VC", S::Camera, false), track("TR_VS", S::ScreenShare, false));
    mina(&mut w, &[camera.clone(), screen.clone()]);
    assert_eq!(told(&mut w), ["+UserVideoAvailable camera TR_VC", "+UserSubStreamAvailable screen TR_VS"]);
    media(&mut w, 1, "TR_VS", MediaKind::Video);
    media(&mut w, 2, "TR_VC", MediaKind::Video);
    let bound = |w: &World| w.bound.iter().map(|(h, t)| (h.0, t.source)).collect::<Vec<_>>();
    assert_eq!(bound(&w), [(1, TrackSource::Screen), (2, TrackSource::Camera)]);
    mina(&mut w, &[camera]);
    assert_eq!(told(&mut w), ["-UserSubStreamAvailable screen TR_VS"]);
    assert_eq!(bound(&w), [(2, TrackSource::Camera)]);
    mina(&mut w, &[screen]);
    assert_eq!(told(&mut w), ["-UserVideoAvailable camera TR_VC", "+UserSubStreamAvailable screen TR_VS"]);
    assert_eq!(bound(&w), []);
}

#[test]
fn a_screen_alone_is_no_camera_and_its_audio_no_voice() {
    let mut w = World::entered();
    mina(&mut w, &[track("TR_VS", S::ScreenShare, false), track("TR_AS", S::ScreenShareAudio, false)]);
    assert_eq!(told(&mut w), ["+UserSubStreamAvailable screen TR_VS"]);
    assert!(!w.session.people()[0].voice_on());
    media(&mut w, 1, "TR_AS", MediaKind::Audio);
    assert_eq!(w.bound[&TrackHandle(1)].source, TrackSource::ScreenAudio);
}

#[test]
fn two_cameras_and_two_microphones_are_four_tracks() {
    let mut w = World::entered();
    let mut tracks = [
        track("TR_VC1", S::Camera, false),
        track("TR_VC2", S::Camera, true),
        track("TR_AM1", S::Microphone, false),
        track("TR_AM2", S::Microphone, false),
    ];
    mina(&mut w, &tracks);
    let begun = [
        "+UserVideoAvailable camera TR_VC1",
        "+UserAudioAvailable microphone TR_AM1",
        "+UserAudioAvailable microphone TR_AM2",
    ];
    assert_eq!(told(&mut w), begun);
    tracks[0].muted = true;
    tracks[1].muted = false;
    tracks[2].muted = true;
    tracks.reverse();
    mina(&mut w, &tracks);
    let mut changed = told(&mut w);
    changed.sort();
    let expected = [
        "+UserVideoAvailable camera TR_VC2",
        "-UserAudioAvailable microphone TR_AM1",
        "-UserVideoAvailable camera TR_VC1",
    ];
    assert_eq!(changed, expected);
    let remote = &w.session.people()[0];
    assert!(remote.voice_on(), "the other microphone is on");
    let sids: Vec<&str> = remote.tracks.iter().map(|t| t.sid.as_str()).collect();
    assert_eq!(sids, ["TR_VC1", "TR_VC2", "TR_AM1", "TR_AM2"], "they keep their order, whatever the server's");
}

#[test]
fn a_track_that_a_list_names_twice_is_one_track() {
    let mut w = World::entered();
    mina(&mut w, &[track("TR_VC", S::Camera, false), track("TR_VC", S::Camera, false)]);
    assert_eq!(told(&mut w), ["+UserVideoAvailable camera TR_VC"]);
    assert_eq!(w.session.people()[0].tracks.len(), 1);
}

#[test]
fn a_track_without_a_source_is_presented_by_its_kind_and_keeps_its_source() {
    let mut w = World::entered();
    mina(&mut w, &[track("TR_V", S::Unknown, false), track("TR_A", S::Unknown, false)]);
    assert_eq!(told(&mut w), ["+UserVideoAvailable unknown TR_V", "+UserAudioAvailable unknown TR_A"]);
    assert!(w.session.people()[0].voice_on());
}

#[test]
fn media_that_is_bound_to_another_track_is_detached_from_the_first() {
    let mut w = World::entered();
    mina(&mut w, &[track("TR_VC", S::Camera, false), track("TR_VS", S::ScreenShare, false)]);
    let answer = |w: &mut World, sid: &str| {
        let mid_to_track_id = [("3".to_owned(), sid.to_owned())].into();
        w.message(Response::Answer(lk::SessionDescription { mid_to_track_id, ..Default::default() }));
    };
    answer(&mut w, "TR_VC");
    media(&mut w, 3, "x", MediaKind::Video);
    let of = |w: &World| w.bound.values().map(|t: &TrackRef| t.sid.to_string()).collect::<Vec<_>>();
    assert_eq!(of(&w), ["TR_VC"]);
    answer(&mut w, "TR_VS");
    assert_eq!(of(&w), [""; 0], "its frames are a screen's from now on");
}

#[test]
fn a_screen_of_ours_is_published_beside_the_camera_and_its_release_is_confirmed() {
    let mut w = World::entered();
    w.outputs.clear();
    w.give(Input::SetDevice(DeviceKind::Screen, true));
    w.run(100);
    let sources: Vec<TrackSource> = w.session.tracks.iter().map(|t| t.source).collect();
    assert_eq!(sources, [TrackSource::Microphone, TrackSource::Camera, TrackSource::Screen]);
    w.give(Input::Exit(ExitRequestedBy::User));
    let (_, _, receipt) = w.exit();
    assert_eq!(state_of(&receipt, StepName::ScreenReleased), StepState::Confirmed);
}

/// As a person who shares may leave, and as the server may tell it: the share ends first.
#[test]
fn what_a_person_shares_ends_before_the_person_goes() {
    let mut w = World::entered();
    mina(&mut w, &[track("TR_VC", S::Camera, false), track("TR_VS", S::ScreenShare, false)]);
    w.events.clear();
    w.message(update(vec![person("mina", State::Disconnected, None)]));
    let names: Vec<&str> = w.events.iter().map(EventKind::name).collect();
    assert_eq!(names, ["UserSubStreamAvailable", "RemoteUserLeaveRoom"]);
}

impl World {
    fn screen_track(&self) -> Option<&super::super::publish::OwnTrack> {
        self.session.tracks.iter().find(|t| t.source == TrackSource::Screen)
    }

    fn mutes(&self) -> usize {
        self.sent.iter().filter(|m| matches!(m, lk::signal_request::Message::Mute(_))).count()
    }
}

#[test]
fn a_screen_is_published_when_it_is_open_and_unpublished_when_it_ends_and_never_muted() {
    let mut w = World::entered();
    w.give(Input::SetDevice(DeviceKind::Screen, true));
    assert!(w.screen_track().is_none(), "nothing is captured yet");
    w.run(100);
    let (cid, layers) = {
        let added = w.sent.iter().rev().find_map(|m| match m {
            lk::signal_request::Message::AddTrack(add) => Some(add),
            _ => None,
        });
        let added = added.expect("announced");
        assert_eq!((added.source(), added.name.as_str(), added.stream.as_str()), (S::ScreenShare, "screen", "screen"));
        (added.cid.clone(), added.layers.iter().map(|l| (l.quality, l.width, l.bitrate)).collect::<Vec<_>>())
    };
    assert_eq!(layers, [(0, 960, 625_000), (1, 1920, 2_500_000)], "LOW and MEDIUM");
    // Another screen takes its place: the track stays.
    w.give(Input::ChooseDevice(DeviceKind::Screen, Some("other".into())));
    w.run(100);
    assert_eq!(w.screen_track().map(|t| t.cid.clone()), Some(cid.clone()));
    assert_eq!(w.unpublished(), [""; 0]);
    w.give(Input::SetDevice(DeviceKind::Screen, false));
    assert_eq!(w.unpublished(), [cid.as_str()]);
    assert!(w.screen_track().is_none());
    w.run(100);
    w.give(Input::SetDevice(DeviceKind::Screen, true));
    w.run(100);
    assert!(w.screen_track().is_some_and(|t| t.cid != cid && t.sid.is_some()), "a new track");
    assert_eq!(w.mutes(), 0);
}

#[test]
fn a_shared_window_that_is_closed_is_unpublished_and_does_not_come_back() {
    let mut w = World::entered();
    w.give(Input::SetDevice(DeviceKind::Screen, true));
    w.run(100);
    let generation = w.session.slot(DeviceKind::Screen).generation();
    let failed = DeviceInput::Failed { id: "x11-window:7".into(), message: "the window was closed".into() };
    w.give(Input::Device(DeviceKind::Screen, generation, failed));
    assert_eq!(w.unpublished().len(), 1);
    w.run(120_000);
    assert!(w.screen_track().is_none() && w.session.slot(DeviceKind::Screen).is_closed());
    assert_eq!(w.unpublished().len(), 1);
    w.give(Input::SetDevice(DeviceKind::Screen, true));
    w.run(100);
    assert!(w.screen_track().is_some(), "shared anew");
}

#[test]
fn a_right_that_is_taken_ends_the_share() {
    let mut w = World::entered();
    w.give(Input::SetDevice(DeviceKind::Screen, true));
    w.run(100);
    w.events.clear();
    let permission = lk::ParticipantPermission {
        can_publish: true,
        can_publish_sources: vec![S::Camera as i32, S::Microphone as i32],
        ..Default::default()
    };
    let me = lk::ParticipantInfo {
        sid: ME.into(),
        identity: "me".into(),
        permission: Some(permission),
        ..Default::default()
    };
    w.message(update(vec![me]));
    w.run(100);
    let told = w.events.iter().any(|e| {
        matches!(e, EventKind::DeviceWithheld { kind: DeviceKind::Screen, reason: crate::base::Withheld::NotAllowed })
    });
    assert!(told && w.unpublished().len() == 1 && w.session.slot(DeviceKind::Screen).is_closed());
    assert!(w.session.slot(DeviceKind::Camera).is_wanted());
}

#[test]
fn a_screen_that_the_server_mutes_ends_and_the_camera_goes_on() {
    let mut w = World::entered();
    w.give(Input::SetDevice(DeviceKind::Screen, true));
    w.run(100);
    let cid = w.session.tracks.iter().find(|t| t.source == TrackSource::Screen).expect("published").cid.clone();
    let info = Some(lk::TrackInfo { sid: "TR_own".into(), ..Default::default() });
    w.message(Response::TrackPublished(lk::TrackPublishedResponse { cid, track: info }));
    w.message(Response::Mute(lk::MuteTrackRequest { sid: "TR_own".into(), muted: true }));
    w.run(100);
    assert!(!w.session.slot(DeviceKind::Screen).is_wanted() && w.session.slot(DeviceKind::Camera).is_wanted());
    assert!(w.session.slot(DeviceKind::Screen).is_closed());
}
