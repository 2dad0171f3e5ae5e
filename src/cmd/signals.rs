//! The signals that end a process: the first one ends it in good order, the second one at once.

use std::io;
use tokio_util::sync::CancellationToken;

/// SIGINT and SIGTERM, and SIGHUP where it ends the program too; on Windows Ctrl+C.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// `None` where SIGHUP means something else.
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    /// For programs that end with their terminal.
    pub(super) fn with_hangup() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let hangup = Some(signal(SignalKind::hangup())?);
            Ok(Self { hangup, ..Self::without_hangup()? })
        }
        #[cfg(not(unix))]
        Self::without_hangup()
    }

    /// For the server, which reloads its configuration on SIGHUP.
    pub(super) fn without_hangup() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            Ok(Self { interrupt, terminate, hangup: None })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for the first signal. From then on, a second one ends the process.
    pub(super) async fn first(mut self) {
        self.next().await;
        tokio::spawn(async move { std::process::exit(self.next().await) });
    }

    /// Waits for a signal. Returns the exit code of a process that it ends: 128 and the signal's number.
    #[cfg(unix)]
    async fn next(&mut self) -> i32 {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
            () = hangup => 129,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> i32 {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl+C cannot be caught");
            return std::future::pending().await;
        }
        130
    }
}

/// Cancels `leave` at the first signal.
#[cfg(feature = "bot")]
pub(super) fn cancel_on_signal(leave: CancellationToken) -> io::Result<()> {
    let signals = Signals::with_hangup()?;
    tokio::spawn(async move {
        signals.first().await;
        leave.cancel();
    });
    Ok(())
}
