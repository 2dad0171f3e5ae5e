//! What the window talks to: one task that holds the lobby's preview and, at most, one call.
//!
//! The window sends [`Command`]s and reads the newest [`Snapshot`]; nothing it does waits for anything here.

mod actor;
mod lobby;
mod shared;
mod snapshot;

use super::access::TokenSource;
use super::devices::Devices;
use super::driver::EventSink;
use super::picture_out::CameraFan;
use super::studio::Studio;
use super::view::{Command, DeviceChoice, Notice, Snapshot};
use crate::base::UserId;
use crate::proto::token::ApiKey;
use crate::sound::SoundError;
use shared::Shared;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Commands that wait at most; the window makes a few a second.
const COMMANDS: usize = 64;

/// A room server in this process.
#[derive(Clone, Debug)]
pub(crate) struct Hosted {
    /// `ws://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// Its key, which makes whoever started it a host.
    pub(crate) key: ApiKey,
}

/// Starts a room server in this process, or says why there is none.
pub(crate) type ServerStarter = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Hosted, String>> + Send>> + Send + Sync>;

/// What a desk is made with.
pub(crate) struct DeskConfig {
    /// Where events go.
    pub(crate) events: EventSink,
    /// How a room server is started here; `None`: not in this build.
    pub(crate) server: Option<ServerStarter>,
    /// Devices to begin with.
    pub(crate) choice: DeviceChoice,
    /// Where tokens for other servers come from.
    pub(crate) tokens: TokenSource,
    /// Begin with the camera on.
    pub(crate) camera_on: bool,
    /// Begin with the microphone on.
    pub(crate) microphone_on: bool,
    /// Take background noise out of our own sound.
    pub(crate) reduce_noise: bool,
}

/// Called when somebody's picture was really drawn: who, width, height.
pub(crate) type ShownHook = Arc<dyn Fn(&UserId, u32, u32) + Send + Sync>;

/// The window's end.
pub(crate) struct Desk {
    commands: mpsc::Sender<Command>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    shared: Arc<Shared>,
}

impl Desk {
    /// Starts the desk's task on the present runtime. It ends, after leaving in good order, when the `Desk` is dropped.
    pub(crate) fn start(config: DeskConfig) -> Result<(Self, tokio::task::JoinHandle<()>), SoundError> {
        let (commands, orders) = mpsc::channel(COMMANDS);
        let (publish, snapshot) = watch::channel(Arc::new(Snapshot::default()));
        let shared = Arc::new(Shared::default());
        let camera = Arc::new(CameraFan::default());
        let sound = Arc::new(Studio::start()?);
        sound.set_reduce_noise(config.reduce_noise);
        let (reports, reported) = mpsc::channel(64);
        let devices = Devices::new(reports, camera, sound);
        let actor = actor::Actor::new(config, devices, shared.clone(), publish);
        let task = tokio::spawn(actor.run(orders, reported));
        Ok((Self { commands, snapshot, shared }, task))
    }

    /// Tells that somebody's picture was really drawn.
    pub(crate) fn shown_hook(&self) -> ShownHook {
        let shared = self.shared.clone();
        Arc::new(move |user, width, height| shared.shown(user, width, height))
    }

    /// Sends commands from elsewhere: signals, timers, links. It does not keep the desk alive.
    pub(crate) fn remote(&self) -> mpsc::WeakSender<Command> {
        self.commands.downgrade()
    }

    /// The newest snapshot, for whoever waits for a change.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.clone()
    }
}

impl super::view::Desk for Desk {
    fn send(&mut self, command: Command) {
        if self.commands.try_send(command).is_err() {
            tracing::error!("the desk takes no commands");
        }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.shared.take_notices()
    }

    fn set_waker(&mut self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.shared.set_waker(wake);
    }
}
