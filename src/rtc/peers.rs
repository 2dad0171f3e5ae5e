//! The peer connections of one session: opening, negotiating, publishing, closing.

use super::candidate_pair::selected_pair;
use super::config::{Mode, PeerConfig, RtcError};
use super::connection::{RtcConnection, negotiation};
use super::event::{EventSender, RtcEvent};
use super::publication::{Publication, PublishedTrack, direction};
use super::sender::{AudioSender, VideoSender};
use super::stats::{PeerStatistics, TrackList};
use super::tasks::Tasks;
use super::{engine, ice_servers};
use crate::base::{IceServer, SignalTarget, SimulcastLayer};
use parking_lot::Mutex;
use rtc::data_channel::RTCDataChannelInit;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtp::Packet;
use rtc::rtp_transceiver::RTCRtpTransceiverDirection;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, mpsc};
use webrtc::data_channel::{DataChannel, RTCDataChannelState};
use webrtc::peer_connection::{RTCIceCandidateInit, RTCSessionDescription, StatsSelector};

/// M-lines of each kind that the first offer of a single connection holds for tracks of the server.
const INITIAL_M_LINES: u32 = 3;
/// Longest wait for a connection to close; the stack gives up after 100 ms.
pub(super) const CLOSE: Duration = Duration::from_millis(500);
/// How often the data channel is asked whether it is open, and whether everything is acknowledged.
const DATA_POLL: Duration = Duration::from_millis(20);

/// The descriptions that `SyncState` carries after a resume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Descriptions {
    /// Single: our offer. Dual: the server's offer of the subscriber connection.
    pub(crate) offer: Option<String>,
    /// Single: the server's answer. Dual: our answer.
    pub(crate) answer: Option<String>,
}

/// The connections of one session. Calls that negotiate are made one after the other.
pub(crate) struct Peers {
    publisher: RtcConnection,
    subscriber: Option<RtcConnection>,
    /// The `_reliable` data channel.
    reliable: Arc<dyn DataChannel>,
    published: Mutex<Vec<PublishedTrack>>,
    /// Whether an offer waits for its answer.
    offering: AtomicBool,
    first_offer: Mutex<FirstOffer>,
    events: EventSender,
    tracks: TrackList,
    tasks: Tasks,
    closed: OnceCell<()>,
}

/// The first offer of a single connection goes with the join, before the ICE servers are known. It is applied, which
/// begins the gathering, when they are set, and with its answer at the latest.
enum FirstOffer {
    Unmade,
    Made(Box<RTCSessionDescription>),
    Applied,
}

impl Peers {
    /// Opens the connections. Up to 512 events wait; while the queue is half full, events that are repeated are dropped.
    pub(crate) async fn new(config: PeerConfig) -> Result<(Self, mpsc::Receiver<RtcEvent>), RtcError> {
        let (events, receiver) = EventSender::channel();
        let tasks = Tasks::new();
        match Self::open(&config, events, tasks.clone()).await {
            Ok(peers) => Ok((peers, receiver)),
            Err(error) => {
                tasks.end(CLOSE).await; // also the drivers of connections that were opened
                Err(error)
            }
        }
    }

