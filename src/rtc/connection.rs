//! One peer connection with what belongs to it, and the callbacks through which it tells what happens.

use super::config::{PeerConfig, RtcError};
use super::engine;
use super::event::{EventSender, RtcEvent, Target};
use super::interceptors::TransportState;
use super::m_lines::MLines;
use super::receive::{self, Receiving};
use super::stats::TrackList;
use super::tasks::Tasks;
use async_trait::async_trait;
use rtc::sdp::SessionDescription;
use rtc::shared::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionEventHandler, RTCIceCandidateInit, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
    RTCSessionDescription,
};

/// Candidates that wait for a remote description; more than any server has addresses.
const WAITING_CANDIDATES: usize = 128;

/// One peer connection.
pub(super) struct RtcConnection {
    pub(super) pc: Arc<dyn PeerConnection>,
    pub(super) transport: Arc<TransportState>,
    pub(super) connected: watch::Receiver<bool>,
    receiving: Receiving,
    candidates: Mutex<Candidates>,
}

/// The other side's candidates.
#[derive(Default)]
struct Candidates {
    /// Whether the description that they belong to is applied.
    described: bool,
    waiting: Vec<RTCIceCandidateInit>,
}

/// What the stack could not do.
pub(super) fn negotiation(doing: &'static str) -> impl Fn(Error) -> RtcError {
    move |e| RtcError::Negotiation { doing, reason: e.to_string() }
}

impl RtcConnection {
    pub(super) async fn open(
        target: Target,
        config: &PeerConfig,
        events: &EventSender,
        tracks: &TrackList,
        tasks: &Tasks,
    ) -> Result<Self, RtcError> {
        let transport = Arc::new(TransportState::new(events.clone(), config.rates.start_bps));
        let receiving = Receiving {
            m_lines: Arc::new(MLines::default()),
            transport: transport.clone(),
            events: events.clone(),
            tracks: tracks.clone(),
            stop: tasks.stop().clone(),
        };
        let (connected, is_connected) = watch::channel(false);
        let handler = Handler { target, receiving: receiving.clone(), tasks: tasks.clone(), connected };
        let pc = engine::open(config, Arc::new(handler), transport.clone(), tasks).await?;
        Ok(Self { pc, transport, connected: is_connected, receiving, candidates: Mutex::default() })
    }

    /// Applies the other side's description, and then the candidates that came before it.
    pub(super) async fn describe(&self, remote: RTCSessionDescription) -> Result<(), RtcError> {
        let parsed = remote.unmarshal().map_err(negotiation("reading the server's description"))?;
        self.receiving.m_lines.update(&parsed);
        self.pc.set_remote_description(remote).await.map_err(negotiation("applying the server's description"))?;
        let waiting = {
            let mut candidates = self.candidates.lock().unwrap_or_else(PoisonError::into_inner);
            candidates.described = true;
            std::mem::take(&mut candidates.waiting)
        };
        for candidate in in_inactive_m_lines(&parsed).chain(waiting) {
            self.add(candidate).await;
        }
        Ok(())
    }

    /// Makes candidates wait again: they will belong to a description that has not come yet.
    pub(super) fn await_description(&self) {
        self.candidates.lock().unwrap_or_else(PoisonError::into_inner).described = false;
    }

    /// Takes one of the other side's candidates.
    pub(super) async fn candidate(&self, candidate: RTCIceCandidateInit) {
        {
            let mut candidates = self.candidates.lock().unwrap_or_else(PoisonError::into_inner);
            if !candidates.described {
                if candidates.waiting.len() < WAITING_CANDIDATES {
                    candidates.waiting.push(candidate);
                }
                return;
            }
        }
        self.add(candidate).await;
    }

    /// Reads one of our own data channels, and sees to it that it opens at once.
    pub(super) fn serve_channel(&self, channel: Arc<dyn DataChannel>, tasks: &Tasks) {
        tasks.spawn(wake_channel(channel.clone(), self.connected.clone(), tasks.stop().clone()));
        tasks.spawn(read_channel(channel, self.receiving.clone()));
    }

