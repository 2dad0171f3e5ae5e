//! Receives media: one task for each remote track of the stack turns its packets into frames or audio packets.

use super::depacketizer::{VideoDepacketizer, VideoMedia};
use super::event::{EventSender, KeyframeRequester, RemoteMedia, RemoteTrack, RtcEvent};
use super::interceptors::TrackOpener;
use super::m_lines::{MLines, SendingMLine};
use super::stats::{TrackCounters, TrackList};
use super::transport::TransportState;
use crate::base::{Codec, MediaKind, MediaPacket, Moment, Orientation};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

/// Audio packets in the queue to the consumer: 2.5 s. When it is full the newest is dropped.
const AUDIO_PACKETS: usize = 128;
/// Frames in the queue to the consumer: 2 s. When it is full, everything up to the next key frame is dropped.
const FRAMES: usize = 64;
/// Interval of key frame requests. libwebrtc answers one in 300 ms, and livekit-server drops requests that are closer.
const KEYFRAME_REQUEST_INTERVAL: Duration = Duration::from_millis(310);

/// The parts of a connection that its receiving tasks need.
#[derive(Clone)]
pub(super) struct Receiving {
    pub(super) m_lines: Arc<MLines>,
    pub(super) transport: Arc<TransportState>,
    pub(super) events: EventSender,
    pub(super) tracks: TrackList,
    pub(super) stop: CancellationToken,
}

/// Receives `track` until its connection is closed. It may carry several tracks of the server in turn.
pub(super) async fn receive(track: Arc<dyn TrackRemote>, with: Receiving) {
    let kind = match track.kind().await {
        RtpCodecKind::Video => MediaKind::Video,
        _ => MediaKind::Audio,
    };
    let mut task = Task { track, kind, with, began: Instant::now(), stream: None };
    task.run().await;
    task.end();
}

struct Task {
    track: Arc<dyn TrackRemote>,
    kind: MediaKind,
    with: Receiving,
    began: Instant,
    stream: Option<Stream>,
}

/// The stream (SSRC) that is being received.
struct Stream {
    ssrc: u32,
    ended: CancellationToken,
    counters: Arc<TrackCounters>,
    media: Media,
}

enum Media {
    Audio(mpsc::Sender<MediaPacket>),
    Video(Box<Video>),
}

struct Video {
    depacketizer: VideoDepacketizer,
    /// Id of the header extension for the video orientation.
    orientation_id: Option<u8>,
    /// The payload type of the last packet and its codec. A publisher may change its codec at any time.
    codec: Option<(u8, Codec)>,
    out: mpsc::Sender<VideoMedia>,
    keyframes: KeyframeRequester,
    /// When a key frame was requested last.
    requested: Option<Moment>,
}

impl Task {
    async fn run(&mut self) {
        loop {
            let wake = self.stream.as_ref().and_then(|s| s.deadline(self.now()));
            let ended = self.stream.as_ref().map(|s| s.ended.clone());
            tokio::select! {
                biased;
                () = self.with.stop.cancelled() => return,
                () = cancelled(ended) => self.end(),
                event = self.track.poll() => match event {
                    Some(TrackRemoteEvent::OnOpen(init)) => self.open(init.ssrc),
                    Some(TrackRemoteEvent::OnRtpPacket(packet)) => self.packet(packet).await,
                    Some(TrackRemoteEvent::OnEnded) | None => return,
                    Some(_) => {}
                },
                () = sleep_until(self.began, wake) => self.tick().await,
            }
        }
    }

    fn now(&self) -> Moment {
        Moment::ZERO + self.began.elapsed()
    }

    /// Begins a stream, unless it is being received already.
    fn open(&mut self, ssrc: u32) {
        if self.stream.as_ref().is_some_and(|s| s.ssrc == ssrc && !s.ended.is_cancelled()) {
            return;
        }
        let Some((m_line, ended)) = self.with.m_lines.find(ssrc) else { return };
        self.end();
        let SendingMLine { mid, stream_id, track_id, orientation_id, .. } = m_line;
        let (media, handed) = match self.kind {
            MediaKind::Audio => {
                let (tx, rx) = mpsc::channel(AUDIO_PACKETS);
                (Media::Audio(tx), RemoteMedia::Audio(rx))
            }
            MediaKind::Video => {
                let (out, rx) = mpsc::channel(FRAMES);
                let keyframes = KeyframeRequester::default();
                let video = Video {
                    depacketizer: VideoDepacketizer::default(),
                    orientation_id,
                    codec: None,
                    out,
                    keyframes: keyframes.clone(),
                    requested: None,
                };
                (Media::Video(Box::new(video)), RemoteMedia::Video(rx, keyframes))
            }
        };
        let rate = if self.kind == MediaKind::Video { 90_000 } else { 48_000 };
        let clock = self.with.transport.add_clock(ssrc, rate);
        let counters = Arc::new(TrackCounters::new(mid.clone(), track_id.clone(), self.kind, rate));
        self.with.tracks.add(counters.clone());
        let track = RemoteTrack { mid, stream_id, track_id, kind: self.kind, media: handed, clock };
        self.with.events.send(RtcEvent::RemoteTrack(track));
        self.stream = Some(Stream { ssrc, ended, counters, media });
    }

