//! Signalling and peer connections together, against a real livekit-server. They are siblings, so these tests stand
//! above the floors.
//!
//! The server is looked for in `VISAVIS_LIVEKIT_SERVER`, where `scripts/setup --tests` puts it, and in Go's folder.

use crate::base::{EncodedFrame, MediaKind, Secret};
use crate::rtc::{
    Layer, Mode, PeerConfig, Peers, RemoteMedia, RemoteTrack, RtcEvent, Sent, Target, VideoMedia, VideoSender,
};
use crate::signal::{ConnectError, ConnectOptions, Link, LinkEvent, LinkEvents, ResumeError};
use bytes::Bytes;
use livekit_api::access_token::{AccessToken, VideoGrants};
use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_request::Message as Request;
use proto::signal_response::Message as Response;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

const KEY: &str = "devkey";
const SECRET: &str = "a-secret-of-more-than-32-characters";

/// A running livekit-server, ended with the test.
struct Server {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

fn binary() -> PathBuf {
    let home = std::env::home_dir().expect("a home folder");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
    let named = std::env::var_os("VISAVIS_LIVEKIT_SERVER").map(PathBuf::from);
    let installed = cache.join("visavis/tools/livekit-server-1.13.5");
    let places = [named, Some(installed), Some(home.join("go/bin/livekit-server")), Some(home.join("go/bin/server"))];
    let found = places.into_iter().flatten().find(|path| path.exists());
    found.expect("livekit-server 1.13.5 is missing: run scripts/setup --tests, or set VISAVIS_LIVEKIT_SERVER")
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("livekit.yaml");
        let (port, udp, tcp, stun) = (free_port(), free_port(), free_port(), free_port());
        let text = format!(
            "port: {port}\nbind_addresses: [127.0.0.1]\nkeys: {{{KEY}: {SECRET}}}\nlogging: {{level: error}}\n\
             rtc: {{udp_port: {udp}, tcp_port: {tcp}, use_external_ip: false, node_ip: 127.0.0.1, \
             enable_loopback_candidate: true, stun_servers: [\"127.0.0.1:{stun}\"]}}\n"
        );
        std::fs::write(&config, text).expect("a configuration");
        let mut command = Command::new(binary());
        command.arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { process: command.spawn().expect("livekit-server"), port, _folder: folder };
        let listening = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(30), listening).await.expect("livekit-server listens");
        server
    }

    fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Removes somebody, as an operator does.
    async fn remove(&self, room: &str, identity: &str) {
        let grants = VideoGrants { room_admin: true, room: room.into(), ..Default::default() };
        let token = AccessToken::with_api_key(KEY, SECRET).with_grants(grants).to_jwt().expect("a token");
        let url = format!("http://127.0.0.1:{}/twirp/livekit.RoomService/RemoveParticipant", self.port);
        let body = serde_json::json!({ "room": room, "identity": identity });
        let answer = reqwest::Client::new().post(url).bearer_auth(token).json(&body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().expect("livekit-server ends");
        self.process.wait().expect("livekit-server ended");
    }
}

/// What a host's window asks for, on a server that is not ours.
#[tokio::test]
async fn a_host_removes_on_livekits_server_and_cannot_end() {
    use crate::admin::{AdminClient, AdminClientError};
    let server = Server::start().await;
    let grants = VideoGrants { room_join: true, room_admin: true, room: "tea".into(), ..Default::default() };
    let token = AccessToken::with_api_key(KEY, SECRET).with_identity("mina").with_grants(grants).to_jwt();
    let host = AdminClient::with_token(&server.url(), Secret::new(token.expect("a token"))).expect("a client");
    let entry = Entry { url: &server.url(), room: "tea", identity: "tom", mode: Mode::Single, loss: 0.0 };
    let mut tom = Guest::join(entry).await;
    let (tea, user) = ("tea".parse().expect("a room"), "tom".parse().expect("a user"));
    assert!(matches!(host.dismiss(&tea).await, Err(AdminClientError::Denied(_))), "it wants roomCreate");
    assert!(matches!(host.guest_link(&tea).await, Err(AdminClientError::NotARoomServer(_))), "it makes no links");
    host.remove(&tea, &user).await.expect("a host may");
    assert!(tom.live(Duration::from_secs(10), |tom| tom.left.is_some()).await, "he is told");
    let left = tom.left.as_ref().map(proto::LeaveRequest::reason);
    assert_eq!(left, Some(proto::DisconnectReason::ParticipantRemoved));
}

