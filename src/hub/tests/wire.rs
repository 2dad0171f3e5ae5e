//! The requests of clients and of the admin API, one by one.

use super::stage::{ROOM, Stage};
use crate::base::MediaKind::{Audio, Video};
use crate::hub::*;
use livekit_protocol as lk;
use lk::data_packet::Value;
use lk::request_response::Reason;
use lk::signal_request::Message as Request;
use lk::signal_response::Message;
use prost::Message as _;
use std::time::Duration;

/// An `add_track` for a camera in three simulcast layers.
pub(super) fn simulcast(cid: &str) -> lk::AddTrackRequest {
    let layer = |quality: lk::VideoQuality, width, height| lk::VideoLayer {
        quality: quality as i32,
        width,
        height,
        ..Default::default()
    };
    lk::AddTrackRequest {
        cid: cid.into(),
        r#type: lk::TrackType::Video as i32,
        source: lk::TrackSource::Camera as i32,
        layers: vec![
            layer(lk::VideoQuality::Low, 320, 180),
            layer(lk::VideoQuality::Medium, 640, 360),
            layer(lk::VideoQuality::High, 1280, 720),
        ],
        ..Default::default()
    }
}

fn responses(stage: &mut Stage, c: usize) -> Vec<Reason> {
    stage.got(c, |m| if let Message::RequestResponse(r) = m { Some(r.reason()) } else { None })
}

