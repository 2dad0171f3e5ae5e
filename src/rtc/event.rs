//! Events of the peer connections, and what a remote track consists of.

use super::clock::SenderClock;
use super::depacketizer::VideoMedia;
use crate::base::{MediaKind, MediaPacket, SignalTarget};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// An event of one session's connections.
#[derive(Debug)]
pub(crate) enum RtcEvent {
    /// ICE and DTLS are up: media can flow.
    Connected(SignalTarget),
    /// Nothing has been received for 3 s; the connection may recover by itself.
    Disconnected(SignalTarget),
    /// The connection needs an ICE restart.
    Failed(SignalTarget),
    /// A local candidate for the server: `TrickleRequest.candidateInit`.
    LocalCandidate {
        /// The connection.
        target: SignalTarget,
        /// `RTCIceCandidateInit` as JSON.
        json: String,
    },
    /// A remote track has begun. It ends when its media channel closes.
    RemoteTrack(RemoteTrack),
    /// A message on a data channel.
    Data {
        /// `_reliable` or `_lossy`.
        label: String,
        /// A `DataPacket`.
        bytes: Bytes,
    },
    /// A layer needs a key frame: the server requested it (PLI, FIR), or a frame of it was dropped.
    KeyframeWanted {
        /// The published track.
        cid: Arc<str>,
        /// Index of the layer, smallest first.
        layer: usize,
    },
    /// A new estimate of the path to the server, for all tracks together.
    SendRate {
        /// Bits a second.
        bps: u32,
    },
}

/// A track that the server sends.
#[derive(Debug)]
pub(crate) struct RemoteTrack {
    /// MID of the m-line that carries it: the key of LiveKit's `mid_to_track_id`.
    pub(crate) mid: String,
    /// First word of the m-line's msid: `PA_…`, perhaps with `|…`.
    pub(crate) stream_id: String,
    /// Second word of the m-line's msid: `TR_…`.
    pub(crate) track_id: String,
    /// Audio or video.
    pub(crate) kind: MediaKind,
    /// Its media. The channel closes when the track ends, or when its m-line is bound to another track.
    pub(crate) media: RemoteMedia,
    /// Converts its RTP timestamps to its sender's clock.
    pub(crate) clock: SenderClock,
}

/// The media of a remote track, in a bounded queue. When it is full, audio loses packets, and video everything up to the
/// next key frame.
#[derive(Debug)]
pub(crate) enum RemoteMedia {
    /// Opus packets as they arrive: late, duplicate or missing. At most 128 wait.
    Audio(mpsc::Receiver<MediaPacket>),
    /// Whole VP8 frames in decoding order, at most 64 wait; and the way to request a key frame.
    Video(mpsc::Receiver<VideoMedia>, KeyframeRequester),
}

/// Requests a key frame of a received track; the frames before it are dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyframeRequester(Arc<AtomicBool>);

impl KeyframeRequester {
    /// Requests a key frame when the next packet arrives. Further requests until then change nothing.
    pub(crate) fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether one was requested since the last call.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// The sending end of the event queue.
#[derive(Clone, Debug)]
pub(super) struct EventSender(mpsc::Sender<RtcEvent>);

/// Events in the queue at most.
const EVENTS: usize = 512;
/// Places that are kept for events which are not repeated.
const RESERVED: usize = 256;

impl EventSender {
    pub(super) fn channel() -> (Self, mpsc::Receiver<RtcEvent>) {
        let (tx, rx) = mpsc::channel(EVENTS);
        (Self(tx), rx)
    }

    /// For events that are not repeated: dropped, and logged as an error, when the queue is full.
    pub(super) fn send(&self, event: RtcEvent) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.0.try_send(event) {
            tracing::error!(?event, "the queue of peer connection events is full");
        }
    }

    /// For events that are repeated: dropped when the queue is half full.
    pub(super) fn hint(&self, event: RtcEvent) {
        if self.0.capacity() > RESERVED {
            self.send(event);
        }
    }

    /// For events that must not be lost: waits for a place. Whether the receiver still exists.
    pub(super) async fn deliver(&self, event: RtcEvent) -> bool {
        self.0.send(event).await.is_ok()
    }
}
