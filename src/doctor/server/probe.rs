//! A participant of the check: enters a room as a call does, by `signal` and `rtc`, without devices.

use crate::base::{MediaKind, Secret, SignalTarget, SimulcastLayer, Transport};
use crate::http::http_url;
use crate::proto::link::is_loopback;
use crate::rtc::{
    AudioSender, Mode, PeerConfig, PeerStatistics, Peers, RemoteTrack, RtcError, RtcEvent, SendRates, VideoSender,
};
use crate::session::{MediaPorts, ice_servers};
use crate::signal::{ConnectError, ConnectOptions, SignalLink, SignalLinkEvent, SignalLinkEvents};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

/// How long the WebSocket may take to open.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long the goodbye and the closing of the WebSocket may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);
/// How long the server may take to answer the goodbye.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);
/// The rate that a measurement begins with, and its bound: what a camera of 720p sends in all its layers.
pub(super) const RATES: SendRates = SendRates { start_bps: 2_000_000, min_bps: 100_000, max_bps: 3_000_000 };

/// Why a participant of the check did not come in.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProbeError {
    /// There is no signalling, or the token is refused.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The media stack failed.
    #[error(transparent)]
    Rtc(#[from] RtcError),
}

/// A participant in the room.
pub(super) struct Probe {
    link: SignalLink,
    link_events: SignalLinkEvents,
    peers: Peers,
    peer_events: mpsc::Receiver<RtcEvent>,
    offering: bool,
    offer_again: bool,
    connected: Vec<SignalTarget>,
    /// What the server has named.
    pub(super) server: lk::ServerInfo,
    /// Whether the server names a relay.
    pub(super) has_relay: bool,
    /// The ports at which the server offers media.
    pub(super) ports: MediaPorts,
    /// The tracks of others.
    pub(super) tracks: Vec<RemoteTrack>,
    /// Whether a key frame is wanted.
    pub(super) wants_keyframe: bool,
    /// The estimate of the way to the server, in bits a second.
    pub(super) send_rate: u32,
    published: Vec<String>,
    closed: bool,
}

impl Probe {
    /// Enters the token's room. Media goes by `transport` alone. Dropping the future closes everything that was opened.
    pub(super) async fn enter(server: &str, token: &Secret<String>, transport: Transport) -> Result<Self, ProbeError> {
        let loopback = http_url(server).is_some_and(|url| is_loopback(&url));
        let config = |mode| PeerConfig { loopback, transport, rates: RATES, ..PeerConfig::new(mode) };
        let (peers, peer_events) = Peers::new(config(Mode::Single)).await?;
        let offer = match peers.offer(false).await {
            Ok(offer) => offer,
            Err(error) => {
                peers.close().await;
                return Err(error.into());
            }
        };
        let options = ConnectOptions { single: true, offer: Some(offer), timeout: CONNECT_LIMIT };
        let (link, join, link_events) = match SignalLink::connect(server, token, options).await {
            Ok(joined) => joined,
            Err(error) => {
                peers.close().await;
                return Err(error.into());
            }
        };
        let (mode, peers, peer_events) = if link.is_single() {
            (Mode::Single, peers, peer_events)
        } else {
            peers.close().await;
            let (peers, peer_events) = Peers::new(config(Mode::Dual)).await?;
            (Mode::Dual, peers, peer_events)
        };
        // A server on this computer needs neither STUN nor TURN.
        let direct = loopback && transport != Transport::Relay;
        let servers = if direct { Vec::new() } else { ice_servers(&join.ice_servers) };
        let has_relay =
            join.ice_servers.iter().flat_map(|server| &server.urls).any(|url| url.to_lowercase().starts_with("turn"));
        let mut probe = Self {
            link,
            link_events,
            peers,
            peer_events,
            offering: mode == Mode::Single,
            offer_again: false,
            connected: Vec::new(),
            server: join.server_info.unwrap_or_default(),
            has_relay,
            ports: MediaPorts::default(),
            tracks: Vec::new(),
            wants_keyframe: true,
            send_rate: RATES.start_bps,
            published: Vec::new(),
            closed: false,
        };
        let set = async {
            probe.peers.set_ice_servers(&servers).await?;
            // Two connections: ours comes up when there is something to send.
            if mode == Mode::Dual { probe.offer().await } else { Ok(()) }
        };
        match set.await {
            Ok(()) => Ok(probe),
            Err(error) => {
                probe.leave().await;
                Err(error.into())
            }
        }
    }

    /// Waits until media can flow to the server, at most until `deadline`.
    pub(super) async fn connect(&mut self, deadline: Instant) -> bool {
        self.run(deadline, |probe| probe.connected.contains(&SignalTarget::Publisher)).await
    }

    /// Publishes a sound track, and waits until it can be sent, at most until `deadline`.
    pub(super) async fn publish_audio(&mut self, cid: &str, deadline: Instant) -> Option<AudioSender> {
        self.link.send(Request::AddTrack(add_track(cid, MediaKind::Audio, &[]))).await;
        let sender = self.peers.publish_audio(cid).await.ok()?;
        self.negotiate(cid, deadline).await.then_some(sender)
    }

    /// The same of a video track.
    pub(super) async fn publish_video(
        &mut self,
        cid: &str,
        layers: &[SimulcastLayer],
        deadline: Instant,
    ) -> Option<VideoSender> {
        self.link.send(Request::AddTrack(add_track(cid, MediaKind::Video, layers))).await;
        let sender = self.peers.publish_video(cid, layers).await.ok()?;
        self.negotiate(cid, deadline).await.then_some(sender)
    }

