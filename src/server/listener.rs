//! The listener: it accepts connections within their limits, makes the TLS handshake, and serves HTTP on them.

use super::connection_limit::ConnectionLimit;
use super::tls::Tls;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Request line and headers together, in bytes. An uncompressed join request takes about 25 KB.
const HEADER_BYTES: usize = 128 * 1024;
/// How long a client may take for its TLS handshake, and then for the headers of a request.
const HEADER_LIMIT: Duration = Duration::from_secs(5);
/// The same for a trusted proxy. It sends whole headers, and keeps connections open between requests: 2 min in Caddy,
/// 90 s in Traefik. If the server closed them first, requests that are on their way would be lost.
const PROXY_LIMIT: Duration = Duration::from_secs(5 * 60);
/// Pause after a failed accept, for example without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The header in which a proxy names its client.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// A bound listener with everything that its connections need.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) tls: Option<Tls>,
    pub(super) router: Router,
    pub(super) limit: Arc<ConnectionLimit>,
}

/// A proxy that names its clients.
#[derive(Clone)]
struct Proxy {
    limit: Arc<ConnectionLimit>,
    address: IpAddr,
}

impl Listener {
    /// Accepts connections until `stop`; open connections then finish their request.
    pub(super) async fn serve(self, stop: CancellationToken) {
        loop {
            let place = tokio::select! {
                Some(place) = self.limit.place() => place,
                () = stop.cancelled() => return,
            };
            let (stream, peer) = tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => (stream, peer.ip()),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                () = stop.cancelled() => return,
            };
            let mut router = self.router.clone();
            let (mut of_peer, mut header_limit) = (None, HEADER_LIMIT);
            if self.limit.is_proxy(peer) {
                header_limit = PROXY_LIMIT;
                let proxy = Proxy { limit: self.limit.clone(), address: peer };
                router = router.layer(middleware::from_fn_with_state(proxy, limit_client));
            } else {
                // Too many of this address: the connection is closed at once.
                let Some(place) = self.limit.enter(peer) else { continue };
                of_peer = Some(place);
            }
            let acceptor = self.tls.as_ref().map(Tls::acceptor);
            let (limit, stop) = (self.limit.clone(), stop.clone());
            tokio::spawn(async move {
                let is_slow = handle_connection(stream, acceptor, router, header_limit, stop).await;
                if is_slow {
                    limit.was_slow();
                }
                drop((place, of_peer));
            });
        }
    }
}

/// Limits the requests of each client of a proxy.
async fn limit_client(State(proxy): State<Proxy>, request: Request, next: Next) -> Response {
    let headers = request.headers().get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let client = proxy.limit.client_of(proxy.address, &headers.collect::<Vec<_>>());
    let Some(_place) = proxy.limit.enter(client) else {
        return (StatusCode::TOO_MANY_REQUESTS, "Too many requests at once from your address.").into_response();
    };
    next.run(request).await
}

/// Makes the TLS handshake, if there is a certificate, and serves the connection. Returns whether it ended because no whole
/// request came in time.
async fn handle_connection(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    header_limit: Duration,
    stop: CancellationToken,
) -> bool {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    let Some(acceptor) = acceptor else { return serve_connection(stream, router, header_limit, stop).await };
    match tokio::time::timeout(HEADER_LIMIT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => serve_connection(stream, router, header_limit, stop).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, "the TLS handshake failed");
            false
        }
        Err(_) => {
            tracing::debug!("the TLS handshake took too long");
            true
        }
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    router: Router,
    header_limit: Duration,
    stop: CancellationToken,
) -> bool {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_limit)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = &ended {
        tracing::debug!(%error, "a connection ended");
    }
    ended.is_err_and(|error| error.is_timeout())
}