    /// One that cannot be used (a family that we lack, say) does no harm.
    async fn add(&self, candidate: RTCIceCandidateInit) {
        if let Err(error) = self.pc.add_ice_candidate(candidate).await {
            tracing::debug!(%error, "a candidate of the server is of no use");
        }
    }
}

/// The candidates that the stack passes over: it reads none in a section that is inactive, as the first one of a room
/// without tracks is, where a server that bundles writes them all.
fn in_inactive_m_lines(description: &SessionDescription) -> impl Iterator<Item = RTCIceCandidateInit> {
    let inactive = description.media_descriptions.iter().filter(|m| m.attribute("inactive").is_some());
    inactive.flat_map(|m| &m.attributes).filter(|a| a.is_ice_candidate()).filter_map(|a| {
        let candidate = format!("candidate:{}", a.value.as_deref()?);
        Some(RTCIceCandidateInit { candidate, sdp_mline_index: Some(0), ..RTCIceCandidateInit::default() })
    })
}

/// The stack calls these from its driver: nothing here may wait, or close the connection.
struct Handler {
    target: Target,
    receiving: Receiving,
    tasks: Tasks,
    connected: watch::Sender<bool>,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let json = event.candidate.to_json().ok().and_then(|c| serde_json::to_string(&c).ok());
        if let Some(json) = json {
            self.receiving.events.send(RtcEvent::LocalCandidate { target: self.target, json });
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        tracing::debug!(target = ?self.target, %state, "peer connection");
        let event = match state {
            RTCPeerConnectionState::Connected => RtcEvent::Connected(self.target),
            RTCPeerConnectionState::Disconnected => RtcEvent::Disconnected(self.target),
            RTCPeerConnectionState::Failed => RtcEvent::Failed(self.target),
            _ => return,
        };
        // While it is merely disconnected, packets may still arrive: sending goes on.
        self.connected.send_replace(!matches!(event, RtcEvent::Failed(_)));
        self.receiving.events.send(event);
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        self.tasks.spawn(read_channel(channel, self.receiving.clone()));
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        self.tasks.spawn(receive::receive(track, self.receiving.clone()));
    }
}

async fn read_channel(channel: Arc<dyn DataChannel>, with: Receiving) {
    let reading = async {
        let Ok(label) = channel.label().await else { return };
        while let Some(event) = channel.poll().await {
            let DataChannelEvent::OnMessage(message) = event else { continue };
            let data = RtcEvent::Data { label: label.clone(), bytes: message.data.freeze() };
            if !with.events.deliver(data).await {
                return;
            }
        }
    };
    tokio::select! {
        () = with.stop.cancelled() => {}
        () = reading => {}
    }
}

/// The driver leaves what it wrote while polling until its next wake, up to an ICE check later: wake it as soon as the
/// connection is up, when the channel's opening is waiting to be sent.
async fn wake_channel(
    channel: Arc<dyn DataChannel>,
    mut connected: watch::Receiver<bool>,
    stop: tokio_util::sync::CancellationToken,
) {
    let waking = async {
        if connected.wait_for(|up| *up).await.is_err() {
            return;
        }
        for ms in [1, 2, 5, 10, 20] {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            if channel.set_buffered_amount_low_threshold(0).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = waking => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_of_inactive_sections_are_found() {
        let session = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
        let section = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n";
        let candidate = "a=candidate:1 1 udp 2130706175 127.0.0.1 7882 typ host\r\n";
        let found = |direction: &str| {
            let text = format!("{session}{section}{candidate}a={direction}\r\n");
            let parsed = RTCSessionDescription::answer(text).and_then(|d| d.unmarshal()).expect("a description");
            in_inactive_m_lines(&parsed).map(|c| c.candidate).collect::<Vec<_>>()
        };
        assert_eq!(found("inactive"), ["candidate:1 1 udp 2130706175 127.0.0.1 7882 typ host"]);
        assert_eq!(found("sendrecv"), Vec::<String>::new(), "the stack reads these itself");
    }
}
