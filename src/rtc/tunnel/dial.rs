//! Opening a connection by TCP or TLS.

use super::TargetKind;
use crate::http::{ServerStream, connect};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::time::timeout;
use url::Url;

/// How long a connection may take to open.
const DIAL: Duration = Duration::from_secs(8);

/// Opens a connection: to a candidate from the address `own`, which belongs to the ICE pair; to a TURN server through a
/// proxy where one is set.
pub(super) async fn dial(target: &TargetKind, own: IpAddr) -> io::Result<ServerStream> {
    match target {
        TargetKind::Candidate { address, .. } => {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            if !own.is_unspecified() {
                socket.bind(SocketAddr::new(own, 0))?;
            }
            let stream = timeout(DIAL, socket.connect(*address)).await??;
            crate::http::send_at_once(&stream);
            Ok(Box::new(stream))
        }
        TargetKind::Relay { host, port, tls } => {
            let scheme = if *tls { "https" } else { "http" };
            let url = if host.contains(':') {
                format!("{scheme}://[{host}]:{port}")
            } else {
                format!("{scheme}://{host}:{port}")
            };
            let url = Url::parse(&url).map_err(io::Error::other)?;
            connect(&url, DIAL).await.map(|connection| connection.stream).map_err(io::Error::other)
        }
    }
}
