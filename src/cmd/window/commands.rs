//! Tasks that send commands to the call service beside the user: for signals, links, `--leave-after` and new releases.
//!
//! Each holds a weak sender, so that none of them keeps the service alive.

use super::monitor::CallMonitor;
use crate::base::ExitRequestedBy;
use crate::call::view::CallCommand;
use crate::cmd::signals::Signals;
use crate::store::{Paths, SingleInstance};
use crate::updates::{self, ReleaseFeed};
use anyhow::Context;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

type Commands = mpsc::WeakSender<CallCommand>;

/// The first signal leaves the call, or closes the window; a second one ends the process at once.
pub(super) fn quit_on_signal(commands: Commands) -> anyhow::Result<()> {
    let signals = Signals::with_hangup().context("Signals cannot be caught")?;
    tokio::spawn(async move {
        signals.first().await;
        send(&commands, CallCommand::Quit).await;
    });
    Ok(())
}

/// Forwards links that other processes open. Only the first window of a user receives them.
pub(super) async fn receive_links(paths: Paths, commands: Commands) {
    let mut instance = match SingleInstance::open(&paths).await {
        Ok(instance) => instance,
        Err(error) => return tracing::info!(%error, "another window receives links"),
    };
    loop {
        match instance.next_link().await {
            Ok(link) => {
                if !send(&commands, CallCommand::OpenLink(link)).await {
                    return;
                }
            }
            Err(error) => return tracing::warn!(%error, "links are no longer received"),
        }
    }
}

/// Leaves the call so long after it was entered.
pub(super) async fn leave_after(time: Duration, monitor: Arc<CallMonitor>, commands: Commands) {
    monitor.entered().await;
    tokio::time::sleep(time).await;
    send(&commands, CallCommand::Leave(ExitRequestedBy::Timer)).await;
}

/// Tells the window of newer versions while `wanted` holds. `feed` is the setting; `None` means the project's own feed.
pub(super) async fn watch_releases(feed: Option<String>, wanted: watch::Receiver<bool>, commands: Commands) {
    match feed.as_deref().map_or_else(ReleaseFeed::of_project, ReleaseFeed::at) {
        Ok(feed) => {
            let tell = |release| {
                if let Some(commands) = commands.upgrade()
                    && commands.try_send(CallCommand::TellRelease(release)).is_err()
                {
                    tracing::debug!("the window was not told of a newer version");
                }
            };
            updates::follow(feed, updates::UpdateSchedule::default(), wanted, tell).await;
        }
        Err(error) => tracing::warn!(%error, "new versions are not looked for"),
    }
}

/// Whether the service still runs.
async fn send(commands: &Commands, command: CallCommand) -> bool {
    match commands.upgrade() {
        Some(commands) => commands.send(command).await.is_ok(),
        None => false,
    }
}
