//! The connections of one session: opening, negotiating, publishing, closing.

use super::config::{Mode, PeerConfig, RtcError};
use super::connection::{RtcConnection, negotiation};
use super::event::{EventSender, RtcEvent, Target};
use super::publish::{AudioSender, Layer, Negotiated, Publication, QUEUED_FRAMES, VideoSender};
use super::stats::{PeerStatistics, TrackList};
use super::tasks::Tasks;
use super::{config::IceServer, engine};
use bytes::BytesMut;
use rtc::data_channel::RTCDataChannelInit;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtp::Packet;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sdp::extmap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, mpsc};
use tokio_util::sync::CancellationToken;
use webrtc::data_channel::DataChannel;
use webrtc::media_stream::track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP};
use webrtc::peer_connection::{RTCIceCandidateInit, RTCSessionDescription, StatsSelector};
use webrtc::rtp_transceiver::{RtpSender, RtpTransceiver};

/// MLines that the first offer of a single connection holds for what the server may send, of each kind.
const INITIAL_M_LINES: u32 = 3;
/// Longest wait for a connection to close; the stack itself gives up after 100 ms.
const CLOSE: Duration = Duration::from_millis(500);

/// The descriptions that `SyncState` carries after a resume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Descriptions {
    /// Single: our offer. Dual: the server's offer of the subscriber connection.
    pub(crate) offer: Option<String>,
    /// Single: the server's answer. Dual: our answer.
    pub(crate) answer: Option<String>,
}

/// The connections of one session. Negotiation calls come from one place, one after the other.
pub(crate) struct Peers {
    publisher: RtcConnection,
    subscriber: Option<RtcConnection>,
    reliable: Arc<dyn DataChannel>,
    lossy: Arc<dyn DataChannel>,
    published: Mutex<Vec<Published>>,
    offering: AtomicBool,
    events: EventSender,
    tracks: TrackList,
    tasks: Tasks,
    closed: OnceCell<()>,
}

/// A track that is published, with its place in the connection.
#[derive(Clone)]
struct Published {
    publication: Arc<Publication>,
    transceiver: Arc<dyn RtpTransceiver>,
    sender: Arc<dyn RtpSender>,
    /// Ends the task that writes its packets.
    end: CancellationToken,
}

impl Peers {
    /// Opens the connections. Events wait in a bounded queue; what is said repeatedly is dropped while it is half full.
    pub(crate) async fn new(config: PeerConfig) -> Result<(Self, mpsc::Receiver<RtcEvent>), RtcError> {
        let (events, receiver) = EventSender::channel();
        let tasks = Tasks::new();
        match Self::open(&config, events, tasks.clone()).await {
            Ok(peers) => Ok((peers, receiver)),
            Err(error) => {
                tasks.end(CLOSE).await; // with the drivers of what was opened
                Err(error)
            }
        }
    }

    async fn open(config: &PeerConfig, events: EventSender, tasks: Tasks) -> Result<Self, RtcError> {
        let tracks = TrackList::default();
        let publisher = RtcConnection::open(Target::Publisher, config, &events, &tracks, &tasks).await?;
        let subscriber = match config.mode {
            Mode::Single => None,
            Mode::Dual => Some(RtcConnection::open(Target::Subscriber, config, &events, &tracks, &tasks).await?),
        };
        let lossy = data_channel(&publisher, &tasks, "_lossy", false).await?;
        let reliable = data_channel(&publisher, &tasks, "_reliable", true).await?;
        let peers = Self {
            publisher,
            subscriber,
            reliable,
            lossy,
            published: Mutex::default(),
            offering: AtomicBool::new(false),
            events,
            tracks,
            tasks,
            closed: OnceCell::new(),
        };
        if config.mode == Mode::Single {
            peers.add_m_lines(INITIAL_M_LINES, INITIAL_M_LINES).await?;
        }
        Ok(peers)
    }

    /// Tells the STUN and TURN servers that the server named.
    pub(crate) async fn set_ice_servers(&self, servers: &[IceServer]) -> Result<(), RtcError> {
        for connection in self.connections() {
            let configuration = engine::configuration(servers);
            connection.pc.set_configuration(configuration).await.map_err(negotiation("setting the STUN servers"))?;
        }
        Ok(())
    }

