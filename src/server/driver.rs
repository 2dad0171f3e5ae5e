//! The task that owns the hub. It feeds the hub with commands, media events and ticks, and executes its outputs.

use super::hub_handle::{HubCommand, HubHandle, Joining};
use super::link_queue::{LinkQueue, QueueFull};
use super::state_folder::StateFolder;
use super::stats::{EngineStats, HubGauges};
use super::webhooks::WebhookSender;
use crate::clock::{HEARTBEAT, RunningClock};
use crate::hub::{AdminResult, BanList, Hub, HubConfig, HubEvent, Input, LinkId, MediaCommand, MediaEvent, Output};
use crate::sfu::Sfu;
use std::collections::HashMap;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// The hub with everything that it talks to.
pub(super) struct Driver {
    hub: Hub,
    sfu: Sfu,
    clock: RunningClock,
    commands: mpsc::Receiver<HubCommand>,
    media: mpsc::Receiver<MediaEvent>,
    links: HashMap<LinkId, LinkQueue>,
    /// Admin calls that the hub has not answered yet.
    calls: HashMap<u64, oneshot::Sender<AdminResult>>,
    next_call: u64,
    state: Option<StateFolder>,
    webhooks: Option<WebhookSender>,
    /// The wall clock, in Unix ms.
    wall_ms: fn() -> i64,
}

impl Driver {
    /// With a state folder and the bans that it contains, if there is one.
    pub(super) fn new(
        rooms: HubConfig,
        (saved, webhooks): (Option<(StateFolder, BanList)>, Option<WebhookSender>),
        (sfu, media): (Sfu, mpsc::Receiver<MediaEvent>),
        wall_ms: fn() -> i64,
    ) -> (Self, HubHandle) {
        let (handle, commands) = HubHandle::new();
        let notifies = webhooks.is_some();
        let mut hub = Hub::new(HubConfig { unix_ms_at_zero: wall_ms(), notifies, ..rooms }, rand::random());
        let state = saved.map(|(state, bans)| {
            hub.restore(bans);
            state
        });
        let driver = Self {
            hub,
            sfu,
            clock: RunningClock::start(),
            commands,
            media,
            links: HashMap::new(),
            calls: HashMap::new(),
            next_call: 0,
            state,
            webhooks,
            wall_ms,
        };
        (driver, handle)
    }

    /// Runs until [`HubHandle::halt`]. Returns what is left to stop: the forwarding plane and the state folder.
    pub(super) async fn run(mut self) -> (Sfu, Option<StateFolder>) {
        loop {
            let heartbeat = Instant::now() + HEARTBEAT;
            let deadline = self.hub.deadline().map_or(heartbeat, |at| self.clock.instant_of(at).min(heartbeat));
            tokio::select! {
                command = self.commands.recv() => match command {
                    None | Some(HubCommand::Halt) => return (self.sfu, self.state),
                    Some(command) => self.handle(command),
                },
                Some(event) = self.media.recv() => self.feed(Input::Media(event)),
                () = tokio::time::sleep_until(deadline.into()) => self.feed(Input::Tick),
            }
        }
    }

    fn handle(&mut self, command: HubCommand) {
        match command {
            HubCommand::Refusal { admission, resume, reply } => {
                // The caller may have hung up.
                reply.send(self.hub.refusal(&admission, resume)).unwrap_or_default();
            }
            HubCommand::Join { link, queue, joining } => {
                self.links.insert(link, queue);
                let Joining { admission, request, single } = *joining;
                self.feed(Input::Join { link, admission: Box::new(admission), request: Box::new(request), single });
            }
            HubCommand::Signal { link, message } => self.feed(Input::Signal { link, message }),
            HubCommand::LinkGone { link } => {
                self.links.remove(&link);
                self.feed(Input::LinkGone { link });
            }
            HubCommand::Admin { request, reply } => {
                let call = self.next_call;
                self.next_call += 1;
                self.calls.insert(call, reply);
                // Its clock may have been set: bans are compared with the time of tokens.
                self.advance_clock();
                self.hub.set_unix_ms((self.wall_ms)(), self.clock.now());
                self.feed(Input::Admin { call, request });
            }
            HubCommand::Stats { reply } => {
                let stats = EngineStats {
                    rooms: self.hub.rooms().count(),
                    participants: self.hub.members(),
                    gauges: Some(HubGauges {
                        tracks: self.hub.tracks(),
                        media: self.sfu.statistics(),
                        webhooks: self.webhooks.as_ref().map(WebhookSender::counts).unwrap_or_default(),
                    }),
                };
                reply.send(stats).unwrap_or_default();
            }
            HubCommand::Shutdown => self.feed(Input::Shutdown),
            HubCommand::Halt => {}
        }
    }