    async fn open(config: &PeerConfig, events: EventSender, tasks: Tasks) -> Result<Self, RtcError> {
        let tracks = TrackList::default();
        let publisher = RtcConnection::open(SignalTarget::Publisher, config, &events, &tracks, &tasks).await?;
        let subscriber = match config.mode {
            Mode::Single => None,
            Mode::Dual => Some(RtcConnection::open(SignalTarget::Subscriber, config, &events, &tracks, &tasks).await?),
        };
        open_data_channel(&publisher, &tasks, "_lossy", false).await?;
        let reliable = open_data_channel(&publisher, &tasks, "_reliable", true).await?;
        let peers = Self {
            publisher,
            subscriber,
            reliable,
            published: Mutex::default(),
            offering: AtomicBool::new(false),
            first_offer: Mutex::new(match config.mode {
                Mode::Single => FirstOffer::Unmade,
                Mode::Dual => FirstOffer::Applied,
            }),
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

    /// Sets the STUN and TURN servers that the join named. The stack uses them from the next gathering on, so the first
    /// offer of a single connection begins to gather here. Names are resolved within 500 ms.
    pub(crate) async fn set_ice_servers(&self, servers: &[IceServer]) -> Result<(), RtcError> {
        let transport = self.publisher.tunnels.transport();
        let resolved = ice_servers::resolve(servers, transport).await;
        for connection in self.connections() {
            let servers = resolved.for_stack(&connection.tunnels);
            if servers.is_empty() {
                continue;
            }
            if let Err(error) = connection.pc.set_configuration(engine::configuration(servers)).await {
                tracing::warn!(%error, "the ICE servers are not usable");
            }
        }
        self.apply_first_offer().await
    }

    async fn apply_first_offer(&self) -> Result<(), RtcError> {
        let offer = {
            let mut first = self.first_offer.lock();
            let FirstOffer::Made(offer) = &*first else { return Ok(()) };
            let offer = offer.clone();
            *first = FirstOffer::Applied;
            offer
        };
        self.publisher.pc.set_local_description(*offer).await.map_err(negotiation("applying the first offer"))
    }

    /// Adds m-lines for `audios` and `videos` more tracks of the server; an offer must follow.
    pub(crate) async fn add_m_lines(&self, audios: u32, videos: u32) -> Result<(), RtcError> {
        for (kind, count) in [(RtpCodecKind::Audio, audios), (RtpCodecKind::Video, videos)] {
            for _ in 0..count {
                let init = direction(RTCRtpTransceiverDirection::Recvonly);
                let added = self.publisher.pc.add_transceiver_from_kind(kind, Some(init)).await;
                added.map_err(negotiation("adding an m-line"))?;
            }
        }
        Ok(())
    }

    /// Our next offer, of the publisher connection. There is one at a time, except that an ICE restart replaces an offer
    /// whose answer was lost.
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
        {
            let mut first = self.first_offer.lock();
            if let FirstOffer::Unmade = *first {
                *first = FirstOffer::Made(Box::new(offer));
                return Ok(sdp);
            }
        }
        self.publisher.pc.set_local_description(offer).await?;
        Ok(sdp)
    }

    /// Applies the server's answer to our offer.
    pub(crate) async fn set_answer(&self, sdp: String) -> Result<(), RtcError> {
        let answer = RTCSessionDescription::answer(sdp).map_err(negotiation("reading the server's answer"))?;
        self.apply_first_offer().await?;
        self.publisher.set_remote(answer).await?;
        self.offering.store(false, Relaxed);
        let published = self.published.lock().clone();
        for track in published {
            track.read_negotiated().await?;
        }
        Ok(())
    }

    /// Answers the server's offer of the subscriber connection.
    pub(crate) async fn answer(&self, offer: String) -> Result<String, RtcError> {
        let subscriber = self.subscriber.as_ref().ok_or(RtcError::NoSubscriber)?;
        let offer = RTCSessionDescription::offer(offer).map_err(negotiation("reading the server's offer"))?;
        subscriber.set_remote(offer).await?;
        let failed = negotiation("answering the server's offer");
        let answer = subscriber.pc.create_answer(None).await.map_err(&failed)?;
        let sdp = answer.sdp.clone();
        subscriber.pc.set_local_description(answer).await.map_err(&failed)?;
        Ok(sdp)
    }

    /// Takes a candidate of the server, a `RTCIceCandidateInit` as JSON. It waits for the description it belongs to.
    pub(crate) async fn add_candidate(&self, target: SignalTarget, json: &str) -> Result<(), RtcError> {
        let candidate: RTCIceCandidateInit = serde_json::from_str(json).map_err(|_| RtcError::Candidate)?;
        if candidate.candidate.is_empty() {
            return Ok(()); // the end of the candidates
        }
        let connection = match target {
            SignalTarget::Publisher => &self.publisher,
            SignalTarget::Subscriber => self.subscriber.as_ref().unwrap_or(&self.publisher),
        };
        connection.add_candidate(candidate).await;
        Ok(())
    }

    /// The current descriptions, for `SyncState`.
    pub(crate) async fn descriptions(&self) -> Descriptions {
        let pc = &self.subscriber.as_ref().unwrap_or(&self.publisher).pc;
        let ours = pc.current_local_description().await.map(|d| d.sdp);
        let theirs = pc.current_remote_description().await.map(|d| d.sdp);
        match self.subscriber {
            None => Descriptions { offer: ours, answer: theirs },
            Some(_) => Descriptions { offer: theirs, answer: ours },
        }
    }

    /// Adds a video track with these layers, smallest first; an offer must follow. `cid` is that of the `AddTrackRequest`.
    pub(crate) async fn publish_video(&self, cid: &str, layers: &[SimulcastLayer]) -> Result<VideoSender, RtcError> {
        let rids = layers.iter().map(|l| l.rid.to_owned()).collect();
        let (publication, queue) = self.publish(cid, rids, RtpCodecKind::Video).await?;
        Ok(VideoSender::new(publication, queue))
    }

    /// Adds an audio track; an offer must follow. `cid` is that of the `AddTrackRequest`.
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
        if self.published.lock().iter().any(|t| t.has_cid(cid)) {
            return Err(RtcError::Track(cid.to_owned()));
        }
        let publication = Arc::new(Publication::new(cid, rids, &self.publisher, self.events.clone()));
        let (published, queue) = PublishedTrack::add(publication.clone(), kind, &self.publisher, &self.tasks).await?;
        self.published.lock().push(published);
        Ok((publication, queue))
    }

