//! The tasks of one session's connections, which [`Tasks::end`] ends within a limit.

use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// Tasks that end with their session.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    stop: CancellationToken,
    /// `None` after [`Tasks::end`]: no task starts any more.
    running: Arc<Mutex<Option<JoinSet<()>>>>,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self { stop: CancellationToken::new(), running: Arc::new(Mutex::new(Some(JoinSet::new()))) }
    }

    /// Cancelled when the tasks are to end.
    pub(super) const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Starts a task; `None` after [`Tasks::end`].
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let mut running = self.running.lock();
        let set = running.as_mut()?;
        while set.try_join_next().is_some() {}
        Some(set.spawn(task))
    }

    /// Cancels all tasks and waits for them; those that still run after `limit` are aborted.
    pub(super) async fn end(&self, limit: Duration) {
        self.stop.cancel();
        let taken = self.running.lock().take();
        let Some(mut set) = taken else { return };
        let joined = async { while set.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, joined).await.is_err() {
            set.shutdown().await;
        }
    }
}
