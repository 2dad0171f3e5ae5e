//! The channel to the task that owns the hub ([`driver`](super::driver)). Every clone of [`HubHandle`] sends into it.

use super::link_queue::LinkQueue;
use super::stats::EngineStats;
use crate::hub::{AdminCall, AdminResult, Admission, LinkId, Refusal};
use livekit_protocol as lk;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::{mpsc, oneshot};

/// Commands that may wait for the hub. When it is full, senders wait; nothing is dropped.
const COMMANDS: usize = 1024;

/// The server is stopping and answers no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The server is stopping.")]
pub(super) struct Stopping;

/// A message to the driver.
pub(super) enum HubCommand {
    Refusal { admission: Box<Admission>, resume: bool, reply: oneshot::Sender<Option<Refusal>> },
    Join { link: LinkId, queue: LinkQueue, joining: Box<Joining> },
    Signal { link: LinkId, message: Box<lk::signal_request::Message> },
    LinkGone { link: LinkId },
    Admin { request: Box<AdminCall>, reply: oneshot::Sender<AdminResult> },
    Stats { reply: oneshot::Sender<EngineStats> },
    Shutdown,
    Halt,
}

/// A verified request to join.
#[derive(Clone, Debug)]
pub(super) struct Joining {
    pub(super) admission: Admission,
    pub(super) request: lk::JoinRequest,
    /// Whether the client speaks v1 (one peer connection).
    pub(super) single: bool,
}

/// The sending end of the channel to the hub.
#[derive(Clone)]
pub(super) struct HubHandle {
    commands: mpsc::Sender<HubCommand>,
    next_link: Arc<AtomicU64>,
}

impl HubHandle {
    /// A handle, and the receiving end for the driver.
    pub(super) fn new() -> (Self, mpsc::Receiver<HubCommand>) {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        (Self { commands, next_link: Arc::new(AtomicU64::new(1)) }, receiver)
    }

    /// Why a join would be refused now; see [`Hub::refusal`](crate::hub::Hub::refusal).
    pub(super) async fn refusal(&self, admission: Admission, resume: bool) -> Result<Option<Refusal>, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.send(HubCommand::Refusal { admission: Box::new(admission), resume, reply }).await?;
        answer.await.map_err(|_| Stopping)
    }

    /// Registers a new link. The hub's messages for it go into `queue`.
    pub(super) async fn join(&self, queue: LinkQueue, joining: Box<Joining>) -> Result<LinkId, Stopping> {
        let link = LinkId(self.next_link.fetch_add(1, Relaxed));
        self.send(HubCommand::Join { link, queue, joining }).await?;
        Ok(link)
    }

    /// Passes on a client's message.
    pub(super) async fn signal(&self, link: LinkId, message: lk::signal_request::Message) -> Result<(), Stopping> {
        self.send(HubCommand::Signal { link, message: Box::new(message) }).await
    }

    /// Reports the end of a link. Ignored while the server stops.
    pub(super) async fn link_gone(&self, link: LinkId) {
        self.send(HubCommand::LinkGone { link }).await.unwrap_or_default();
    }

    /// Makes an admin call.
    pub(super) async fn admin(&self, request: AdminCall) -> Result<AdminResult, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.send(HubCommand::Admin { request: Box::new(request), reply }).await?;
        answer.await.map_err(|_| Stopping)
    }

    /// The current counts.
    pub(super) async fn stats(&self) -> Result<EngineStats, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.send(HubCommand::Stats { reply }).await?;
        answer.await.map_err(|_| Stopping)
    }

    /// Sends `leave` to every member. Their links end when it is written.
    pub(super) async fn shutdown(&self) {
        self.send(HubCommand::Shutdown).await.unwrap_or_default();
    }

    /// Ends the driver.
    pub(super) async fn halt(&self) {
        self.send(HubCommand::Halt).await.unwrap_or_default();
    }

    async fn send(&self, command: HubCommand) -> Result<(), Stopping> {
        self.commands.send(command).await.map_err(|_| Stopping)
    }
}
