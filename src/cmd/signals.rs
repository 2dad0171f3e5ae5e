//! SIGINT, SIGTERM and their like: the first leaves in good order, the second ends at once.

use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// Waits for signals in the background. `leave` is cancelled by the first one; after a second the process ends at
/// once with 130 or 143, as usual.
pub(super) fn watch(leave: CancellationToken) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            loop {
                let code = tokio::select! {
                    _ = interrupt.recv() => 130,
                    _ = terminate.recv() => 143,
                    _ = hangup.recv() => 129,
                };
                if leave.is_cancelled() {
                    std::process::exit(code);
                }
                leave.cancel();
            }
        });
    }
    #[cfg(not(unix))]
    {
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if leave.is_cancelled() {
                    std::process::exit(130);
                }
                leave.cancel();
            }
        });
    }
    Ok(())
}

/// The exit code of a stay that ended so.
pub(super) fn exit_code(reason: crate::base::ExitReason) -> ExitCode {
    ExitCode::from(reason.exit_code())
}
