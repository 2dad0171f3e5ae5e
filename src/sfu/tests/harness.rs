//! An SFU with clients; the harness plays the hub's part in negotiations.

use super::client::{FRAME, TestClient, kind};
use crate::base::{Codec, MediaKind};
use crate::hub::{Bound, ConnectionId, ConnectionRole, MediaCommand, MediaEvent, MemberId, Published, Subscribed};
use crate::sfu::{Sfu, SfuConfig};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, Mid, Simulcast, SimulcastLayer};
use tokio::sync::mpsc::Receiver;

pub(super) const LONG: Duration = Duration::from_secs(10);

/// The SFU, its clients, and the events it reported.
pub(super) struct Harness {
    pub(super) sfu: Sfu,
    events: Receiver<MediaEvent>,
    pub(super) seen: Vec<(Instant, MediaEvent)>,
    pub(super) peers: Vec<(ConnectionId, TestClient)>,
    offers: u32,
    next_frame: Instant,
    /// Clients that come by TCP alone.
    pub(super) by_tcp: Vec<ConnectionId>,
    /// Whether publishers send video while time passes.
    pub(super) sending_video: bool,
}

pub(super) const fn single(member: u64) -> ConnectionId {
    ConnectionId { member: MemberId(member), role: ConnectionRole::Single }
}

pub(super) fn subscribed(track: &str, video: bool) -> Subscribed {
    let kind = if video { MediaKind::Video } else { MediaKind::Audio };
    Subscribed { track: track.into(), stream_id: "PA_x|camera".into(), kind }
}

pub(super) fn config() -> SfuConfig {
    SfuConfig { bind: IpAddr::V4(Ipv4Addr::LOCALHOST), tcp_port: Some(0), ..SfuConfig::default() }
}

impl Harness {
    pub(super) fn new() -> Self {
        Self::with(config())
    }

    pub(super) fn with(config: SfuConfig) -> Self {
        let (sfu, events) = Sfu::start(config).expect("started");
        let next_frame = Instant::now();
        Self { sfu, events, seen: vec![], peers: vec![], offers: 0, next_frame, by_tcp: vec![], sending_video: false }
    }

    pub(super) fn peer(&mut self, id: ConnectionId) -> &mut TestClient {
        &mut self.peers.iter_mut().find(|(other, _)| *other == id).expect("a client").1
    }

    pub(super) fn command(&self, command: MediaCommand) {
        self.sfu.command(command).expect("queued");
    }

    pub(super) fn open(&mut self, id: ConnectionId) {
        self.command(MediaCommand::Open { connection: id, room: "room".into() });
        let tcp = self.by_tcp.contains(&id).then(|| self.tcp_address());
        self.peers.push((id, tcp.map_or_else(TestClient::new, TestClient::by_tcp)));
    }

