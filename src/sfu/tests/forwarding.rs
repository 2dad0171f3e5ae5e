//! Video, audio and data from a publisher to subscribers.

use super::client::{Received, TestClient, body};
use super::harness::{Harness, LONG, single, subscribed};
use crate::base::TrackSid;
use crate::hub::{Bound, ConnectionId, ConnectionRole, MediaCommand, MediaEvent, MemberId};
use bytes::Bytes;
use std::time::Duration;
use str0m::change::SdpOffer;
use str0m::channel::ChannelConfig;
use str0m::media::Mid;
use str0m::rtp::VideoOrientation;

fn layers_of(got: &[Received]) -> Vec<u8> {
    let mut layers: Vec<u8> = got.iter().map(Received::layer).collect();
    layers.dedup();
    layers
}

/// Checks what a decoder relies on: continuous sequence numbers, one growing timestamp and PictureID for each frame, whole
/// frames with the bytes that were sent, and a key frame at each change of the layer.
fn check(got: &[Received]) {
    assert!(got.first().expect("packets").is_keyframe(), "it begins with a key frame");
    for pair in got.windows(2) {
        let [a, b] = pair else { unreachable!() };
        assert_eq!(b.sequence, a.sequence + 1, "the sequence numbers have a gap");
        // A pause may cut a frame short; then the next one is a key frame.
        let new = a.marker || b.is_keyframe();
        let ids = b.picture_id().wrapping_sub(a.picture_id()) & 0x7fff;
        assert_eq!(ids, u16::from(new), "PictureIDs grow by one");
        assert_eq!(b.tl0().wrapping_sub(a.tl0()), u8::from(new));
        let time = b.timestamp.wrapping_sub(a.timestamp) as i32;
        assert_eq!(time > 0, new, "a new frame has a later timestamp");
        assert!((0..900_000).contains(&time), "{time}");
        assert!(b.layer() == a.layer() || b.is_keyframe(), "a layer begins with a key frame");
    }
    let mut key = false;
    for g in got {
        let place = g.body()[6];
        if place == 0 {
            key = g.is_keyframe();
        }
        let frame = u32::from_be_bytes(g.body()[2..6].try_into().expect("four bytes"));
        assert_eq!(g.body(), body(key, g.layer(), frame, place), "the bytes of the frame");
    }
}

fn steps(times: impl Iterator<Item = u32>) -> Vec<u32> {
    let times: Vec<u32> = times.collect();
    times.windows(2).map(|t| t[1].wrapping_sub(t[0])).collect()
}

fn last_layer(peer: &TestClient, mid: Mid) -> Option<u8> {
    peer.got.get(&mid).and_then(|g| g.last()).map(Received::layer)
}

#[test]
fn video_and_audio_reach_a_subscriber() {
    let mut s = Harness::new();
    let (_, mic) = s.publisher(single(1), &[]);
    let (video, audio) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| s.peer(single(2)).got.get(&video).is_some_and(|g| g.len() > 40)));
    for _ in 0..10 {
        s.peer(single(1)).send_audio(mic, -20);
        s.pass(Duration::from_millis(20));
    }
    assert!(s.until(LONG, |s| s.peer(single(2)).got.get(&audio).is_some_and(|g| g.len() >= 10)));
    check(&s.peer(single(2)).sorted(video));
    let got = s.peer(single(2)).sorted(audio);
    assert!(got.windows(2).all(|p| p[1].sequence == p[0].sequence + 1));
    assert_eq!(steps(got.iter().map(|g| g.timestamp)), steps(s.peer(single(1)).audio_timestamps.iter().copied()));
    assert_eq!(got[0].audio_level, Some(-20));
    assert!(s.saw(|e| matches!(e, MediaEvent::MediaSeen { track } if track.as_str() == "TR_cam")));
    let level = s.take(|e| matches!(e, MediaEvent::Level { .. }));
    let MediaEvent::Level { track, level, active } = level else { unreachable!() };
    assert!(track.as_str() == "TR_mic" && active && (level - 0.1).abs() < 0.01, "{track} {level} {active}");
    assert!(s.sfu.statistics().forwarded > 50);
}