pub(super) fn offer(id: u32, sdp: &str) -> Request {
    Request::Offer(lk::SessionDescription { r#type: "offer".into(), sdp: sdp.into(), id, ..Default::default() })
}

/// A client without behaviour of its own; the test sends and reads its messages.
pub(super) struct Raw {
    pub(super) hub: Hub,
    link: LinkId,
    pub(super) outputs: Vec<Output>,
}

impl Raw {
    pub(super) fn join(stage: &Stage) -> Self {
        let mut hub = Hub::new(HubConfig::default(), 1);
        let (link, admission) = (LinkId(1), Box::new(stage.admission("mina")));
        hub.handle(Input::Join { link, admission, request: Box::default(), single: true }, stage.now);
        let mut raw = Self { hub, link, outputs: Vec::new() };
        raw.drain();
        raw.outputs.clear();
        raw
    }

    fn drain(&mut self) {
        self.outputs.extend(std::iter::from_fn(|| self.hub.poll()));
    }

    pub(super) fn say(&mut self, message: Request) {
        self.hub.handle(Input::Signal { link: self.link, message: Box::new(message) }, crate::base::Moment::ZERO);
        self.drain();
    }

    fn commands(&mut self) -> Vec<MediaCommand> {
        let taken = std::mem::take(&mut self.outputs).into_iter();
        taken.filter_map(|o| if let Output::Media(command) = o { Some(command) } else { None }).collect()
    }
}

#[test]
fn an_offer_before_add_track_publishes_when_add_track_comes() {
    let stage = Stage::new();
    let mut raw = Raw::join(&stage);
    raw.say(offer(1, "m=video 9 X 96\r\na=mid:0\r\na=sendonly\r\na=msid:- cam\r\na=simulcast:send q;h;f\r\n"));
    raw.commands();
    raw.say(Request::AddTrack(simulcast("cam")));
    let commands = raw.commands();
    assert!(
        commands.iter().any(|c| matches!(c, MediaCommand::Publish { published, .. }
            if published.mid == "0" && published.simulcast)),
        "{commands:?}"
    );
    assert_eq!(raw.hub.tracks(), 1);
}

#[test]
fn a_repeated_cid_gets_the_same_track_or_waits_until_it_ends() {
    let stage = Stage::new();
    let mut raw = Raw::join(&stage);
    let mut sids = Vec::new();
    for _ in 0..2 {
        raw.say(Request::AddTrack(simulcast("cam")));
        for output in std::mem::take(&mut raw.outputs) {
            if let Output::Signal { message, .. } = output
                && let Message::TrackPublished(p) = *message
            {
                sids.push(p.track.expect("a track").sid);
            }
        }
    }
    assert_eq!((sids.len(), &sids[0]), (2, &sids[1]));
    raw.say(offer(1, "m=video 9 X 96\r\na=mid:0\r\na=sendonly\r\na=msid:- cam\r\n"));
    raw.outputs.clear();
    raw.say(Request::AddTrack(simulcast("cam")));
    let queued = std::mem::take(&mut raw.outputs).into_iter().any(|o| {
        matches!(o, Output::Signal { message, .. }
        if matches!(message.as_ref(), Message::RequestResponse(r) if r.reason() == Reason::Queued))
    });
    assert!(queued);
    raw.say(offer(2, "m=video 9 X 96\r\na=mid:0\r\na=inactive\r\n"));
    let again = raw.outputs.iter().any(|o| {
        matches!(o, Output::Signal { message, .. }
        if matches!(message.as_ref(), Message::TrackPublished(_)))
    });
    assert!(again, "the queued track is announced when the old one ends");
}

#[test]
fn a_client_that_must_not_publish_is_answered_so() {
    let mut stage = Stage::new();
    let c = stage.client("mina", true);
    let mut admission = stage.admission("mina");
    admission.permission.can_publish_sources = vec![lk::TrackSource::Microphone as i32];
    stage.enter_with(c, admission);
    stage.settle();
    stage.tell(c, Request::AddTrack(simulcast("cam")));
    assert_eq!(responses(&mut stage, c), [Reason::NotAllowed]);
    stage.publish(c, "mic", Audio);
    stage.tell(c, Request::AddTrack(lk::AddTrackRequest { cid: "x".repeat(10_000), source: 2, ..Default::default() }));
    assert_eq!(responses(&mut stage, c), [Reason::InvalidRequest]);
    stage.end();
}

#[test]
fn tracks_are_bounded() {
    let mut stage = Stage::with(HubConfig { max_tracks: 2, ..HubConfig::default() });
    let mina = stage.join("mina");
    for n in 0..3 {
        stage.tell(mina, Request::AddTrack(simulcast(&format!("cam-{n}"))));
    }
    assert_eq!(responses(&mut stage, mina), [Reason::LimitExceeded]);
    stage.end();
}

#[test]
fn a_mute_is_shown_and_stops_forwarding() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let sid = stage.publish(mina, "mic", Audio);
    let shown = |stage: &Stage| stage.clients[jonas].others["mina"].tracks[0].muted;
    stage.tell(mina, Request::Mute(lk::MuteTrackRequest { sid: sid.to_string(), muted: true }));
    assert!(shown(&stage));
    assert!(matches!(stage.sfu.commands.last(), Some(MediaCommand::Mute { muted: true, .. })));
    stage.tell(mina, Request::Mute(lk::MuteTrackRequest { sid: sid.to_string(), muted: false }));
    assert!(!shown(&stage));

    let identity = "mina".to_owned();
    let request = |muted| lk::MuteRoomTrackRequest {
        room: ROOM.into(),
        identity: identity.clone(),
        track_sid: sid.to_string(),
        muted,
    };
    assert!(stage.admin(AdminCall::MutePublishedTrack(request(true))).is_ok());
    stage.settle();
    assert!(shown(&stage));
    let told = stage.got(mina, |m| if let Message::Mute(m) = m { Some(m.muted) } else { None });
    assert_eq!(told, [true]);
    let unmute = stage.admin(AdminCall::MutePublishedTrack(request(false)));
    assert!(matches!(unmute, Err(AdminError::Precondition(_))));
    stage.end();
}

#[test]
fn an_unpublished_track_ends_and_its_m_line_is_reused() {
    let mut stage = Stage::new();
    stage.spare_m_lines = 1;
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    for n in 0..10 {
        let cid = format!("cam-{n}");
        let sid = stage.publish(mina, &cid, Video);
        assert_eq!(stage.clients[jonas].sees(), [sid].into());
        stage.clients[mina].unpublish(&cid);
        stage.settle();
        assert!(stage.clients[jonas].sees().is_empty());
        assert!(stage.clients[jonas].others["mina"].tracks.is_empty());
    }
    let asked =
        stage.got(jonas, |m| if let Message::MediaSectionsRequirement(r) = m { Some(r.num_videos) } else { None });
    assert_eq!(asked.iter().sum::<u32>(), 0, "ten tracks one after the other need one m-line");
    stage.end();
}

#[test]
fn a_publisher_may_choose_its_subscribers() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let aiko = stage.join("aiko");
    let sid = stage.publish(mina, "cam", Video);
    let only_aiko = lk::TrackPermission { participant_identity: "aiko".into(), all_tracks: true, ..Default::default() };
    stage.tell(
        mina,
        Request::SubscriptionPermission(lk::SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![only_aiko],
        }),
    );
    assert_eq!(stage.clients[jonas].sees(), [].into());
    assert_eq!(stage.clients[aiko].sees(), [sid.clone()].into());
    let allowed = |stage: &mut Stage| {
        stage.got(jonas, |m| if let Message::SubscriptionPermissionUpdate(u) = m { Some(u.allowed) } else { None })
    };
    assert_eq!(allowed(&mut stage), [true, false], "when it was published, and now");
    let everybody = lk::SubscriptionPermission { all_participants: true, ..Default::default() };
    stage.tell(mina, Request::SubscriptionPermission(everybody));
    assert_eq!(allowed(&mut stage), [true]);
    assert_eq!(stage.clients[jonas].sees(), [sid].into());
    stage.end();
}

