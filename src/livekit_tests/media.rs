//! Video, audio and data between two guests, with simulcast and with losses.

use super::Server;
use super::guest::{Entry, Guest};
use crate::base::{Codec, EncodedFrame, MediaKind, SignalTarget, SimulcastLayer, Transport};
use crate::rtc::{Mode, RemoteMedia, SendOutcome, VideoMedia, VideoSender};
use bytes::Bytes;
use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_request::Message as Request;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A frame with a VP8 header, its layer and its number, which no decoder accepts.
fn frame(layer: usize, number: u32, keyframe: bool) -> EncodedFrame {
    let mut data = if keyframe { vec![0, 0, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 1] } else { vec![1; 10] };
    data.push(layer as u8);
    data.extend_from_slice(&number.to_be_bytes());
    data.resize(400 << (2 * layer).min(4), number as u8);
    EncodedFrame { codec: Codec::Vp8, data: data.into(), keyframe, timestamp: number.wrapping_mul(3000) }
}

fn layer_of(frame: &EncodedFrame) -> usize {
    frame.data[10].into()
}

pub(super) fn layers(rids: &[&'static str]) -> Vec<SimulcastLayer> {
    let layer = |(i, rid): (usize, &&'static str)| {
        let (width, height) = (320 << i, 180 << i);
        SimulcastLayer { rid, width, height, max_kbps: 150 << (2 * i) }
    };
    rids.iter().enumerate().map(layer).collect()
}

/// A camera of fake frames, 30 a second.
pub(super) struct Camera {
    sender: VideoSender,
    number: u32,
    /// Frames of each layer that went to the connection.
    sent: Vec<u64>,
}

impl Camera {
    pub(super) fn new(sender: VideoSender, layers: usize) -> Self {
        Self { sender, number: 0, sent: vec![0; layers] }
    }

    /// Sends for `time`, with a key frame whenever one is requested, while both guests handle their messages and events.
    pub(super) async fn run(&mut self, guest: &mut Guest, other: &mut Guest, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let wanted = std::mem::take(&mut guest.keyframes);
            for (layer, sent) in self.sent.iter_mut().enumerate() {
                let keyframe = self.number == 0 || wanted.contains(&layer);
                let outcome = self.sender.send(layer, &frame(layer, self.number, keyframe));
                *sent += u64::from(outcome == SendOutcome::Queued);
            }
            self.number += 1;
            let tick = Duration::from_millis(33);
            tokio::join!(guest.run(tick, |_| false), other.run(tick, |_| false));
        }
    }
}

/// Two guests of a room, both connected.
async fn two_guests(server: &Server, mode: Mode, loss: f64, transport: Transport) -> (Guest, Guest) {
    let url = server.url();
    let entry = |identity| Entry { url: &url, room: "room", identity, mode, loss, transport };
    let (mut ann, mut bob) = tokio::join!(Guest::join(entry("ann")), Guest::join(entry("bob")));
    let limit = Duration::from_secs(10);
    let up = tokio::join!(ann.run(limit, |g| g.is_up()), bob.run(limit, |g| g.is_up()));
    assert_eq!(up, (true, true), "both are connected");
    (ann, bob)
}

pub(super) fn take_video(guest: &mut Guest) -> Option<mpsc::Receiver<VideoMedia>> {
    let at = guest.tracks.iter().position(|t| t.kind == MediaKind::Video)?;
    match guest.tracks.remove(at).media {
        RemoteMedia::Video(media, _) => Some(media),
        RemoteMedia::Audio(_) => None,
    }
}

/// The frames that wait, and the number of gaps among them.
fn take_media(media: &mut mpsc::Receiver<VideoMedia>) -> (Vec<EncodedFrame>, u32) {
    let (mut frames, mut gaps) = (Vec::new(), 0);
    while let Ok(media) = media.try_recv() {
        match media {
            VideoMedia::Frame(frame, _) => frames.push(frame),
            VideoMedia::Gap => gaps += 1,
        }
    }
    (frames, gaps)
}

pub(super) fn frames(media: &mut mpsc::Receiver<VideoMedia>) -> Vec<EncodedFrame> {
    take_media(media).0
}

