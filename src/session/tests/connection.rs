//! The server's messages about our connections and tracks.

use super::*;

#[test]
fn the_ice_servers_of_a_join_and_of_a_resume_come_before_the_gathering() {
    let mut w = World::entered();
    let Some(PeerCommand::SetIceServers(servers)) = w.commands.first() else { panic!("{:?}", w.commands) };
    assert_eq!(servers.len(), 1);
    assert_eq!(servers[0].urls, ["turn:turn.example.com?transport=udp"]);
    assert_eq!((servers[0].username.as_str(), servers[0].credential.expose().as_str()), ("joined", "secret of joined"));
    w.commands.clear();
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(15);
    let [PeerCommand::SetIceServers(servers), PeerCommand::Offer { ice_restart: true }, ..] = &w.commands[..] else {
        panic!("{:?}", w.commands)
    };
    assert_eq!(servers[0].username, "resumed");
}

#[test]
fn the_layers_that_subscribers_want_are_those_of_the_named_track() {
    let mut w = World::entered();
    let cid = w.session.tracks.iter().find(|t| t.source == TrackSource::Camera).expect("published").cid.clone();
    let track = Some(lk::TrackInfo { sid: "TR_own".into(), ..Default::default() });
    w.message(Response::TrackPublished(lk::TrackPublishedResponse { cid: cid.clone(), track }));
    let update = |track_sid: &str, codec: &str| {
        let quality = |(n, enabled)| lk::SubscribedQuality { quality: n, enabled };
        let qualities = [(0, true), (1, true), (2, false), (lk::VideoQuality::Off as i32, true)].map(quality).into();
        let subscribed_codecs = vec![lk::SubscribedCodec { codec: codec.into(), qualities }];
        let track_sid = track_sid.into();
        Response::SubscribedQualityUpdate(lk::SubscribedQualityUpdate {
            track_sid,
            subscribed_codecs,
            ..Default::default()
        })
    };
    w.message(update("TR_other", "vp8"));
    w.message(update("TR_own", "h264"));
    assert!(w.layers.is_empty(), "{:?}", w.layers);
    w.message(update("TR_own", "video/VP8"));
    assert_eq!(w.layers, [(cid, vec![(0, true), (1, true), (2, false)])]);
}

#[test]
fn who_gets_no_media_is_told_the_ports_that_a_firewall_may_block() {
    let mut w = World::new(Behaviour { peers: false, ..PROMPT });
    w.run(200);
    for candidate in
        ["1 1 udp 2130706431 10.1.1.1 7882 typ host", "2 1 tcp 1518280447 10.1.1.1 443 typ host tcptype passive"]
    {
        let candidate_init = serde_json::json!({ "candidate": format!("candidate:{candidate}") }).to_string();
        w.message(Response::Trickle(lk::TrickleRequest { candidate_init, ..Default::default() }));
    }
    w.run(ENTER_LIMIT.as_millis() as u64);
    let message = w.events.iter().find_map(|event| match event {
        EventKind::EnterRoomFailed { error: EntryErrorKind::Timeout, message } => Some(message.as_str()),
        _ => None,
    });
    let message = message.unwrap_or_else(|| panic!("{:?}", w.events));
    assert!(message.ends_with("A firewall may block UDP port 7882 and TCP port 443 to it."), "{message}");
}