#[test]
fn revoked_permissions_end_tracks_and_subscriptions() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    stage.publish(mina, "cam", Video);
    let update = |identity: &str, permission| {
        let (room, identity) = (ROOM.into(), identity.into());
        lk::UpdateParticipantRequest { room, identity, permission: Some(permission), ..Default::default() }
    };
    let all = stage.admission("mina").permission;
    let mute = lk::ParticipantPermission { can_publish: false, ..all.clone() };
    stage.renewed.clear();
    assert!(stage.admin(AdminCall::UpdateParticipant(update("mina", mute))).is_ok());
    let tokens: Vec<_> = stage.renewed.drain(..).map(|(link, holder)| (link, holder.permission)).collect();
    let may = lk::ParticipantPermission { can_publish: false, ..all.clone() };
    assert_eq!(
        tokens,
        [(stage.clients[mina].link.expect("a link"), Some(may))],
        "the new token has the new permission"
    );
    stage.settle();
    assert!(stage.clients[jonas].others["mina"].tracks.is_empty());
    assert_eq!(stage.got(mina, |m| if let Message::TrackUnpublished(_) = m { Some(()) } else { None }).len(), 1);
    let voice = stage.publish(jonas, "mic", Audio);
    let deaf = lk::ParticipantPermission { can_subscribe: false, ..all.clone() };
    assert!(stage.admin(AdminCall::UpdateParticipant(update("mina", deaf))).is_ok());
    stage.settle();
    assert!(stage.clients[mina].sees().is_empty());
    assert!(stage.admin(AdminCall::UpdateParticipant(update("mina", all))).is_ok());
    stage.settle();
    assert_eq!(stage.clients[mina].sees(), [voice].into());
    stage.end();
}

/// Clients that are not LiveKit's open channels with labels of their own.
#[test]
fn bytes_of_a_channel_without_label_reach_everybody() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    stage.join("jonas");
    let connection = stage.down(mina).expect("a connection");
    stage.sfu.commands.clear();
    let (label, payload) = (String::new(), bytes::Bytes::from_static(b"any \xff bytes"));
    stage.input(Input::Media(MediaEvent::Data { connection, label, payload: payload.clone() }));
    stage.settle();
    let [MediaCommand::SendData { label, payload: packet, .. }] = &stage.sfu.commands[..] else {
        panic!("{:?}", stage.sfu.commands)
    };
    assert_eq!(*label, "_reliable");
    let packet = lk::DataPacket::decode(packet.clone()).expect("a packet");
    let Some(Value::User(user)) = packet.value else { panic!("no user packet") };
    assert_eq!((packet.participant_identity.as_str(), &user.payload[..]), ("mina", &payload[..]));
    stage.end();
}