async fn exchange(mode: Mode, transport: Transport) {
    let server = Server::start().await;
    let (mut ann, mut bob) = two_guests(&server, mode, 0.0, transport).await;
    ann.add_track("mic", MediaKind::Audio, &[]).await;
    let audio = ann.peers.publish_audio("mic").await.expect("published");
    let video = ann.publish_video(&layers(&[""])).await;
    let mut camera = Camera::new(video, 1);
    let started = Instant::now();
    while bob.tracks.len() < 2 && started.elapsed() < Duration::from_secs(5) {
        let outcome = audio.send(Bytes::from_static(&[7; 40]), camera.number * 960, -30.0, true);
        assert_eq!(outcome, SendOutcome::Queued);
        camera.run(&mut ann, &mut bob, Duration::from_millis(20)).await;
    }
    assert_eq!(bob.tracks.len(), 2, "video and audio arrive");
    let sid = &ann.published["cam"];
    let track = bob.tracks.iter().find(|t| t.kind == MediaKind::Video).expect("video");
    assert!(track.stream_id.starts_with(&ann.sid), "{} is of {}", track.stream_id, ann.sid);
    assert_eq!(&track.track_id, sid);
    let mut media = take_video(&mut bob).expect("video");
    camera.run(&mut ann, &mut bob, Duration::from_secs(2)).await;
    let got = frames(&mut media);
    assert!(got.len() > 50, "{} frames arrived", got.len());
    assert!(got[0].keyframe);
    let RemoteMedia::Audio(mut packets) = bob.tracks.remove(0).media else { panic!("audio was expected") };
    assert_eq!(&packets.recv().await.expect("a packet").payload[..], &[7; 40][..]);

    if mode == Mode::Dual {
        bob.offer(false).await; // the channels are opened on the publisher connection
        assert!(bob.run(Duration::from_secs(5), |g| g.connected.contains(&SignalTarget::Publisher)).await);
        bob.run(Duration::from_millis(300), |_| false).await;
    }
    let user = proto::UserPacket { payload: b"hello".to_vec(), ..Default::default() };
    let packet = proto::DataPacket { value: Some(proto::data_packet::Value::User(user)), ..Default::default() };
    bob.peers.send_data(&packet.encode_to_vec()).await.expect("sent");
    assert!(ann.run(Duration::from_secs(5), |g| !g.data.is_empty()).await, "the message arrives");
    let received = proto::DataPacket::decode(ann.data.remove(0)).expect("a packet");
    assert_eq!(received.participant_identity, "bob");

    let statistics = bob.peers.statistics().await;
    let received = statistics.tracks.iter().find(|t| t.kind == MediaKind::Video).expect("statistics");
    assert!(received.frames > 50 && received.lost == 0, "{received:?}");
    ann.peers.unpublish("cam").await.expect("unpublished");
    ann.offer(false).await;
    let ended =
        bob.run(Duration::from_secs(5), |_| matches!(media.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
    let (ended, _) = tokio::join!(ended, ann.run(Duration::from_secs(5), |g| g.closed));
    assert!(ended, "the track has ended");
    ann.leave().await;
    bob.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_carries_video_audio_and_data_over_one_connection() {
    exchange(Mode::Single, Transport::Auto).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_carries_video_audio_and_data_over_two_connections() {
    exchange(Mode::Dual, Transport::Auto).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_carries_video_audio_and_data_by_tcp_alone() {
    exchange(Mode::Single, Transport::Tcp).await;
    exchange(Mode::Dual, Transport::Tcp).await;
}

/// Frames that one gap costs at most, at 30 a second: the NACK timeout (400 ms), livekit-server's interval of key frame
/// requests (1 s for this layer), and the time for the key frame to be requested, repaired and delivered (600 ms).
const FRAMES_A_GAP: u64 = 60;
/// Frames at the end of which the last packets may be lost: no later packet shows that they are missing.
const FRAMES_AT_THE_END: u64 = 3;

/// Longest wait for frames of a layer. To go up, livekit-server has to find with probes that the path carries more, and on
/// a busy machine the losses of the first probes count as congestion.
const LAYER_LIMIT: Duration = Duration::from_secs(30);

async fn simulcast_with_loss(mode: Mode) {
    let server = Server::start().await;
    let (mut ann, mut bob) = two_guests(&server, mode, 0.05, Transport::Auto).await;
    let video = ann.publish_video(&layers(&["q", "h", "f"])).await;
    let mut camera = Camera::new(video, 3);
    let started = Instant::now();
    while bob.tracks.is_empty() && started.elapsed() < Duration::from_secs(5) {
        camera.run(&mut ann, &mut bob, Duration::from_millis(50)).await;
    }
    let mut media = take_video(&mut bob).expect("video");
    for (quality, expected) in [(2, 2), (0, 0), (1, 1)] {
        let setting = proto::UpdateTrackSettings {
            track_sids: vec![ann.published["cam"].clone()],
            quality,
            ..Default::default()
        };
        bob.link.send(Request::TrackSetting(setting)).await;
        let mut seen = 0;
        let asked = Instant::now();
        while seen < 15 && asked.elapsed() < LAYER_LIMIT {
            camera.run(&mut ann, &mut bob, Duration::from_millis(100)).await;
            seen += frames(&mut media).iter().filter(|f| layer_of(f) == expected).count();
        }
        assert!(seen >= 15, "layer {expected} came {seen} times; {:?}", bob.peers.statistics().await.tracks);
    }
    let (before, sent) = (bob.peers.statistics().await.tracks.remove(0), camera.sent[1]);
    let mut gaps = 0;
    for _ in 0..4 {
        camera.run(&mut ann, &mut bob, Duration::from_secs(1)).await;
        gaps += take_media(&mut media).1;
    }
    // Packets in flight arrive, or their losses time out.
    let settled = Duration::from_millis(600);
    tokio::join!(ann.run(settled, |_| false), bob.run(settled, |_| false));
    gaps += take_media(&mut media).1;
    let after = bob.peers.statistics().await.tracks.remove(0);
    let (came, sent) = (after.frames - before.frames, camera.sent[1] - sent);
    assert!(after.nacks > before.nacks, "losses are requested: {after:?}");
    // Without retransmissions every gap would soon be followed by the next one, and less than a quarter would come.
    assert!(came * 2 >= sent, "{came} of {sent} frames, {gaps} gaps: {after:?}");
    let explained = came + u64::from(gaps) * FRAMES_A_GAP + FRAMES_AT_THE_END;
    assert!(explained >= sent, "{came} of {sent} frames, {gaps} gaps: {after:?}");
    ann.leave().await;
    bob.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_switches_layers_and_repairs_five_percent_loss_over_one_connection() {
    simulcast_with_loss(Mode::Single).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_switches_layers_and_repairs_five_percent_loss_over_two_connections() {
    simulcast_with_loss(Mode::Dual).await;
}