    /// Ends the stream: its media channel closes.
    fn end(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.with.tracks.remove(&stream.counters);
            self.with.transport.forget(stream.ssrc);
        }
    }

    async fn packet(&mut self, packet: rtc::rtp::Packet) {
        self.open(packet.header.ssrc); // the stack drops its OnOpen event when its queue is full
        if TrackOpener::is_opening(&packet) {
            return;
        }
        let (now, since) = (self.now(), self.began.elapsed());
        let Some(stream) = self.stream.as_mut().filter(|s| s.ssrc == packet.header.ssrc) else { return };
        stream.counters.add_packet(&packet, since);
        stream.counters.set_nacked(self.with.transport.nacked(stream.ssrc));
        let header = packet.header;
        let packet = MediaPacket {
            sequence: header.sequence_number,
            timestamp: header.timestamp,
            marker: header.marker,
            payload: packet.payload,
        };
        match &mut stream.media {
            Media::Audio(out) => {
                if !packet.payload.is_empty() && out.try_send(packet).is_err() {
                    stream.counters.add_discarded();
                }
            }
            Media::Video(video) => {
                let cvo = video.orientation_id.and_then(|id| header.get_extension(id));
                let orientation = cvo.and_then(|value| value.first().copied()).map(Orientation::from_cvo);
                let payload_type = header.payload_type;
                let codec = match video.codec {
                    Some((same, codec)) if same == payload_type => codec,
                    _ => self.with.m_lines.codec(stream.ssrc, payload_type).unwrap_or(Codec::Other),
                };
                video.codec = Some((payload_type, codec));
                video.depacketizer.push(packet, codec, orientation, now);
                self.tick().await;
            }
        }
    }

    /// Delivers frames that are due, and requests a key frame when one is needed.
    async fn tick(&mut self) {
        let now = self.now();
        let Some(Stream { ssrc, counters, media: Media::Video(video), .. }) = &mut self.stream else { return };
        if video.keyframes.take() {
            video.depacketizer.skip_to_keyframe();
        }
        video.deliver(now, counters);
        if video.depacketizer.wants_keyframe(now)
            && video.requested.is_none_or(|at| now.since(at) >= KEYFRAME_REQUEST_INTERVAL)
        {
            video.requested = Some(now);
            counters.add_keyframe_request();
            let pli = PictureLossIndication { sender_ssrc: 0, media_ssrc: *ssrc };
            if let Err(error) = self.track.write_rtcp(vec![Box::new(pli)]).await {
                tracing::debug!(%error, "a key frame request was not sent");
            }
        }
    }
}

impl Stream {
    /// When [`Task::tick`] is due although no packet comes.
    fn deadline(&self, now: Moment) -> Option<Moment> {
        let Media::Video(video) = &self.media else { return None };
        let request = video
            .depacketizer
            .wants_keyframe(now)
            .then(|| video.requested.map_or(now, |a| a + KEYFRAME_REQUEST_INTERVAL));
        let arriving = video.depacketizer.keyframe_deadline(now);
        [request, arriving, video.depacketizer.deadline()].into_iter().flatten().min()
    }
}

impl Video {
    fn deliver(&mut self, now: Moment, counters: &TrackCounters) {
        while let Some(media) = self.depacketizer.poll(now) {
            if let VideoMedia::Frame(frame, _) = &media {
                counters.add_frame(frame.keyframe);
            }
            if self.out.try_send(media).is_err() {
                counters.add_discarded();
                self.depacketizer.skip_to_keyframe();
            }
        }
        counters.set_lost(self.depacketizer.lost());
    }
}

async fn cancelled(token: Option<CancellationToken>) {
    match token {
        Some(token) => token.cancelled_owned().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(began: Instant, wake: Option<Moment>) {
    match wake {
        Some(wake) => tokio::time::sleep_until((began + wake.since(Moment::ZERO)).into()).await,
        None => std::future::pending().await,
    }
}