#[test]
fn each_subscriber_gets_the_layer_it_wants() {
    let mut s = Harness::new();
    s.publisher(single(1), &["q", "h", "f"]);
    s.sending_video = true;
    let mids = [2, 3].map(|n| s.subscriber(single(n)).0);
    let track = || TrackSid::from("TR_cam");
    s.command(MediaCommand::Prefer { connection: single(3), track: track(), layer: 0, paused: false });
    let settled = |s: &mut Harness| {
        last_layer(s.peer(single(2)), mids[0]) == Some(2) && last_layer(s.peer(single(3)), mids[1]) == Some(0)
    };
    assert!(s.until(LONG, settled));
    s.pass(Duration::from_millis(300));
    // Each change there is.
    for layer in [0, 1, 2, 1, 0, 2] {
        s.command(MediaCommand::Prefer { connection: single(2), track: track(), layer, paused: false });
        assert!(s.until(LONG, |s| last_layer(s.peer(single(2)), mids[0]) == Some(layer)), "layer {layer}");
        s.pass(Duration::from_millis(100));
    }
    // The highest layer stops, the next one replaces it, and the highest comes back.
    s.peer(single(1)).switch_layer(2, false);
    assert!(s.until(LONG, |s| last_layer(s.peer(single(2)), mids[0]) == Some(1)));
    s.peer(single(1)).switch_layer(2, true);
    assert!(s.until(LONG, |s| last_layer(s.peer(single(2)), mids[0]) == Some(2)));
    s.command(MediaCommand::Prefer { connection: single(2), track: track(), layer: 2, paused: true });
    s.pass(Duration::from_millis(100));
    let before = s.peer(single(2)).got[&mids[0]].len();
    s.pass(Duration::from_millis(200));
    assert_eq!(s.peer(single(2)).got[&mids[0]].len(), before, "paused");
    s.command(MediaCommand::Prefer { connection: single(2), track: track(), layer: 1, paused: false });
    assert!(s.until(LONG, |s| last_layer(s.peer(single(2)), mids[0]) == Some(1)));
    let first = s.peer(single(2)).sorted(mids[0]);
    check(&first);
    assert!(layers_of(&first).ends_with(&[0, 1, 2, 1, 0, 2, 1, 2, 1]), "{:?}", layers_of(&first));
    check(&s.peer(single(3)).sorted(mids[1]));
}

#[test]
fn the_video_orientation_is_passed_on_with_each_layer_and_with_retransmissions() {
    let mut s = Harness::new();
    s.publisher(single(1), &["q", "h", "f"]);
    let (video, _) = s.subscriber(single(2));
    s.peer(single(1)).orientation = Some(VideoOrientation::Deg90);
    s.peer(single(2)).loss = 0.05;
    s.sending_video = true;
    for layer in [2, 0] {
        s.command(MediaCommand::Prefer { connection: single(2), track: "TR_cam".into(), layer, paused: false });
        assert!(s.until(LONG, |s| last_layer(s.peer(single(2)), video) == Some(layer)), "layer {layer}");
        s.pass(Duration::from_millis(700));
    }
    // The phone is turned while the picture flows.
    s.peer(single(1)).orientation = Some(VideoOrientation::Deg180);
    let turned = |g: &Received| g.orientation == Some(VideoOrientation::Deg180);
    assert!(s.until(LONG, |s| s.peer(single(2)).got[&video].iter().any(turned)));
    s.pass(Duration::from_millis(200));
    let got = s.peer(single(2)).sorted(video);
    let split = got.iter().position(turned).expect("a turned frame");
    let all =
        |got: &[Received], orientation| got.iter().all(|g| g.orientation == Some(orientation).filter(|_| g.marker));
    assert!(all(&got[..split], VideoOrientation::Deg90) && all(&got[split..], VideoOrientation::Deg180));
}

#[test]
fn five_percent_loss_is_repaired() {
    let mut s = Harness::new();
    s.publisher(single(1), &["q", "h", "f"]);
    let (video, _) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| last_layer(s.peer(single(2)), video) == Some(2)));
    s.peer(single(1)).loss = 0.05;
    s.peer(single(2)).loss = 0.05;
    s.pass(Duration::from_secs(4));
    s.peer(single(1)).loss = 0.0;
    s.peer(single(2)).loss = 0.0;
    s.pass(Duration::from_millis(700));
    let got = s.peer(single(2)).sorted(video);
    assert!(got.len() > 300, "{}", got.len());
    check(&got);
    s.take(|e| matches!(e, MediaEvent::LinkQuality { lost_percent, .. } if (1.0..30.0).contains(lost_percent)));
}

