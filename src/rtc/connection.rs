//! One peer connection: its remote candidates, its data channels, and the callbacks of the stack.

use super::config::{PeerConfig, RtcError};
use super::engine;
use super::event::{EventSender, RtcEvent};
use super::m_lines::MLines;
use super::receive::{self, Receiving};
use super::remote_candidate::{left_out, ufrag, usable};
use super::stats::TrackList;
use super::tasks::Tasks;
use super::transport::TransportState;
use super::tunnel::Tunnels;
use crate::base::SignalTarget;
use async_trait::async_trait;
use parking_lot::Mutex;
use rtc::shared::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionEventHandler, RTCIceCandidateInit, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
    RTCSessionDescription,
};

/// Remote candidates that wait for their description at most; further ones are dropped.
const WAITING_CANDIDATES: usize = 128;

/// One peer connection.
pub(super) struct RtcConnection {
    pub(super) target: SignalTarget,
    pub(super) pc: Arc<dyn PeerConnection>,
    pub(super) transport: Arc<TransportState>,
    pub(super) connected: watch::Receiver<bool>,
    /// Ways for media other than UDP.
    pub(super) tunnels: Tunnels,
    receiving: Receiving,
    candidates: Mutex<Candidates>,
}

/// Remote candidates.
#[derive(Default)]
struct Candidates {
    /// Whether the description that they belong to is applied.
    described: bool,
    /// The user name fragment of the description.
    ufrag: String,
    waiting: Vec<RTCIceCandidateInit>,
}

/// An error of the stack in the step `doing`.
pub(super) fn negotiation(doing: &'static str) -> impl Fn(Error) -> RtcError {
    move |e| RtcError::Negotiation { doing, reason: e.to_string() }
}

impl RtcConnection {
    pub(super) async fn open(
        target: SignalTarget,
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
        let tunnels = Tunnels::new(config.transport, tasks.clone());
        let handler =
            Handler { target, receiving: receiving.clone(), tasks: tasks.clone(), connected, tunnels: tunnels.clone() };
        let pc = engine::open(config, Arc::new(handler), transport.clone(), tasks, &tunnels).await?;
        Ok(Self { target, pc, transport, connected: is_connected, tunnels, receiving, candidates: Mutex::default() })
    }

    /// Applies a remote description, and then the candidates that came before it.
    pub(super) async fn set_remote(&self, remote: RTCSessionDescription) -> Result<(), RtcError> {
        let parsed = remote.unmarshal().map_err(negotiation("reading the server's description"))?;
        self.receiving.m_lines.update(&parsed);
        self.pc.set_remote_description(remote).await.map_err(negotiation("applying the server's description"))?;
        let waiting = {
            let mut candidates = self.candidates.lock();
            candidates.described = true;
            candidates.ufrag = ufrag(&parsed);
            std::mem::take(&mut candidates.waiting)
        };
        for candidate in left_out(&parsed).chain(waiting) {
            self.apply(candidate).await;
        }
        Ok(())
    }

    /// Makes candidates wait for the next remote description, after an ICE restart.
    pub(super) fn await_description(&self) {
        self.candidates.lock().described = false;
    }

    /// Takes a remote candidate.
    pub(super) async fn add_candidate(&self, candidate: RTCIceCandidateInit) {
        {
            let mut candidates = self.candidates.lock();
            if !candidates.described {
                if candidates.waiting.len() < WAITING_CANDIDATES {
                    candidates.waiting.push(candidate);
                }
                return;
            }
        }
        self.apply(candidate).await;
    }

    /// Reads one of our own data channels, and makes it open without delay.
    pub(super) fn serve_channel(&self, channel: Arc<dyn DataChannel>, tasks: &Tasks) {
        tasks.spawn(wake_channel(channel.clone(), self.connected.clone(), tasks.stop().clone()));
        tasks.spawn(read_channel(channel, self.receiving.clone()));
    }

    /// Hands a candidate to the stack. One that it refuses, of an unknown address family for example, is skipped.
    async fn apply(&self, candidate: RTCIceCandidateInit) {
        let ufrag = self.candidates.lock().ufrag.clone();
        let Some(candidate) = usable(candidate, &ufrag, &self.tunnels) else { return };
        if let Err(error) = self.pc.add_ice_candidate(candidate).await {
            tracing::debug!(%error, "a remote candidate is refused");
        }
    }
}

/// The callbacks. The stack calls them from its driver: they must not wait, and not close the connection.
struct Handler {
    target: SignalTarget,
    receiving: Receiving,
    tasks: Tasks,
    connected: watch::Sender<bool>,
    tunnels: Tunnels,
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
        self.tunnels.set_up(state == RTCPeerConnectionState::Connected);
        let event = match state {
            RTCPeerConnectionState::Connected => RtcEvent::Connected(self.target),
            RTCPeerConnectionState::Disconnected => RtcEvent::Disconnected(self.target),
            RTCPeerConnectionState::Failed => RtcEvent::Failed(self.target),
            _ => return,
        };
        // Packets may still arrive while it is disconnected, so sending goes on.
        self.connected.send_replace(!matches!(event, RtcEvent::Failed(_)));
        if state == RTCPeerConnectionState::Connected {
            // What was sent meanwhile is lost.
            self.receiving.transport.request_keyframes();
        }
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

/// Wakes the driver as soon as the connection is up, when the channel's DATA_CHANNEL_OPEN is queued: by itself the driver
/// sends packets queued while it polled only at its next wake, up to one ICE check later.
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