fn token(room: &str, identity: &str) -> Secret<String> {
    let grants = VideoGrants { room_join: true, room: room.into(), ..Default::default() };
    let token = AccessToken::with_api_key(KEY, SECRET).with_identity(identity).with_name(identity).with_grants(grants);
    Secret::new(token.to_jwt().expect("a token"))
}

/// A participant: just enough of a call to carry signalling to the connections and back.
struct Guest {
    link: Link,
    link_events: LinkEvents,
    peers: Peers,
    peer_events: mpsc::Receiver<RtcEvent>,
    mode: Mode,
    sid: String,
    offering: bool,
    offer_again: bool,
    published: HashMap<String, String>,
    tracks: Vec<RemoteTrack>,
    connected: Vec<Target>,
    keyframes: Vec<usize>,
    data: Vec<Bytes>,
    send_rate: Option<u32>,
    left: Option<proto::LeaveRequest>,
    closed: bool,
}

/// What a guest is made of.
struct Entry<'a> {
    url: &'a str,
    room: &'a str,
    identity: &'a str,
    mode: Mode,
    loss: f64,
}

impl Guest {
    async fn join(entry: Entry<'_>) -> Self {
        let config = PeerConfig { loopback: true, loss: entry.loss, ..PeerConfig::new(entry.mode) };
        let (peers, peer_events) = Peers::new(config).await.expect("connections");
        let single = entry.mode == Mode::Single;
        let offer = if single { Some(peers.offer(false).await.expect("an offer")) } else { None };
        let options = ConnectOptions { single, offer, timeout: Duration::from_secs(5) };
        let token = token(entry.room, entry.identity);
        let (link, join, link_events) = Link::connect(entry.url, &token, options).await.expect("joined");
        assert_eq!(link.is_single(), single);
        Self {
            link,
            link_events,
            peers,
            peer_events,
            mode: entry.mode,
            sid: join.participant.expect("ourselves").sid,
            offering: single,
            offer_again: false,
            published: HashMap::new(),
            tracks: Vec::new(),
            connected: Vec::new(),
            keyframes: Vec::new(),
            data: Vec::new(),
            send_rate: None,
            left: None,
            closed: false,
        }
    }

    async fn offer(&mut self, ice_restart: bool) {
        if self.offering && !ice_restart {
            self.offer_again = true;
            return;
        }
        self.offering = true;
        let sdp = self.peers.offer(ice_restart).await.expect("an offer");
        self.link.send(Request::Offer(description("offer", sdp, 2))).await;
    }

    async fn on_response(&mut self, response: Response) {
        match response {
            Response::Answer(answer) => {
                self.peers.set_answer(answer.sdp).await.expect("the answer is applied");
                self.offering = false;
                if std::mem::take(&mut self.offer_again) {
                    self.offer(false).await;
                }
            }
            Response::Offer(offer) => {
                let answer = self.peers.answer(offer.sdp).await.expect("an answer");
                self.link.send(Request::Answer(description("answer", answer, offer.id))).await;
            }
            Response::Trickle(trickle) => {
                let target = Target::from_wire(trickle.target).expect("a target");
                self.peers.add_candidate(target, &trickle.candidate_init).await.expect("a candidate");
            }
            Response::MediaSectionsRequirement(wanted) => {
                self.peers.add_sections(wanted.num_audios, wanted.num_videos).await.expect("sections");
                self.offer(false).await;
            }
            Response::TrackPublished(published) => {
                self.published.insert(published.cid, published.track.expect("a track").sid);
            }
            Response::Leave(leave) => self.left = Some(leave),
            _ => {}
        }
    }

    async fn on_event(&mut self, event: RtcEvent) {
        match event {
            RtcEvent::Connected(target) => self.connected.push(target),
            RtcEvent::LocalCandidate { target, json } => {
                let trickle =
                    proto::TrickleRequest { candidate_init: json, target: target.wire(), ..Default::default() };
                self.link.send(Request::Trickle(trickle)).await;
            }
            RtcEvent::RemoteTrack(track) => self.tracks.push(track),
            RtcEvent::Data { bytes, .. } => self.data.push(bytes),
            RtcEvent::KeyframeWanted { layer, .. } => self.keyframes.push(layer),
            RtcEvent::SendRate { bps } => self.send_rate = Some(bps),
            RtcEvent::Disconnected(_) | RtcEvent::Failed(_) => {}
        }
    }