#[test]
fn frames_of_many_packets_are_forwarded_without_pacing() {
    let mut s = Harness::new();
    s.publisher(single(1), &[]);
    s.peer(single(1)).set_frame_size(40);
    let (video, _) = s.subscriber(single(2));
    s.sending_video = true;
    s.pass(Duration::from_secs(2));
    s.sending_video = false;
    s.pass(Duration::from_millis(200));
    let (forwarded, got) = (s.sfu.statistics().forwarded, s.peer(single(2)).sorted(video));
    assert!(forwarded > 1000, "{forwarded}");
    assert_eq!(got.len() as u64, forwarded);
    check(&got);
}

#[test]
fn a_narrow_path_gets_a_lower_layer_and_a_wide_one_the_highest_again() {
    let mut s = Harness::new();
    s.publisher(single(1), &["q", "h", "f"]);
    let (video, _) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| last_layer(s.peer(single(2)), video) == Some(2)));
    // The layers take about 220, 440 and 650 kbit/s.
    s.peer(single(2)).capacity = Some(330_000);
    assert!(s.until(3 * LONG, |s| last_layer(s.peer(single(2)), video) == Some(0)));
    s.peer(single(2)).capacity = None;
    assert!(s.until(18 * LONG, |s| {
        // Retransmissions of before the drop arrive late.
        let got = &s.peer(single(2)).got[&video];
        got.iter().rev().take(30).all(|packet| packet.layer() == 2)
    }));
}

#[test]
fn sender_reports_keep_delayed_video_in_sync_with_audio() {
    let mut s = Harness::new();
    let (_, mic) = s.publisher(single(1), &[]);
    s.peer(single(1)).encoding = Duration::from_millis(150);
    let (video, audio) = s.subscriber(single(2));
    s.sending_video = true;
    for _ in 0..150 {
        s.peer(single(1)).send_audio(mic, -20);
        s.pass(Duration::from_millis(20));
    }
    let mean = |got: &[Received]| {
        let all: Vec<i64> = got.iter().rev().take(10).filter_map(|g| g.travelled).collect();
        assert_eq!(all.len(), 10, "reports have come");
        all.iter().sum::<i64>() / 10
    };
    let (video, audio) = (mean(&s.peer(single(2)).got[&video]), mean(&s.peer(single(2)).got[&audio]));
    assert!((100_000..200_000).contains(&(video - audio)), "{video} {audio}");
}

#[test]
fn a_muted_track_is_not_forwarded_and_resumes_with_a_key_frame() {
    let mut s = Harness::new();
    let (_, mic) = s.publisher(single(1), &[]);
    let (video, audio) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| s.peer(single(2)).got.contains_key(&video)));
    s.peer(single(1)).send_audio(mic, -30);
    for track in ["TR_cam", "TR_mic"] {
        s.command(MediaCommand::Mute { track: track.into(), muted: true });
    }
    s.pass(Duration::from_millis(100));
    let before = s.peer(single(2)).got[&video].len();
    for _ in 0..10 {
        s.peer(single(1)).send_audio(mic, -30);
        s.pass(Duration::from_millis(20));
    }
    assert_eq!(s.peer(single(2)).got[&video].len(), before);
    for track in ["TR_cam", "TR_mic"] {
        s.command(MediaCommand::Mute { track: track.into(), muted: false });
    }
    assert!(s.until(LONG, |s| s.peer(single(2)).got[&video].len() > before + 10));
    s.peer(single(1)).send_audio(mic, -30);
    s.pass(Duration::from_millis(100));
    let got = s.peer(single(2)).sorted(video);
    check(&got);
    assert!(got[before].is_keyframe());
    let got = s.peer(single(2)).sorted(audio);
    assert_eq!(got[1].sequence, got[0].sequence + 1);
    let sent = &s.peer(single(1)).audio_timestamps;
    assert_eq!(got[1].timestamp - got[0].timestamp, sent[11] - sent[0], "the RTP clock went on");
}

