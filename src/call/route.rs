//! Tells the session of changes of the way to the server.

use super::report::{ReportSender, TaskReport};
use crate::session::Input;
use crate::signal::RouteWatch;
use std::net::SocketAddr;
use tokio::task::JoinHandle;

/// A task that watches the way to one server until it is dropped.
pub(super) struct RouteTask {
    server: SocketAddr,
    task: JoinHandle<()>,
}

impl RouteTask {
    /// Begins to watch.
    pub(super) fn start(server: SocketAddr, report_tx: ReportSender) -> Self {
        let task = tokio::spawn(async move {
            let mut watch = RouteWatch::start(server);
            loop {
                let change = watch.changed().await;
                tracing::info!(?change, "the way to the server has changed");
                report_tx.send(TaskReport::Session(Box::new(Input::NetworkChanged(change)))).await;
            }
        });
        Self { server, task }
    }

    /// The server whose way is watched.
    pub(super) const fn server(&self) -> SocketAddr {
        self.server
    }
}

impl Drop for RouteTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}
