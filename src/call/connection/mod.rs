//! One connection to a room: token, peers and signalling made by one task, then one task each that carries out what
//! the session asks of the link and of the peers, in order.

mod link_server;
mod peer_server;
#[cfg(test)]
mod tests;

use super::credentials::{JoinCredentials, TokenCache};
use super::report::{ReportSender, TaskReport};
use crate::base::{EntryErrorKind, SimulcastLayer};
use crate::proto::link::is_loopback;
use crate::rtc::{Mode, PeerConfig, Peers, RtcEvent, SendRates};
use crate::session::{EntryError, Epoch, LinkInput, PeerCommand, PeerInput};
use crate::signal::{ConnectError, ConnectOptions, SignalLink, SignalLinkEvents};
use link_server::{LinkCommand, LinkServer, Parting, forward_link};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use peer_server::{PeerServer, forward_peers};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Commands that wait at most; a link or peers that take longer are given up.
const COMMANDS: usize = 512;
/// Partings that wait at most: a goodbye and a close.
const PARTINGS: usize = 2;
/// How long the socket may take to open.
const CONNECT: Duration = Duration::from_secs(5);
/// How long writing the goodbye may take.
const FLUSH: Duration = Duration::from_millis(500);
/// How long the socket may take to close in good order.
const CLOSE: Duration = Duration::from_millis(200);

/// What a connection is made with.
#[derive(Clone, Debug)]
pub(crate) struct ConnectPlan {
    /// The way in.
    pub(crate) access: JoinCredentials,
    /// Sizes of the camera's picture, smallest first.
    pub(crate) layers: Vec<SimulcastLayer>,
}

/// A connection that is being made or in use. Dropping it cancels everything.
pub(super) struct Connection {
    /// Cancelled when the session has given up connecting.
    pub(super) given_up: CancellationToken,
    link: mpsc::Sender<LinkCommand>,
    partings: mpsc::Sender<Parting>,
    peers: mpsc::Sender<PeerCommand>,
    /// Cancelled when the peers are to be closed, whatever else they were asked for.
    close_peers: CancellationToken,
    made: Arc<OnceLock<Weak<Peers>>>,
}

impl Connection {
    /// Begins to connect. What comes of it is told by `report_tx`; after `give_up` both parts report `Closed`.
    pub(super) fn start(epoch: Epoch, plan: ConnectPlan, token_cache: TokenCache, report_tx: ReportSender) -> Self {
        let given_up = CancellationToken::new();
        let (link, link_commands) = mpsc::channel(COMMANDS);
        let (partings, parting_commands) = mpsc::channel(PARTINGS);
        let (peers, peer_commands) = mpsc::channel(COMMANDS);
        let close_peers = CancellationToken::new();
        let made = Arc::new(OnceLock::new());
        let maker = Maker { epoch, plan, token_cache, report_tx, given_up: given_up.clone(), made: made.clone() };
        let commands = Commands {
            link: link_commands,
            partings: parting_commands,
            peers: peer_commands,
            close_peers: close_peers.clone(),
        };
        tokio::spawn(maker.run(commands));
        Self { given_up, link, partings, peers, close_peers, made }
    }

    /// Stops connecting.
    pub(super) fn give_up(&self) {
        self.given_up.cancel();
    }

    /// Sends a message.
    pub(super) fn send(&self, message: Box<Request>) {
        self.tell(LinkCommand::Send(message));
    }

    /// Sends our descriptions after a resume.
    pub(super) fn sync_state(&self, state: Box<lk::SyncState>) {
        self.tell(LinkCommand::SyncState(state));
    }

    /// Opens a new socket for the same session.
    pub(super) fn resume(&self, reason: lk::ReconnectReason) {
        self.tell(LinkCommand::Resume(reason));
    }

    /// Lets out what was held back during a resume.
    pub(super) fn resume_done(&self) {
        self.tell(LinkCommand::ResumeDone);
    }

    /// Says goodbye and flushes it.
    pub(super) fn goodbye(&self) {
        self.part(Parting::Goodbye);
    }

    /// Closes the socket.
    pub(super) fn close_link(&self) {
        self.part(Parting::Close);
    }

    /// Asks something of the peers.
    pub(super) fn peers(&self, command: PeerCommand) {
        if matches!(command, PeerCommand::Close) {
            return self.close_peers.cancel();
        }
        if self.peers.try_send(command).is_err() {
            tracing::debug!("the peer connections take no commands");
        }
    }

    /// Asks for figures; they come as [`TaskReport::Statistics`].
    pub(super) fn request_statistics(&self, report_tx: &ReportSender) {
        let Some(peers) = self.made.get().and_then(Weak::upgrade) else { return };
        let report_tx = report_tx.clone();
        tokio::spawn(async move { report_tx.hint(TaskReport::Statistics(Box::new(peers.statistics().await))) });
    }

    fn tell(&self, command: LinkCommand) {
        if self.link.try_send(command).is_err() {
            tracing::debug!("the signalling link takes no commands");
        }
    }

