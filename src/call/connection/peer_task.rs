//! The peer tasks of a connection: one executes the session's commands on the peer connections, one forwards their events.

use crate::base::{MediaKind, SimulcastLayer, TrackSource};
use crate::call::report::{ReportSender, TaskReport, TrackSender};
use crate::rtc::{Peers, RtcError, RtcEvent};
use crate::session::{Epoch, PeerCommand, PeerInput};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The data channel of messages that must arrive, in order.
const RELIABLE: &str = "_reliable";

/// A packet of the session for the reliable data channel, with its sequence number.
pub(super) type DataToSend = (u32, bytes::Bytes);

/// Sends packets on the reliable data channel, in order, and reports when the server has acknowledged them. Waiting for
/// the channel delays no command.
pub(super) async fn send_data(
    epoch: Epoch,
    peers: Arc<Peers>,
    mut packets: mpsc::Receiver<DataToSend>,
    report_tx: ReportSender,
    close: CancellationToken,
) {
    let mut sent = None;
    let work = async {
        loop {
            let next = match sent {
                None => packets.recv().await,
                Some(sequence) => tokio::select! {
                    biased;
                    next = packets.recv() => next,
                    () = peers.data_acknowledged() => {
                        report_tx.peers(epoch, PeerInput::DataAcknowledged(sequence)).await;
                        sent = None;
                        continue;
                    }
                },
            };
            let Some((sequence, payload)) = next else { return };
            match peers.send_data(&payload).await {
                Ok(()) => sent = Some(sequence),
                // The session sends it again on the next connection.
                Err(error) => tracing::warn!(%error, "a data message was not sent"),
            }
        }
    };
    tokio::select! {
        biased;
        () = close.cancelled() => {}
        () = work => {}
    }
}

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
            // Come through queues of their own instead.
            PeerCommand::SendData { .. } | PeerCommand::Close => Ok(None),
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
            RtcEvent::Data { label, bytes } if label == RELIABLE => {
                let unix_ms = crate::clock::unix_ms() as i64;
                report_tx.peers(epoch, PeerInput::Data { payload: bytes, unix_ms }).await;
            }
            RtcEvent::Data { label, bytes } => tracing::debug!(label, bytes = bytes.len(), "a data message is ignored"),
        }
    }
}
