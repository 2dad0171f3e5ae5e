//! What the window talks to: one task that holds the lobby's preview and, at most, one call.
//!
//! The window sends [`CallCommand`]s and reads the newest [`Snapshot`]; nothing it does waits for anything here.

mod mailbox;
mod preview;
mod snapshot;
mod task;

use super::audio::CallAudio;
use super::credentials::TokenSource;
use super::devices::Devices;
use super::driver::EventSink;
use super::video_encoder::CameraFanout;
use super::view::{CallCommand, DeviceChoice, Notice, Snapshot};
use crate::audio::AudioError;
use crate::base::UserId;
use crate::proto::token::ApiKey;
use mailbox::Mailbox;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Commands that wait at most; the window makes a few a second.
const COMMANDS: usize = 64;

/// A room server in this process.
#[derive(Clone, Debug)]
pub(crate) struct HostedServer {
    /// `ws://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// Its key, which makes whoever started it a host.
    pub(crate) key: ApiKey,
}

/// Starts a room server in this process, or says why there is none.
pub(crate) type ServerStarter =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<HostedServer, String>> + Send>> + Send + Sync>;

/// What a desk is made with.
pub(crate) struct CallServiceConfig {
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
pub(crate) struct CallService {
    commands: mpsc::Sender<CallCommand>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    mailbox: Arc<Mailbox>,
}

impl CallService {
    /// Starts the desk's task on the present runtime. It ends, after leaving in good order, when the `CallService` is dropped.
    pub(crate) fn start(config: CallServiceConfig) -> Result<(Self, tokio::task::JoinHandle<()>), AudioError> {
        let (commands, orders) = mpsc::channel(COMMANDS);
        let (publish, snapshot) = watch::channel(Arc::new(Snapshot::default()));
        let mailbox = Arc::new(Mailbox::default());
        let camera = Arc::new(CameraFanout::default());
        let sound = Arc::new(CallAudio::start()?);
        sound.set_reduce_noise(config.reduce_noise);
        let (reports, reported) = mpsc::channel(64);
        let devices = Devices::new(reports, camera, sound);
        let task = task::ServiceTask::new(config, devices, mailbox.clone(), publish);
        let task = tokio::spawn(task.run(orders, reported));
        Ok((Self { commands, snapshot, mailbox }, task))
    }

    /// Tells that somebody's picture was really drawn.
    pub(crate) fn shown_hook(&self) -> ShownHook {
        let mailbox = self.mailbox.clone();
        Arc::new(move |user, width, height| mailbox.shown(user, width, height))
    }

    /// Sends commands from elsewhere: signals, timers, links. It does not keep the desk alive.
    pub(crate) fn remote(&self) -> mpsc::WeakSender<CallCommand> {
        self.commands.downgrade()
    }

    /// The newest snapshot, for whoever waits for a change.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.clone()
    }
}

impl super::view::CallApi for CallService {
    fn send(&mut self, command: CallCommand) {
        if self.commands.try_send(command).is_err() {
            tracing::error!("the desk takes no commands");
        }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.mailbox.take_notices()
    }

    fn set_waker(&mut self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.mailbox.set_waker(wake);
    }
}
