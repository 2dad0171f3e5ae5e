//! Pictures, sound and data between two guests, in layers and with losses.

use super::Server;
use super::guest::{Entry, Guest};
use crate::base::{EncodedFrame, MediaKind};
use crate::rtc::{Layer, Mode, RemoteMedia, SendOutcome, Target, VideoMedia, VideoSender};
use bytes::Bytes;
use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_request::Message as Request;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A frame that no decoder would take, but every transport: layer and number follow the header.
fn frame(layer: usize, number: u32, keyframe: bool) -> EncodedFrame {
    let mut data = if keyframe { vec![0, 0, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 1] } else { vec![1; 10] };
    data.push(layer as u8);
    data.extend_from_slice(&number.to_be_bytes());
    data.resize(400 << (2 * layer).min(4), number as u8);
    EncodedFrame { data: data.into(), keyframe, timestamp: number.wrapping_mul(3000) }
}

fn layer_of(frame: &EncodedFrame) -> usize {
    frame.data[10].into()
}

pub(super) fn layers(rids: &[&str]) -> Vec<Layer> {
    let layer = |(i, rid): (usize, &&str)| {
        let (width, height) = (320 << i, 180 << i);
        Layer { rid: (*rid).into(), width, height, max_kbps: 150 << (2 * i) }
    };
    rids.iter().enumerate().map(layer).collect()
}

/// A camera of fake frames, 30 a second.
pub(super) struct Camera {
    sender: VideoSender,
    layers: usize,
    number: u32,
    refused: u32,
}

impl Camera {
    pub(super) fn new(sender: VideoSender, layers: usize) -> Self {
        Self { sender, layers, number: 0, refused: 0 }
    }

    /// Sends for `time`, a key frame whenever one is wanted, while `guest` and `others` live.
    pub(super) async fn run(&mut self, guest: &mut Guest, other: &mut Guest, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let wanted = std::mem::take(&mut guest.keyframes);
            for layer in 0..self.layers {
                let keyframe = self.number == 0 || wanted.contains(&layer);
                if self.sender.send(layer, &frame(layer, self.number, keyframe)) != SendOutcome::Queued {
                    self.refused += 1;
                }
            }
            self.number += 1;
            let tick = Duration::from_millis(33);
            tokio::join!(guest.live(tick, |_| false), other.live(tick, |_| false));
        }
    }
}

