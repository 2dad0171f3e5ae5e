//! A room server inside another process: for "Start a call on this computer", the demo, and tests.

use super::{ServeError, Server, ServerConfig};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server. Dropping it stops the server as well, without waiting for it.
#[must_use = "the server stops when this is dropped; `stop` waits until everybody has been told"]
#[derive(Debug)]
pub(crate) struct Embedded {
    url: String,
    media_ports: Vec<u16>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Embedded {
    /// Starts a server on the address that `config.media.bind` names, on any free port, in the runtime of the caller.
    pub(crate) async fn start(config: ServerConfig) -> Result<Self, ServeError> {
        let address = config.media.bind;
        let scheme = if config.tls.is_some() { "wss" } else { "ws" };
        let server = Server::bind(TcpListener::bind((address, 0)).await?, config)?;
        let url = format!("{scheme}://{}", std::net::SocketAddr::new(reachable(address), server.address().port()));
        let media_ports = server.media_ports().to_vec();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            // An error means that the handle was dropped, which is an order to stop as well.
            stopped.await.unwrap_or_default();
        }));
        Ok(Self { url, media_ports, stop: Some(stop), task })
    }

    /// What clients in this process and on this computer connect to: `ws://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The UDP ports for media, one a worker.
    pub(crate) fn media_ports(&self) -> &[u16] {
        &self.media_ports
    }

    /// Tells everybody that the server stops, and waits until it has: about a second at most.
    pub(crate) async fn stop(mut self) -> Result<(), ServeError> {
        drop(self.stop.take());
        (&mut self.task).await.map_err(|_| ServeError::Internal)?
    }
}

/// The unspecified address stands for all of them; loopback is one that this computer can use.
const fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}
