//! The peers of a connection: carries out what the session asks of them, and hands on what they tell.

use crate::base::{MediaKind, SimulcastLayer, TrackSource};
use crate::call::report::{ReportSender, TaskReport, TrackSender};
use crate::rtc::{Peers, RtcError, RtcEvent};
use crate::session::{Epoch, PeerCommand, PeerInput, Target};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Carries out what is asked of the peers, in order.
pub(super) struct PeerServer {
    pub(super) epoch: Epoch,
    pub(super) peers: Arc<Peers>,
    pub(super) layers: Vec<SimulcastLayer>,
    pub(super) report_tx: ReportSender,
    /// Cancelled when they are to be closed.
    pub(super) close: CancellationToken,
}

impl PeerServer {
    /// Serves until the peers are closed, or nobody asks anything any more.
    pub(super) async fn run(self, mut commands: mpsc::Receiver<PeerCommand>) {
        let close = self.close.clone();
        let work = async {
            while let Some(command) = commands.recv().await {
                match self.carry_out(command).await {
                    Ok(Some(input)) => self.report_tx.peers(self.epoch, input).await,
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(%error, "the peer connections refused");
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

    async fn carry_out(&self, command: PeerCommand) -> Result<Option<PeerInput>, RtcError> {
        let peers = &self.peers;
        match command {
            PeerCommand::AddSections { audios, videos } => peers.add_m_lines(audios, videos).await.map(|()| None),
            PeerCommand::Publish { cid, source } => {
                publish(peers, cid, source, &self.layers, &self.report_tx).await.map(|()| None)
            }
            PeerCommand::Offer { ice_restart } => peers.offer(ice_restart).await.map(|s| Some(PeerInput::OfferMade(s))),
            PeerCommand::SetAnswer(sdp) => peers.set_answer(sdp).await.map(|()| None),
            PeerCommand::Answer { id, sdp } => {
                peers.answer(sdp).await.map(|sdp| Some(PeerInput::AnswerMade { id, sdp }))
            }
            PeerCommand::AddCandidate { target, json } => {
                let target = match target {
                    Target::Publisher => crate::rtc::Target::Publisher,
                    Target::Subscriber => crate::rtc::Target::Subscriber,
                };
                peers.add_candidate(target, &json).await.map(|()| None)
            }
            // Asked for by the token, which overtakes what is waiting here.
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

/// Hands on what the peers tell until they are closed.
pub(super) async fn forward_peers(epoch: Epoch, mut events: mpsc::Receiver<RtcEvent>, report_tx: ReportSender) {
    let target = |t: crate::rtc::Target| match t {
        crate::rtc::Target::Publisher => Target::Publisher,
        crate::rtc::Target::Subscriber => Target::Subscriber,
    };
    while let Some(event) = events.recv().await {
        match event {
            RtcEvent::Connected(t) => report_tx.peers(epoch, PeerInput::Up(target(t))).await,
            RtcEvent::Disconnected(t) | RtcEvent::Failed(t) => report_tx.peers(epoch, PeerInput::Down(target(t))).await,
            RtcEvent::LocalCandidate { target: t, json } => {
                report_tx.peers(epoch, PeerInput::LocalCandidate { target: target(t), json }).await;
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