    /// Lives on until `done` or for as long as `limit`. Whether it was done.
    async fn live(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = Instant::now() + limit;
        while !done(self) {
            tokio::select! {
                event = self.link_events.recv(), if !self.closed => match event {
                    Some(LinkEvent::Message(response)) => self.on_response(*response).await,
                    Some(LinkEvent::Closed { .. }) | None => self.closed = true,
                },
                event = self.peer_events.recv() => self.on_event(event.expect("events")).await,
                () = tokio::time::sleep_until(end) => return done(self),
            }
        }
        true
    }

    /// Whether what we receive by, and what we publish on, are up.
    fn is_up(&self) -> bool {
        let receives = if self.mode == Mode::Single { Target::Publisher } else { Target::Subscriber };
        self.connected.contains(&receives)
    }

    async fn add_track(&mut self, cid: &str, kind: MediaKind, layers: &[Layer]) {
        let video = kind == MediaKind::Video;
        let layer = |(i, l): (usize, &Layer)| proto::VideoLayer {
            quality: if layers.len() == 1 { 2 } else { i as i32 },
            width: l.width,
            height: l.height,
            bitrate: l.max_kbps * 1000,
            spatial_layer: i as i32,
            rid: l.rid.clone(),
            ..Default::default()
        };
        let layers: Vec<_> = layers.iter().enumerate().map(layer).collect();
        let codec = proto::SimulcastCodec {
            codec: "vp8".into(),
            cid: cid.into(),
            layers: layers.clone(),
            ..Default::default()
        };
        let request = proto::AddTrackRequest {
            cid: cid.into(),
            name: cid.into(),
            r#type: i32::from(video),
            source: if video { 1 } else { 2 },
            width: layers.last().map_or(0, |l| l.width),
            height: layers.last().map_or(0, |l| l.height),
            layers,
            simulcast_codecs: if video { vec![codec] } else { vec![] },
            disable_red: true,
            ..Default::default()
        };
        self.link.send(Request::AddTrack(request)).await;
    }

    /// Publishes a picture, and waits until its frames can be sent.
    async fn publish_video(&mut self, layers: &[Layer]) -> VideoSender {
        self.add_track("cam", MediaKind::Video, layers).await;
        let video = self.peers.publish_video("cam", layers).await.expect("published");
        self.offer(false).await;
        let ready = |me: &mut Self| {
            me.published.contains_key("cam") && !me.offering && me.connected.contains(&Target::Publisher)
        };
        assert!(self.live(Duration::from_secs(10), ready).await, "the track is published");
        video
    }

    async fn leave(self) {
        let Self { link, peers, mut link_events, .. } = self;
        assert!(link.goodbye(Duration::from_millis(500)).await, "the goodbye left");
        let acknowledged = async {
            while let Some(event) = link_events.recv().await {
                if matches!(event, LinkEvent::Message(m) if matches!(*m, Response::Leave(_))) {
                    return true;
                }
            }
            false
        };
        assert!(timeout(Duration::from_secs(2), acknowledged).await.expect("in time"), "the server acknowledged");
        let (closed, ()) = tokio::join!(link.close(Duration::from_millis(500)), peers.close());
        assert!(closed);
    }
}

fn description(kind: &str, sdp: String, id: u32) -> proto::SessionDescription {
    proto::SessionDescription { r#type: kind.into(), sdp, id, ..Default::default() }
}

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

fn layers(rids: &[&str]) -> Vec<Layer> {
    let layer = |(i, rid): (usize, &&str)| {
        let (width, height) = (320 << i, 180 << i);
        Layer { rid: (*rid).into(), width, height, max_kbps: 150 << (2 * i) }
    };
    rids.iter().enumerate().map(layer).collect()
}

/// A camera of fake frames, 30 a second.
struct Camera {
    sender: VideoSender,
    layers: usize,
    number: u32,
    refused: u32,
}

impl Camera {
    fn new(sender: VideoSender, layers: usize) -> Self {
        Self { sender, layers, number: 0, refused: 0 }
    }

    /// Sends for `time`, a key frame whenever one is wanted, while `guest` and `others` live.
    async fn run(&mut self, guest: &mut Guest, other: &mut Guest, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let wanted = std::mem::take(&mut guest.keyframes);
            for layer in 0..self.layers {
                let keyframe = self.number == 0 || wanted.contains(&layer);
                if self.sender.send(layer, &frame(layer, self.number, keyframe)) != Sent::Queued {
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

fn take_video(guest: &mut Guest) -> Option<mpsc::Receiver<VideoMedia>> {
    let at = guest.tracks.iter().position(|t| t.kind == MediaKind::Video)?;
    match guest.tracks.remove(at).media {
        RemoteMedia::Video(media, _) => Some(media),
        RemoteMedia::Audio(_) => None,
    }
}

fn frames(media: &mut mpsc::Receiver<VideoMedia>) -> Vec<EncodedFrame> {
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
        assert_eq!(sound, Sent::Queued);
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

/// A way to the server that can be cut.
struct Way {
    port: u16,
    cut: tokio::sync::broadcast::Sender<()>,
}

impl Way {
    async fn to(server: &Server) -> Self {
        let (listener, to) = (TcpListener::bind("127.0.0.1:0").await.expect("a port"), server.port);
        let port = listener.local_addr().expect("an address").port();
        let cut = tokio::sync::broadcast::Sender::new(1);
        let cuts = cut.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cut = cuts.subscribe();
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.recv() => {}
                    }
                });
            }
        });
        Self { port, cut }
    }
}

