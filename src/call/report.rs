//! What wakes a call's driver: everything that its tasks report, through one bounded queue.

use crate::base::TrackSource;
use crate::rtc::{AudioSender, PeerStatistics, RemoteTrack, VideoSender};
use crate::session::{Epoch, Input, LinkInput, PeerInput, TrackHandle};
use tokio::sync::mpsc;

/// Reports that wait at most. Tasks then wait for the driver; hints are dropped while half of it is full.
pub(super) const QUEUE: usize = 1024;

/// A report.
pub(crate) enum TaskReport {
    /// For the session as it is.
    Session(Box<Input>),
    /// A remote track's media begins.
    RemoteTrack(Epoch, Box<RemoteTrack>),
    /// A remote track's media ended.
    TrackEnded(Epoch, TrackHandle),
    /// A track of ours can be fed.
    Published(String, TrackSource, TrackSender),
    /// A layer is to begin with a key frame.
    KeyframeWanted(String, usize),
    /// What the link carries, in bits a second.
    SendRate(u32),
    /// Figures of the peers.
    Statistics(Box<PeerStatistics>),
}

/// Where a track of ours is sent.
pub(crate) enum TrackSender {
    /// Sound.
    Audio(AudioSender),
    /// Picture.
    Video(VideoSender),
}

/// The tasks' end of the queue.
#[derive(Clone)]
pub(super) struct ReportSender(mpsc::Sender<TaskReport>);

impl ReportSender {
    /// A queue for one call.
    pub(super) fn channel() -> (Self, mpsc::Receiver<TaskReport>) {
        let (tx, rx) = mpsc::channel(QUEUE);
        (Self(tx), rx)
    }

    /// Waits for a place: for what must not be lost.
    pub(super) async fn send(&self, report: TaskReport) {
        if self.0.send(report).await.is_err() {
            tracing::trace!("a report came after the end of its call");
        }
    }

    /// For what will be said again.
    pub(super) fn hint(&self, report: TaskReport) {
        if self.0.capacity() > QUEUE / 2 && self.0.try_send(report).is_err() {
            tracing::trace!("a hint was dropped");
        }
    }

    pub(super) async fn link(&self, epoch: Epoch, input: LinkInput) {
        self.send(TaskReport::Session(Box::new(Input::Link(epoch, input)))).await;
    }

    pub(super) async fn peers(&self, epoch: Epoch, input: PeerInput) {
        self.send(TaskReport::Session(Box::new(Input::Peers(epoch, input)))).await;
    }
}
