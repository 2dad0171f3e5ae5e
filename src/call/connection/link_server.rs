//! The signalling link of a connection: carries out what the session asks of it, and hands on what it says.

use super::{CLOSE, FLUSH};
use crate::call::credentials::TokenCache;
use crate::call::report::ReportSender;
use crate::rtc::Peers;
use crate::session::{Epoch, LinkInput};
use crate::signal::{ResumeError, SignalLink, SignalLinkEvent, SignalLinkEvents};
use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Reply;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What is asked of the link, in order.
pub(super) enum LinkCommand {
    Send(Box<Request>),
    SyncState(Box<lk::SyncState>),
    Resume(lk::ReconnectReason),
    ResumeDone,
}

/// The last things that are asked of the link. They overtake the others, which a link that takes nothing any more would
/// hold up for ever.
pub(super) enum Parting {
    Goodbye,
    Close,
}

/// Carries out what is asked of the link.
pub(super) struct LinkServer {
    pub(super) epoch: Epoch,
    pub(super) link: Arc<SignalLink>,
    pub(super) peers: Arc<Peers>,
    pub(super) report_tx: ReportSender,
    /// Cancelled when what comes over the link is of no interest any more.
    pub(super) stop: CancellationToken,
    /// Cancelled when the session has given up connecting.
    pub(super) given_up: CancellationToken,
}

impl LinkServer {
    /// Serves until the link is closed, or nobody asks anything any more.
    pub(super) async fn run(self, mut commands: mpsc::Receiver<LinkCommand>, mut partings: mpsc::Receiver<Parting>) {
        let mut parting = None;
        while parting.is_none() {
            tokio::select! {
                biased;
                asked = partings.recv() => parting = Some(asked),
                Some(command) = commands.recv() => tokio::select! {
                    biased;
                    asked = partings.recv() => parting = Some(asked),
                    () = self.carry_out(command) => {}
                },
            }
        }
        // What was asked for before this is dropped: we are leaving. Nobody asks any more: the call is over.
        let mut parting = parting.flatten();
        while let Some(Parting::Goodbye) = parting {
            if self.link.goodbye(FLUSH).await {
                self.report_tx.link(self.epoch, LinkInput::GoodbyeSent).await;
            }
            parting = partings.recv().await;
        }
        self.stop.cancel();
        // A socket that is not closed yet must not be called so: the session names what it has to stop waiting for.
        if self.link.close(CLOSE).await {
            self.report_tx.link(self.epoch, LinkInput::Closed).await;
        }
    }

    async fn carry_out(&self, command: LinkCommand) {
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
            () = self.given_up.cancelled() => return,
            resumed = self.link.resume(reason) => resumed,
        };
        let input = match resumed {
            Ok(_) => LinkInput::Resumed,
            Err(ResumeError::Ended(reason)) => LinkInput::ResumeFailed(Some(leave(reason, Action::Disconnect))),
            Err(ResumeError::Rejoin(reason)) => LinkInput::ResumeFailed(Some(leave(reason, Action::Reconnect))),
            // The door will say why, in a way that can be shown.
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

/// Hands on what comes over the link until `stop`.
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
            Some(SignalLinkEvent::Message(message)) if matches!(*message, Reply::RefreshToken(_)) => {
                if let Reply::RefreshToken(token) = *message {
                    token_cache.refresh(token);
                }
            }
            Some(SignalLinkEvent::Message(message)) => report_tx.link(epoch, LinkInput::Message(message)).await,
            Some(SignalLinkEvent::Closed { reason }) => {
                tracing::info!(reason, "the signalling link is gone");
                report_tx.link(epoch, LinkInput::Lost).await;
            }
            None => return,
        }
    }
}
