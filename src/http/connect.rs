//! A connection to a server: TCP, perhaps through a proxy, then perhaps TLS.

use super::address::server_name;
use super::error::{ProxyError, ServerError};
use super::proxy::{Proxy, ProxyProtocol, proxy_for};
use super::{tls, tunnel};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use url::{Host, Url};

/// Wait for one address before the next one is tried beside it (RFC 8305, section 8).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// Bytes in the system's buffer that have not been sent.
const UNSENT: u32 = 16 << 10;

/// A connection to a server; dropping it closes it.
pub(crate) type ServerStream = Box<dyn Duplex>;

/// Bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

/// The server in an address.
#[derive(Clone, Debug)]
pub(super) struct Target<'a> {
    pub(super) host: Host<&'a str>,
    pub(super) port: u16,
    url: &'a Url,
}

impl<'a> Target<'a> {
    fn of(url: &'a Url) -> Result<Self, ServerError> {
        match (url.host(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self { host, port, url }),
            _ => Err(ServerError::Unreachable(server_name(url))),
        }
    }

    /// As errors show it.
    pub(super) fn shown(&self) -> String {
        server_name(self.url)
    }

    /// Host and port, also a port that the address leaves out.
    pub(super) fn with_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// A connection to a server.
pub(crate) struct Connection {
    pub(crate) stream: ServerStream,
    /// The address of the server, or of the proxy on the way to it.
    pub(crate) peer: SocketAddr,
    /// Whether a proxy opened it.
    pub(crate) proxied: bool,
}

/// Connects to the server at `url` (`ws`, `wss`, `http` or `https`) within `limit`.
pub(crate) async fn connect(url: &Url, limit: Duration) -> Result<Connection, ServerError> {
    connect_by(proxy_for(url)?, url, limit).await
}

/// Connects to `address` by the proxy that opens connections to there, without TLS; `None` if no proxy is set. One that is
/// set for secure connections comes first: tunnels to any port are its work.
pub(crate) async fn connect_by_proxy(address: SocketAddr, limit: Duration) -> Option<Result<Connection, ServerError>> {
    let [secure, plain] = ["https", "http"].map(|scheme| Url::parse(&format!("{scheme}://{address}")));
    let plain = plain.ok()?;
    match proxy_for(&secure.ok()?).and_then(|found| found.map_or_else(|| proxy_for(&plain), |proxy| Ok(Some(proxy)))) {
        Ok(proxy) => Some(connect_by(Some(proxy?), &plain, limit).await),
        Err(error) => Some(Err(error.into())),
    }
}

/// The same by this proxy, or directly.
pub(super) async fn connect_by(proxy: Option<Proxy>, url: &Url, limit: Duration) -> Result<Connection, ServerError> {
    let deadline = Instant::now() + limit;
    let stages = Stages { target: Target::of(url)?, proxy };
    let connection = stages.open_until(deadline).await?;
    stages.secure_until(connection, deadline).await
}

/// The stages of a connection, one by one, for those who tell which of them fails.
pub(crate) struct Stages<'a> {
    target: Target<'a>,
    proxy: Option<Proxy>,
}

impl<'a> Stages<'a> {
    /// The way to the server at `url` (`ws`, `wss`, `http` or `https`).
    pub(crate) fn to(url: &'a Url) -> Result<Self, ServerError> {
        Ok(Self { target: Target::of(url)?, proxy: proxy_for(url)? })
    }

    /// Host and port of the proxy on the way.
    pub(crate) fn proxy(&self) -> Option<String> {
        self.proxy.as_ref().map(ToString::to_string)
    }

    /// Whether the server is to speak TLS.
    pub(crate) fn is_secure(&self) -> bool {
        matches!(self.target.url.scheme(), "wss" | "https")
    }

    /// The addresses of the server, or of the proxy, within `limit`; `None` if its name is not known.
    pub(crate) async fn addresses(&self, limit: Duration) -> Option<Vec<SocketAddr>> {
        let (host, port) = match &self.proxy {
            Some(proxy) => (proxy.host.to_string(), proxy.port),
            None => (self.target.host.to_string(), self.target.port),
        };
        timeout(limit, lookup(&host, port)).await.ok()?
    }

    /// Opens the TCP connection, through the proxy where there is one, within `limit`.
    pub(crate) async fn open(&self, limit: Duration) -> Result<Connection, ServerError> {
        self.open_until(Instant::now() + limit).await
    }

    /// Begins TLS within `limit`, if the server is to speak it.
    pub(crate) async fn secure(&self, connection: Connection, limit: Duration) -> Result<Connection, ServerError> {
        self.secure_until(connection, Instant::now() + limit).await
    }

    async fn open_until(&self, deadline: Instant) -> Result<Connection, ServerError> {
        let target = &self.target;
        match &self.proxy {
            None => {
                let opening = async { open_tcp(resolve(target).await?).await.ok_or_else(|| unreachable(target)) };
                timeout_at(deadline, opening).await.map_err(|_| self.late())?
            }
            Some(proxy) => {
                let late = |_| ServerError::Proxy(ProxyError::Timeout(proxy.to_string()));
                timeout_at(deadline, through(proxy, target)).await.map_err(late)?
            }
        }
    }