#[test]
fn key_frame_requests_are_passed_on_and_not_too_close() {
    let mut s = Harness::new();
    s.publisher(single(1), &["q", "h"]);
    let (video, _) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| last_layer(s.peer(single(2)), video) == Some(1)));
    s.pass(Duration::from_millis(400));
    let keys = |s: &mut Harness| s.peer(single(2)).got[&video].iter().filter(|g| g.is_keyframe()).count();
    let before = keys(&mut s);
    s.peer(single(2)).request_keyframe(video);
    assert!(s.until(LONG, |s| keys(s) > before));
    for _ in 0..6 {
        s.peer(single(2)).request_keyframe(video);
        s.pass(Duration::from_millis(100));
    }
    let requests = s.peer(single(1)).key_requests.clone();
    for layer in ["q", "h"] {
        let times: Vec<_> = requests.iter().filter(|(_, r)| r.is_some_and(|r| &*r == layer)).map(|r| r.0).collect();
        assert!(times.windows(2).all(|t| t[1] - t[0] > Duration::from_millis(280)), "{layer}: {times:?}");
    }
    check(&s.peer(single(2)).sorted(video));
}

#[test]
fn an_m_line_is_bound_again_and_its_losses_are_repaired() {
    let mut s = Harness::new();
    s.publisher(single(1), &[]);
    let (video, audio) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| s.peer(single(2)).got.get(&video).is_some_and(|g| g.len() > 10)));
    s.command(MediaCommand::Unsubscribe { connection: single(2), track: "TR_cam".into() });
    s.pass(Duration::from_millis(100));
    let count = s.peer(single(2)).got[&video].len();
    let released = s.offer_again(single(2), vec![], vec![video.to_string()]);
    let m_line = |sdp: &str, mid: Mid| {
        sdp.split("m=").find(|x| x.contains(&format!("a=mid:{mid}\r\n"))).expect("an m-line").to_owned()
    };
    assert!(m_line(&released, video).contains("a=inactive") && !m_line(&released, video).contains("msid"));
    assert!(m_line(&released, audio).contains("a=msid:PA_x|camera TR_mic"));
    s.pass(Duration::from_millis(100));
    assert_eq!(s.peer(single(2)).got[&video].len(), count);
    s.peer(single(2)).got.clear();
    let again = Bound { mid: video.to_string(), what: subscribed("TR_cam", true) };
    let answer = s.offer_again(single(2), vec![again], vec![]);
    assert!(m_line(&answer, video).contains("a=msid:PA_x|camera TR_cam"), "{answer}");
    assert!(s.until(LONG, |s| s.peer(single(2)).got.get(&video).is_some_and(|g| g.len() > 10)));
    s.peer(single(2)).loss = 0.1;
    s.pass(Duration::from_secs(2));
    s.peer(single(2)).loss = 0.0;
    s.pass(Duration::from_millis(700));
    let got = s.peer(single(2)).sorted(video);
    assert!(got.len() > 30);
    check(&got);
}

fn send_data(connection: ConnectionId, label: &'static str, payload: &'static [u8]) -> MediaCommand {
    MediaCommand::SendData { connection, sender: None, label, payload: Bytes::from_static(payload) }
}

