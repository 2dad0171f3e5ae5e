//! A participant: passes signalling messages between the link and the peer connections, as `call` does.

use super::token;
use crate::base::{MediaKind, SignalTarget, SimulcastLayer, Transport};
use crate::rtc::{Mode, PeerConfig, Peers, RemoteTrack, RtcEvent, VideoSender};
use crate::signal::{ConnectOptions, SignalLink, SignalLinkEvent, SignalLinkEvents};
use bytes::Bytes;
use livekit_protocol as proto;
use proto::signal_request::Message as Request;
use proto::signal_response::Message as Response;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// A participant, with what it received so far.
pub(super) struct Guest {
    pub(super) link: SignalLink,
    pub(super) link_events: SignalLinkEvents,
    pub(super) peers: Peers,
    pub(super) peer_events: mpsc::Receiver<RtcEvent>,
    pub(super) mode: Mode,
    pub(super) sid: String,
    pub(super) offering: bool,
    pub(super) offer_again: bool,
    pub(super) published: HashMap<String, String>,
    pub(super) tracks: Vec<RemoteTrack>,
    pub(super) connected: Vec<SignalTarget>,
    pub(super) keyframes: Vec<usize>,
    pub(super) data: Vec<Bytes>,
    pub(super) send_rate: Option<u32>,
    pub(super) left: Option<proto::LeaveRequest>,
    pub(super) closed: bool,
}

/// How a guest joins.
pub(super) struct Entry<'a> {
    pub(super) url: &'a str,
    pub(super) room: &'a str,
    pub(super) identity: &'a str,
    pub(super) mode: Mode,
    /// Part of the RTP packets lost in each direction, 0.0 to 1.0.
    pub(super) loss: f64,
    pub(super) transport: Transport,
}

impl Guest {
    pub(super) async fn join(entry: Entry<'_>) -> Self {
        let config =
            PeerConfig { loopback: true, loss: entry.loss, transport: entry.transport, ..PeerConfig::new(entry.mode) };
        let (peers, peer_events) = Peers::new(config).await.expect("connections");
        let single = entry.mode == Mode::Single;
        let offer = if single { Some(peers.offer(false).await.expect("an offer")) } else { None };
        let options = ConnectOptions { single, offer, timeout: Duration::from_secs(5) };
        let token = token(entry.room, entry.identity);
        let (link, join, link_events) = SignalLink::connect(entry.url, &token, options).await.expect("joined");
        assert_eq!(link.is_single(), single);
        peers.set_ice_servers(&[]).await.expect("set");
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

    pub(super) async fn offer(&mut self, ice_restart: bool) {
        if self.offering && !ice_restart {
            self.offer_again = true;
            return;
        }
        self.offering = true;
        let sdp = self.peers.offer(ice_restart).await.expect("an offer");
        self.link.send(Request::Offer(description("offer", sdp, 2))).await;
    }

    pub(super) async fn on_response(&mut self, response: Response) {
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
                let target = match trickle.target() {
                    proto::SignalTarget::Publisher => SignalTarget::Publisher,
                    proto::SignalTarget::Subscriber => SignalTarget::Subscriber,
                };
                self.peers.add_candidate(target, &trickle.candidate_init).await.expect("a candidate");
            }
            Response::MediaSectionsRequirement(wanted) => {
                self.peers.add_m_lines(wanted.num_audios, wanted.num_videos).await.expect("m-lines");
                self.offer(false).await;
            }
            Response::TrackPublished(published) => {
                self.published.insert(published.cid, published.track.expect("a track").sid);
            }
            Response::Leave(leave) => self.left = Some(leave),
            _ => {}
        }
    }

    pub(super) async fn on_event(&mut self, event: RtcEvent) {
        match event {
            RtcEvent::Connected(target) => self.connected.push(target),
            RtcEvent::LocalCandidate { target, json } => {
                let target = match target {
                    SignalTarget::Publisher => proto::SignalTarget::Publisher,
                    SignalTarget::Subscriber => proto::SignalTarget::Subscriber,
                };
                let trickle =
                    proto::TrickleRequest { candidate_init: json, target: target.into(), ..Default::default() };
                self.link.send(Request::Trickle(trickle)).await;
            }
            RtcEvent::RemoteTrack(track) => self.tracks.push(track),
            RtcEvent::Data { bytes, .. } => self.data.push(bytes),
            RtcEvent::KeyframeWanted { layer, .. } => self.keyframes.push(layer),
            RtcEvent::SendRate { bps } => self.send_rate = Some(bps),
            RtcEvent::Disconnected(_) | RtcEvent::Failed(_) => {}
        }
    }

    /// Handles messages and events until `done`, or for `limit`. Whether it was done.
    pub(super) async fn run(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = Instant::now() + limit;
        while !done(self) {
            tokio::select! {
                event = self.link_events.recv(), if !self.closed => match event {
                    Some(SignalLinkEvent::Message(response)) => self.on_response(*response).await,
                    Some(SignalLinkEvent::Closed { .. }) | None => self.closed = true,
                },
                event = self.peer_events.recv() => self.on_event(event.expect("events")).await,
                () = tokio::time::sleep_until(end) => return done(self),
            }
        }
        true
    }

    /// Whether the connection that receives is up.
    pub(super) fn is_up(&self) -> bool {
        let receives = if self.mode == Mode::Single { SignalTarget::Publisher } else { SignalTarget::Subscriber };
        self.connected.contains(&receives)
    }

    pub(super) async fn add_track(&mut self, cid: &str, kind: MediaKind, layers: &[SimulcastLayer]) {
        let video = kind == MediaKind::Video;
        let layer = |(i, l): (usize, &SimulcastLayer)| proto::VideoLayer {
            quality: if layers.len() == 1 { proto::VideoQuality::High.into() } else { i as i32 },
            width: l.width,
            height: l.height,
            bitrate: l.max_kbps * 1000,
            spatial_layer: i as i32,
            rid: l.rid.into(),
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
            r#type: if video { proto::TrackType::Video } else { proto::TrackType::Audio }.into(),
            source: if video { proto::TrackSource::Camera } else { proto::TrackSource::Microphone }.into(),
            width: layers.last().map_or(0, |l| l.width),
            height: layers.last().map_or(0, |l| l.height),
            layers,
            simulcast_codecs: if video { vec![codec] } else { vec![] },
            disable_red: true,
            ..Default::default()
        };
        self.link.send(Request::AddTrack(request)).await;
    }

    /// Publishes a camera, and waits until its frames can be sent.
    pub(super) async fn publish_video(&mut self, layers: &[SimulcastLayer]) -> VideoSender {
        self.add_track("cam", MediaKind::Video, layers).await;
        let video = self.peers.publish_video("cam", layers).await.expect("published");
        self.offer(false).await;
        let ready = |me: &mut Self| {
            me.published.contains_key("cam") && !me.offering && me.connected.contains(&SignalTarget::Publisher)
        };
        assert!(self.run(Duration::from_secs(10), ready).await, "the track is published");
        video
    }

    pub(super) async fn leave(self) {
        let Self { link, peers, mut link_events, .. } = self;
        assert!(link.send_leave(Duration::from_millis(500)).await, "the leave message was sent");
        let acknowledged = async {
            while let Some(event) = link_events.recv().await {
                if matches!(event, SignalLinkEvent::Message(m) if matches!(*m, Response::Leave(_))) {
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

pub(super) fn description(kind: &str, sdp: String, id: u32) -> proto::SessionDescription {
    proto::SessionDescription { r#type: kind.into(), sdp, id, ..Default::default() }
}
