//! One connection to a room: token, peers and signalling made by one task, then one task each that carries out what
//! the session asks of the link and of the peers, in order.

use super::access::{Access, Ticket};
use super::wake::{Sender, Wake, WakeSender};
use crate::base::{PictureLayer, TrackSource};
use crate::rtc::{Layer, Mode, PeerConfig, Peers, RtcEvent, SendRates};
use crate::session::{EntryError, Epoch, LinkInput, PeerCommand, PeerInput, Target};
use crate::signal::{ConnectError, ConnectOptions, Link, LinkEvent, LinkEvents, ResumeError};
use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Reply;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Commands that wait at most; a link or peers that take longer are given up.
const COMMANDS: usize = 512;
/// How long the socket may take to open.
const CONNECT: Duration = Duration::from_secs(5);
/// How long writing the goodbye may take.
const FLUSH: Duration = Duration::from_millis(500);
/// How long the socket may take to close in good order.
const CLOSE: Duration = Duration::from_millis(250);

/// What a connection is made with.
#[derive(Clone, Debug)]
pub struct ConnectPlan {
    /// The way in.
    pub access: Access,
    /// Sizes of the camera's picture, smallest first.
    pub layers: Vec<PictureLayer>,
}

/// A connection that is being made or in use. Dropping it cancels everything.
pub(super) struct Connection {
    /// Cancelled when the session has given up connecting.
    pub(super) given_up: CancellationToken,
    link: mpsc::Sender<LinkCommand>,
    peers: mpsc::Sender<PeerCommand>,
    made: Arc<OnceLock<Weak<Peers>>>,
}

/// What is asked of the link, in order.
enum LinkCommand {
    Send(Box<Request>),
    SyncState(Box<lk::SyncState>),
    Resume(lk::ReconnectReason),
    ResumeDone,
    Goodbye,
    Close,
}

impl Connection {
    /// Begins to connect. What comes of it is told by `wake`; after `give_up` both parts report `Closed`.
    pub(super) fn start(epoch: Epoch, plan: ConnectPlan, ticket: Ticket, wake: WakeSender) -> Self {
        let given_up = CancellationToken::new();
        let (link, link_commands) = mpsc::channel(COMMANDS);
        let (peers, peer_commands) = mpsc::channel(COMMANDS);
        let made = Arc::new(OnceLock::new());
        let maker = Maker { epoch, plan, ticket, wake, given_up: given_up.clone(), made: made.clone() };
        tokio::spawn(maker.run(link_commands, peer_commands));
        Self { given_up, link, peers, made }
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
        self.tell(LinkCommand::Goodbye);
    }

    /// Closes the socket.
    pub(super) fn close_link(&self) {
        self.tell(LinkCommand::Close);
    }

    /// Asks something of the peers.
    pub(super) fn peers(&self, command: PeerCommand) {
        if self.peers.try_send(command).is_err() {
            tracing::debug!("the peer connections take no commands");
        }
    }

    /// Asks for figures; they come as [`Wake::Figures`].
    pub(super) fn ask_figures(&self, wake: &WakeSender) {
        let Some(peers) = self.made.get().and_then(Weak::upgrade) else { return };
        let wake = wake.clone();
        tokio::spawn(async move { wake.hint(Wake::Figures(Box::new(peers.statistics().await))) });
    }

    fn tell(&self, command: LinkCommand) {
        if self.link.try_send(command).is_err() {
            tracing::debug!("the signalling link takes no commands");
        }
    }
}

/// Makes a connection, then serves it.
struct Maker {
    epoch: Epoch,
    plan: ConnectPlan,
    ticket: Ticket,
    wake: WakeSender,
    given_up: CancellationToken,
    made: Arc<OnceLock<Weak<Peers>>>,
}

/// A connection that was made.
struct Made {
    link: Arc<Link>,
    events: LinkEvents,
    peers: Arc<Peers>,
    peer_events: mpsc::Receiver<RtcEvent>,
    join: Box<lk::JoinResponse>,
    single: bool,
}