    fn feed(&mut self, input: Input) {
        self.advance_clock();
        self.hub.handle(input, self.clock.now());
        while let Some(output) = self.hub.poll() {
            self.execute(output);
        }
    }

    fn advance_clock(&mut self) {
        if let Some(standstill) = self.clock.advance() {
            tracing::warn!(?standstill, "the process stood still: it was stopped, or the machine was asleep");
            self.hub.set_unix_ms((self.wall_ms)(), self.clock.now());
        }
    }

    fn execute(&mut self, output: Output) {
        match output {
            Output::Signal { link, message } => self.queue(link, |queue| queue.send(message)),
            Output::RenewToken { link, holder } => self.queue(link, |queue| queue.renew_token(holder)),
            // The end of its queue makes a link flush and close.
            Output::CloseLink { link } => drop(self.links.remove(&link)),
            Output::Answer { call, answer } => {
                if let Some(reply) = self.calls.remove(&call) {
                    self.answer(reply, answer);
                }
            }
            Output::Media(command) => self.forward(command),
            Output::Notify(event) => {
                if let Some(webhooks) = &self.webhooks {
                    webhooks.send(&event);
                }
            }
            Output::Event(event) => {
                log(&event);
                if let (HubEvent::Banned(ban), Some(state)) = (event, &self.state) {
                    state.record(ban);
                }
            }
        }
    }

    fn queue(&mut self, link: LinkId, push: impl FnOnce(&LinkQueue) -> Result<(), QueueFull>) {
        if self.links.get(&link).is_some_and(|queue| push(queue).is_err()) {
            tracing::warn!(?link, "a client reads too slowly: its connection is closed");
            self.links.remove(&link);
        }
    }

    /// Answers an admin call once its bans are on disk.
    fn answer(&self, reply: oneshot::Sender<AdminResult>, answer: AdminResult) {
        let Some(state) = &self.state else { return reply.send(answer).unwrap_or_default() };
        let written = state.wait_written();
        tokio::spawn(async move {
            written.await;
            reply.send(answer).unwrap_or_default();
        });
    }

    fn forward(&self, command: MediaCommand) {
        if let Err(error) = self.sfu.command(command) {
            tracing::warn!(%error, "a media command was not accepted");
        }
    }
}

fn log(event: &HubEvent) {
    match event {
        HubEvent::RoomOpened { room } => tracing::info!(room, "room opened"),
        HubEvent::RoomClosed { room } => tracing::info!(room, "room closed"),
        HubEvent::MemberJoined { room, user, session } => tracing::info!(room, %user, session, "joined"),
        HubEvent::MemberLeft { room, user, session, reason } => {
            tracing::info!(room, %user, session, reason = reason.as_str_name(), "left");
        }
        HubEvent::LinkLost { room, user, session, until: _ } => tracing::info!(room, %user, session, "link lost"),
        HubEvent::LinkResumed { room, user, session } => tracing::info!(room, %user, session, "link resumed"),
        HubEvent::Banned(ban) => tracing::info!(room = ban.room, user = %ban.user, "older tokens are banned"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{AdminAnswer, AdminCall};
    use crate::sfu::SfuConfig;
    use livekit_protocol as lk;
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

    #[tokio::test]
    async fn a_clock_that_is_set_while_the_server_runs_dates_what_comes_afterwards() {
        static WALL: AtomicI64 = AtomicI64::new(1_800_000_000_000);
        let media = Sfu::start(SfuConfig { bind: [127, 0, 0, 1].into(), ..SfuConfig::default() }).unwrap();
        let (driver, hub) = Driver::new(HubConfig::default(), (None, None), media, || WALL.load(Relaxed));
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