    /// Offers a track that was added, and waits until it can be sent. Whether it can.
    async fn negotiate(&mut self, cid: &str, deadline: Instant) -> bool {
        if self.offer().await.is_err() {
            return false;
        }
        self.run(deadline, |probe| probe.published.iter().any(|published| published == cid) && !probe.offering).await
    }

    /// Statistics of now.
    pub(super) async fn statistics(&self) -> PeerStatistics {
        self.peers.statistics().await
    }

    /// Handles messages and events until `done`, or until `deadline`. Whether it was done.
    pub(super) async fn run(&mut self, deadline: Instant, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        while !done(self) {
            let handled = tokio::select! {
                event = self.link_events.recv(), if !self.closed => match event {
                    Some(SignalLinkEvent::Message(response)) => self.take_response(*response).await,
                    Some(SignalLinkEvent::Closed { .. }) | None => {
                        self.closed = true;
                        Ok(())
                    }
                },
                Some(event) = self.peer_events.recv() => {
                    self.take_event(event).await;
                    Ok(())
                }
                () = sleep_until(deadline) => return done(self),
            };
            if let Err(error) = handled {
                tracing::debug!(%error, "a participant of the check has failed");
                return false;
            }
        }
        true
    }

    /// Says goodbye and closes everything, within 3 s.
    pub(super) async fn leave(mut self) {
        if self.link.send_leave(CLOSE_LIMIT).await {
            let acknowledged = async {
                while let Some(SignalLinkEvent::Message(message)) = self.link_events.recv().await {
                    if matches!(*message, Response::Leave(_)) {
                        return;
                    }
                }
            };
            timeout(GOODBYE_LIMIT, acknowledged).await.ok();
        }
        tokio::join!(self.link.close(CLOSE_LIMIT), self.peers.close());
    }

    async fn offer(&mut self) -> Result<(), RtcError> {
        if self.offering {
            self.offer_again = true;
            return Ok(());
        }
        self.offering = true;
        let sdp = self.peers.offer(false).await?;
        self.link.send(Request::Offer(description("offer", sdp, 2))).await;
        Ok(())
    }

    async fn take_response(&mut self, response: Response) -> Result<(), RtcError> {
        match response {
            Response::Answer(answer) => {
                self.ports.add_description(&answer.sdp);
                self.peers.set_answer(answer.sdp).await?;
                self.offering = false;
                if std::mem::take(&mut self.offer_again) {
                    self.offer().await?;
                }
            }
            Response::Offer(offer) => {
                self.ports.add_description(&offer.sdp);
                let answer = self.peers.answer(offer.sdp).await?;
                self.link.send(Request::Answer(description("answer", answer, offer.id))).await;
            }
            Response::Trickle(trickle) => {
                let target = match trickle.target() {
                    lk::SignalTarget::Publisher => SignalTarget::Publisher,
                    lk::SignalTarget::Subscriber => SignalTarget::Subscriber,
                };
                if let Ok(init) = serde_json::from_str::<serde_json::Value>(&trickle.candidate_init) {
                    self.ports.add_candidate(init["candidate"].as_str().unwrap_or_default());
                }
                self.peers.add_candidate(target, &trickle.candidate_init).await?;
            }
            Response::MediaSectionsRequirement(wanted) => {
                self.peers.add_m_lines(wanted.num_audios, wanted.num_videos).await?;
                self.offer().await?;
            }
            Response::TrackPublished(published) => self.published.push(published.cid),
            Response::Leave(_) => self.closed = true,
            _ => {}
        }
        Ok(())
    }

    async fn take_event(&mut self, event: RtcEvent) {
        match event {
            RtcEvent::Connected(target) => self.connected.push(target),
            RtcEvent::LocalCandidate { target, json } => {
                let target = match target {
                    SignalTarget::Publisher => lk::SignalTarget::Publisher,
                    SignalTarget::Subscriber => lk::SignalTarget::Subscriber,
                };
                let trickle = lk::TrickleRequest { candidate_init: json, target: target.into(), ..Default::default() };
                self.link.send(Request::Trickle(trickle)).await;
            }
            RtcEvent::RemoteTrack(track) => self.tracks.push(track),
            RtcEvent::KeyframeWanted { .. } => self.wants_keyframe = true,
            RtcEvent::SendRate { bps } => self.send_rate = bps,
            RtcEvent::Data { .. } | RtcEvent::Disconnected(_) | RtcEvent::Failed(_) => {}
        }
    }
}

fn description(kind: &str, sdp: String, id: u32) -> lk::SessionDescription {
    lk::SessionDescription { r#type: kind.into(), sdp, id, ..Default::default() }
}

fn add_track(cid: &str, kind: MediaKind, layers: &[SimulcastLayer]) -> lk::AddTrackRequest {
    let is_video = kind == MediaKind::Video;
    let layer = |layer: &SimulcastLayer| lk::VideoLayer {
        quality: lk::VideoQuality::High.into(),
        width: layer.width,
        height: layer.height,
        bitrate: layer.max_kbps * 1000,
        rid: layer.rid.into(),
        ..Default::default()
    };
    let layers: Vec<_> = layers.iter().map(layer).collect();
    let codec =
        lk::SimulcastCodec { codec: "vp8".into(), cid: cid.into(), layers: layers.clone(), ..Default::default() };
    lk::AddTrackRequest {
        cid: cid.into(),
        name: cid.into(),
        r#type: if is_video { lk::TrackType::Video } else { lk::TrackType::Audio }.into(),
        source: if is_video { lk::TrackSource::Camera } else { lk::TrackSource::Microphone }.into(),
        width: layers.last().map_or(0, |layer| layer.width),
        height: layers.last().map_or(0, |layer| layer.height),
        layers,
        simulcast_codecs: if is_video { vec![codec] } else { Vec::new() },
        disable_red: true,
        ..Default::default()
    }
}