    /// Adds sections for `audios` and `videos` more tracks from the server; an offer must follow.
    pub(crate) async fn add_m_lines(&self, audios: u32, videos: u32) -> Result<(), RtcError> {
        for (kind, count) in [(RtpCodecKind::Audio, audios), (RtpCodecKind::Video, videos)] {
            for _ in 0..count {
                let init = direction(RTCRtpTransceiverDirection::Recvonly);
                let added = self.publisher.pc.add_transceiver_from_kind(kind, Some(init)).await;
                added.map_err(negotiation("adding a section"))?;
            }
        }
        Ok(())
    }

    /// Our next offer, of the publisher connection. One at a time, except that an ICE restart replaces one whose
    /// answer was lost.
    pub(crate) async fn offer(&self, ice_restart: bool) -> Result<String, RtcError> {
        if self.offering.swap(true, Relaxed) && !ice_restart {
            return Err(RtcError::OfferPending);
        }
        if ice_restart {
            self.publisher.await_description();
        }
        let made = self.make_offer(ice_restart).await;
        if made.is_err() {
            self.offering.store(false, Relaxed);
        }
        made.map_err(negotiation("making an offer"))
    }

    async fn make_offer(&self, ice_restart: bool) -> Result<String, rtc::shared::error::Error> {
        let options = RTCOfferOptions { ice_restart };
        let offer = self.publisher.pc.create_offer(Some(options)).await?;
        let sdp = offer.sdp.clone();
        self.publisher.pc.set_local_description(offer).await?;
        Ok(sdp)
    }

    /// The server's answer to our offer.
    pub(crate) async fn set_answer(&self, sdp: String) -> Result<(), RtcError> {
        let answer = RTCSessionDescription::answer(sdp).map_err(negotiation("reading the server's answer"))?;
        self.publisher.describe(answer).await?;
        self.offering.store(false, Relaxed);
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for track in published.iter().filter(|t| t.publication.negotiated.get().is_none()) {
            track.settle().await?;
        }
        Ok(())
    }

    /// Our answer to the server's offer of the subscriber connection.
    pub(crate) async fn answer(&self, offer: String) -> Result<String, RtcError> {
        let subscriber = self.subscriber.as_ref().ok_or(RtcError::NoSubscriber)?;
        let offer = RTCSessionDescription::offer(offer).map_err(negotiation("reading the server's offer"))?;
        subscriber.describe(offer).await?;
        let failed = negotiation("answering the server's offer");
        let answer = subscriber.pc.create_answer(None).await.map_err(&failed)?;
        let sdp = answer.sdp.clone();
        subscriber.pc.set_local_description(answer).await.map_err(&failed)?;
        Ok(sdp)
    }

    /// A candidate of the server: `RTCIceCandidateInit` as JSON. It waits for the description it belongs to.
    pub(crate) async fn add_candidate(&self, target: Target, json: &str) -> Result<(), RtcError> {
        let candidate: RTCIceCandidateInit = serde_json::from_str(json).map_err(|_| RtcError::Candidate)?;
        if candidate.candidate.is_empty() {
            return Ok(()); // the end of the candidates
        }
        let connection = match target {
            Target::Publisher => &self.publisher,
            Target::Subscriber => self.subscriber.as_ref().unwrap_or(&self.publisher),
        };
        connection.candidate(candidate).await;
        Ok(())
    }

    /// The descriptions in force, for `SyncState`.
    pub(crate) async fn descriptions(&self) -> Descriptions {
        let pc = &self.subscriber.as_ref().unwrap_or(&self.publisher).pc;
        let ours = pc.current_local_description().await.map(|d| d.sdp);
        let theirs = pc.current_remote_description().await.map(|d| d.sdp);
        match self.subscriber {
            None => Descriptions { offer: ours, answer: theirs },
            Some(_) => Descriptions { offer: theirs, answer: ours },
        }
    }

    /// Adds a picture with these layers, smallest first; an offer must follow. `cid` is that of its `AddTrackRequest`.
    pub(crate) async fn publish_video(&self, cid: &str, layers: &[Layer]) -> Result<VideoSender, RtcError> {
        let rids: Vec<String> = layers.iter().map(|l| l.rid.clone()).collect();
        let (publication, queue) = self.publish(cid, rids, RtpCodecKind::Video).await?;
        Ok(VideoSender::new(publication, queue))
    }