async fn resume(mode: Mode) {
    let server = Server::start().await;
    let way = Way::to(&server).await;
    let url = format!("ws://127.0.0.1:{}", way.port);
    let direct = server.url();
    let mut ann = Guest::join(Entry { url: &url, room: "room", identity: "ann", mode, loss: 0.0 }).await;
    let mut bob = Guest::join(Entry { url: &direct, room: "room", identity: "bob", mode, loss: 0.0 }).await;
    let limit = Duration::from_secs(10);
    tokio::join!(ann.live(limit, |g| g.is_up()), bob.live(limit, |g| g.is_up()));
    let video = ann.publish_video(&layers(&[""])).await;
    let mut camera = Camera::new(video, 1);
    camera.run(&mut ann, &mut bob, Duration::from_secs(1)).await;
    let mut media = take_video(&mut bob).expect("a picture");

    way.cut.send(()).expect("a connection to cut");
    assert!(ann.live(limit, |g| g.closed).await, "the cut is noticed");
    let answer = ann.link.resume(proto::ReconnectReason::RrSignalDisconnected).await.expect("resumed");
    assert!(answer.server_info.is_some());
    ann.closed = false;
    let descriptions = ann.peers.descriptions().await;
    let published = proto::TrackPublishedResponse {
        cid: "cam".into(),
        track: Some(proto::TrackInfo { sid: ann.published["cam"].clone(), ..Default::default() }),
    };
    let sync = proto::SyncState {
        offer: descriptions.offer.map(|sdp| description("offer", sdp, 0)),
        answer: descriptions.answer.map(|sdp| description("answer", sdp, 0)),
        publish_tracks: vec![published],
        subscription: Some(proto::UpdateSubscription::default()),
        ..Default::default()
    };
    ann.link.send(Request::SyncState(sync)).await;
    ann.connected.clear();
    ann.offer(true).await;
    assert!(ann.live(limit, |g| !g.offering && g.is_up()).await, "connected again");
    ann.link.set_reconnected().await;
    frames(&mut media);
    camera.run(&mut ann, &mut bob, Duration::from_secs(2)).await;
    let after = frames(&mut media).len();
    assert!(after > 40, "{after} frames after the resume");
    assert!(ann.left.is_none() && !ann.closed, "our own closing is not told");

    server.remove("room", "ann").await;
    assert!(ann.live(limit, |g| g.left.is_some() && g.closed).await, "removed");
    assert_eq!(ann.left.as_ref().map(|l| l.reason()), Some(proto::DisconnectReason::ParticipantRemoved));
    let refused = ann.link.resume(proto::ReconnectReason::RrSignalDisconnected).await;
    assert!(matches!(refused, Err(ResumeError::Rejoin(_) | ResumeError::Ended(_))), "{refused:?}");
    ann.peers.close().await;
    bob.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_resumes_over_one_connection_and_removes() {
    resume(Mode::Single).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_resumes_over_two_connections_and_removes() {
    resume(Mode::Dual).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_refusals_are_told_apart() {
    let server = Server::start().await;
    let enter = async |url: String, token: &str| {
        let options = ConnectOptions { single: true, offer: None, timeout: Duration::from_secs(3) };
        let entered = Link::connect(&url, &Secret::new(token.to_owned()), options).await;
        entered.err().expect("refused")
    };
    let good = token("room", "ann");
    let bad = format!("{}x", good.expose());
    let refused = enter(server.url(), &bad).await;
    assert_eq!(refused, ConnectError::Unauthorized);
    assert!(!refused.to_string().contains(&bad));
    let here = format!("127.0.0.1:{}", free_port());
    assert_eq!(enter(format!("ws://{here}"), good.expose()).await, ConnectError::Unreachable(here));
    assert!(matches!(enter("not an address".into(), good.expose()).await, ConnectError::Address(_)));
}
