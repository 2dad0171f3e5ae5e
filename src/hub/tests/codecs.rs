//! Publishers with codecs that rooms do not carry.

use super::stage::Stage;
use super::wire::{Raw, offer, simulcast};
use crate::base::{Codec, MediaKind};
use crate::hub::*;
use livekit_protocol as lk;
use lk::request_response::Reason;
use lk::signal_request::Message as Request;
use lk::signal_response::Message;

/// An m-line that sends `cam` with these codecs.
fn camera(codecs: &[&str]) -> String {
    let maps: String = codecs.iter().enumerate().map(|(i, codec)| format!("a=rtpmap:{i} {codec}/90000\r\n")).collect();
    format!("m=video 9 X 96\r\na=mid:0\r\n{maps}a=sendonly\r\na=msid:- cam\r\n")
}

/// Whether the publisher was told that its track is refused and withdrawn, since the last call.
fn refused(raw: &mut Raw) -> bool {
    let mut told = [false; 2];
    for output in std::mem::take(&mut raw.outputs) {
        match output {
            Output::Signal { message, .. } => match *message {
                Message::RequestResponse(r) => told[0] |= r.reason() == Reason::UnsupportedType,
                Message::TrackUnpublished(t) => told[1] |= t.track_sid.starts_with("TR_"),
                _ => {}
            },
            Output::Media(MediaCommand::AcceptOffer { publish, .. }) => assert!(publish.is_empty(), "{publish:?}"),
            Output::Media(command) => assert!(!matches!(command, MediaCommand::Publish { .. }), "{command:?}"),
            _ => {}
        }
    }
    assert_eq!(told[0], told[1], "both or none");
    told[0]
}

#[test]
fn a_track_without_a_codec_that_rooms_carry_is_refused_in_either_order() {
    for codecs in [&["H265", "rtx"][..], &["AV1"], &["AV1", "rtx", "red", "ulpfec"], &["theora"]] {
        let mut raw = Raw::join(&Stage::new());
        raw.say(Request::AddTrack(simulcast("cam")));
        assert!(!refused(&mut raw));
        raw.say(offer(1, &camera(codecs)));
        assert!(refused(&mut raw), "{codecs:?}");
        raw.say(offer(2, &camera(codecs)));
        assert!(!refused(&mut raw), "it is told once");
        assert_eq!(raw.hub.tracks(), 0);

        let mut raw = Raw::join(&Stage::new());
        raw.say(offer(1, &camera(codecs)));
        raw.say(Request::AddTrack(simulcast("cam")));
        assert!(refused(&mut raw), "{codecs:?}");
        assert_eq!(raw.hub.tracks(), 0);
    }
}

#[test]
fn a_publisher_that_offers_vp8_too_is_published_as_vp8_if_it_prefers_what_rooms_do_not_carry() {
    let mut raw = Raw::join(&Stage::new());
    let codec = lk::SimulcastCodec { codec: "av1".into(), cid: "cam".into(), ..Default::default() };
    raw.say(Request::AddTrack(lk::AddTrackRequest { simulcast_codecs: vec![codec], ..simulcast("cam") }));
    let mimes = raw.outputs.iter().find_map(|o| match o {
        Output::Signal { message, .. } => match message.as_ref() {
            Message::TrackPublished(p) => {
                p.track.as_ref().map(|t| (t.mime_type.clone(), t.codecs[0].mime_type.clone()))
            }
            _ => None,
        },
        _ => None,
    });
    assert_eq!(mimes, Some(("video/vp8".into(), "video/vp8".into())), "clients fall back to the codec that is named");
    raw.say(offer(1, &camera(&["H265", "AV1", "VP8", "rtx"])));
    assert_eq!(raw.hub.tracks(), 1);
    // It changes to a codec that nobody gets: the track ends, and it is told.
    raw.outputs.clear();
    raw.say(offer(2, &camera(&["AV1"])));
    assert!(refused(&mut raw));
    assert_eq!(raw.hub.tracks(), 0);
    // And back.
    raw.say(Request::AddTrack(simulcast("cam")));
    raw.say(offer(3, &camera(&["VP8"])));
    assert_eq!(raw.hub.tracks(), 1);
}

