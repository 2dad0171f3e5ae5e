//! The signalling tasks of a connection: one executes the session's commands on the link, one forwards what it receives.

use super::{CLOSE_LIMIT, FLUSH_LIMIT};
use crate::call::credentials::TokenCache;
use crate::call::report::ReportSender;
use crate::rtc::Peers;
use crate::session::{Epoch, LinkInput};
use crate::signal::{ResumeError, SignalLink, SignalLinkEvent, SignalLinkEvents};
use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// A command for the link; executed in order.
pub(super) enum LinkCommand {
    Send(Box<Request>),
    SyncState(Box<lk::SyncState>),
    Resume(lk::ReconnectReason),
    ResumeDone,
}

/// A command that ends the link. It has a queue of its own and overtakes every [`LinkCommand`]: a server that does not
/// read would block those for ever.
pub(super) enum ClosingCommand {
    Goodbye,
    Close,
}

/// Executes the commands for one link.
pub(super) struct LinkTask {
    pub(super) epoch: Epoch,
    pub(super) link: Arc<SignalLink>,
    pub(super) peers: Arc<Peers>,
    pub(super) report_tx: ReportSender,
    /// Cancelled when received messages are no longer forwarded.
    pub(super) stop: CancellationToken,
    /// Cancelled when the session has stopped connecting.
    pub(super) cancelled: CancellationToken,
    /// Ends the wait for a WebSocket that a resume opens: the way to the server is another one now.
    pub(super) give_up_resume: Arc<Notify>,
}

impl LinkTask {
    /// Runs until the link is closed, or both queues are.
    pub(super) async fn run(
        self,
        mut commands: mpsc::Receiver<LinkCommand>,
        mut closing: mpsc::Receiver<ClosingCommand>,
    ) {
        let mut received = None;
        while received.is_none() {
            tokio::select! {
                biased;
                command = closing.recv() => received = Some(command),
                Some(command) = commands.recv() => tokio::select! {
                    biased;
                    command = closing.recv() => received = Some(command),
                    () = self.execute(command) => {}
                },
            }
        }
        // Commands that still wait are dropped. `None`: the call dropped the connection; close without a goodbye.
        let mut command = received.flatten();
        while let Some(ClosingCommand::Goodbye) = command {
            if self.link.send_leave(FLUSH_LIMIT).await {
                self.report_tx.link(self.epoch, LinkInput::GoodbyeSent).await;
            }
            command = closing.recv().await;
        }
        self.stop.cancel();
        // A socket that did not close in time is not reported as closed: the session's own limit ends the wait, and its
        // receipt says so.
        if self.link.close(CLOSE_LIMIT).await {
            self.report_tx.link(self.epoch, LinkInput::Closed).await;
        }
    }

    async fn execute(&self, command: LinkCommand) {
        match command {
            LinkCommand::Send(message) => self.link.send(*message).await,
            LinkCommand::SyncState(mut state) => {
                let ours = self.peers.descriptions().await;
                let description = |kind: &str, sdp: Option<String>| {
                    sdp.map(|sdp| lk::SessionDescription { r#type: kind.into(), sdp, ..Default::default() })
                };
                state.offer = description("offer", ours.offer);
                state.answer = description("answer", ours.answer);
                self.link.send(Request::SyncState(*state)).await;
            }
            LinkCommand::Resume(reason) => self.resume(reason).await,
            LinkCommand::ResumeDone => self.link.set_reconnected().await,
        }
    }

    async fn resume(&self, reason: lk::ReconnectReason) {
        let resumed = tokio::select! {
            biased;
            () = self.cancelled.cancelled() => return,
            () = self.give_up_resume.notified() => return,
            resumed = self.link.resume(reason) => resumed,
        };
        let input = match resumed {
            Ok(response) => {
                self.report_tx.server(self.link.server()).await;
                LinkInput::Resumed(Box::new(response))
            }
            Err(ResumeError::Ended(reason)) => LinkInput::ResumeFailed(Some(leave(reason, Action::Disconnect))),
            Err(ResumeError::Rejoin(reason)) => LinkInput::ResumeFailed(Some(leave(reason, Action::Reconnect))),
            // A new join is refused for the same reason, with an error that can be shown.
            Err(ResumeError::Refused(error)) => {
                tracing::info!(%error, "the resume was refused");
                LinkInput::ResumeFailed(Some(leave(lk::DisconnectReason::StateMismatch, Action::Reconnect)))
            }
            Err(ResumeError::Failed(error)) => {
                tracing::info!(%error, "not resumed");
                LinkInput::ResumeFailed(None)
            }
        };
        self.report_tx.link(self.epoch, input).await;
    }
}

fn leave(reason: lk::DisconnectReason, action: Action) -> Box<lk::LeaveRequest> {
    Box::new(lk::LeaveRequest { reason: reason as i32, action: action as i32, ..Default::default() })
}

/// Forwards the link's messages to the session until `stop` is cancelled. A refreshed token goes to the token cache.
pub(super) async fn forward_link(
    epoch: Epoch,
    mut events: SignalLinkEvents,
    token_cache: TokenCache,
    report_tx: ReportSender,
    stop: CancellationToken,
) {
    loop {
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            event = events.recv() => event,
        };
        match event {
            Some(SignalLinkEvent::Message(message)) => match *message {
                Response::RefreshToken(token) => token_cache.refresh(token),
                _ => report_tx.link(epoch, LinkInput::Message(message)).await,
            },
            Some(SignalLinkEvent::Closed { reason }) => {
                tracing::info!(reason, "the signalling link is closed");
                report_tx.link(epoch, LinkInput::Lost).await;
            }
            None => return,
        }
    }
}