    /// Adds sound; an offer must follow. `cid` is that of its `AddTrackRequest`.
    pub(crate) async fn publish_audio(&self, cid: &str) -> Result<AudioSender, RtcError> {
        let (publication, queue) = self.publish(cid, vec![String::new()], RtpCodecKind::Audio).await?;
        Ok(AudioSender::new(publication, queue))
    }

    async fn publish(
        &self,
        cid: &str,
        rids: Vec<String>,
        kind: RtpCodecKind,
    ) -> Result<(Arc<Publication>, mpsc::Sender<Vec<Packet>>), RtcError> {
        let publication = Arc::new(Publication {
            cid: cid.into(),
            ssrcs: rids.iter().map(|_| rand::random()).collect(),
            rids,
            negotiated: OnceLock::new(),
            connected: self.publisher.connected.clone(),
            closed: AtomicBool::new(false),
            transport: self.publisher.transport.clone(),
            events: self.events.clone(),
        });
        if self.published.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|t| t.is(cid)) {
            return Err(RtcError::Track(cid.to_owned()));
        }
        let failed = negotiation("publishing a track");
        let local = Arc::new(TrackLocalStaticRTP::new(local_track(&publication, kind)));
        let init = direction(RTCRtpTransceiverDirection::Sendonly);
        let transceiver =
            self.publisher.pc.add_transceiver_from_track(local.clone(), Some(init)).await.map_err(&failed)?;
        let sender = transceiver.sender().await.map_err(&failed)?.ok_or(RtcError::Closed)?;
        let (queue, packets) = mpsc::channel(QUEUED_FRAMES);
        let end = self.tasks.stop().child_token();
        self.tasks.spawn(write(local, packets, end.clone()));
        if kind == RtpCodecKind::Video {
            publication.transport.add_sent(&publication.cid, &publication.ssrcs);
        }
        let published = Published { publication: publication.clone(), transceiver, sender, end };
        self.published.lock().unwrap_or_else(PoisonError::into_inner).push(published);
        Ok((publication, queue))
    }

    /// Takes a published track back; an offer must follow. Its sender sends nothing any more.
    pub(crate) async fn unpublish(&self, cid: &str) -> Result<(), RtcError> {
        let found = {
            let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
            published.iter().position(|t| t.is(cid)).map(|i| published.remove(i))
        };
        let Some(track) = found else { return Err(RtcError::Track(cid.to_owned())) };
        track.publication.closed.store(true, Relaxed);
        track.publication.transport.remove_sent(&track.publication.ssrcs);
        track.end.cancel();
        self.publisher.pc.remove_track(&track.sender).await.map_err(negotiation("taking a track back"))
    }

    /// Sends a `DataPacket` to the others. Never waits: an error says that the channel is not open or full.
    pub(crate) async fn send_data(&self, reliable: bool, packet: &[u8]) -> Result<(), RtcError> {
        let channel = if reliable { &self.reliable } else { &self.lossy };
        channel.try_send(BytesMut::from(packet)).await.map_err(|e| RtcError::Data(e.to_string()))
    }

    /// Figures of now.
    pub(crate) async fn statistics(&self) -> PeerStatistics {
        let mut all = PeerStatistics {
            send_rate_bps: self.publisher.transport.send_rate(),
            sent_lost_percent: self.publisher.transport.sent_lost_percent(),
            tracks: self.tracks.statistics(),
            ..PeerStatistics::default()
        };
        for connection in self.connections() {
            let (sent, received) = connection.transport.bytes();
            all.sent_bytes += sent;
            all.received_bytes += received;
            let report = connection.pc.get_stats(Instant::now(), StatsSelector::None).await;
            let rtt = report.candidate_pairs().filter(|p| p.nominated).map(|p| p.current_round_trip_time * 1000.0);
            all.rtt_ms = all.rtt_ms.or_else(|| rtt.reduce(f64::max).filter(|&ms| ms > 0.0));
        }
        all
    }

    /// Closes everything. When it returns, within a second, no socket and no task of these connections is left.
    /// A second call waits for the first.
    pub(crate) async fn close(&self) {
        self.closed.get_or_init(|| self.close_all()).await;
    }

    async fn close_all(&self) {
        self.tasks.stop().cancel();
        let subscriber = async {
            if let Some(subscriber) = &self.subscriber {
                close_connection(subscriber).await;
            }
        };
        tokio::join!(close_connection(&self.publisher), subscriber);
        self.tasks.end(CLOSE).await;
    }

    fn connections(&self) -> impl Iterator<Item = &RtcConnection> {
        std::iter::once(&self.publisher).chain(&self.subscriber)
    }
}

