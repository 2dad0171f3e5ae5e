//! The service behind the window: one task that owns the lobby's preview and at most one call.
//!
//! The window sends [`CallCommand`]s and reads the newest [`Snapshot`]; none of its calls waits for the task.

mod device_news;
mod guests;
mod join;
mod lister;
mod mailbox;
mod preview;
mod screens;
mod snapshot;
mod talk;
mod task;

use super::audio::CallAudio;
use super::credentials::TokenSource;
use super::devices::Devices;
use super::driver::EventSink;
use super::video_encoder::VideoFanout;
use super::view::{CallApi, CallCommand, DeviceChoice, Notice, Snapshot};
use crate::audio::AudioError;
use crate::base::{TrackRef, Transport};
use crate::proto::token::ApiKey;
use mailbox::Mailbox;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Commands that wait for the task; further ones are dropped. The window sends a few a second.
const COMMANDS: usize = 64;
/// Device reports that wait for the task; a device's task waits for a place.
const DEVICE_REPORTS: usize = 64;

/// A room server in this process.
#[derive(Clone, Debug)]
pub(crate) struct HostedServer {
    /// `ws://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// Its API key, which makes the user who started it a host.
    pub(crate) key: ApiKey,
}

/// Starts a room server in this process; the error is a sentence for people.
pub(crate) type ServerStarter =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<HostedServer, String>> + Send>> + Send + Sync>;

/// How a [`CallService`] is set up.
pub(crate) struct CallServiceConfig {
    /// Where events go.
    pub(crate) events: EventSink,
    /// Starts a room server in this process; `None` in a build without one.
    pub(crate) server: Option<ServerStarter>,
    /// The devices to begin with.
    pub(crate) choice: DeviceChoice,
    /// Where tokens for other servers come from.
    pub(crate) tokens: TokenSource,
    /// How media may go.
    pub(crate) transport: Transport,
    /// What the first call shares at once.
    pub(crate) screen: Option<String>,
    /// Whether to begin with the camera on.
    pub(crate) camera_on: bool,
    /// Whether to begin with the microphone on.
    pub(crate) microphone_on: bool,
    /// Whether noise suppression is on for our own audio.
    pub(crate) reduce_noise: bool,
}

/// Called when the first frame of a track was drawn: track, width, height.
pub(crate) type ShownHook = Arc<dyn Fn(&TrackRef, u32, u32) + Send + Sync>;

/// The window's handle on the service task.
pub(crate) struct CallService {
    commands: mpsc::Sender<CallCommand>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    mailbox: Arc<Mailbox>,
}

impl CallService {
    /// Starts the service task on the current runtime. When the handle is dropped the task leaves the call and ends.
    pub(crate) fn start(config: CallServiceConfig) -> Result<(Self, tokio::task::JoinHandle<()>), AudioError> {
        let (commands, command_rx) = mpsc::channel(COMMANDS);
        let (snapshot_tx, snapshot) = watch::channel(Arc::new(Snapshot::default()));
        let mailbox = Arc::new(Mailbox::default());
        let camera = Arc::new(VideoFanout::default());
        let audio = Arc::new(CallAudio::start()?);
        audio.set_reduce_noise(config.reduce_noise);
        let (report_tx, report_rx) = mpsc::channel(DEVICE_REPORTS);
        let devices = Devices::new(report_tx, camera, audio);
        let service = task::ServiceTask::new(config, devices, mailbox.clone(), snapshot_tx);
        let task = tokio::spawn(service.run(command_rx, report_rx));
        Ok((Self { commands, snapshot, mailbox }, task))
    }

    /// The function to call when the first frame of a track was drawn.
    pub(crate) fn shown_hook(&self) -> ShownHook {
        let mailbox = self.mailbox.clone();
        Arc::new(move |track, width, height| mailbox.shown(track, width, height))
    }

    /// Sends commands from elsewhere: signals, timers, links. It does not keep the service running.
    pub(crate) fn remote(&self) -> mpsc::WeakSender<CallCommand> {
        self.commands.downgrade()
    }
}

impl CallApi for CallService {
    fn send(&mut self, command: CallCommand) {
        if self.commands.try_send(command).is_err() {
            tracing::error!("the service's queue is full: a command was dropped");
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
