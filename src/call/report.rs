//! The queue through which the tasks of a call report to its driver.

use crate::base::TrackSource;
use crate::rtc::{AudioSender, PeerStatistics, RemoteTrack, VideoSender};
use crate::session::{Epoch, Input, LinkInput, PeerInput, TrackHandle};
use std::net::SocketAddr;
use tokio::sync::mpsc;

/// Length of the queue. A task whose report must not be lost waits for a place; hints are dropped while more than half
/// of the queue is taken.
const QUEUE: usize = 1024;

/// A report of one of the tasks of a call.
pub(crate) enum TaskReport {
    /// An input for the session.
    Session(Box<Input>),
    /// A link was opened to this address of the server, or of the proxy on the way to it.
    Server(SocketAddr),
    /// A remote track was received; the session does not know yet whose it is.
    RemoteTrack(Epoch, Box<RemoteTrack>),
    /// A remote track has ended.
    TrackEnded(Epoch, TrackHandle),
    /// A track of ours, named by its client id, was published.
    Published(String, TrackSource, TrackSender),
    /// A receiver needs a key frame of this simulcast layer of a track of ours.
    KeyframeWanted(String, usize),
    /// The estimate of the bandwidth for sending, in bits a second.
    SendRate(u32),
    /// The first picture of a video track was put where it is shown.
    FirstPicture,
    /// Statistics of the peer connections.
    Statistics(Box<PeerStatistics>),
}

/// The sender of a track of ours.
pub(crate) enum TrackSender {
    /// Of an audio track.
    Audio(AudioSender),
    /// Of a video track.
    Video(VideoSender),
}

/// The sending end of the queue.
#[derive(Clone)]
pub(super) struct ReportSender(mpsc::Sender<TaskReport>);

impl ReportSender {
    /// The queue of one call.
    pub(super) fn channel() -> (Self, mpsc::Receiver<TaskReport>) {
        let (tx, rx) = mpsc::channel(QUEUE);
        (Self(tx), rx)
    }

    /// Waits for a place in the queue.
    pub(super) async fn send(&self, report: TaskReport) {
        if self.0.send(report).await.is_err() {
            tracing::trace!("a report after the end of its call was dropped");
        }
    }

    /// Drops the report while more than half of the queue is taken: it will be repeated.
    pub(super) fn hint(&self, report: TaskReport) {
        if self.0.capacity() > QUEUE / 2 && self.0.try_send(report).is_err() {
            tracing::trace!("a hint was dropped");
        }
    }

    /// Reports the address of the server.
    pub(super) async fn server(&self, address: Option<SocketAddr>) {
        if let Some(address) = address {
            self.send(TaskReport::Server(address)).await;
        }
    }

    /// Reports an input of the signalling link.
    pub(super) async fn link(&self, epoch: Epoch, input: LinkInput) {
        self.send(TaskReport::Session(Box::new(Input::Link(epoch, input)))).await;
    }

    /// Reports an input of the peer connections.
    pub(super) async fn peers(&self, epoch: Epoch, input: PeerInput) {
        self.send(TaskReport::Session(Box::new(Input::Peers(epoch, input)))).await;
    }
}