impl Maker {
    async fn run(self, link_commands: mpsc::Receiver<LinkCommand>, peer_commands: mpsc::Receiver<PeerCommand>) {
        let epoch = self.epoch;
        let made = tokio::select! {
            biased;
            () = self.given_up.cancelled() => None,
            made = self.make() => Some(made),
        };
        let made = match made {
            None => return self.closed().await,
            Some(Err(error)) => return self.wake.link(epoch, LinkInput::ConnectFailed(error)).await,
            Some(Ok(made)) => made,
        };
        if self.given_up.is_cancelled() {
            made.link.goodbye(FLUSH).await;
            made.link.close(CLOSE).await;
            made.peers.close().await;
            return self.closed().await;
        }
        let Made { link, events, peers, peer_events, join, single } = made;
        self.wake.link(epoch, LinkInput::Joined { response: join, single }).await;
        self.made.set(Arc::downgrade(&peers)).ok();
        let stop = CancellationToken::new();
        tokio::spawn(forward_link(epoch, events, self.ticket.clone(), self.wake.clone(), stop.clone()));
        tokio::spawn(forward_peers(epoch, peer_events, self.wake.clone()));
        tokio::spawn(serve_peers(epoch, peers.clone(), peer_commands, self.plan.layers.clone(), self.wake.clone()));
        let server = LinkServer { epoch, link, peers, wake: self.wake.clone(), stop, given_up: self.given_up.clone() };
        server.run(link_commands).await;
    }

    /// Giving up has ended: nothing is held any more.
    async fn closed(&self) {
        self.wake.peers(self.epoch, PeerInput::Closed).await;
        self.wake.link(self.epoch, LinkInput::Closed).await;
    }

    async fn make(&self) -> Result<Made, EntryError> {
        let (url, token) = self.ticket.show(&self.plan.access).await?;
        let (peers, peer_events) = self.open_peers(Mode::Single, &url).await?;
        let guard = CloseOnDrop(Some(peers.clone()));
        let offer = peers.offer(false).await.map_err(|e| other(e.to_string()))?;
        let options = ConnectOptions { single: true, offer: Some(offer), timeout: CONNECT };
        let (link, join, events) = Link::connect(&url, &token, options).await.map_err(|e| connect_error(&e))?;
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
        config.loopback = is_local(url);
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

/// Carries out what is asked of the link.
struct LinkServer {
    epoch: Epoch,
    link: Arc<Link>,
    peers: Arc<Peers>,
    wake: WakeSender,
    stop: CancellationToken,
    given_up: CancellationToken,
}

impl LinkServer {
    async fn run(self, mut commands: mpsc::Receiver<LinkCommand>) {
        while let Some(command) = commands.recv().await {
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
                LinkCommand::Goodbye => {
                    if self.link.goodbye(FLUSH).await {
                        self.wake.link(self.epoch, LinkInput::GoodbyeSent).await;
                    }
                }
                LinkCommand::Close => break,
            }
        }
        self.stop.cancel();
        self.link.close(CLOSE).await;
        self.wake.link(self.epoch, LinkInput::Closed).await;
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
        self.wake.link(self.epoch, input).await;
    }
}

fn leave(reason: lk::DisconnectReason, action: Action) -> Box<lk::LeaveRequest> {
    Box::new(lk::LeaveRequest { reason: reason as i32, action: action as i32, ..Default::default() })
}

async fn forward_link(epoch: Epoch, mut events: LinkEvents, ticket: Ticket, wake: WakeSender, stop: CancellationToken) {
    loop {
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            event = events.recv() => event,
        };
        match event {
            Some(LinkEvent::Message(message)) if matches!(*message, Reply::RefreshToken(_)) => {
                if let Reply::RefreshToken(token) = *message {
                    ticket.refresh(token);
                }
            }
            Some(LinkEvent::Message(message)) => wake.link(epoch, LinkInput::Message(message)).await,
            Some(LinkEvent::Closed { reason }) => {
                tracing::info!(reason, "the signalling link is gone");
                wake.link(epoch, LinkInput::Lost).await;
            }
            None => return,
        }
    }
}

