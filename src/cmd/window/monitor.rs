//! Follows the call for the process: whether it was entered, how it ended, and whether its receipt is stored.

use super::args::Then;
use crate::base::{Event, EventKind, ExitReason};
use crate::call::EventSink;
use crate::call::view::CallCommand;
use crate::cmd::program_event;
use crate::desktop::{Awake, Notifier};
use crate::store::{Paths, note_exit};
use crate::ui;
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// With `--then quit`, how long the end screen may take to be painted. A minimised window paints nothing, and ends after
/// this time all the same.
const END_SCREEN_LIMIT: Duration = Duration::from_secs(2);

/// Reads the events of the call on their way to the user.
pub(super) struct CallMonitor {
    then: Option<Then>,
    paths: Option<Paths>,
    commands: OnceLock<mpsc::WeakSender<CallCommand>>,
    ended: Mutex<Option<ExitReason>>,
    /// The task that writes the last receipt.
    receipt: Mutex<Option<JoinHandle<()>>>,
    entered: CancellationToken,
    /// Keeps the screen on during a call.
    awake: Mutex<Option<Awake>>,
    /// Its notification is of no use after the call.
    notifier: Notifier,
}

impl CallMonitor {
    /// `paths` is where receipts are stored.
    pub(super) fn new(then: Option<Then>, paths: Option<Paths>) -> Arc<Self> {
        Arc::new(Self {
            then,
            paths,
            commands: OnceLock::new(),
            ended: Mutex::default(),
            receipt: Mutex::default(),
            entered: CancellationToken::new(),
            awake: Mutex::default(),
            notifier: Notifier::start(),
        })
    }

    /// Tells the monitor where commands go. The call service needs the monitor's event sink before it exists itself.
    pub(super) fn connect(&self, commands: mpsc::WeakSender<CallCommand>) {
        self.commands.set(commands).ok();
    }

    /// An event sink that passes everything on to `events`.
    pub(super) fn event_sink(self: &Arc<Self>, events: EventSink) -> EventSink {
        let monitor = self.clone();
        Arc::new(move |event: &Event| {
            events(event);
            match &event.kind {
                EventKind::EnterRoom { .. } => {
                    monitor.entered.cancel();
                    *monitor.awake.lock() = Awake::keep();
                }
                EventKind::ExitRoom { reason, .. } => monitor.call_ended(event, *reason),
                _ => {}
            }
        })
    }

    fn call_ended(self: &Arc<Self>, event: &Event, reason: ExitReason) {
        *self.awake.lock() = None;
        self.notifier.withdraw();
        *self.receipt.lock() = self.store_receipt(event);
        *self.ended.lock() = Some(reason);
        if self.then == Some(Then::Quit) {
            let monitor = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(END_SCREEN_LIMIT).await;
                monitor.quit();
            });
        }
    }

    /// Writes the receipt for support bundles on a thread of its own: the disk may be slow.
    fn store_receipt(&self, event: &Event) -> Option<JoinHandle<()>> {
        let paths = self.paths.clone()?;
        let line = event.to_line(std::process::id());
        Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = note_exit(&paths, &line) {
                tracing::warn!(%error, "the receipt could not be stored for support");
            }
        }))
    }

    /// Waits until the last receipt is on disk.
    pub(super) async fn receipt_stored(&self) {
        let receipt = self.receipt.lock().take();
        if let Some(receipt) = receipt {
            receipt.await.ok();
        }
    }

    /// Closes the window as soon as no call is open.
    fn quit(&self) {
        if let Some(commands) = self.commands.get().and_then(mpsc::WeakSender::upgrade)
            && commands.try_send(CallCommand::Quit).is_err()
        {
            tracing::warn!("the window has ended already");
        }
    }

    /// Emits ScreenShown for each painted screen. With `--then quit`, ends the program after an end screen.
    pub(super) fn on_screen(self: &Arc<Self>, events: EventSink) -> Box<dyn FnMut(&'static str)> {
        let monitor = self.clone();
        Box::new(move |screen| {
            events(&program_event(EventKind::ScreenShown { screen: screen.to_owned() }));
            let is_end = !matches!(screen, "call" | "leaving" | "joining");
            if monitor.then == Some(Then::Quit) && is_end && monitor.exit_reason().is_some() {
                monitor.quit();
            }
        })
    }

    /// Shows and withdraws the system's notification.
    pub(super) fn on_notification(self: &Arc<Self>) -> ui::OnNotification {
        let monitor = self.clone();
        Box::new(move |order| match order {
            ui::NotificationOrder::Show(ui::Notification { title, body }) => monitor.notifier.show(title, body),
            ui::NotificationOrder::Withdraw => monitor.notifier.withdraw(),
        })
    }

    /// Withdraws the notification before the program ends, and waits for the system half a second at most.
    pub(super) async fn notification_withdrawn(self: &Arc<Self>) {
        let monitor = self.clone();
        tokio::task::spawn_blocking(move || monitor.notifier.end()).await.ok();
    }

    /// How the last call ended; `None` if none has ended.
    pub(super) fn exit_reason(&self) -> Option<ExitReason> {
        *self.ended.lock()
    }

    /// Waits until a call was entered.
    pub(super) async fn entered(&self) {
        self.entered.cancelled().await;
    }
}