    /// Removes a published track; an offer must follow. Its m-line stays, inactive.
    pub(crate) async fn unpublish(&self, cid: &str) -> Result<(), RtcError> {
        let found = {
            let mut published = self.published.lock();
            published.iter().position(|t| t.has_cid(cid)).map(|i| published.remove(i))
        };
        let track = found.ok_or_else(|| RtcError::Track(cid.to_owned()))?;
        track.remove(&self.publisher).await
    }

    /// Statistics of now.
    pub(crate) async fn statistics(&self) -> PeerStatistics {
        let mut all = PeerStatistics {
            send_rate_bps: self.publisher.transport.send_rate(),
            sent_lost_percent: self.publisher.transport.sent_lost_percent(),
            reported_loss_percent: self.publisher.transport.reported_loss_percent(),
            tracks: self.tracks.statistics(),
            ..PeerStatistics::default()
        };
        for connection in self.connections() {
            let (sent, received) = connection.transport.bytes();
            all.sent_bytes += sent;
            all.received_bytes += received;
            let report = connection.pc.get_stats(Instant::now(), StatsSelector::None).await;
            let Some((pair, rtt_ms)) = selected_pair(&report, connection) else { continue };
            all.rtt_ms = all.rtt_ms.or(Some(rtt_ms).filter(|&ms| ms > 0.0));
            all.candidate_pairs.push(pair);
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

/// The reliable data channel. SCTP keeps what it sends until it is acknowledged, also over an ICE restart.
impl Peers {
    /// Sends a `DataPacket`, as soon as the channel is open.
    pub(crate) async fn send_data(&self, packet: &[u8]) -> Result<(), RtcError> {
        let failed = |e: rtc::shared::error::Error| RtcError::Data(e.to_string());
        while self.reliable.ready_state().await.map_err(failed)? == RTCDataChannelState::Connecting {
            tokio::time::sleep(DATA_POLL).await;
        }
        self.reliable.send(packet.into()).await.map_err(failed)?;
        self.publisher.tunnels.written();
        Ok(())
    }

    /// Waits until the server has acknowledged everything that was sent. Never returns if the channel closes before.
    pub(crate) async fn data_acknowledged(&self) {
        loop {
            match self.reliable.outstanding_bytes().await {
                Ok(0) => return,
                Ok(_) => tokio::time::sleep(DATA_POLL).await,
                Err(_) => std::future::pending().await,
            }
        }
    }
}

impl Drop for Peers {
    /// Ends the tasks of a session that was not closed: the stack's drivers would run for ever.
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

async fn open_data_channel(
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

async fn close_connection(connection: &RtcConnection) {
    match tokio::time::timeout(CLOSE, connection.pc.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a peer connection did not close cleanly"),
        Err(_) => tracing::warn!("a peer connection did not close in time"),
    }
}
