//! Tracks that cannot be decoded or are paused, and participants with unusual names.

use super::*;
use crate::base::{MediaKind, Undecodable};
use lk::participant_info::State;
use lk::signal_request::Message as Request;

const VIDEO: i32 = lk::TrackType::Video as i32;
const AUDIO: i32 = lk::TrackType::Audio as i32;

fn camera(mime: &str) -> lk::TrackInfo {
    let source = lk::TrackSource::Camera as i32;
    lk::TrackInfo { sid: "TR_VC".into(), r#type: VIDEO, source, mime_type: mime.into(), ..Default::default() }
}

fn microphone() -> lk::TrackInfo {
    let source = lk::TrackSource::Microphone as i32;
    let mime_type = "audio/red".into();
    lk::TrackInfo { sid: "TR_AM".into(), r#type: AUDIO, source, mime_type, ..Default::default() }
}

fn encrypted(track: lk::TrackInfo) -> lk::TrackInfo {
    lk::TrackInfo { encryption: lk::encryption::Type::Gcm as i32, ..track }
}

/// Mina publishes these tracks and no others.
fn mina(w: &mut World, tracks: &[lk::TrackInfo]) {
    let info = lk::ParticipantInfo { tracks: tracks.to_vec(), ..person("mina", State::Active, None) };
    w.message(update(vec![info]));
}

/// What the events say about tracks, and the changes of our subscriptions, since the last call.
fn told(w: &mut World) -> Vec<String> {
    let line = |e: EventKind| match e {
        EventKind::UserVideoAvailable { track, available } | EventKind::UserAudioAvailable { track, available } => {
            Some(format!("{} {}", track.sid, if available { "available" } else { "gone" }))
        }
        EventKind::TrackCovered { track, why } => Some(format!("{} {why:?}", track.sid)),
        EventKind::TrackPaused { track, paused } => {
            Some(format!("{} {}", track.sid, if paused { "paused" } else { "sent again" }))
        }
        _ => None,
    };
    let mut lines: Vec<String> = std::mem::take(&mut w.events).into_iter().filter_map(line).collect();
    for message in std::mem::take(&mut w.sent) {
        if let Request::Subscription(s) = message {
            lines.push(format!("{} {}", if s.subscribe { "subscribe" } else { "decline" }, s.track_sids.join(" ")));
        }
    }
    lines
}

/// Media of a track begins (v0: its msid names the track).
fn media(w: &mut World, handle: u64, sid: &str, kind: MediaKind) {
    let (mid, track_id) = (handle.to_string(), sid.into());
    let track = PeerInput::Track { handle: TrackHandle(handle), mid, stream_id: String::new(), track_id, kind };
    w.give(Input::Peers(w.epoch, track));
}

fn speaks(w: &mut World, active: bool) {
    let speaker = lk::SpeakerInfo { sid: "PA_mina".into(), level: 0.5, active };
    w.message(Response::SpeakersChanged(lk::SpeakersChanged { speakers: vec![speaker] }));
}

#[test]
fn an_encrypted_participant_is_covered_silent_and_not_received() {
    let mut w = World::entered();
    told(&mut w);
    mina(&mut w, &[encrypted(camera("video/VP8")), encrypted(microphone())]);
    let covered = ["TR_VC Some(Encrypted)", "TR_AM Some(Encrypted)", "decline TR_AM TR_VC"];
    assert_eq!(told(&mut w), covered);
    media(&mut w, 1, "TR_VC", MediaKind::Video);
    media(&mut w, 2, "TR_AM", MediaKind::Audio);
    speaks(&mut w, true);
    assert!(w.bound.is_empty(), "nothing is decoded: {:?}", w.bound);
    assert!(!w.session.people()[0].speaking && !w.session.people()[0].voice_on());
    // Another track of the same person, without encryption, as when they turn it off.
    mina(&mut w, &[lk::TrackInfo { sid: "TR_VC2".into(), ..camera("video/VP8") }, microphone()]);
    let shown = ["TR_AM None", "TR_AM available", "TR_VC2 available", "subscribe TR_AM"];
    assert_eq!(told(&mut w), shown);
    assert!(w.session.people()[0].speaking, "who was reported as speaking is heard now");
    assert_eq!(w.bound.len(), 1, "the microphone's media was there already");
}

#[test]
fn a_codec_that_we_lack_is_covered_until_another_one_is_there() {
    let mut w = World::entered();
    told(&mut w);
    mina(&mut w, &[camera("video/H265"), microphone()]);
    assert_eq!(told(&mut w), ["TR_VC Some(Codec(H265))", "TR_AM available", "decline TR_VC"]);
    mina(&mut w, &[camera("video/AV1"), microphone()]);
    assert_eq!(told(&mut w), ["TR_VC Some(Codec(Av1))"], "declined already");
    mina(&mut w, &[camera("video/VP8"), microphone()]);
    assert_eq!(told(&mut w), ["TR_VC None", "TR_VC available", "subscribe TR_VC"]);
    // With a backup codec the publisher changes to it when it is subscribed to.
    let codec = |mime: &str| lk::SimulcastCodecInfo { mime_type: mime.into(), ..Default::default() };
    let codecs = vec![codec("video/VP9"), codec("video/VP8")];
    mina(&mut w, &[lk::TrackInfo { codecs, ..camera("video/VP9") }, microphone()]);
    assert_eq!(told(&mut w), Vec::<String>::new());
}

#[test]
fn a_server_that_finds_no_codec_for_us_is_believed_until_it_finds_one() {
    let mut w = World::entered();
    mina(&mut w, &[camera("")]);
    told(&mut w);
    let err = lk::SubscriptionError::SeCodecUnsupported as i32;
    w.message(Response::SubscriptionResponse(lk::SubscriptionResponse { track_sid: "TR_VC".into(), err }));
    assert_eq!(told(&mut w), ["TR_VC gone", "TR_VC Some(Codec(Other))"]);
    mina(&mut w, &[camera("")]);
    assert_eq!(told(&mut w), Vec::<String>::new(), "the same announcement changes nothing");
    let mid_to_track_id = [("3".to_owned(), "TR_VC".to_owned())].into();
    w.message(Response::Answer(lk::SessionDescription { mid_to_track_id, ..Default::default() }));
    assert_eq!(told(&mut w), ["TR_VC None", "TR_VC available"]);
}

#[test]
fn a_declined_track_that_the_server_sends_all_the_same_is_declined_again() {
    let mut w = World::entered();
    mina(&mut w, &[encrypted(camera("video/VP8"))]);
    told(&mut w);
    let mid_to_track_id = [("3".to_owned(), "TR_VC".to_owned())].into();
    w.message(Response::Answer(lk::SessionDescription { mid_to_track_id, ..Default::default() }));
    assert_eq!(told(&mut w), ["decline TR_VC"]);
}

#[test]
fn frames_that_fail_to_decode_cover_the_track_and_the_next_good_ones_show_it() {
    let mut w = World::entered();
    mina(&mut w, &[camera("video/VP8"), microphone()]);
    media(&mut w, 1, "TR_VC", MediaKind::Video);
    media(&mut w, 2, "TR_AM", MediaKind::Audio);
    speaks(&mut w, true);
    told(&mut w);
    let found = |w: &mut World, handle, why| w.give(Input::Peers(w.epoch, PeerInput::Decodability(handle, why)));
    found(&mut w, TrackHandle(1), Some(Undecodable::Damaged));
    found(&mut w, TrackHandle(2), Some(Undecodable::Encrypted));
    let covered = ["TR_VC gone", "TR_VC Some(Damaged)", "TR_AM gone", "TR_AM Some(Encrypted)"];
    assert_eq!(told(&mut w), covered, "it stays subscribed, to see when it ends");
    assert!(!w.session.people()[0].speaking);
    found(&mut w, TrackHandle(1), None);
    found(&mut w, TrackHandle(2), None);
    assert_eq!(told(&mut w), ["TR_VC None", "TR_VC available", "TR_AM None", "TR_AM available"]);
    assert!(w.session.people()[0].speaking);
    found(&mut w, TrackHandle(9), Some(Undecodable::Damaged));
    assert_eq!(told(&mut w), Vec::<String>::new(), "nobody's media");
}

#[test]
fn everybody_is_in_the_roster_with_a_name_that_can_be_shown() {
    let mut w = World::entered();
    let identities = ["a\u{1b}[2J\u{7}", "\u{202e}\u{200b}", "", " ", "x\n", &"y".repeat(5000)];
    let infos = identities.iter().enumerate().map(|(i, identity)| lk::ParticipantInfo {
        sid: format!("PA_{i}"),
        identity: (*identity).into(),
        state: State::Active as i32,
        tracks: vec![lk::TrackInfo { sid: format!("TR_{i}"), ..camera("video/VP8") }],
        ..Default::default()
    });
    let infos: Vec<_> = infos.collect();
    w.message(update(infos.clone()));
    let people = w.session.people();
    assert_eq!(people.len(), identities.len());
    assert_eq!(people.iter().map(|p| &p.user).collect::<BTreeSet<_>>().len(), identities.len(), "nobody is merged");
    assert!(people.iter().all(|p| !p.name.trim().is_empty() && p.name.chars().count() <= 65));
    assert_eq!(people[0].name, "a[2J");
    media(&mut w, 1, "TR_0", MediaKind::Video);
    assert_eq!(w.bound.len(), 1, "they are seen");
    let gone = infos.into_iter().map(|i| lk::ParticipantInfo { state: State::Disconnected as i32, ..i });
    w.message(update(gone.collect()));
    assert!(w.session.people().is_empty());
    let names: Vec<_> = w.events.iter().filter(|e| e.name() == "RemoteUserLeaveRoom").collect();
    assert_eq!(names.len(), identities.len());
}

/// LiveKit's subscription permissions: a track stays announced, but nothing of it comes.
#[test]
fn a_track_that_its_publisher_does_not_share_with_us_is_off() {
    let mut w = World::entered();
    mina(&mut w, &[camera("video/VP8"), microphone()]);
    told(&mut w);
    let share = |w: &mut World, track_sid: &str, allowed| {
        let (participant_sid, track_sid) = ("PA_mina".into(), track_sid.into());
        w.message(Response::SubscriptionPermissionUpdate(lk::SubscriptionPermissionUpdate {
            participant_sid,
            track_sid,
            allowed,
        }));
    };
    share(&mut w, "TR_VC", true);
    assert_eq!(told(&mut w), Vec::<String>::new(), "livekit-server says so of every track");
    share(&mut w, "TR_VC", false);
    share(&mut w, "TR_AM", false);
    share(&mut w, "TR_unknown", false);
    assert_eq!(told(&mut w), ["TR_VC gone", "TR_AM gone"]);
    speaks(&mut w, true);
    mina(&mut w, &[camera("video/VP8"), microphone()]);
    assert_eq!(told(&mut w), Vec::<String>::new(), "the list of tracks says nothing about it");
    assert!(!w.session.people()[0].speaking && !w.session.people()[0].voice_on());
    share(&mut w, "TR_VC", true);
    share(&mut w, "TR_AM", true);
    assert_eq!(told(&mut w), ["TR_VC available", "TR_AM available"]);
    assert!(w.session.people()[0].speaking);
}

#[test]
fn a_track_that_the_server_pauses_shows_no_picture_until_it_is_sent_again() {
    let mut w = World::entered();
    mina(&mut w, &[camera("video/VP8"), microphone()]);
    told(&mut w);
    let changes = |w: &mut World| {
        let receiving = w.outputs.iter().filter(|o| o.starts_with("SetReceiving")).cloned();
        let mut lines: Vec<String> = receiving.collect();
        w.outputs.clear();
        lines.extend(told(w));
        lines
    };
    changes(&mut w);
    let mut state = |track: &str, state: lk::StreamState| {
        let (participant_sid, track_sid) = ("PA_mina".into(), track.into());
        let info = lk::StreamStateInfo { participant_sid, track_sid, state: state.into() };
        w.message(Response::StreamStateUpdate(lk::StreamStateUpdate { stream_states: vec![info] }));
        let told = changes(&mut w);
        mina(&mut w, &[camera("video/VP8"), microphone()]);
        assert_eq!(changes(&mut w), [""; 0], "the list of tracks says nothing about it");
        told
    };
    let (active, paused) = (lk::StreamState::Active, lk::StreamState::Paused);
    assert_eq!(state("TR_VC", active), [""; 0], "the server says so of every track");
    assert_eq!(state("TR_unknown", paused), [""; 0]);
    assert_eq!(state("TR_VC", paused), [r#"SetReceiving { track: TrackSid("TR_VC"), on: false }"#, "TR_VC paused"]);
    assert_eq!(state("TR_VC", active), [r#"SetReceiving { track: TrackSid("TR_VC"), on: true }"#, "TR_VC sent again"]);
    assert_eq!(state("TR_VC", paused).len(), 2);
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(2000);
    assert!(!w.session.people()[0].tracks[0].is_paused(), "after a resume the server tells it again");
}
