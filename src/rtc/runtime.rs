//! The runtime that the stack runs on: tokio with some changes.
//!
//! The stack's tasks are kept in [`Tasks`], so that closing can wait for them; the stack only aborts its driver and does
//! not wait. Where the system cannot batch datagrams, they are sent one by one. And its sockets carry media over TCP too
//! ([`TunnelSocket`]).

use super::plain_udp;
use super::tasks::Tasks;
use super::tunnel::{TunnelSocket, Tunnels};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime, TokioRuntime,
};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Tokio, with the tasks of one session kept in `tasks`, and the tunnels of one peer connection.
#[derive(Debug)]
pub(super) struct SessionRuntime {
    pub(super) tasks: Tasks,
    pub(super) tunnels: Tunnels,
}

struct Handle(Option<AbortHandle>);

impl JoinHandle for Handle {
    fn detach(&self) {}

    fn abort(&self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }

    fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(AbortHandle::is_finished)
    }
}

impl Runtime for SessionRuntime {
    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        Box::new(Handle(self.tasks.spawn(future)))
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let udp = match plain_udp::batching_error(&socket) {
            None => TokioRuntime.wrap_udp_socket(socket)?,
            Some(error) => {
                tracing::info!(%error, "no batching of datagrams on this system");
                plain_udp::wrap(socket)?
            }
        };
        Ok(Arc::new(TunnelSocket::new(udp, self.tunnels.clone())?))
    }

    fn wrap_tcp_listener(&self, listener: TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(&'a self, remote: SocketAddr) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        TokioRuntime.connect_tcp(remote)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        if let Some(addresses) = self.tunnels.resolve(host).or_else(|| without_brackets(host)) {
            return Box::pin(std::future::ready(Ok(addresses)));
        }
        TokioRuntime.resolve_host(host)
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        TokioRuntime.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn name(&self) -> &'static str {
        "tokio"
    }
}

/// An IPv6 address and a port, as the stack writes those of TURN servers.
fn without_brackets(host: &str) -> Option<Vec<SocketAddr>> {
    let (ip, port) = host.rsplit_once(':')?;
    Some(vec![SocketAddr::new(IpAddr::V6(ip.parse().ok()?), port.parse().ok()?)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_is_read_without_brackets() {
        assert_eq!(without_brackets("fd00::7:3478"), Some(vec!["[fd00::7]:3478".parse().expect("an address")]));
        for other in ["turn.example.com:3478", "192.0.2.1:3478", "[fd00::7]:3478", "3478"] {
            assert_eq!(without_brackets(other), None, "{other}");
        }
    }
}
