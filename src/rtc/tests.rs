//! Two sessions in one process, connected to each other: one publishes, the other subscribes.

use super::peers::CLOSE;
use super::sender::DropReason;
use super::*;
use crate::base::{Codec, EncodedFrame, IceServer, MediaKind, Orientation, Secret, SignalTarget, SimulcastLayer};
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// A frame with a VP8 header and its number, which no decoder accepts.
fn frame(number: u32, keyframe: bool, size: usize) -> EncodedFrame {
    let mut data = if keyframe { vec![0, 0, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 1] } else { vec![1; 10] };
    data.extend_from_slice(&number.to_be_bytes());
    data.resize(data.len() + size, number as u8);
    EncodedFrame { codec: Codec::Vp8, data: data.into(), keyframe, timestamp: number.wrapping_mul(3000) }
}

fn number_of(frame: &EncodedFrame) -> u32 {
    u32::from_be_bytes(frame.data[10..14].try_into().expect("a number"))
}

/// A publisher and a subscriber.
struct Pair {
    sender: Peers,
    sender_events: mpsc::Receiver<RtcEvent>,
    receiver: Peers,
    receiver_events: mpsc::Receiver<RtcEvent>,
}

/// An event of one side; candidates are handled by [`Pair::next`].
enum At {
    Sender(RtcEvent),
    Receiver(RtcEvent),
}

impl Pair {
    async fn new(loss: f64) -> Self {
        // Each packet passes both sides.
        let config = PeerConfig { loopback: true, loss: loss / 2.0, ..PeerConfig::new(Mode::Dual) };
        let (sender, sender_events) = Peers::new(config.clone()).await.expect("connections");
        let (receiver, receiver_events) = Peers::new(config).await.expect("connections");
        Self { sender, sender_events, receiver, receiver_events }
    }

    async fn negotiate(&self) {
        let offer = self.sender.offer(false).await.expect("an offer");
        let answer = self.receiver.answer(offer).await.expect("an answer");
        self.sender.set_answer(answer).await.expect("applied");
    }

    /// The next event of either side. Candidates are exchanged.
    async fn next(&mut self) -> At {
        loop {
            let event = tokio::select! {
                event = self.sender_events.recv() => At::Sender(event.expect("events")),
                event = self.receiver_events.recv() => At::Receiver(event.expect("events")),
            };
            match &event {
                At::Sender(RtcEvent::LocalCandidate { target: SignalTarget::Publisher, json }) => {
                    self.receiver.add_candidate(SignalTarget::Subscriber, json).await.expect("a candidate");
                }
                At::Receiver(RtcEvent::LocalCandidate { target: SignalTarget::Subscriber, json }) => {
                    self.sender.add_candidate(SignalTarget::Publisher, json).await.expect("a candidate");
                }
                At::Sender(RtcEvent::LocalCandidate { .. }) | At::Receiver(RtcEvent::LocalCandidate { .. }) => {}
                _ => return event,
            }
        }
    }

    /// Waits for an event that `wanted` accepts.
    async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(At) -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(found) = wanted(self.next().await) {
                    return found;
                }
            }
        };
        timeout(Duration::from_secs(10), waiting).await.unwrap_or_else(|_| panic!("no {what} within 10 s"))
    }

    async fn connected(&mut self) {
        let (mut up, mut there) = (false, false);
        self.until("connection", |event| {
            up |= matches!(event, At::Sender(RtcEvent::Connected(SignalTarget::Publisher)));
            there |= matches!(event, At::Receiver(RtcEvent::Connected(SignalTarget::Subscriber)));
            (up && there).then_some(())
        })
        .await;
    }

    async fn track(&mut self) -> RemoteTrack {
        let track = |event| match event {
            At::Receiver(RtcEvent::RemoteTrack(track)) => Some(track),
            _ => None,
        };
        self.until("remote track", track).await
    }

    async fn close(self) {
        tokio::join!(self.sender.close(), self.receiver.close());
    }
}

const ONE_LAYER: [SimulcastLayer; 1] = [SimulcastLayer { rid: "", width: 640, height: 360, max_kbps: 1500 }];