/// Two guests of a room, both up.
async fn two_guests(server: &Server, mode: Mode, loss: f64) -> (Guest, Guest) {
    let url = server.url();
    let entry = |identity| Entry { url: &url, room: "room", identity, mode, loss };
    let (mut ann, mut bob) = tokio::join!(Guest::join(entry("ann")), Guest::join(entry("bob")));
    let limit = Duration::from_secs(10);
    let up = tokio::join!(ann.live(limit, |g| g.is_up()), bob.live(limit, |g| g.is_up()));
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

pub(super) fn frames(media: &mut mpsc::Receiver<VideoMedia>) -> Vec<EncodedFrame> {
    let frame = |m| match m {
        VideoMedia::Frame(frame) => Some(frame),
        VideoMedia::Gap => None,
    };
    std::iter::from_fn(|| media.try_recv().ok()).filter_map(frame).collect()
}

async fn exchange(mode: Mode) {
    let server = Server::start().await;
    let (mut ann, mut bob) = two_guests(&server, mode, 0.0).await;
    ann.add_track("mic", MediaKind::Audio, &[]).await;
    let audio = ann.peers.publish_audio("mic").await.expect("published");
    let video = ann.publish_video(&layers(&[""])).await;
    let mut camera = Camera::new(video, 1);
    let started = Instant::now();
    while bob.tracks.len() < 2 && started.elapsed() < Duration::from_secs(5) {
        let sound = audio.send(Bytes::from_static(&[7; 40]), camera.number * 960, -30.0, true);
        assert_eq!(sound, SendOutcome::Queued);
        camera.run(&mut ann, &mut bob, Duration::from_millis(20)).await;
    }
    assert_eq!(bob.tracks.len(), 2, "picture and sound arrive");
    let sid = &ann.published["cam"];
    let track = bob.tracks.iter().find(|t| t.kind == MediaKind::Video).expect("a picture");
    assert!(track.stream_id.starts_with(&ann.sid), "{} is of {}", track.stream_id, ann.sid);
    assert_eq!(&track.track_id, sid);
    let mut media = take_video(&mut bob).expect("a picture");
    camera.run(&mut ann, &mut bob, Duration::from_secs(2)).await;
    let got = frames(&mut media);
    assert!(got.len() > 50, "{} frames arrived", got.len());
    assert!(got[0].keyframe);
    let RemoteMedia::Audio(mut sound) = bob.tracks.remove(0).media else { panic!("sound was expected") };
    assert_eq!(&sound.recv().await.expect("a packet").payload[..], &[7; 40][..]);

    if mode == Mode::Dual {
        bob.offer(false).await; // the channels are opened on the publisher connection
        assert!(bob.live(Duration::from_secs(5), |g| g.connected.contains(&Target::Publisher)).await);
        bob.live(Duration::from_millis(300), |_| false).await;
    }
    let user = proto::UserPacket { payload: b"hello".to_vec(), ..Default::default() };
    let packet = proto::DataPacket { value: Some(proto::data_packet::Value::User(user)), ..Default::default() };
    bob.peers.send_data(true, &packet.encode_to_vec()).await.expect("sent");
    assert!(ann.live(Duration::from_secs(5), |g| !g.data.is_empty()).await, "the message arrives");
    let received = proto::DataPacket::decode(ann.data.remove(0)).expect("a packet");
    assert_eq!(received.participant_identity, "bob");

    let figures = bob.peers.statistics().await;
    let picture = figures.tracks.iter().find(|t| t.kind == MediaKind::Video).expect("figures");
    assert!(picture.frames > 50 && picture.lost == 0, "{picture:?}");
    ann.peers.unpublish("cam").await.expect("taken back");
    ann.offer(false).await;
    let ended =
        bob.live(Duration::from_secs(5), |_| matches!(media.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
    let (ended, _) = tokio::join!(ended, ann.live(Duration::from_secs(5), |g| g.closed));
    assert!(ended, "the picture has ended");
    ann.leave().await;
    bob.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_carries_picture_sound_and_data_over_one_connection() {
    exchange(Mode::Single).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_carries_picture_sound_and_data_over_two_connections() {
    exchange(Mode::Dual).await;
}

async fn simulcast_with_loss(mode: Mode) {
    let server = Server::start().await;
    let (mut ann, mut bob) = two_guests(&server, mode, 0.05).await;
    let video = ann.publish_video(&layers(&["q", "h", "f"])).await;
    let mut camera = Camera::new(video, 3);
    let started = Instant::now();
    while bob.tracks.is_empty() && started.elapsed() < Duration::from_secs(5) {
        camera.run(&mut ann, &mut bob, Duration::from_millis(50)).await;
    }
    let mut media = take_video(&mut bob).expect("a picture");
    for (quality, expected) in [(2, 2), (0, 0), (1, 1)] {
        let setting = proto::UpdateTrackSettings {
            track_sids: vec![ann.published["cam"].clone()],
            quality,
            ..Default::default()
        };
        bob.link.send(Request::TrackSetting(setting)).await;
        let mut seen = 0;
        let asked = Instant::now();
        while seen < 15 && asked.elapsed() < Duration::from_secs(8) {
            camera.run(&mut ann, &mut bob, Duration::from_millis(100)).await;
            seen += frames(&mut media).iter().filter(|f| layer_of(f) == expected).count();
        }
        assert!(seen >= 15, "layer {expected} came {seen} times; {:?}", bob.peers.statistics().await.tracks);
    }
    let (before, sent) = (bob.peers.statistics().await.tracks[0].frames, camera.number);
    for _ in 0..4 {
        camera.run(&mut ann, &mut bob, Duration::from_secs(1)).await;
        frames(&mut media);
    }
    let figures = bob.peers.statistics().await.tracks.remove(0);
    let (came, sent) = (figures.frames - before, u64::from(camera.number - sent));
    assert!(came * 10 >= sent * 9, "{came} of {sent} frames came: {figures:?}");
    assert!(figures.nacks > 0, "{figures:?}");
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
