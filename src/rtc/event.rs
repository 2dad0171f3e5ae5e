//! What peer connections tell, and what a remote track gives.

use super::clock::SenderClock;
use crate::base::{EncodedFrame, MediaKind, MediaPacket};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// One of a session's peer connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// The one that we offer; with a single connection the only one.
    Publisher,
    /// The one that the server offers (dual mode).
    Subscriber,
}

/// What happened on the connections of one session.
#[derive(Debug)]
pub(crate) enum RtcEvent {
    /// Media can flow.
    Connected(Target),
    /// Nothing has come for a while; it may come back by itself.
    Disconnected(Target),
    /// It will not come back without an ICE restart.
    Failed(Target),
    /// A candidate for the server: `TrickleRequest.candidateInit`.
    LocalCandidate {
        /// Whose.
        target: Target,
        /// `RTCIceCandidateInit` as JSON.
        json: String,
    },
    /// A remote track has begun. It ends when its media ends.
    RemoteTrack(RemoteTrack),
    /// A message on a data channel.
    Data {
        /// `_reliable` or `_lossy`.
        label: String,
        /// A `DataPacket`.
        bytes: Bytes,
    },
    /// A layer must begin with a key frame: somebody asked, or one of its frames was dropped.
    KeyframeWanted {
        /// The published track.
        cid: Arc<str>,
        /// Index into its layers.
        layer: usize,
    },
    /// What the way to the server carries now, in bits a second, all tracks together.
    SendRate {
        /// Bits a second.
        bps: u32,
    },
}

/// A track that the server sends.
#[derive(Debug)]
pub(crate) struct RemoteTrack {
    /// The section it is bound to: the key of `mid_to_track_id`.
    pub(crate) mid: String,
    /// First half of the section's msid: `PA_…`, perhaps with `|…`.
    pub(crate) stream_id: String,
    /// Second half of the section's msid: `TR_…`.
    pub(crate) track_id: String,
    /// Sound or picture.
    pub(crate) kind: MediaKind,
    /// Its media. The channel closes when the track ends, or when its section is bound to another one.
    pub(crate) media: RemoteMedia,
    /// Ties its RTP timestamps to its sender's clock.
    pub(crate) clock: SenderClock,
}

/// The media of a remote track, bounded. Whoever does not keep up loses packets (sound) or everything up to the next
/// key frame (picture).
#[derive(Debug)]
pub(crate) enum RemoteMedia {
    /// Packets as they come: late, doubled or missing. 128 wait at most.
    Audio(mpsc::Receiver<MediaPacket>),
    /// Whole VP8 frames in decoding order. 64 wait at most. A decoder that cannot go on asks for a key frame.
    Video(mpsc::Receiver<VideoMedia>, KeyframeRequester),
}

/// One step of a received picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VideoMedia {
    /// The next frame.
    Frame(EncodedFrame),
    /// Frames are missing here; the next one is a key frame, and it has been asked for.
    Gap,
}

/// Asks for a key frame of a received picture; everything before it is dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyframeRequester(Arc<AtomicBool>);

impl KeyframeRequester {
    /// Asks. Until the next packet asking again changes nothing.
    pub(crate) fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether one was asked for since the last look.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Where events go: a bounded queue that the callbacks of a connection never wait for.
#[derive(Clone, Debug)]
pub(super) struct EventSender(mpsc::Sender<RtcEvent>);

/// Events that wait at most.
const EVENTS: usize = 512;
/// Places that only events which are not repeated may take.
const RESERVED: usize = 256;

impl EventSender {
    pub(super) fn channel() -> (Self, mpsc::Receiver<RtcEvent>) {
        let (tx, rx) = mpsc::channel(EVENTS);
        (Self(tx), rx)
    }

    /// For what is said only once.
    pub(super) fn send(&self, event: RtcEvent) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.0.try_send(event) {
            tracing::error!(?event, "nobody takes the events of a peer connection");
        }
    }

    /// For what will be said again: dropped while the queue is half full.
    pub(super) fn hint(&self, event: RtcEvent) {
        if self.0.capacity() > RESERVED {
            self.send(event);
        }
    }

    /// For what must not be lost: waits for a place.
    pub(super) async fn deliver(&self, event: RtcEvent) -> bool {
        self.0.send(event).await.is_ok()
    }
}