#[test]
fn a_nonce_has_sixteen_bytes() {
    let mut stage = Stage::new();
    stage.join("mina");
    let data = |bytes: usize| lk::SendDataRequest { room: ROOM.into(), nonce: vec![7; bytes], ..Default::default() };
    for (bytes, good) in [(0, true), (16, true), (1, false), (17, false)] {
        assert_eq!(stage.admin(AdminCall::SendData(data(bytes))).is_ok(), good, "{bytes}");
    }
    stage.end();
}

#[test]
fn data_names_its_true_sender_and_reaches_its_receivers() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let aiko = stage.join_v0("aiko");
    let connection = stage.down(mina).expect("a connection");
    let data = |to: &[&str], sequence| {
        let user = lk::UserPacket { payload: b"hello".to_vec(), ..Default::default() };
        let packet = lk::DataPacket {
            participant_identity: "somebody else".into(),
            destination_identities: to.iter().map(|s| (*s).to_owned()).collect(),
            value: Some(Value::User(user)),
            sequence,
            ..Default::default()
        };
        let (label, payload) = ("_reliable".to_owned(), packet.encode_to_vec().into());
        Input::Media(MediaEvent::Data { connection, label, payload })
    };
    let sent = |stage: &mut Stage| {
        stage.settle();
        let commands = std::mem::take(&mut stage.sfu.commands);
        let sent = commands.into_iter().filter_map(|c| match c {
            MediaCommand::SendData { connection, payload, .. } => {
                let packet = lk::DataPacket::decode(payload).expect("a packet");
                assert_eq!(packet.participant_identity, "mina");
                Some((connection, packet.destination_identities.len()))
            }
            _ => None,
        });
        sent.collect::<Vec<_>>()
    };
    stage.sfu.commands.clear();
    let (to_jonas, to_aiko) = (stage.down(jonas).expect("there"), stage.down(aiko).expect("there"));
    stage.input(data(&[], 0));
    assert_eq!(sent(&mut stage), [(to_jonas, 0), (to_aiko, 0)]);
    stage.input(data(&["aiko"], 1));
    assert_eq!(sent(&mut stage), [(to_aiko, 1)], "the receivers of a private message stay named");
    stage.input(data(&["aiko"], 1));
    assert_eq!(sent(&mut stage), [], "repeated after a resume");
    stage.end();
}

#[test]
fn speakers_are_told_when_they_start_and_stop() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let track = stage.publish(mina, "mic", Audio);
    stage.input(Input::Media(MediaEvent::Level { track: track.clone(), level: 0.4, active: true }));
    stage.wait(Duration::from_millis(100));
    let told = |stage: &mut Stage| {
        let changes = stage.got(jonas, |m| if let Message::SpeakersChanged(s) = m { Some(s.speakers) } else { None });
        changes.into_iter().flatten().map(|s| s.active).collect::<Vec<_>>()
    };
    assert_eq!(told(&mut stage), [true]);
    stage.input(Input::Media(MediaEvent::Level { track, level: 0.0, active: false }));
    stage.wait(Duration::from_secs(3));
    assert_eq!(told(&mut stage).last(), Some(&false));
    stage.end();
}

#[test]
fn a_worse_connection_quality_is_told_once() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let member = stage.down(mina).expect("a connection").member;
    for lost_percent in [0.0, 0.0, 12.0, 13.0] {
        stage.input(Input::Media(MediaEvent::LinkQuality { member, lost_percent, rtt_ms: 20.0 }));
    }
    stage.settle();
    let told =
        stage.got(jonas, |m| if let Message::ConnectionQuality(q) = m { Some(q.updates[0].quality()) } else { None });
    assert_eq!(told, [lk::ConnectionQuality::Excellent, lk::ConnectionQuality::Poor]);
    stage.end();
}

