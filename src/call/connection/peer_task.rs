//! The peer tasks of a connection: one executes the session's commands on the peer connections, one forwards their events.

use crate::base::{MediaKind, SimulcastLayer, TrackSource};
use crate::call::report::{ReportSender, TaskReport, TrackSender};
use crate::rtc::{Peers, RtcError, RtcEvent};
use crate::session::{Epoch, PeerCommand, PeerInput};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Executes commands on the peer connections, in order.
pub(super) struct PeerTask {
    pub(super) epoch: Epoch,
    pub(super) peers: Arc<Peers>,
    pub(super) layers: Vec<SimulcastLayer>,
    /// Whether the server is reached without STUN and TURN.
    pub(super) direct: bool,
    pub(super) report_tx: ReportSender,
    /// Cancelled to close the peer connections; overtakes the commands.
    pub(super) close: CancellationToken,
}

impl PeerTask {
    /// Runs until `close` is cancelled or the queue is closed; then closes the peer connections.
    pub(super) async fn run(self, mut commands: mpsc::Receiver<PeerCommand>) {
        let close = self.close.clone();
        let work = async {
            while let Some(command) = commands.recv().await {
                match self.execute(command).await {
                    Ok(Some(input)) => self.report_tx.peers(self.epoch, input).await,
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(%error, "a command on the peer connections failed");
                        self.report_tx.peers(self.epoch, PeerInput::NegotiationFailed(error.to_string())).await;
                    }
                }
            }
        };
        tokio::select! {
            biased;
            () = close.cancelled() => {}
            () = work => {}
        }
        self.peers.close().await;
        self.report_tx.peers(self.epoch, PeerInput::Closed).await;
    }

    async fn execute(&self, command: PeerCommand) -> Result<Option<PeerInput>, RtcError> {
        let peers = &self.peers;
        match command {
            PeerCommand::SetIceServers(servers) => {
                let servers = if self.direct { &[][..] } else { &servers[..] };
                peers.set_ice_servers(servers).await.map(|()| None)
            }
            PeerCommand::AddMLines { audios, videos } => peers.add_m_lines(audios, videos).await.map(|()| None),
            PeerCommand::Publish { cid, source } => {
                publish(peers, cid, source, &self.layers, &self.report_tx).await.map(|()| None)
            }
            PeerCommand::Unpublish { cid } => peers.unpublish(&cid).await.map(|()| None),
            PeerCommand::Offer { ice_restart } => peers.offer(ice_restart).await.map(|s| Some(PeerInput::OfferMade(s))),
            PeerCommand::SetAnswer(sdp) => peers.set_answer(sdp).await.map(|()| None),
            PeerCommand::Answer { id, sdp } => {
                peers.answer(sdp).await.map(|sdp| Some(PeerInput::AnswerMade { id, sdp }))
            }
            PeerCommand::AddCandidate { target, json } => peers.add_candidate(target, &json).await.map(|()| None),
            // Comes through `close` instead.
            PeerCommand::Close => Ok(None),
        }
    }
}

async fn publish(
    peers: &Arc<Peers>,
    cid: String,
    source: TrackSource,
    camera: &[SimulcastLayer],
    report_tx: &ReportSender,
) -> Result<(), RtcError> {
    let sender = match source.kind() {
        MediaKind::Audio => TrackSender::Audio(peers.publish_audio(&cid).await?),
        MediaKind::Video => {
            let layers = SimulcastLayer::for_source(source, camera);
            TrackSender::Video(peers.publish_video(&cid, &layers).await?)
        }
    };
    report_tx.send(TaskReport::Published(cid, source, sender)).await;
    Ok(())
}

/// Forwards the events of the peer connections until they are closed.
pub(super) async fn forward_peers(epoch: Epoch, mut events: mpsc::Receiver<RtcEvent>, report_tx: ReportSender) {
    while let Some(event) = events.recv().await {
        match event {
            RtcEvent::Connected(target) => report_tx.peers(epoch, PeerInput::Up(target)).await,
            RtcEvent::Disconnected(target) | RtcEvent::Failed(target) => {
                report_tx.peers(epoch, PeerInput::Down(target)).await
            }
            RtcEvent::LocalCandidate { target, json } => {
                report_tx.peers(epoch, PeerInput::LocalCandidate { target, json }).await;
            }
            RtcEvent::RemoteTrack(track) => report_tx.send(TaskReport::RemoteTrack(epoch, Box::new(track))).await,
            RtcEvent::KeyframeWanted { cid, layer } => {
                report_tx.hint(TaskReport::KeyframeWanted(cid.to_string(), layer))
            }
            RtcEvent::SendRate { bps } => report_tx.hint(TaskReport::SendRate(bps)),
            // The client has no use for data messages yet.
            RtcEvent::Data { label, bytes } => tracing::debug!(label, bytes = bytes.len(), "a data message is ignored"),
        }
    }
}
