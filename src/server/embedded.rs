//! A room server inside another process: for "Start a call on this computer", the demo, and tests.

use super::{ServeError, Server, ServerConfig};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server. Dropping it stops the server without waiting.
#[must_use = "the server stops when this is dropped; `stop` waits until everybody has been told"]
#[derive(Debug)]
pub(crate) struct Embedded {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Embedded {
    /// Starts a server at the address `config.media.bind`, on any free port, in the caller's runtime.
    pub(crate) async fn start(config: ServerConfig) -> Result<Self, ServeError> {
        let address = config.media.bind;
        let scheme = if config.tls.is_some() { "wss" } else { "ws" };
        let server = Server::bind(TcpListener::bind((address, 0)).await?, config).await?;
        let url = format!("{scheme}://{}", std::net::SocketAddr::new(reachable(address), server.address().port()));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            // An error means that the handle was dropped, which also stops the server.
            stopped.await.unwrap_or_default();
        }));
        Ok(Self { url, stop: Some(stop), task })
    }

    /// The URL for clients on this computer: `ws://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Stops the server: every client gets `leave`. Takes about 1 s at most.
    pub(crate) async fn stop(mut self) -> Result<(), ServeError> {
        drop(self.stop.take());
        (&mut self.task).await.map_err(|_| ServeError::Internal)?
    }
}

/// An address for clients on this computer: loopback if the server listens on all addresses.
const fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}
