//! One connection to a room. A task gets the token and opens peers and signalling; then one task executes the session's
//! commands on the link and another those on the peers, each in order.

mod link_task;
mod peer_task;
#[cfg(test)]
mod tests;

use super::credentials::{JoinCredentials, TokenCache};
use super::report::{ReportSender, TaskReport};
use crate::base::{EntryErrorKind, SimulcastLayer, TrackSource, Transport};
use crate::proto::link::is_loopback;
use crate::rtc::{Mode, PeerConfig, Peers, RtcEvent, SendRates};
use crate::session::{EntryError, Epoch, LinkInput, PeerCommand, PeerInput};
use crate::signal::{ConnectError, ConnectOptions, SignalLink, SignalLinkEvents};
use link_task::{ClosingCommand, LinkCommand, LinkTask, forward_link};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use peer_task::{DataToSend, PeerTask, forward_peers, send_data};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Commands that wait for the link, for the peers, and for the data channel; further ones are dropped.
const COMMANDS: usize = 512;
/// Closing commands that wait for the link: one goodbye and one close.
const CLOSING_COMMANDS: usize = 2;
/// How long the WebSocket may take to open.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long writing the goodbye may take.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);
/// How long the closing handshake of the WebSocket may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(200);

/// The parameters of a connection.
#[derive(Clone, Debug)]
pub(crate) struct ConnectPlan {
    /// Server, room and token.
    pub(crate) credentials: JoinCredentials,
    /// Simulcast layers of the camera's track, smallest first.
    pub(crate) layers: Vec<SimulcastLayer>,
    /// How media may go.
    pub(crate) transport: Transport,
}

/// A connection that is being opened or in use. Dropping it closes everything.
pub(super) struct CallConnection {
    /// Cancelled when the session has stopped connecting.
    pub(super) cancelled: CancellationToken,
    link: mpsc::Sender<LinkCommand>,
    /// Ends the wait for a WebSocket that a resume opens.
    give_up_resume: Arc<Notify>,
    closing: mpsc::Sender<ClosingCommand>,
    peers: mpsc::Sender<PeerCommand>,
    data: mpsc::Sender<DataToSend>,
    /// Cancelled to close the peers; overtakes the commands that wait for them.
    close_peers: CancellationToken,
    opened: Arc<OnceLock<Weak<Peers>>>,
}

impl CallConnection {
    /// Begins to connect. The result is reported through `report_tx`; after [`CallConnection::cancel`] both parts report
    /// `Closed`.
    pub(super) fn start(epoch: Epoch, plan: ConnectPlan, token_cache: TokenCache, report_tx: ReportSender) -> Self {
        let cancelled = CancellationToken::new();
        let (link, link_commands) = mpsc::channel(COMMANDS);
        let (closing, closing_commands) = mpsc::channel(CLOSING_COMMANDS);
        let (peers, peer_commands) = mpsc::channel(COMMANDS);
        let (data, data_to_send) = mpsc::channel(COMMANDS);
        let close_peers = CancellationToken::new();
        let opened = Arc::new(OnceLock::new());
        let give_up_resume = Arc::new(Notify::new());
        let task =
            ConnectTask { epoch, plan, token_cache, report_tx, cancelled: cancelled.clone(), opened: opened.clone() };
        let commands = Commands {
            link: link_commands,
            give_up_resume: give_up_resume.clone(),
            closing: closing_commands,
            peers: peer_commands,
            data: data_to_send,
            close_peers: close_peers.clone(),
        };
        tokio::spawn(task.run(commands));
        Self { cancelled, link, give_up_resume, closing, peers, data, close_peers, opened }
    }

    /// Stops connecting.
    pub(super) fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// Sends a message.
    pub(super) fn send(&self, message: Box<Request>) {
        self.command_link(LinkCommand::Send(message));
    }

    /// Sends `SyncState` with our session descriptions, after a resume.
    pub(super) fn sync_state(&self, state: Box<lk::SyncState>) {
        self.command_link(LinkCommand::SyncState(state));
    }