    fn part(&self, parting: Parting) {
        // Each is asked for once, or it has been asked for already.
        if self.partings.try_send(parting).is_err() {
            tracing::debug!("the signalling link is being closed already");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.given_up.cancel();
        self.close_peers.cancel();
    }
}

/// What is asked of a connection that is being made.
struct Commands {
    link: mpsc::Receiver<LinkCommand>,
    partings: mpsc::Receiver<Parting>,
    peers: mpsc::Receiver<PeerCommand>,
    close_peers: CancellationToken,
}

/// Makes a connection, then serves it.
struct Maker {
    epoch: Epoch,
    plan: ConnectPlan,
    token_cache: TokenCache,
    report_tx: ReportSender,
    given_up: CancellationToken,
    made: Arc<OnceLock<Weak<Peers>>>,
}

/// A connection that was made.
struct Made {
    link: Arc<SignalLink>,
    events: SignalLinkEvents,
    peers: Arc<Peers>,
    peer_events: mpsc::Receiver<RtcEvent>,
    join: Box<lk::JoinResponse>,
    single: bool,
}

impl Maker {
    async fn run(self, commands: Commands) {
        let epoch = self.epoch;
        let made = tokio::select! {
            biased;
            () = self.given_up.cancelled() => None,
            made = self.make() => Some(made),
        };
        let made = match made {
            None => return self.closed().await,
            Some(Err(error)) => return self.report_tx.link(epoch, LinkInput::ConnectFailed(error)).await,
            Some(Ok(made)) => made,
        };
        if self.given_up.is_cancelled() {
            made.link.goodbye(FLUSH).await;
            made.link.close(CLOSE).await;
            made.peers.close().await;
            return self.closed().await;
        }
        let Made { link, events, peers, peer_events, join, single } = made;
        self.report_tx.link(epoch, LinkInput::Joined { response: join, single }).await;
        self.made.set(Arc::downgrade(&peers)).ok();
        let stop = CancellationToken::new();
        tokio::spawn(forward_link(epoch, events, self.token_cache.clone(), self.report_tx.clone(), stop.clone()));
        tokio::spawn(forward_peers(epoch, peer_events, self.report_tx.clone()));
        let peer_server = PeerServer {
            epoch,
            peers: peers.clone(),
            layers: self.plan.layers.clone(),
            report_tx: self.report_tx.clone(),
            close: commands.close_peers,
        };
        tokio::spawn(peer_server.run(commands.peers));
        let server =
            LinkServer { epoch, link, peers, report_tx: self.report_tx.clone(), stop, given_up: self.given_up.clone() };
        server.run(commands.link, commands.partings).await;
    }

    /// Giving up has ended: nothing is held any more.
    async fn closed(&self) {
        self.report_tx.peers(self.epoch, PeerInput::Closed).await;
        self.report_tx.link(self.epoch, LinkInput::Closed).await;
    }

    async fn make(&self) -> Result<Made, EntryError> {
        let (url, token) = self.token_cache.show(&self.plan.access).await?;
        let (peers, peer_events) = self.open_peers(Mode::Single, &url).await?;
        let guard = CloseOnDrop(Some(peers.clone()));
        let offer = peers.offer(false).await.map_err(|e| other(e.to_string()))?;
        let options = ConnectOptions { single: true, offer: Some(offer), timeout: CONNECT };
        let (link, join, events) = SignalLink::connect(&url, &token, options).await.map_err(|e| connect_error(&e))?;
        let link = Arc::new(link);
        if link.is_single() {
            guard.keep();
            let join = Box::new(join);
            return Ok(Made { link, events, peers, peer_events, join, single: true });
        }
        // A server of protocol v0: two connections, and no offer went with the join.
        let (peers, peer_events) = self.open_peers(Mode::Dual, &url).await?;
        Ok(Made { link, events, peers, peer_events, join: Box::new(join), single: false })
    }

    async fn open_peers(&self, mode: Mode, url: &str) -> Result<(Arc<Peers>, mpsc::Receiver<RtcEvent>), EntryError> {
        let mut config = PeerConfig::new(mode);
        config.loopback = Url::parse(url).is_ok_and(|url| is_loopback(&url));
        let most: u32 = self.plan.layers.iter().map(|l| l.max_kbps * 1000).sum::<u32>() * 5 / 4 + 100_000;
        config.rates = SendRates { max_bps: most.max(300_000), ..SendRates::default() };
        config.rates.start_bps = config.rates.start_bps.min(config.rates.max_bps);
        let (peers, events) = Peers::new(config).await.map_err(|e| other(e.to_string()))?;
        Ok((Arc::new(peers), events))
    }
}

/// Peers of a connection that is not made in the end are closed, also when making it is cancelled.
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

fn other(message: String) -> EntryError {
    EntryError { kind: EntryErrorKind::Other, message, retry: true }
}

fn connect_error(error: &ConnectError) -> EntryError {
    EntryError { kind: error.kind(), message: error.to_string(), retry: error.may_pass() }
}
