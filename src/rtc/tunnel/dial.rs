//! Opening a connection by TCP or TLS.

use super::TargetKind;
use crate::http::{Connection, connect, connect_by_proxy, send_at_once};
use futures_util::FutureExt;
use futures_util::future::select_ok;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};
use url::Url;

/// How long a connection may take to open.
const DIAL: Duration = Duration::from_secs(8);
/// The head start of the direct way to a candidate, where a proxy is set too.
const DIRECT: Duration = Duration::from_millis(100);

/// Opens a connection: to a candidate from the address `own`, which belongs to the ICE pair, or through the proxy if that is
/// there first; to a TURN server through a proxy where one is set.
pub(super) async fn dial(target: &TargetKind, own: IpAddr) -> io::Result<Connection> {
    match target {
        TargetKind::Candidate { address, .. } => {
            let proxied = async {
                sleep(DIRECT).await;
                let none = || io::Error::from(io::ErrorKind::AddrNotAvailable);
                connect_by_proxy(*address, DIAL).await.ok_or_else(none)?.map_err(io::Error::other)
            };
            // The first one that opens, else the error of the last.
            let (connection, _) = select_ok([direct(*address, own).boxed(), proxied.boxed()]).await?;
            Ok(connection)
        }
        TargetKind::Relay { host, port, tls } => {
            let scheme = if *tls { "https" } else { "http" };
            let url = if host.contains(':') {
                format!("{scheme}://[{host}]:{port}")
            } else {
                format!("{scheme}://{host}:{port}")
            };
            let url = Url::parse(&url).map_err(io::Error::other)?;
            connect(&url, DIAL).await.map_err(io::Error::other)
        }
    }
}

async fn direct(address: SocketAddr, own: IpAddr) -> io::Result<Connection> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if !own.is_unspecified() {
        socket.bind(SocketAddr::new(own, 0))?;
    }
    let stream = timeout(DIAL, socket.connect(address)).await??;
    send_at_once(&stream);
    Ok(Connection { stream: Box::new(stream), peer: address, proxied: false })
}