    /// Opens a new WebSocket for the same session.
    ///
    /// One that is being opened is given up, and its outcome not reported.
    pub(super) fn resume(&self, reason: lk::ReconnectReason) {
        self.give_up_resume.notify_waiters();
        self.command_link(LinkCommand::Resume(reason));
    }

    /// Sends the messages that were queued during a resume.
    pub(super) fn resume_done(&self) {
        self.command_link(LinkCommand::ResumeDone);
    }

    /// Sends the LeaveRequest and flushes it.
    pub(super) fn goodbye(&self) {
        self.close(ClosingCommand::Goodbye);
    }

    /// Closes the WebSocket.
    pub(super) fn close_link(&self) {
        self.close(ClosingCommand::Close);
    }

    /// Executes a command on the peers.
    pub(super) fn command_peers(&self, command: PeerCommand) {
        if matches!(command, PeerCommand::Close) {
            return self.close_peers.cancel();
        }
        let queued = match command {
            PeerCommand::SendData { sequence, payload } => self.data.try_send((sequence, payload)).is_ok(),
            command => self.peers.try_send(command).is_ok(),
        };
        if !queued {
            tracing::debug!("the queue of the peer connections is full: a command was dropped");
        }
    }

    /// Reads the statistics of the peers; they come as [`TaskReport::Statistics`].
    pub(super) fn request_statistics(&self, report_tx: &ReportSender) {
        let Some(peers) = self.opened.get().and_then(Weak::upgrade) else { return };
        let report_tx = report_tx.clone();
        tokio::spawn(async move { report_tx.hint(TaskReport::Statistics(Box::new(peers.statistics().await))) });
    }

    fn command_link(&self, command: LinkCommand) {
        if self.link.try_send(command).is_err() {
            tracing::debug!("the queue of the signalling link is full: a command was dropped");
        }
    }

    fn close(&self, command: ClosingCommand) {
        // The queue holds one of each; a repeated one changes nothing.
        if self.closing.try_send(command).is_err() {
            tracing::debug!("the signalling link is closing already");
        }
    }
}

impl Drop for CallConnection {
    fn drop(&mut self) {
        self.cancelled.cancel();
        self.close_peers.cancel();
    }
}

/// The queues' other ends, for the tasks that execute the commands.
struct Commands {
    link: mpsc::Receiver<LinkCommand>,
    give_up_resume: Arc<Notify>,
    closing: mpsc::Receiver<ClosingCommand>,
    peers: mpsc::Receiver<PeerCommand>,
    data: mpsc::Receiver<DataToSend>,
    close_peers: CancellationToken,
}

/// The task that opens a connection.
struct ConnectTask {
    epoch: Epoch,
    plan: ConnectPlan,
    token_cache: TokenCache,
    report_tx: ReportSender,
    cancelled: CancellationToken,
    opened: Arc<OnceLock<Weak<Peers>>>,
}

/// A connection that is open.
struct Opened {
    link: Arc<SignalLink>,
    events: SignalLinkEvents,
    peers: Arc<Peers>,
    peer_events: mpsc::Receiver<RtcEvent>,
    join: Box<lk::JoinResponse>,
    single: bool,
    /// Whether the server is on this computer.
    loopback: bool,
}

