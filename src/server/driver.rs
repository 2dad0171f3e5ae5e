//! One task owns the hub and drives it: inputs from links, admin calls, the forwarding plane and the clock go in, and
//! what comes out is carried to where it belongs. It decides nothing.

use super::link::{LinkQueue, QueueFull};
use super::metrics::{EngineStats, HubGauges};
use super::state_folder::StateFolder;
use crate::base::Moment;
use crate::hub::{
    AdminCall, AdminResult, Admission, BanList, Hub, HubConfig, HubEvent, Input, LinkId, MediaCommand, MediaEvent,
    Output, Refusal,
};
use crate::sfu::Sfu;
use livekit_protocol as lk;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Inputs on their way to the hub. When it is full whoever has another one waits; nothing is dropped.
const COMMANDS: usize = 1024;
/// An answer waits so long at most for the disk.
pub(super) const DISK_LIMIT: Duration = Duration::from_secs(2);

/// The server is on its way out and answers no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The server is stopping.")]
pub(super) struct Stopping;

enum Command {
    Refusal { admission: Box<Admission>, resume: bool, reply: oneshot::Sender<Option<Refusal>> },
    Join { link: LinkId, queue: LinkQueue, joining: Box<Joining> },
    Signal { link: LinkId, message: Box<lk::signal_request::Message> },
    LinkGone { link: LinkId },
    Admin { request: Box<AdminCall>, reply: oneshot::Sender<AdminResult> },
    EngineStats { reply: oneshot::Sender<EngineStats> },
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

    pub(super) async fn admin(&self, request: AdminCall) -> Result<AdminResult, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Admin { request: Box::new(request), reply }).await?;
        answer.await.map_err(|_| Stopping)
    }

    /// How much of everything there is.
    pub(super) async fn stats(&self) -> Result<EngineStats, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::EngineStats { reply }).await?;
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
    calls: HashMap<u64, oneshot::Sender<AdminResult>>,
    next_call: u64,
    memory: Option<StateLink>,
    /// The clock on the wall, in unix ms.
    wall: fn() -> i64,
}

/// What outlives the server.
struct StateLink {
    state: StateFolder,
    /// The number of the last ban that is to be written.
    noted: u64,
}

impl Driver {
    /// With a state folder, and who was banned before.
    pub(super) fn new(
        rooms: HubConfig,
        saved: Option<(StateFolder, BanList)>,
        (sfu, media): (Sfu, mpsc::Receiver<MediaEvent>),
        wall: fn() -> i64,
    ) -> (Self, HubHandle) {
        let (sender, commands) = mpsc::channel(COMMANDS);
        let mut hub = Hub::new(HubConfig { unix_ms_at_zero: wall(), ..rooms }, rand::random());
        let memory = saved.map(|(state, bans)| {
            hub.restore(bans);
            StateLink { state, noted: 0 }
        });
        let driver = Self {
            hub,
            sfu,
            memory,
            wall,
            origin: Instant::now(),
            commands,
            media,
            links: HashMap::new(),
            calls: HashMap::new(),
            next_call: 0,
        };
        (driver, HubHandle { commands: sender, next_link: Arc::new(AtomicU64::new(1)) })
    }

