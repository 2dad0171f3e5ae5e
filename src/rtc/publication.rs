//! A published track: what was negotiated for it, and the task that writes its packets to the connection.

use super::config::RtcError;
use super::connection::{RtcConnection, negotiation};
use super::engine;
use super::event::{EventSender, RtcEvent};
use super::tasks::Tasks;
use super::transport::TransportState;
use super::tunnel::Tunnels;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp::Packet;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sdp::extmap;
use std::sync::{Arc, OnceLock};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use webrtc::media_stream::track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP};
use webrtc::rtp_transceiver::{RtpSender, RtpTransceiver};

/// Frames of one track in the queue to its connection: a few of each of three layers. When it is full, the newest frame
/// is dropped.
const QUEUED_FRAMES: usize = 24;

/// The header fields that all packets of a negotiated track share.
#[derive(Debug)]
pub(super) struct Negotiated {
    pub(super) payload_type: u8,
    pub(super) mid: String,
    /// Ids of the header extensions; `None` for one that was refused.
    pub(super) mid_id: Option<u8>,
    pub(super) rid_id: Option<u8>,
    pub(super) level_id: Option<u8>,
}

/// A published track, as its connection and its sender share it.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) cid: Arc<str>,
    /// One for each layer, smallest first.
    pub(super) ssrcs: Vec<u32>,
    /// RID of each layer; empty for a track without layers.
    pub(super) rids: Vec<String>,
    pub(super) negotiated: OnceLock<Negotiated>,
    pub(super) connected: watch::Receiver<bool>,
    pub(super) transport: Arc<TransportState>,
    pub(super) events: EventSender,
}

impl Publication {
    pub(super) fn new(cid: &str, rids: Vec<String>, connection: &RtcConnection, events: EventSender) -> Self {
        Self {
            cid: cid.into(),
            ssrcs: rids.iter().map(|_| rand::random()).collect(),
            rids,
            negotiated: OnceLock::new(),
            connected: connection.connected.clone(),
            transport: connection.transport.clone(),
            events,
        }
    }

    pub(super) fn want_keyframe(&self, layer: usize) {
        self.events.hint(RtcEvent::KeyframeWanted { cid: self.cid.clone(), layer });
    }
}

/// A published track with its place in the connection.
#[derive(Clone)]
pub(super) struct PublishedTrack {
    pub(super) publication: Arc<Publication>,
    transceiver: Arc<dyn RtpTransceiver>,
    sender: Arc<dyn RtpSender>,
    /// Ends the task that writes its packets.
    end: CancellationToken,
}

impl PublishedTrack {
    /// Adds the track to the connection, and starts the task that writes its packets. Returns the queue to that task.
    pub(super) async fn add(
        publication: Arc<Publication>,
        kind: RtpCodecKind,
        connection: &RtcConnection,
        tasks: &Tasks,
    ) -> Result<(Self, mpsc::Sender<Vec<Packet>>), RtcError> {
        let failed = negotiation("publishing a track");
        let local = Arc::new(TrackLocalStaticRTP::new(local_track(&publication, kind)));
        let init = direction(RTCRtpTransceiverDirection::Sendonly);
        let transceiver = connection.pc.add_transceiver_from_track(local.clone(), Some(init)).await.map_err(&failed)?;
        if kind == RtpCodecKind::Video {
            transceiver.set_codec_preferences(engine::sent_video_codecs()).await.map_err(&failed)?;
        }
        let sender = transceiver.sender().await.map_err(&failed)?.ok_or(RtcError::Closed)?;
        let (queue, packets) = mpsc::channel(QUEUED_FRAMES);
        let end = tasks.stop().child_token();
        tasks.spawn(write_packets(local, packets, connection.tunnels.clone(), end.clone()));
        if kind == RtpCodecKind::Video {
            publication.transport.add_sent_video(&publication.cid, &publication.ssrcs);
        }
        let published = Self { publication, transceiver, sender, end };
        Ok((published, queue))
    }

    pub(super) fn has_cid(&self, cid: &str) -> bool {
        &*self.publication.cid == cid
    }

    /// Reads what the answer settled, unless that is known or the answer leaves it open.
    pub(super) async fn read_negotiated(&self) -> Result<(), RtcError> {
        if self.publication.negotiated.get().is_some() {
            return Ok(());
        }
        let failed = negotiation("reading what was negotiated");
        let Some(mid) = self.transceiver.mid().await.map_err(&failed)? else { return Ok(()) };
        let parameters = self.sender.get_parameters().await.map_err(&failed)?.rtp_parameters;
        let is_sent =
            |mime: &str| [engine::vp8(), engine::opus()].iter().any(|codec| codec.mime_type.eq_ignore_ascii_case(mime));
        let media = parameters.codecs.iter().find(|c| is_sent(&c.rtp_codec.mime_type));
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

    /// Takes the track out of the connection; an offer must follow.
    pub(super) async fn remove(&self, connection: &RtcConnection) -> Result<(), RtcError> {
        self.publication.transport.remove_sent_video(&self.publication.ssrcs);
        self.end.cancel();
        connection.pc.remove_track(&self.sender).await.map_err(negotiation("unpublishing a track"))
    }
}

pub(super) fn direction(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit { direction, ..RTCRtpTransceiverInit::default() }
}

/// The stack's form of a track. The track id of its msid must be the `cid` of the `AddTrackRequest`.
fn local_track(publication: &Publication, kind: RtpCodecKind) -> MediaStreamTrack {
    let video = kind == RtpCodecKind::Video;
    let codec = if video { engine::vp8() } else { engine::opus() };
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

/// Writes the packets of one published track to its connection.
async fn write_packets(
    track: Arc<TrackLocalStaticRTP>,
    mut queue: mpsc::Receiver<Vec<Packet>>,
    tunnels: Tunnels,
    end: CancellationToken,
) {
    let writing = async {
        while let Some(packets) = queue.recv().await {
            for packet in packets {
                if let Err(error) = track.write_rtp(packet).await {
                    tracing::debug!(%error, "a packet was not sent");
                }
            }
            tunnels.written();
        }
    };
    tokio::select! {
        () = end.cancelled() => {}
        () = writing => {}
    }
}
