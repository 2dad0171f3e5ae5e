//! Remote participants and their tracks, and our own camera.

use super::*;

#[test]
fn people_and_their_tracks_come_and_go() {
    use lk::participant_info::State;
    let mut w = World::entered();
    let media = |h, mid: &str| PeerInput::Track {
        handle: TrackHandle(h),
        mid: mid.into(),
        stream_id: String::new(),
        track_id: "x".into(),
        kind: crate::base::MediaKind::Video,
    };
    w.give(Input::Peers(w.epoch, media(1, "3")));
    w.message(Response::Answer(lk::SessionDescription {
        mid_to_track_id: [("3".to_owned(), "TR_mina".to_owned())].into(),
        ..Default::default()
    }));
    assert!(!w.outputs.iter().any(|o| o.starts_with("Attach")), "its participant is not known yet");
    w.message(update(vec![person("mina", State::Active, Some(false))]));
    assert!(w.outputs.last().is_some_and(|o| o.starts_with("Attach")), "{:?}", w.outputs);
    w.message(update(vec![person("mina", State::Disconnected, None)]));
    assert!(w.outputs.iter().any(|o| o.starts_with("Detach")));
    let told: Vec<&str> = w.events.iter().map(EventKind::name).filter(|n| n.contains("User")).collect();
    assert_eq!(told, ["RemoteUserEnterRoom", "UserVideoAvailable", "RemoteUserLeaveRoom"]);
}

#[test]
fn camera_off_mutes_the_track_and_releases_the_device() {
    let mut w = World::entered();
    let camera = w.session.tracks.iter().find(|t| t.source == TrackSource::Camera).expect("published").cid.clone();
    let track = Some(lk::TrackInfo { sid: "TR_own".into(), ..Default::default() });
    w.message(Response::TrackPublished(lk::TrackPublishedResponse { cid: camera, track }));
    w.outputs.clear();
    w.give(Input::SetDevice(DeviceKind::Camera, false));
    assert!(w.outputs.iter().any(|o| o.starts_with("ReleaseDevice")), "{:?}", w.outputs);
    assert!(w.outputs.iter().any(|o| o.contains("Mute") && o.contains("TR_own")), "{:?}", w.outputs);
    w.run(50);
    w.give(Input::SetDevice(DeviceKind::Camera, true));
    w.run(50);
    assert!(matches!(w.session.slot(DeviceKind::Camera).state(), SlotState::Open { .. }));
}
