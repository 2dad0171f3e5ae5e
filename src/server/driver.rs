//! One task owns the hub and drives it: inputs from links, admin calls, the forwarding plane and the clock go in, and
//! what comes out is carried to where it belongs. It decides nothing.

use super::link::LinkQueue;
use crate::base::Moment;
use crate::hub::{
    AdminAnswer, AdminCall, AdminError, Admission, Hub, HubConfig, Input, LinkId, MediaCommand, MediaEvent, Note,
    Output, Refusal,
};
use crate::sfu::Sfu;
use livekit_protocol as lk;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Inputs on their way to the hub. When it is full whoever has another one waits; nothing is dropped.
const COMMANDS: usize = 1024;

/// The server is on its way out and answers no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The server is stopping.")]
pub(super) struct Stopping;

type Answered = Result<Box<AdminAnswer>, AdminError>;

enum Command {
    Refusal { admission: Box<Admission>, resume: bool, reply: oneshot::Sender<Option<Refusal>> },
    Join { link: LinkId, queue: LinkQueue, joining: Box<Joining> },
    Signal { link: LinkId, message: Box<lk::signal_request::Message> },
    LinkGone { link: LinkId },
    Admin { request: Box<AdminCall>, reply: oneshot::Sender<Answered> },
    Shutdown,
    Halt,
}

/// What a link says first.
#[derive(Clone, Debug)]
pub(super) struct Joining {
    pub(super) admission: Admission,
    pub(super) request: lk::JoinRequest,
    pub(super) single: bool,
}

/// The way to the hub.
#[derive(Clone)]
pub(super) struct HubHandle {
    commands: mpsc::Sender<Command>,
    next_link: Arc<AtomicU64>,
}

impl HubHandle {
    /// Whether somebody is turned away at the door.
    pub(super) async fn refusal(&self, admission: Admission, resume: bool) -> Result<Option<Refusal>, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Refusal { admission: Box::new(admission), resume, reply }).await?;
        answer.await.map_err(|_| Stopping)
    }

    /// Announces a new link; what the hub has to say to it goes into `queue`.
    pub(super) async fn join(&self, queue: LinkQueue, joining: Box<Joining>) -> Result<LinkId, Stopping> {
        let link = LinkId(self.next_link.fetch_add(1, Relaxed));
        self.send(Command::Join { link, queue, joining }).await?;
        Ok(link)
    }

    pub(super) async fn signal(&self, link: LinkId, message: lk::signal_request::Message) -> Result<(), Stopping> {
        self.send(Command::Signal { link, message: Box::new(message) }).await
    }

    /// The end of a link. When the server is stopping nobody needs to know.
    pub(super) async fn link_gone(&self, link: LinkId) {
        self.send(Command::LinkGone { link }).await.unwrap_or_default();
    }

    pub(super) async fn admin(&self, request: AdminCall) -> Result<Answered, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Admin { request: Box::new(request), reply }).await?;
        answer.await.map_err(|_| Stopping)
    }

    /// Everybody is told that the server stops; their links end when that is written.
    pub(super) async fn shutdown(&self) {
        self.send(Command::Shutdown).await.unwrap_or_default();
    }

    /// Ends the driver.
    pub(super) async fn halt(&self) {
        self.send(Command::Halt).await.unwrap_or_default();
    }

    async fn send(&self, command: Command) -> Result<(), Stopping> {
        self.commands.send(command).await.map_err(|_| Stopping)
    }
}

/// The hub with everything it speaks to.
pub(super) struct Driver {
    hub: Hub,
    sfu: Sfu,
    /// What [`Moment::ZERO`] is.
    origin: Instant,
    commands: mpsc::Receiver<Command>,
    media: mpsc::Receiver<MediaEvent>,
    links: HashMap<LinkId, LinkQueue>,
    calls: HashMap<u64, oneshot::Sender<Answered>>,
    next_call: u64,
}

impl Driver {
    pub(super) fn new(rooms: HubConfig, sfu: Sfu, media: mpsc::Receiver<MediaEvent>) -> (Self, HubHandle) {
        let (sender, commands) = mpsc::channel(COMMANDS);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let rooms = HubConfig { unix_ms_at_zero: i64::try_from(now.as_millis()).unwrap_or(i64::MAX), ..rooms };
        let driver = Self {
            hub: Hub::new(rooms, rand::random()),
            sfu,
            origin: Instant::now(),
            commands,
            media,
            links: HashMap::new(),
            calls: HashMap::new(),
            next_call: 0,
        };
        (driver, HubHandle { commands: sender, next_link: Arc::new(AtomicU64::new(1)) })
    }

    /// Runs until it is told to halt, and gives the forwarding plane back to be stopped.
    pub(super) async fn run(mut self) -> Sfu {
        loop {
            let deadline = self.hub.deadline();
            let due = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(self.origin + at.since(Moment::ZERO)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = self.commands.recv() => match command {
                    None | Some(Command::Halt) => return self.sfu,
                    Some(command) => self.take(command),
                },
                Some(event) = self.media.recv() => self.feed(Input::Media(event)),
                () = due => self.feed(Input::Tick),
            }
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Refusal { admission, resume, reply } => {
                // Whoever asked may have gone meanwhile.
                reply.send(self.hub.refusal(&admission, resume)).unwrap_or_default();
            }
            Command::Join { link, queue, joining } => {
                self.links.insert(link, queue);
                let Joining { admission, request, single } = *joining;
                self.feed(Input::Join { link, admission: Box::new(admission), request: Box::new(request), single });
            }
            Command::Signal { link, message } => self.feed(Input::Signal { link, message }),
            Command::LinkGone { link } => {
                self.links.remove(&link);
                self.feed(Input::LinkGone { link });
            }
            Command::Admin { request, reply } => {
                let call = self.next_call;
                self.next_call += 1;
                self.calls.insert(call, reply);
                self.feed(Input::Admin { call, request });
            }
            Command::Shutdown => self.feed(Input::Shutdown),
            Command::Halt => {}
        }
    }

    fn feed(&mut self, input: Input) {
        let now = Moment::ZERO + self.origin.elapsed();
        self.hub.handle(input, now);
        while let Some(output) = self.hub.poll() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Signal { link, message } => {
                if self.links.get(&link).is_some_and(|queue| queue.send(message).is_err()) {
                    tracing::warn!(?link, "a client reads too slowly: its connection is closed");
                    self.links.remove(&link);
                }
            }
            // The end of the queue is the order to flush and close.
            Output::CloseLink { link } => drop(self.links.remove(&link)),
            Output::Answer { call, answer } => {
                if let Some(reply) = self.calls.remove(&call) {
                    reply.send(answer).unwrap_or_default();
                }
            }
            Output::Media(command) => self.forward(command),
            Output::Note(note) => log(&note),
        }
    }

    fn forward(&self, command: MediaCommand) {
        if let Err(e) = self.sfu.command(command) {
            tracing::warn!("a media command was not taken: {e}");
        }
    }
}

fn log(note: &Note) {
    match note {
        Note::RoomOpened { room } => tracing::info!(room, "room opened"),
        Note::RoomClosed { room } => tracing::info!(room, "room closed"),
        Note::MemberJoined { room, user } => tracing::info!(room, %user, "joined"),
        Note::MemberLeft { room, user, reason } => tracing::info!(room, %user, reason = reason.as_str_name(), "left"),
        Note::LinkLost { user, .. } => tracing::info!(%user, "link lost"),
        Note::LinkResumed { user } => tracing::info!(%user, "link resumed"),
        Note::Barred(bar) => tracing::info!(room = bar.room, user = %bar.user, "older tokens are barred"),
    }
}