impl Drop for Peers {
    /// The safety net of a session that was not closed: the stack's drivers would run on for ever.
    fn drop(&mut self) {
        if self.closed.initialized() {
            return;
        }
        self.tasks.stop().cancel();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            tracing::warn!("peer connections were dropped without being closed");
            let tasks = self.tasks.clone();
            runtime.spawn(async move { tasks.end(CLOSE).await });
        }
    }
}

impl Published {
    fn is(&self, cid: &str) -> bool {
        &*self.publication.cid == cid
    }

    /// Learns what the answer settled.
    async fn settle(&self) -> Result<(), RtcError> {
        let failed = negotiation("reading what was negotiated");
        let Some(mid) = self.transceiver.mid().await.map_err(&failed)? else { return Ok(()) };
        let parameters = self.sender.get_parameters().await.map_err(&failed)?.rtp_parameters;
        let media = parameters.codecs.iter().find(|c| !c.rtp_codec.mime_type.ends_with("/rtx"));
        let Some(payload_type) = media.map(|c| c.payload_type) else { return Ok(()) };
        let id = |uri: &str| {
            let found = parameters.header_extensions.iter().find(|e| e.uri == uri);
            found.and_then(|e| u8::try_from(e.id).ok())
        };
        let negotiated = Negotiated {
            payload_type,
            mid,
            mid_id: id(extmap::SDES_MID_URI),
            rid_id: id(extmap::SDES_RTP_STREAM_ID_URI),
            level_id: id(extmap::AUDIO_LEVEL_URI),
        };
        tracing::debug!(cid = %self.publication.cid, ?negotiated, "published");
        if self.publication.negotiated.set(negotiated).is_err() {
            tracing::debug!("a track was negotiated twice");
        }
        Ok(())
    }
}

fn direction(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit { direction, ..RTCRtpTransceiverInit::default() }
}

/// The stack's word for a published track. The track id of its msid must be the `cid` of the `AddTrackRequest`.
fn local_track(publication: &Publication, kind: RtpCodecKind) -> MediaStreamTrack {
    let video = kind == RtpCodecKind::Video;
    let codec: RTCRtpCodec = if video { engine::vp8() } else { engine::opus() };
    let coding = |(rid, &ssrc): (&String, &u32)| RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            rid: rid.clone(),
            ssrc: Some(ssrc),
            rtx: video.then(|| RTCRtpRtxParameters { ssrc: rand::random() }),
            fec: None,
        },
        codec: codec.clone(),
        ..RTCRtpEncodingParameters::default()
    };
    let codings = publication.rids.iter().zip(&publication.ssrcs).map(coding).collect();
    let cid = publication.cid.to_string();
    MediaStreamTrack::new("visavis".into(), cid.clone(), cid, kind, codings)
}

async fn data_channel(
    publisher: &RtcConnection,
    tasks: &Tasks,
    label: &str,
    reliable: bool,
) -> Result<Arc<dyn DataChannel>, RtcError> {
    let max_retransmits = if reliable { None } else { Some(0) };
    let init = RTCDataChannelInit { ordered: reliable, max_retransmits, ..RTCDataChannelInit::default() };
    let made = publisher.pc.create_data_channel(label, Some(init)).await;
    let channel = made.map_err(negotiation("opening a data channel"))?;
    publisher.serve_channel(channel.clone(), tasks);
    Ok(channel)
}

/// Writes the packets of one published track, until it is taken back.
async fn write(track: Arc<TrackLocalStaticRTP>, mut queue: mpsc::Receiver<Vec<Packet>>, end: CancellationToken) {
    let writing = async {
        while let Some(packets) = queue.recv().await {
            for packet in packets {
                if let Err(error) = track.write_rtp(packet).await {
                    tracing::debug!(%error, "a packet was not sent");
                }
            }
        }
    };
    tokio::select! {
        () = end.cancelled() => {}
        () = writing => {}
    }
}

async fn close_connection(connection: &RtcConnection) {
    match tokio::time::timeout(CLOSE, connection.pc.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a peer connection did not close cleanly"),
        Err(_) => tracing::warn!("a peer connection did not close in time"),
    }
}