/// A pair that is connected, and the sender of its published camera, `cam`.
async fn connected_pair(loss: f64) -> (Pair, VideoSender) {
    let mut pair = Pair::new(loss).await;
    let video = pair.sender.publish_video("cam", &ONE_LAYER).await.expect("published");
    pair.negotiate().await;
    pair.connected().await;
    (pair, video)
}

fn video_of(track: RemoteTrack) -> mpsc::Receiver<VideoMedia> {
    match track.media {
        RemoteMedia::Video(media, _) => media,
        RemoteMedia::Audio(_) => panic!("video was expected"),
    }
}

/// Sends `count` frames, 10 ms apart, with a key frame whenever one is requested, while `pair` handles its events. How
/// many went to the connection. After a pause of the machine there is no burst to catch up: it would overflow the queues.
async fn send_frames(pair: &mut Pair, sender: &VideoSender, count: u32, size: usize) -> usize {
    let (mut keyframe, mut queued) = (true, 0);
    for number in 0..count {
        let due = Instant::now() + Duration::from_millis(10);
        while let Ok(event) = tokio::time::timeout_at(due, pair.next()).await {
            keyframe |= matches!(event, At::Sender(RtcEvent::KeyframeWanted { .. }));
        }
        if sender.send(0, &frame(number, keyframe, size)) == SendOutcome::Queued {
            (keyframe, queued) = (false, queued + 1);
        }
    }
    queued
}