    /// Runs until it is told to halt, and gives back what is to be stopped then: the forwarding plane and the state.
    pub(super) async fn run(mut self) -> (Sfu, Option<StateFolder>) {
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
                    None | Some(Command::Halt) => return (self.sfu, self.memory.map(|m| m.state)),
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
                // The computer may have slept, or its clock was set: removals are compared with the time of tokens.
                self.hub.set_unix_ms((self.wall)(), self.now());
                self.feed(Input::Admin { call, request });
            }
            Command::EngineStats { reply } => {
                let stats = EngineStats {
                    rooms: self.hub.rooms().count(),
                    participants: self.hub.members(),
                    gauges: Some(HubGauges { tracks: self.hub.tracks(), media: self.sfu.statistics() }),
                };
                reply.send(stats).unwrap_or_default();
            }
            Command::Shutdown => self.feed(Input::Shutdown),
            Command::Halt => {}
        }
    }

    fn feed(&mut self, input: Input) {
        self.hub.handle(input, self.now());
        while let Some(output) = self.hub.poll() {
            self.carry_out(output);
        }
    }

    fn now(&self) -> Moment {
        Moment::ZERO + self.origin.elapsed()
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Signal { link, message } => self.queue(link, |queue| queue.send(message)),
            Output::RenewToken { link, holder } => self.queue(link, |queue| queue.renew(holder)),
            // The end of the queue is the order to flush and close.
            Output::CloseLink { link } => drop(self.links.remove(&link)),
            Output::Answer { call, answer } => {
                if let Some(reply) = self.calls.remove(&call) {
                    self.answer(reply, answer);
                }
            }
            Output::Media(command) => self.forward(command),
            Output::Event(note) => {
                log(&note);
                if let (HubEvent::Banned(ban), Some(memory)) = (note, &mut self.memory) {
                    memory.noted = memory.state.note(ban);
                }
            }
        }
    }

    fn queue(&mut self, link: LinkId, put: impl FnOnce(&LinkQueue) -> Result<(), QueueFull>) {
        if self.links.get(&link).is_some_and(|queue| put(queue).is_err()) {
            tracing::warn!(?link, "a client reads too slowly: its connection is closed");
            self.links.remove(&link);
        }
    }

    /// Answers an admin call. One that has removed somebody is answered when that outlives the server.
    fn answer(&self, reply: oneshot::Sender<AdminResult>, answer: AdminResult) {
        let unwritten = self.memory.as_ref().filter(|m| *m.state.written().borrow() < m.noted);
        let Some((mut written, noted)) = unwritten.map(|m| (m.state.written(), m.noted)) else {
            // Whoever asked may have gone meanwhile.
            return reply.send(answer).unwrap_or_default();
        };
        tokio::spawn(async move {
            if tokio::time::timeout(DISK_LIMIT, written.wait_for(|w| *w >= noted)).await.is_err() {
                tracing::warn!("A removal is not on the disk yet: the disk is slow.");
            }
            reply.send(answer).unwrap_or_default();
        });
    }

    fn forward(&self, command: MediaCommand) {
        if let Err(e) = self.sfu.command(command) {
            tracing::warn!("a media command was not taken: {e}");
        }
    }
}

fn log(note: &HubEvent) {
    match note {
        HubEvent::RoomOpened { room } => tracing::info!(room, "room opened"),
        HubEvent::RoomClosed { room } => tracing::info!(room, "room closed"),
        HubEvent::MemberJoined { room, user } => tracing::info!(room, %user, "joined"),
        HubEvent::MemberLeft { room, user, reason } => {
            tracing::info!(room, %user, reason = reason.as_str_name(), "left")
        }
        HubEvent::LinkLost { user, .. } => tracing::info!(%user, "link lost"),
        HubEvent::LinkResumed { user } => tracing::info!(%user, "link resumed"),
        HubEvent::Banned(ban) => tracing::info!(room = ban.room, user = %ban.user, "older tokens are banned"),
    }
}

/// The clock on the wall, in unix ms.
pub(super) fn wall() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::AdminAnswer;
    use crate::sfu::SfuConfig;
    use std::sync::atomic::AtomicI64;

    #[tokio::test]
    async fn a_clock_that_is_set_while_the_server_runs_dates_what_comes_afterwards() {
        static WALL: AtomicI64 = AtomicI64::new(1_800_000_000_000);
        let media = Sfu::start(SfuConfig { bind: [127, 0, 0, 1].into(), ..SfuConfig::default() }).unwrap();
        let (driver, hub) = Driver::new(HubConfig::default(), None, media, || WALL.load(Relaxed));
        let driver = tokio::spawn(driver.run());
        let made = async |name: &str| {
            let request = lk::CreateRoomRequest { name: name.into(), ..Default::default() };
            match *hub.admin(AdminCall::CreateRoom(request)).await.unwrap().unwrap() {
                AdminAnswer::Room(room) => room.creation_time,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(made("before").await, 1_800_000_000);
        WALL.fetch_add(3_600_000, Relaxed);
        assert_eq!(made("after").await, 1_800_003_600);
        hub.halt().await;
        driver.await.unwrap().0.stop();
    }
}