#[test]
fn a_rename_is_broadcast_and_a_long_name_refused() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let rename = |name: String| {
        Request::UpdateMetadata(lk::UpdateParticipantMetadata { name, request_id: 5, ..Default::default() })
    };
    stage.tell(mina, rename("Mina Park".into()));
    assert_eq!(stage.clients[jonas].others["mina"].name, "Mina Park");
    stage.tell(mina, rename("x".repeat(257)));
    assert_eq!(stage.clients[jonas].others["mina"].name, "Mina Park");
    assert_eq!(responses(&mut stage, mina), [Reason::Ok, Reason::LimitExceeded]);
    stage.end();
}

#[test]
fn a_join_changes_metadata_and_attributes_of_its_token_only_with_the_right() {
    for may in [false, true] {
        let mut stage = Stage::new();
        let jonas = stage.join("jonas");
        let mut admission = stage.admission("mina");
        admission.permission.can_update_metadata = may;
        admission.metadata = "of the token".into();
        admission.attributes = [("role", "guest"), ("team", "red")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let c = stage.client("mina", true);
        let own = [("role", "host"), ("team", ""), ("seat", "1")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        stage.enter_asking(c, admission, |request| {
            request.metadata = "of the join".into();
            request.participant_attributes = own.into();
        });
        stage.settle();
        let mina = &stage.clients[jonas].others["mina"];
        let of = |key: &str| mina.attributes.get(key).map(String::as_str);
        let expected =
            if may { ("of the join", Some("host"), Some("1")) } else { ("of the token", Some("guest"), None) };
        assert_eq!((mina.metadata.as_str(), of("role"), of("seat")), expected);
        assert_eq!(of("team"), Some("red"), "an empty value removes nothing");
        stage.end();
    }
}

#[test]
fn a_resume_that_names_an_unknown_track_has_to_join_again() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let track = Some(lk::TrackInfo { sid: "TR_VCunknown".into(), ..Default::default() });
    let publish_tracks = vec![lk::TrackPublishedResponse { cid: "cam".into(), track }];
    stage.tell(mina, Request::SyncState(lk::SyncState { publish_tracks, ..Default::default() }));
    let ended = stage.clients[mina].ended;
    assert_eq!(ended, Some((lk::leave_request::Action::Reconnect, lk::DisconnectReason::StateMismatch)));
    stage.end();
}

#[test]
fn a_hidden_member_sees_and_is_not_seen() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let camera = stage.publish(mina, "cam", Video);
    let ghost = stage.client("ghost", true);
    let mut admission = stage.admission("ghost");
    admission.permission.hidden = true;
    stage.enter_with(ghost, admission);
    stage.settle();
    assert_eq!(stage.clients[ghost].sees(), [camera].into());
    stage.leave(ghost);
    stage.settle();
    assert!(stage.clients[mina].others.is_empty());
    assert_eq!(stage.departures(mina), []);
    stage.end();
}

#[test]
fn a_new_address_of_the_server_reaches_the_client_as_a_candidate() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let connection = *stage.sfu.open.keys().next().expect("a connection");
    let candidate = "candidate:1 1 udp 2130706431 10.9.0.1 7882 typ host".to_owned();
    stage.input(Input::Media(MediaEvent::Candidate { connection, candidate: candidate.clone() }));
    stage.settle();
    let told = stage.got(mina, |m| match m {
        Message::Trickle(t) => Some((t.target(), t.candidate_init.clone())),
        _ => None,
    });
    let [(target, init)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(*target, lk::SignalTarget::Publisher);
    let init: serde_json::Value = serde_json::from_str(init).expect("JSON");
    assert_eq!(init, serde_json::json!({"candidate": candidate, "sdpMid": "", "sdpMLineIndex": 0}));
    stage.end();
}