impl ConnectTask {
    async fn run(self, commands: Commands) {
        let epoch = self.epoch;
        let opened = tokio::select! {
            biased;
            () = self.cancelled.cancelled() => None,
            opened = self.open() => Some(opened),
        };
        let opened = match opened {
            None => return self.report_closed().await,
            Some(Err(error)) => return self.report_tx.link(epoch, LinkInput::ConnectFailed(error)).await,
            Some(Ok(opened)) => opened,
        };
        if self.cancelled.is_cancelled() {
            opened.link.send_leave(FLUSH_LIMIT).await;
            opened.link.close(CLOSE_LIMIT).await;
            opened.peers.close().await;
            return self.report_closed().await;
        }
        let Opened { link, events, peers, peer_events, join, single, loopback } = opened;
        self.report_tx.server(link.server()).await;
        self.report_tx.link(epoch, LinkInput::Joined { response: join, single }).await;
        self.opened.set(Arc::downgrade(&peers)).ok();
        let stop = CancellationToken::new();
        tokio::spawn(forward_link(epoch, events, self.token_cache.clone(), self.report_tx.clone(), stop.clone()));
        tokio::spawn(forward_peers(epoch, peer_events, self.report_tx.clone()));
        let close = commands.close_peers.clone();
        tokio::spawn(send_data(epoch, peers.clone(), commands.data, self.report_tx.clone(), close));
        let peer_task = PeerTask {
            epoch,
            peers: peers.clone(),
            layers: self.plan.layers.clone(),
            // A server on this computer needs neither STUN nor TURN.
            direct: loopback && self.plan.transport != Transport::Relay,
            report_tx: self.report_tx.clone(),
            close: commands.close_peers,
        };
        tokio::spawn(peer_task.run(commands.peers));
        let link_task = LinkTask {
            epoch,
            link,
            peers,
            report_tx: self.report_tx.clone(),
            stop,
            cancelled: self.cancelled.clone(),
            give_up_resume: commands.give_up_resume,
        };
        link_task.run(commands.link, commands.closing).await;
    }

    /// Reports that nothing is open any more, after a cancelled connect.
    async fn report_closed(&self) {
        self.report_tx.peers(self.epoch, PeerInput::Closed).await;
        self.report_tx.link(self.epoch, LinkInput::Closed).await;
    }

    async fn open(&self) -> Result<Opened, EntryError> {
        let (url, token) = self.token_cache.get_or_fetch(&self.plan.credentials).await?;
        let (peers, peer_events) = self.open_peers(Mode::Single, &url).await?;
        let guard = CloseOnDrop(Some(peers.clone()));
        let offer = peers.offer(false).await.map_err(|e| other(e.to_string()))?;
        let options = ConnectOptions { single: true, offer: Some(offer), timeout: CONNECT_LIMIT };
        let (link, join, events) = SignalLink::connect(&url, &token, options).await.map_err(|e| entry_error(&e))?;
        let link = Arc::new(link);
        let loopback = is_on_this_computer(&url);
        if link.is_single() {
            guard.keep();
            let join = Box::new(join);
            return Ok(Opened { link, events, peers, peer_events, join, single: true, loopback });
        }
        // LiveKit protocol v0: two peer connections, and no offer in the join request.
        let (peers, peer_events) = self.open_peers(Mode::Dual, &url).await?;
        Ok(Opened { link, events, peers, peer_events, join: Box::new(join), single: false, loopback })
    }

    async fn open_peers(&self, mode: Mode, url: &str) -> Result<(Arc<Peers>, mpsc::Receiver<RtcEvent>), EntryError> {
        let mut config = PeerConfig::new(mode);
        config.loopback = is_on_this_computer(url);
        config.transport = self.plan.transport;
        let screen = SimulcastLayer::for_source(TrackSource::Screen, &[]);
        let most: u32 =
            self.plan.layers.iter().chain(&screen).map(|l| l.max_kbps * 1000).sum::<u32>() * 5 / 4 + 100_000;
        config.rates = SendRates { max_bps: most.max(300_000), ..SendRates::default() };
        config.rates.start_bps = config.rates.start_bps.min(config.rates.max_bps);
        let (peers, events) = Peers::new(config).await.map_err(|e| other(e.to_string()))?;
        Ok((Arc::new(peers), events))
    }
}

/// Closes the peers if opening the connection fails or is cancelled.
struct CloseOnDrop(Option<Arc<Peers>>);

impl CloseOnDrop {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(peers) = self.0.take() {
            tokio::spawn(async move { peers.close().await });
        }
    }
}

fn is_on_this_computer(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| is_loopback(&url))
}

fn other(message: String) -> EntryError {
    EntryError { kind: EntryErrorKind::Other, message, retry: true }
}

fn entry_error(error: &ConnectError) -> EntryError {
    EntryError { kind: error.kind(), message: error.to_string(), retry: error.is_temporary() }
}