async fn take_all(media: &mut mpsc::Receiver<VideoMedia>) -> Vec<VideoMedia> {
    let mut all = Vec::new();
    while let Ok(Some(media)) = timeout(Duration::from_millis(700), media.recv()).await {
        all.push(media);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn video_and_audio_arrive_with_their_clocks() {
    let mut pair = Pair::new(0.0).await;
    let video = pair.sender.publish_video("cam", &ONE_LAYER).await.expect("published");
    let audio = pair.sender.publish_audio("mic").await.expect("published");
    assert_eq!(video.send(0, &frame(0, true, 10)), SendOutcome::Dropped(DropReason::NotConnected));
    pair.negotiate().await;
    pair.connected().await;
    assert_eq!(video.send(0, &frame(0, false, 10)), SendOutcome::Dropped(DropReason::NeedsKeyframe));
    assert_eq!(video.send(1, &frame(0, true, 10)), SendOutcome::Dropped(DropReason::Closed), "there is one layer");
    assert_eq!(audio.send(Bytes::from_static(&[7; 40]), 960, -30.0, true), SendOutcome::Queued);
    let track = pair.track().await;
    assert_eq!((track.kind, track.track_id.as_str()), (MediaKind::Audio, "mic"));
    let RemoteMedia::Audio(mut media) = track.media else { panic!("audio was expected") };
    let packet = timeout(Duration::from_secs(2), media.recv()).await.expect("in time").expect("a packet");
    assert_eq!((packet.timestamp, packet.marker, &packet.payload[..]), (960, true, &[7; 40][..]));

    assert_eq!(video.send(0, &frame(0, true, 5000)), SendOutcome::Queued);
    let track = pair.track().await;
    assert_eq!((track.kind, track.stream_id.as_str()), (MediaKind::Video, "visavis"));
    let clock = track.clock.clone();
    let mut media = video_of(track);
    let collected = tokio::spawn(async move { take_all(&mut media).await });
    for number in 1..150 {
        let due = Instant::now() + Duration::from_millis(10);
        while tokio::time::timeout_at(due, pair.next()).await.is_ok() {}
        assert_eq!(video.send(0, &frame(number, false, 1500)), SendOutcome::Queued);
    }
    let media = collected.await.expect("collected");
    let numbers: Vec<u32> = media
        .iter()
        .map(|m| match m {
            VideoMedia::Frame(f, _) => number_of(f),
            VideoMedia::Gap => panic!("a gap without loss"),
        })
        .collect();
    assert_eq!(numbers, (0..150).collect::<Vec<_>>());
    let (then, later) = (clock.sender_micros(0), clock.sender_micros(90_000));
    assert_eq!(later.zip(then).map(|(a, b)| a - b), Some(1_000_000), "a sender report comes every second");
    let statistics = pair.receiver.statistics().await;
    let received = statistics.tracks.iter().find(|t| t.kind == MediaKind::Video).expect("statistics");
    assert_eq!((received.frames, received.keyframes, received.lost, received.discarded), (150, 1, 0, 0));
    assert!(statistics.received_bytes > 150 * 1500);
    assert!(statistics.rtt_ms.is_some(), "the round trip is measured");
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_percent_loss_is_repaired() {
    let (mut pair, video) = connected_pair(0.05).await;
    assert_eq!(video.send(0, &frame(0, true, 1000)), SendOutcome::Queued);
    let mut media = video_of(pair.track().await);
    let collected = tokio::spawn(async move { take_all(&mut media).await });
    let queued = 1 + send_frames(&mut pair, &video, 400, 1000).await;
    let statistics = pair.receiver.statistics().await;
    let media = collected.await.expect("collected");
    let frames = media.iter().filter(|m| matches!(m, VideoMedia::Frame(..))).count();
    let received = statistics.tracks.first().expect("statistics");
    assert!(received.nacks > 5, "losses are requested: {received:?}");
    assert!(queued >= 200, "only {queued} of 401 frames went out");
    assert!(frames * 20 >= queued * 19, "{frames} of {queued} frames came, {received:?}");
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_does_not_keep_up_continues_with_a_key_frame() {
    let (mut pair, video) = connected_pair(0.0).await;
    assert_eq!(video.send(0, &frame(0, true, 10)), SendOutcome::Queued);
    let mut media = video_of(pair.track().await);
    for number in 1..100 {
        assert_eq!(video.send(0, &frame(number, false, 10)), SendOutcome::Queued);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let wanted = |event| match event {
        At::Sender(RtcEvent::KeyframeWanted { cid, layer }) => Some((cid.to_string(), layer)),
        _ => None,
    };
    let requested = pair.until("key frame request", wanted).await;
    assert_eq!(requested, ("cam".to_owned(), 0));
    let mut kept = 0;
    while media.try_recv().is_ok() {
        kept += 1;
    }
    assert_eq!(kept, 64, "the queue is bounded");
    assert_eq!(video.send(0, &frame(200, true, 10)), SendOutcome::Queued);
    let next = timeout(Duration::from_secs(2), media.recv()).await.expect("in time").expect("media");
    assert_eq!(next, VideoMedia::Frame(frame(200, true, 10), Orientation::default()));
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_track_ends_when_it_is_unpublished_and_another_follows() {
    let mut pair = Pair::new(0.0).await;
    for round in 0..3 {
        let cid = format!("cam-{round}");
        let video = pair.sender.publish_video(&cid, &ONE_LAYER).await.expect("published");
        assert!(matches!(pair.sender.publish_video(&cid, &ONE_LAYER).await, Err(RtcError::Track(_))));
        pair.negotiate().await;
        if round == 0 {
            pair.connected().await;
        }
        assert_eq!(video.send(0, &frame(0, true, 10)), SendOutcome::Queued);
        let track = pair.track().await;
        assert_eq!(track.track_id, cid);
        let mut media = video_of(track);
        assert_eq!(media.recv().await, Some(VideoMedia::Frame(frame(0, true, 10), Orientation::default())));
        pair.sender.unpublish(&cid).await.expect("unpublished");
        pair.negotiate().await;
        let end = timeout(Duration::from_secs(2), media.recv()).await.expect("in time");
        assert_eq!(end, None, "the media has ended");
        assert_eq!(video.send(0, &frame(1, true, 10)), SendOutcome::Dropped(DropReason::Closed));
    }
    assert!(pair.receiver.statistics().await.tracks.is_empty());
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ice_restart_replaces_a_lost_offer_and_media_goes_on() {
    let (mut pair, video) = connected_pair(0.0).await;
    assert_eq!(video.send(0, &frame(0, true, 10)), SendOutcome::Queued);
    let mut media = video_of(pair.track().await);
    let _lost = pair.sender.offer(false).await.expect("an offer");
    assert!(matches!(pair.sender.offer(false).await, Err(RtcError::OfferPending)));
    let offer = pair.sender.offer(true).await.expect("another offer");
    let answer = pair.receiver.answer(offer).await.expect("an answer");
    pair.sender.set_answer(answer).await.expect("applied");
    let start = Instant::now();
    let mut number = 0;
    while start.elapsed() < Duration::from_secs(2) {
        number += 1;
        assert_eq!(video.send(0, &frame(number, number % 10 == 0, 10)), SendOutcome::Queued);
        let due = Instant::now() + Duration::from_millis(20);
        while tokio::time::timeout_at(due, pair.next()).await.is_ok() {}
        while media.try_recv().is_ok() {}
    }
    number += 1;
    assert_eq!(video.send(0, &frame(number, true, 10)), SendOutcome::Queued);
    let last = timeout(Duration::from_secs(2), media.recv()).await.expect("in time");
    assert_eq!(
        last,
        Some(VideoMedia::Frame(frame(number, true, 10), Orientation::default())),
        "media flows after the restart"
    );
    pair.close().await;
}

/// File descriptors and threads of this process.
fn open_resources() -> (usize, usize) {
    let count = |path| std::fs::read_dir(path).expect("/proc").count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// Waits until tokio has no task left: it counts a task for a moment longer than until the task is joined.
async fn no_task_left() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let gone = async {
        while tasks() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(1), gone).await.unwrap_or_else(|_| panic!("{} tasks are left", tasks()));
}

#[test]
fn closing_leaves_nothing_behind() {
    const ALONE: &str = "VISAVIS_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        // Other tests open and close descriptors at the same time, so the count is taken in a process of its own.
        let name = "rtc::tests::closing_leaves_nothing_behind";
        let run = std::process::Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", name, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .expect("a second process");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        cycle().await;
        let before = open_resources();
        for round in 0..50 {
            cycle().await;
            assert_eq!(open_resources(), before, "after round {round}: descriptors, threads");
            no_task_left().await;
        }
    });
}

#[tokio::test]
async fn connections_that_are_dropped_end() {
    let runtime = tokio::runtime::Handle::current();
    let (peers, mut events) = Peers::new(PeerConfig::new(Mode::Dual)).await.expect("connections");
    assert!(runtime.metrics().num_alive_tasks() > 0);
    drop(peers);
    let ended = async { while events.recv().await.is_some() {} };
    timeout(Duration::from_secs(2), ended).await.expect("no events after the drop");
    no_task_left().await;
}

/// A short session, closed while media flows.
async fn cycle() {
    let mut pair = Pair::new(0.0).await;
    let video = pair.sender.publish_video("cam", &ONE_LAYER).await.expect("published");
    let _audio = pair.sender.publish_audio("mic").await.expect("published");
    pair.negotiate().await;
    pair.connected().await;
    assert_eq!(video.send(0, &frame(0, true, 5000)), SendOutcome::Queued);
    let track = pair.track().await;
    let start = Instant::now();
    pair.sender.close().await;
    pair.sender.close().await;
    pair.receiver.close().await;
    // Each side waits for its connections, and then for its tasks.
    assert!(start.elapsed() < 4 * CLOSE, "closing took {:?}", start.elapsed());
    assert_eq!(video.send(0, &frame(1, true, 10)), SendOutcome::Dropped(DropReason::Closed));
    let mut media = video_of(track);
    while media.recv().await.is_some() {}
}

#[tokio::test]
async fn a_single_connection_asks_the_stun_server_that_the_join_names() {
    let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let config = PeerConfig { loopback: true, ..PeerConfig::new(Mode::Single) };
    let (peers, _events) = Peers::new(config).await.expect("connections");
    peers.offer(false).await.expect("an offer");
    let url = format!("stun:{}", server.local_addr().expect("an address"));
    let servers = [IceServer { urls: vec![url], username: String::new(), credential: Secret::default() }];
    peers.set_ice_servers(&servers).await.expect("set");
    let mut request = [0; 1500];
    let asked = timeout(Duration::from_secs(10), server.recv(&mut request)).await.expect("a request within 10 s");
    assert!(asked.expect("a datagram") >= 20);
    // A binding request and the magic cookie (RFC 8489, section 5).
    assert_eq!((&request[..2], &request[4..8]), (&[0, 1][..], &[0x21, 0x12, 0xA4, 0x42][..]));
    peers.close().await;
}