    /// The SFU's address for ICE over TCP.
    pub(super) fn tcp_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.sfu.tcp_port().expect("a TCP port")).into()
    }

    /// Runs the clients until a condition holds. Whether it did within `longest`.
    pub(super) fn until(&mut self, longest: Duration, mut holds: impl FnMut(&mut Self) -> bool) -> bool {
        let end = Instant::now() + longest;
        loop {
            while let Ok(event) = self.events.try_recv() {
                self.seen.push((Instant::now(), event));
            }
            self.peers.iter_mut().for_each(|(_, p)| p.step());
            if holds(self) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            if self.sending_video && Instant::now() >= self.next_frame {
                self.next_frame = (self.next_frame + FRAME).max(Instant::now());
                self.peers.iter_mut().filter(|(_, p)| p.connected).for_each(|(_, p)| p.send_frame());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.until(time, |_| false);
    }

    pub(super) fn saw(&self, what: impl Fn(&MediaEvent) -> bool) -> bool {
        self.seen.iter().any(|(_, e)| what(e))
    }

    /// Waits for an event and takes it out.
    pub(super) fn take(&mut self, what: impl Fn(&MediaEvent) -> bool) -> MediaEvent {
        assert!(self.until(LONG, |s| s.saw(&what)), "an event is missing; there were {:?}", self.seen);
        let at = self.seen.iter().position(|(_, e)| what(e)).expect("it was seen");
        self.seen.remove(at).1
    }

    /// A client's offer, answered by the SFU.
    pub(super) fn offer(
        &mut self,
        id: ConnectionId,
        made: (SdpOffer, SdpPendingOffer),
        publish: Vec<Published>,
        bind: Vec<Bound>,
        release: Vec<String>,
    ) -> String {
        self.offers += 1;
        let (offer, pending, offer_id) = (made.0.to_sdp_string(), made.1, self.offers);
        self.command(MediaCommand::AcceptOffer { connection: id, offer_id, sdp: offer, publish, bind, release });
        let answered = self.take(|e| {
            matches!(e, MediaEvent::Answered { offer_id: o, .. } if *o == offer_id)
                || matches!(e, MediaEvent::NegotiationFailed { .. })
        });
        let MediaEvent::Answered { sdp, connection, .. } = answered else { panic!("{answered:?}") };
        assert_eq!(connection, id);
        let answer = SdpAnswer::from_sdp_string(&sdp).expect("a description");
        self.peer(id).rtc.sdp_api().accept_answer(pending, answer).expect("accepted");
        sdp
    }

    pub(super) fn wait_connected(&mut self, id: ConnectionId) {
        self.take(|e| matches!(e, MediaEvent::Connected { connection } if *connection == id));
        assert!(self.until(LONG, |s| s.peer(id).connected));
    }

    /// A client that publishes a camera (`TR_cam`, with simulcast or without) and a microphone (`TR_mic`). Returns the
    /// m-lines of video and audio.
    pub(super) fn publisher(&mut self, id: ConnectionId, rids: &[&str]) -> (Mid, Mid) {
        self.open(id);
        let mut layers = Simulcast::new();
        rids.iter().for_each(|rid| layers.add_send_layer(SimulcastLayer::new(rid)));
        let layers = (!rids.is_empty()).then_some(layers);
        let peer = self.peer(id);
        let mut api = peer.rtc.sdp_api();
        api.add_channel("_reliable".into());
        let video = api.add_media(kind(true), Direction::SendOnly, Some("s".into()), Some("cam".into()), layers);
        let audio = api.add_media(kind(false), Direction::SendOnly, Some("s".into()), Some("mic".into()), None);
        let made = api.apply().expect("an offer");
        peer.send_layers(video, rids);
        let published = |mid: Mid, track: &str, kind, simulcast| Published {
            mid: mid.to_string(),
            track: track.into(),
            kind,
            simulcast,
            codec: Codec::of_rooms(kind)[0],
        };
        let publish = vec![
            published(video, "TR_cam", MediaKind::Video, !rids.is_empty()),
            published(audio, "TR_mic", MediaKind::Audio, false),
        ];
        self.offer(id, made, publish, vec![], vec![]);
        self.wait_connected(id);
        (video, audio)
    }

    /// A client with one connection and m-lines for video and audio, bound to the publisher's tracks.
    pub(super) fn subscriber(&mut self, id: ConnectionId) -> (Mid, Mid) {
        self.open(id);
        let mut api = self.peer(id).rtc.sdp_api();
        api.add_channel("_reliable".into());
        let video = api.add_media(kind(true), Direction::RecvOnly, None, None, None);
        let audio = api.add_media(kind(false), Direction::RecvOnly, None, None, None);
        let made = api.apply().expect("an offer");
        let bind = vec![
            Bound { mid: video.to_string(), what: subscribed("TR_cam", true) },
            Bound { mid: audio.to_string(), what: subscribed("TR_mic", false) },
        ];
        self.offer(id, made, vec![], bind, vec![]);
        self.wait_connected(id);
        (video, audio)
    }

    /// Another offer of a client, to bind and release m-lines.
    pub(super) fn offer_again(&mut self, id: ConnectionId, bind: Vec<Bound>, release: Vec<String>) -> String {
        let mut api = self.peer(id).rtc.sdp_api();
        api.add_media(kind(false), Direction::Inactive, None, None, None);
        // A browser goes on offering to receive what was answered inactive.
        bind.iter().for_each(|b| api.set_direction(Mid::from(b.mid.as_str()), Direction::RecvOnly));
        let made = api.apply().expect("an offer");
        self.offer(id, made, vec![], bind, release)
    }
}