    async fn secure_until(&self, connection: Connection, deadline: Instant) -> Result<Connection, ServerError> {
        if !self.is_secure() {
            return Ok(connection);
        }
        let Connection { stream, peer, proxied } = connection;
        let secured = timeout_at(deadline, tls::secure(stream, &self.target.host)).await.map_err(|_| self.late())?;
        let stream = secured.map_err(|problem| ServerError::Tls(problem, self.target.shown()))?;
        Ok(Connection { stream, peer, proxied })
    }

    fn late(&self) -> ServerError {
        ServerError::Timeout(self.target.shown())
    }
}

/// A connection that a proxy opens.
async fn through(proxy: &Proxy, target: &Target<'_>) -> Result<Connection, ServerError> {
    let unreachable = || ProxyError::Unreachable { proxy: proxy.to_string(), source_name: proxy.source_name };
    let host = proxy.host.to_string();
    let addresses = lookup(&host, proxy.port).await.ok_or_else(unreachable)?;
    let Connection { mut stream, peer, .. } = open_tcp(addresses).await.ok_or_else(unreachable)?;
    if proxy.protocol == ProxyProtocol::Https {
        let host = match &proxy.host {
            Host::Domain(name) => Host::Domain(name.as_str()),
            Host::Ipv4(ip) => Host::Ipv4(*ip),
            Host::Ipv6(ip) => Host::Ipv6(*ip),
        };
        let secured = tls::secure(stream, &host).await;
        stream = secured.map_err(|problem| ProxyError::Tls(problem, proxy.to_string()))?;
    }
    tracing::debug!(%proxy, source = proxy.source_name, "connected to the proxy");
    tunnel::ask(&mut stream, proxy, target).await?;
    Ok(Connection { stream, peer, proxied: true })
}

fn unreachable(target: &Target<'_>) -> ServerError {
    ServerError::Unreachable(target.shown())
}

/// The addresses of a server.
pub(super) async fn resolve(target: &Target<'_>) -> Result<Vec<SocketAddr>, ServerError> {
    lookup(&target.host.to_string(), target.port).await.ok_or_else(|| unreachable(target))
}

async fn lookup(host: &str, port: u16) -> Option<Vec<SocketAddr>> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let found: Vec<SocketAddr> = lookup_host((host, port)).await.ok()?.collect();
    Some(alternate(found)).filter(|found| !found.is_empty())
}

/// The addresses with families in turn, beginning with that of the first.
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let begins_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == begins_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    std::iter::from_fn(|| Some([first.next(), second.next()]))
        .take_while(|pair| pair.iter().any(Option::is_some))
        .flatten()
        .flatten()
        .collect()
}

/// Connects to the first address that answers ("happy eyeballs", RFC 8305); `None` if none does.
async fn open_tcp(addresses: Vec<SocketAddr>) -> Option<Connection> {
    let mut waiting = VecDeque::from(addresses);
    let mut attempts = FuturesUnordered::new();
    loop {
        if let Some(address) = waiting.pop_front() {
            attempts.push(async move { TcpStream::connect(address).await.map(|stream| (stream, address)) });
        } else if attempts.is_empty() {
            return None;
        }
        let more = !waiting.is_empty();
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok((stream, peer)) => {
                    send_at_once(&stream);
                    return Some(Connection { stream: Box::new(stream), peer, proxied: false });
                }
                Err(error) => tracing::debug!(%error, "an address does not answer"),
            },
            () = sleep(NEXT_ADDRESS), if more => {}
        }
    }
}

/// Small messages must not wait for each other, and what the system's buffer holds can be neither overtaken nor dropped.
pub(crate) fn send_at_once(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    if let Err(error) = socket.set_tcp_nodelay(true) {
        tracing::debug!(%error, "Nagle's algorithm stays on");
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let limited = socket.set_tcp_notsent_lowat(UNSENT);
    // Elsewhere the buffer also holds what is under way.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let limited = socket.set_send_buffer_size(4 * UNSENT as usize);
    if let Err(error) = limited {
        tracing::debug!(%error, "the buffer of a connection stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("an address")).collect::<Vec<_>>();
        let found = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "192.0.2.1:1"]);
        assert_eq!(alternate(found), addresses(&["[::1]:1", "192.0.2.1:1", "[::2]:1", "[::3]:1"]));
        assert!(alternate(Vec::new()).is_empty());
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_is_passed_over() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = listener.local_addr().expect("an address");
        let nobody = "127.0.0.1:9".parse().expect("an address");
        let opened = open_tcp(vec![nobody, here]).await.expect("a connection");
        assert_eq!(opened.peer, here);
        assert!(open_tcp(vec![nobody]).await.is_none());
    }
}
