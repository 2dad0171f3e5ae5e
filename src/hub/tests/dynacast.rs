//! The layers that subscribers watch, and which of them a publisher is asked for.

use super::stage::Stage;
use super::wire::simulcast;
use crate::base::MediaKind::Video;
use crate::hub::*;
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message;
use std::time::Duration;

/// How many layers a publisher was asked for, since the last call.
fn told(stage: &mut Stage, publisher: usize) -> Vec<usize> {
    let updates = stage
        .got(publisher, |m| if let Message::SubscribedQualityUpdate(u) = m { Some(u.subscribed_codecs) } else { None });
    let count = |codecs: Vec<lk::SubscribedCodec>| codecs[0].qualities.iter().filter(|q| q.enabled).count();
    updates.into_iter().map(count).collect()
}

#[test]
fn layers_follow_the_size_shown_and_the_publisher_is_told() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let mut raw = simulcast("cam");
    raw.cid = "cam".into();
    // Announce the layers first: the client's own request with the same cid gets the same track.
    stage.tell(mina, Request::AddTrack(raw));
    let sid = stage.publish(mina, "cam", Video);
    let member = stage.down(mina).expect("a connection").member;
    if let Some(track) = stage.hub.members.get_mut(&member).and_then(|m| m.track_mut(&sid)) {
        #[allow(deprecated)] // as an m-line with simulcast sets it
        (track.info.simulcast = true);
    }
    let setting = |width, height, disabled| {
        let track_sids = vec![sid.to_string()];
        Request::TrackSetting(lk::UpdateTrackSettings { track_sids, width, height, disabled, ..Default::default() })
    };
    let preferred = |stage: &Stage| match stage.sfu.commands.last() {
        Some(MediaCommand::Prefer { layer, paused, .. }) => (*layer, *paused),
        other => panic!("{other:?}"),
    };
    stage.tell(jonas, setting(300, 170, false));
    assert_eq!(preferred(&stage), (0, false));
    stage.tell(jonas, setting(600, 340, false));
    assert_eq!(preferred(&stage), (1, false));
    stage.tell(jonas, setting(4000, 3000, true));
    assert_eq!(preferred(&stage), (2, true));
    let told = |stage: &mut Stage| told(stage, mina);
    assert!(told(&mut stage).is_empty(), "fewer only after a while");
    stage.wait(Duration::from_secs(2));
    assert_eq!(told(&mut stage), [0]);
    stage.tell(jonas, setting(600, 340, false));
    assert_eq!(told(&mut stage), [2], "more at once");
    stage.end();
}

#[test]
fn a_publisher_sends_nothing_while_nobody_subscribes() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    stage.publish(mina, "cam", Video);
    let told = |stage: &mut Stage| told(stage, mina);
    assert!(told(&mut stage).is_empty(), "somebody may come");
    stage.wait(Duration::from_secs(2));
    assert_eq!(told(&mut stage), [0]);
    let jonas = stage.join("jonas");
    assert_eq!(told(&mut stage), [3], "at once");
    stage.leave(jonas);
    stage.wait(Duration::from_secs(2));
    assert_eq!(told(&mut stage), [0]);
    stage.end();
}