async fn forward_peers(epoch: Epoch, mut events: mpsc::Receiver<RtcEvent>, wake: WakeSender) {
    let target = |t: crate::rtc::Target| match t {
        crate::rtc::Target::Publisher => Target::Publisher,
        crate::rtc::Target::Subscriber => Target::Subscriber,
    };
    while let Some(event) = events.recv().await {
        match event {
            RtcEvent::Connected(t) => wake.peers(epoch, PeerInput::Up(target(t))).await,
            RtcEvent::Disconnected(t) | RtcEvent::Failed(t) => wake.peers(epoch, PeerInput::Down(target(t))).await,
            RtcEvent::LocalCandidate { target: t, json } => {
                wake.peers(epoch, PeerInput::LocalCandidate { target: target(t), json }).await;
            }
            RtcEvent::RemoteTrack(track) => wake.send(Wake::RemoteTrack(epoch, Box::new(track))).await,
            RtcEvent::KeyframeWanted { cid, layer } => wake.hint(Wake::KeyframeWanted(cid.to_string(), layer)),
            RtcEvent::SendRate { bps } => wake.hint(Wake::SendRate(bps)),
            RtcEvent::Data { .. } => {}
        }
    }
}

async fn serve_peers(
    epoch: Epoch,
    peers: Arc<Peers>,
    mut commands: mpsc::Receiver<PeerCommand>,
    layers: Vec<PictureLayer>,
    wake: WakeSender,
) {
    while let Some(command) = commands.recv().await {
        let outcome = match command {
            PeerCommand::AddSections { audios, videos } => peers.add_sections(audios, videos).await.map(|()| None),
            PeerCommand::Publish { cid, source } => publish(&peers, cid, source, &layers, &wake).await.map(|()| None),
            PeerCommand::Offer { ice_restart } => peers.offer(ice_restart).await.map(|s| Some(PeerInput::OfferMade(s))),
            PeerCommand::SetAnswer(sdp) => peers.set_answer(sdp).await.map(|()| None),
            PeerCommand::Answer { id, sdp } => {
                peers.answer(sdp).await.map(|sdp| Some(PeerInput::AnswerMade { id, sdp }))
            }
            PeerCommand::AddCandidate { target, json } => {
                let target = match target {
                    Target::Publisher => crate::rtc::Target::Publisher,
                    Target::Subscriber => crate::rtc::Target::Subscriber,
                };
                peers.add_candidate(target, &json).await.map(|()| None)
            }
            PeerCommand::Close => break,
        };
        match outcome {
            Ok(Some(input)) => wake.peers(epoch, input).await,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the peer connections refused");
                wake.peers(epoch, PeerInput::NegotiationFailed(error.to_string())).await;
            }
        }
    }
    peers.close().await;
    wake.peers(epoch, PeerInput::Closed).await;
}

async fn publish(
    peers: &Arc<Peers>,
    cid: String,
    source: TrackSource,
    layers: &[PictureLayer],
    wake: &WakeSender,
) -> Result<(), crate::rtc::RtcError> {
    let sender = match source {
        TrackSource::Microphone | TrackSource::ScreenAudio => Sender::Sound(peers.publish_audio(&cid).await?),
        TrackSource::Camera | TrackSource::Screen => {
            let layer = |l: &PictureLayer| Layer {
                rid: l.rid.to_owned(),
                width: l.width,
                height: l.height,
                max_kbps: l.max_kbps,
            };
            let layers: Vec<Layer> = layers.iter().map(layer).collect();
            Sender::Picture(peers.publish_video(&cid, &layers).await?)
        }
    };
    wake.send(Wake::Published(cid, source, sender)).await;
    Ok(())
}

/// Whether the server may be on this computer.
fn is_local(url: &str) -> bool {
    let host = url::Url::parse(url).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_default();
    host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn other(message: String) -> EntryError {
    EntryError { kind: "other", message, retry: true }
}

fn connect_error(error: &ConnectError) -> EntryError {
    let kind = match error {
        ConnectError::Address(_) | ConnectError::Unreachable(_) => "unreachable",
        ConnectError::NotALiveKitServer(_) => "not_a_server",
        ConnectError::Unauthorized => "token_refused",
        ConnectError::Forbidden(_) => "no_permission",
        ConnectError::Removed => "removed",
        ConnectError::Dismissed => "dismissed",
        ConnectError::NotFound => "no_room",
        ConnectError::Full => "room_full",
        ConnectError::Timeout(_) => "timeout",
        ConnectError::Other(_) => "other",
    };
    EntryError { kind, message: error.to_string(), retry: error.may_pass() }
}