#[test]
fn two_connections_have_data_channels_opened_by_the_server() {
    let member = MemberId(7);
    let (up, down) = (
        ConnectionId { member, role: ConnectionRole::Publisher },
        ConnectionId { member, role: ConnectionRole::Subscriber },
    );
    let mut s = Harness::new();
    s.publisher(single(1), &["q", "h", "f"]);
    s.sending_video = true;
    s.publisher_connection(up);
    s.open(down);
    s.command(send_data(down, "_reliable", b"early"));
    let add = vec![subscribed("TR_cam", true)];
    let m_lines = s.offered(down, add, vec![], false);
    assert_eq!(m_lines.len(), 1);
    let video = Mid::from(m_lines[0].0.as_str());
    s.wait_connected(down);
    assert!(s.until(LONG, |s| last_layer(s.peer(down), video) == Some(2)));
    assert!(s.until(LONG, |s| s.peer(down).data.contains(&Bytes::from_static(b"early"))));
    assert!(s.until(LONG, |s| s.peer(down).channels.len() == 2));
    // Bytes on a channel without a label of LiveKit's are reported.
    let chat = ChannelConfig { label: "chat".to_owned(), ..ChannelConfig::default() };
    let chat = s.peer(down).rtc.direct_api().create_data_channel(chat);
    assert!(s.until(LONG, |s| {
        let peer = s.peer(down);
        if let Some(mut channel) = peer.rtc.channel(chat) {
            channel.write(true, b"raw").expect("written");
        }
        let is_raw = |event: &MediaEvent| {
            matches!(event, MediaEvent::Data { label, payload, .. } if label.is_empty() && &payload[..] == b"raw")
        };
        s.seen.iter().any(|(_, event)| is_raw(event))
    }));
    s.command(send_data(down, "_lossy", b"lossy"));
    assert!(s.until(LONG, |s| s.peer(down).data.contains(&Bytes::from_static(b"lossy"))));
    // A second track on the same connection, without the first.
    let m_lines = s.offered(down, vec![subscribed("TR_mic", false)], vec![video.to_string()], false);
    assert_eq!(m_lines.iter().map(|s| s.1.as_str()).collect::<Vec<_>>(), ["TR_mic"]);
    check(&s.peer(down).sorted(video));
    let count = s.peer(down).got[&video].len();
    s.pass(Duration::from_millis(150));
    assert_eq!(s.peer(down).got[&video].len(), count);
    // The next offer replaces one that was not answered, with new ICE credentials.
    s.make_offer(down, vec![subscribed("TR_cam", true)], vec![], false);
    let m_lines = s.offered(down, vec![subscribed("TR_cam", true)], vec![], true);
    assert_eq!(m_lines.len(), 2);
    let again = m_lines.iter().find(|s| s.1.as_str() == "TR_cam").map(|s| Mid::from(s.0.as_str())).expect("an m-line");
    assert!(s.until(LONG, |s| last_layer(s.peer(down), again) == Some(2)));
    check(&s.peer(down).sorted(again));
}

impl Harness {
    fn publisher_connection(&mut self, id: ConnectionId) {
        self.open(id);
        let mut api = self.peer(id).rtc.sdp_api();
        api.add_channel("_reliable".into());
        let made = api.apply().expect("an offer");
        self.offer(id, made, vec![], vec![], vec![]);
        self.wait_connected(id);
        assert!(self.until(LONG, |s| s.peer(id).channels.contains_key("_reliable")));
        self.peer(id).send_data("_reliable", b"hello");
        let data = self.take(|e| matches!(e, MediaEvent::Data { .. }));
        let MediaEvent::Data { connection, label, payload } = data else { unreachable!() };
        assert_eq!((connection, label.as_str(), &payload[..]), (id, "_reliable", &b"hello"[..]));
    }

    fn make_offer(
        &mut self,
        id: ConnectionId,
        add: Vec<crate::hub::Subscribed>,
        remove: Vec<String>,
        ice_restart: bool,
    ) -> (String, Vec<(String, TrackSid)>) {
        self.command(MediaCommand::MakeOffer { connection: id, add, remove, ice_restart });
        let offered = self.take(|e| matches!(e, MediaEvent::Offered { connection, .. } if *connection == id));
        let MediaEvent::Offered { sdp, m_lines, .. } = offered else { unreachable!() };
        (sdp, m_lines)
    }

    /// The server's offer, answered by the client.
    fn offered(
        &mut self,
        id: ConnectionId,
        add: Vec<crate::hub::Subscribed>,
        remove: Vec<String>,
        ice_restart: bool,
    ) -> Vec<(String, TrackSid)> {
        let (sdp, m_lines) = self.make_offer(id, add, remove, ice_restart);
        let offer = SdpOffer::from_sdp_string(&sdp).expect("a description");
        let answer = self.peer(id).rtc.sdp_api().accept_offer(offer).expect("an answer");
        self.command(MediaCommand::AcceptAnswer { connection: id, sdp: answer.to_sdp_string() });
        m_lines
    }
}
