//! Tasks that send commands to the call service beside the user: for signals, links, `--leave-after` and new releases.
//!
//! Each holds a weak sender, so that none of them keeps the service alive.

use super::monitor::CallMonitor;
use crate::base::ExitRequestedBy;
use crate::call::view::{CallCommand, KeyState, TalkKey};
use crate::cmd::signals::Signals;
use crate::desktop::{self, Hotkey, HotkeyError, HotkeyState};
use crate::store::{Paths, SingleInstance, save_download};
use crate::ui::{self, TalkKeyProblem};
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

/// Tells when the screen is locked: push to talk and sharing end then.
pub(super) fn tell_locks(commands: Commands) {
    desktop::watch_lock(move || send_now(&commands, CallCommand::ScreenLocked));
}

/// Reports the key for push to talk that works in all programs, once the window says which it is.
pub(super) fn talk_key(commands: Commands) -> ui::OnTalkKey {
    let mut hotkey = Hotkey::new(move |state| {
        let state = match state {
            HotkeyState::Down => KeyState::Down,
            HotkeyState::Held => KeyState::Held,
            HotkeyState::Up => KeyState::Up,
        };
        send_now(&commands, CallCommand::Talk(TalkKey::Global, state));
    });
    Box::new(move |key| {
        hotkey.set(key).map_err(|error| {
            tracing::info!(%error, key, "push to talk does not work in other programs");
            match error {
                HotkeyError::Taken => TalkKeyProblem::Taken,
                HotkeyError::Refused(_) => TalkKeyProblem::Refused,
            }
        })
    })
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
            let tell = |release| send_now(&commands, CallCommand::TellRelease(release));
            updates::follow(feed, updates::UpdateSchedule::default(), wanted, tell).await;
        }
        Err(error) => tracing::warn!(%error, "new versions are not looked for"),
    }
}

/// Writes a file that the user asked for, beside the window, and tells it where that is, or what went wrong.
pub(super) fn save(commands: Commands) -> ui::OnSave {
    Box::new(move |name, text| {
        let (name, text, commands) = (name.to_owned(), text.to_owned(), commands.clone());
        tokio::task::spawn_blocking(move || {
            let saved = save_download(&name, &text).map(|path| path.display().to_string());
            send_now(&commands, CallCommand::TellSaved(saved.map_err(|error| error.to_string())));
        });
    })
}

/// The same from threads that must not wait. A command that does not fit into the queue is dropped.
pub(super) fn send_now(commands: &Commands, command: CallCommand) {
    if let Some(Err(error)) = commands.upgrade().map(|commands| commands.try_send(command)) {
        tracing::warn!(%error, "the call service was not told");
    }
}

/// Whether the service still runs.
async fn send(commands: &Commands, command: CallCommand) -> bool {
    match commands.upgrade() {
        Some(commands) => commands.send(command).await.is_ok(),
        None => false,
    }
}