/// The codec that a track is published in, by the command to the forwarding plane and by what the client is told.
fn published_as(named: &str, offered: &[&str]) -> (Codec, String) {
    let mut raw = Raw::join(&Stage::new());
    let codec = lk::SimulcastCodec { codec: named.into(), cid: "cam".into(), ..Default::default() };
    let simulcast_codecs = if named.is_empty() { vec![] } else { vec![codec] };
    raw.say(Request::AddTrack(lk::AddTrackRequest { simulcast_codecs, ..simulcast("cam") }));
    raw.say(offer(1, &camera(offered)));
    let published = raw.outputs.iter().find_map(|o| match o {
        Output::Media(MediaCommand::AcceptOffer { publish, .. }) => publish.first().map(|p| p.codec),
        _ => None,
    });
    let told = raw.outputs.iter().find_map(|o| match o {
        Output::Signal { message, .. } => match message.as_ref() {
            Message::Update(u) => u.participants.iter().flat_map(|p| &p.tracks).map(|t| t.mime_type.clone()).next(),
            _ => None,
        },
        _ => None,
    });
    (published.expect("published"), told.expect("an update"))
}

#[test]
fn a_track_is_published_in_the_codec_that_it_names_or_else_in_the_first_that_it_offers() {
    let all = ["VP8", "rtx", "VP9", "H264"];
    assert_eq!(published_as("vp9", &all), (Codec::Vp9, "video/vp9".into()));
    assert_eq!(published_as("h264", &all), (Codec::H264, "video/h264".into()));
    assert_eq!(published_as("", &["H264", "rtx"]), (Codec::H264, "video/h264".into()));
    assert_eq!(published_as("vp9", &["VP8"]), (Codec::Vp8, "video/vp8".into()));
}

/// The Rust SDK names no codec; an offer of it may come before the one with the order that it wants.
#[test]
fn a_track_without_a_named_codec_follows_the_order_of_its_m_line() {
    let mut raw = Raw::join(&Stage::new());
    raw.say(Request::AddTrack(simulcast("cam")));
    raw.say(offer(1, &camera(&["VP8", "rtx", "VP9", "H264"])));
    let published = |raw: &mut Raw| {
        let codecs: Vec<Codec> = std::mem::take(&mut raw.outputs)
            .into_iter()
            .filter_map(|o| match o {
                Output::Media(MediaCommand::AcceptOffer { publish, .. }) => publish.first().map(|p| p.codec),
                _ => None,
            })
            .collect();
        let mime = raw.hub.members.values().flat_map(|m| &m.tracks).map(|t| t.info.mime_type.clone()).next();
        (codecs, mime.expect("a track"))
    };
    assert_eq!(published(&mut raw), (vec![Codec::Vp8], "video/vp8".into()));
    raw.say(offer(2, &camera(&["H264", "rtx"])));
    assert_eq!(published(&mut raw), (vec![Codec::H264], "video/h264".into()));
    raw.say(offer(3, &camera(&["H264", "rtx"])));
    assert_eq!(published(&mut raw), (vec![], "video/h264".into()), "nothing has changed");
}

/// A client that receives VP8 alone gets an answer in place of a VP9 track.
#[test]
fn a_subscriber_without_the_codec_of_a_track_is_told() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let sid = stage.publish(mina, "cam", MediaKind::Video);
    let owner = stage.down(mina).expect("a connection").member;
    if let Some(track) = stage.hub.members.get_mut(&owner).and_then(|m| m.track_mut(&sid)) {
        track.codec = Codec::Vp9;
    }
    assert!(stage.clients[jonas].sees().contains(&sid));
    let receiving = "m=video 9 X 96\r\na=mid:0\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\n";
    stage.tell(jonas, offer(9, receiving));
    let told = |stage: &mut Stage| {
        stage.got(jonas, |m| {
            if let Message::SubscriptionResponse(r) = m { Some((r.track_sid.clone(), r.err())) } else { None }
        })
    };
    assert_eq!(told(&mut stage), [(sid.to_string(), lk::SubscriptionError::SeCodecUnsupported)]);
    let subscribe = lk::UpdateSubscription { track_sids: vec![sid.to_string()], subscribe: true, ..Default::default() };
    stage.tell(jonas, Request::Subscription(subscribe));
    assert_eq!(told(&mut stage), [(sid.to_string(), lk::SubscriptionError::SeCodecUnsupported)], "once");
}

#[test]
fn the_join_names_the_codecs_to_publish_and_no_others() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let codecs = stage.got(mina, |m| if let Message::Join(j) = m { Some(j.enabled_publish_codecs) } else { None });
    let mimes: Vec<String> = codecs.concat().into_iter().map(|c| c.mime.to_lowercase()).collect();
    assert_eq!(mimes, ["audio/opus", "video/vp8", "video/vp9", "video/h264"], "a retransmission format is no codec");
}
