//! The tasks of one session's connections: bounded in life by [`Tasks::end`].

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// Tasks that end when their session does.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    stop: CancellationToken,
    /// `None` once ended: nothing starts any more.
    running: Arc<Mutex<Option<JoinSet<()>>>>,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self { stop: CancellationToken::new(), running: Arc::new(Mutex::new(Some(JoinSet::new()))) }
    }

    /// Cancelled when the tasks shall end.
    pub(super) const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Starts a task, unless they have ended.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let set = running.as_mut()?;
        while set.try_join_next().is_some() {}
        Some(set.spawn(task))
    }

    /// Ends them all; those that do not obey within `limit` are aborted.
    pub(super) async fn end(&self, limit: Duration) {
        self.stop.cancel();
        let taken = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut set) = taken else { return };
        let joined = async { while set.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, joined).await.is_err() {
            set.shutdown().await;
        }
    }
}
