//! The room server: HTTP endpoints, signalling connections, and the tasks around the hub.
//!
//! Files import only from lower rows of this table:
//!
//! | file | contents |
//! |---|---|
//! | `embedded` | a server inside another process |
//! | `listener` | connections: their limits, TLS, HTTP |
//! | `http` | the router |
//! | `room_service`, `tencent` | the admin APIs: LiveKit's RoomService, and the API of Tencent Cloud for TRTC |
//! | `room_lookup` | `POST /room`: whether a room is open |
//! | `token_endpoint` | `POST /token` |
//! | `invitations`, `join_page` | join links and their web page |
//! | `metrics` | `/metrics` and `/healthz` |
//! | `auth` | verification of tokens and joins |
//! | `app` | the state shared by all endpoints |
//! | `engine` | the engine that holds the rooms: the hub here, or a LiveKit server elsewhere |
//! | `driver` | the task that owns the hub |
//! | `link` | the task of one signalling connection |
//! | `addresses` | following the addresses that media is offered at |
//! | `config`, `reload` | settings; watching their files |
//! | `livekit` | the LiveKit server, whose bans are enforced here |
//! | `error` | errors shared by endpoints |
//! | `hub_handle` | the channel to the hub's task |
//! | `bans`, `link_queue`, `state_folder`, `webhooks` | bans at the LiveKit server; messages to one connection; bans on disk; events posted elsewhere |
//! | `connection_limit`, `network` | limits of connections in all and of one address; networks in settings |
//! | `audit`, `secrets`, `stats`, `tcp_port`, `tls` | audit log; keys; counts; port for media by TCP; certificate |

mod addresses;
mod app;
mod audit;
mod auth;
mod bans;
mod config;
mod connection_limit;
mod driver;
mod embedded;
mod engine;
mod error;
mod http;
mod hub_handle;
mod invitations;
mod join_page;
mod link;
mod link_queue;
mod listener;
mod livekit;
mod made_hosts;
mod metrics;
mod network;
mod reload;
mod room_lookup;
mod room_service;
mod secrets;
mod state_folder;
mod stats;
mod tcp_port;
mod tencent;
#[cfg(test)]
mod tests;
mod tls;
mod token_endpoint;
mod webhooks;

pub(crate) use config::{ConfigFile, EngineKind, ServerConfig};
pub(crate) use embedded::Embedded;
pub(crate) use livekit::LiveKitAddress;
pub(crate) use reload::Reloader;
pub(crate) use secrets::{Keyring, Secrets};
pub(crate) use state_folder::StateError;
pub(crate) use tcp_port::TcpPort;
pub(crate) use tls::{Tls, TlsFiles};
#[cfg(test)]
use webhooks::WebhookConfig;

use crate::admin::AdminClientError;
use crate::clock::unix_time;
use crate::proto::token::MintError;
use crate::sfu::{AddressPolicy, Sfu, StartError};
use addresses::AddressFollower;
use app::AppState;
use connection_limit::ConnectionLimit;
use driver::Driver;
use engine::Engine;
use hub_handle::HubHandle;
use listener::Listener;
use livekit::LiveKit;
use state_folder::StateFolder;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webhooks::Webhooks;

/// How long clients may take to read their `leave` when the server stops.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// Why a server could not start, or failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// There is no API key.
    #[error("The server has no API key, so nobody could join.")]
    NoKeys,
    /// `api_key` of the webhooks names no key.
    #[error("api_key under [webhook] names no key of this server. Add the key, or leave api_key out.")]
    WebhookKey,
    /// No key pair could be made.
    #[error(transparent)]
    Key(#[from] MintError),
    /// The listener failed.
    #[error("The server cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// The forwarding plane did not start.
    #[error(transparent)]
    Media(#[from] StartError),
    /// The address of the LiveKit server is not usable.
    #[error(transparent)]
    LiveKit(#[from] AdminClientError),
    /// The state folder is not usable.
    #[error(transparent)]
    State(#[from] StateError),
    /// A task of the server panicked.
    #[error("The server has failed inside. Its log says more.")]
    Internal,
}

/// A server whose sockets are open, before it serves.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    media_ports: Vec<u16>,
    media_tcp_port: Option<u16>,
    backend: Backend,
    app: AppState,
    tls: Option<Tls>,
    limit: Arc<ConnectionLimit>,
    /// Closed when the last signalling connection has ended.
    links: mpsc::Receiver<()>,
}

/// The embedded engine: the hub's task with what runs beside it.
struct Embedding {
    driver: Driver,
    hub: HubHandle,
    follower: AddressFollower,
    webhooks: Option<Webhooks>,
}

/// The task behind the endpoints.
enum Backend {
    Embedded(Box<Embedding>),
    LiveKit(Arc<LiveKit>),
}

impl Server {
    /// Prepares a server on a bound listener. The embedded engine's forwarding plane starts here. Names under `advertise`
    /// may take up to 2 s.
    pub(crate) async fn bind(listener: TcpListener, config: ServerConfig) -> Result<Self, ServeError> {
        if config.secrets.keys.is_empty() {
            return Err(ServeError::NoKeys);
        }
        let address = listener.local_addr()?;
        let saved = config.state.as_deref().map(StateFolder::open).transpose()?;
        if config.webhooks.api_key.as_ref().is_some_and(|id| config.secrets.keys.find(id).is_none()) {
            return Err(ServeError::WebhookKey);
        }
        let secrets = Keyring::new(config.secrets);
        let (engine, backend, media_ports, media_tcp_port) = match config.livekit {
            Some(address) => {
                let livekit = Arc::new(LiveKit::new(address, secrets.clone(), saved)?);
                (Engine::LiveKit(livekit.clone()), Backend::LiveKit(livekit), Vec::new(), None)
            }
            None => {
                let policy = AddressPolicy { bind: config.media.bind, advertised: config.media.advertised.clone() };
                let media = Sfu::start(config.media)?;
                let follower = AddressFollower::start(policy, media.0.addresses()).await;
                let media_ports = media.0.local_addrs().iter().map(SocketAddr::port).collect();
                let tcp_port = media.0.tcp_port();
                let webhooks = Webhooks::start(config.webhooks, secrets.clone(), config.state.as_deref());
                let sender = webhooks.as_ref().map(Webhooks::sender);
                let (driver, hub) = Driver::new(config.rooms, (saved, sender), media, wall_ms);
                let embedding = Embedding { driver, hub: hub.clone(), follower, webhooks };
                (Engine::Embedded(hub), Backend::Embedded(Box::new(embedding)), media_ports, tcp_port)
            }
        };
        let (link_guard, links) = mpsc::channel(1);
        let limit = ConnectionLimit::new(config.trusted_proxies);
        let app = AppState {
            engine,
            secrets,
            open_tokens: config.open_tokens,
            public_url: config.public_url,
            link_guard,
            is_tls: config.tls.is_some(),
            limit: limit.clone(),
        };
        Ok(Self { listener, address, media_ports, media_tcp_port, backend, app, tls: config.tls, limit, links })
    }

    /// The address of HTTP and signalling.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The UDP ports for media, one for each worker; none if the engine is a LiveKit server.
    pub(crate) fn media_ports(&self) -> &[u16] {
        &self.media_ports
    }

    /// What media is offered to whom and what is missing, in sentences; none if the engine is a LiveKit server.
    pub(crate) fn media_sentences(&self) -> Vec<String> {
        match &self.backend {
            Backend::Embedded(embedding) => embedding.follower.sentences(),
            Backend::LiveKit(_) => Vec::new(),
        }
    }

    /// The TCP port for media, if there is one.
    pub(crate) const fn media_tcp_port(&self) -> Option<u16> {
        self.media_tcp_port
    }

    /// The keys, which may be replaced while the server runs.
    pub(crate) fn keyring(&self) -> Keyring {
        self.app.secrets.clone()
    }

    /// Serves until `shutdown` is ready. Then it accepts no more connections, sends `leave` to every client, and
    /// returns when their links are closed, after 1 s at most.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { listener: socket, backend, app, tls, limit, links, .. } = self;
        let stop = CancellationToken::new();
        let listener = Listener { socket, tls, router: http::router(app), limit };
        let http = tokio::spawn(listener.serve(stop.clone()));
        match backend {
            Backend::Embedded(embedding) => {
                let Embedding { driver, hub, follower, webhooks } = *embedding;
                let stopped = async {
                    tokio::select! {
                        () = shutdown => {}
                        () = follower.run() => {}
                    }
                };
                let served = serve_embedded(driver, hub, Serving { http, stop, links }, stopped).await;
                if let Some(webhooks) = webhooks {
                    webhooks.stop().await;
                }
                served
            }
            Backend::LiveKit(livekit) => serve_livekit(&livekit, Serving { http, stop, links }, shutdown).await,
        }
    }
}

/// The running endpoints.
struct Serving {
    http: JoinHandle<()>,
    stop: CancellationToken,
    /// Closed when the last signalling connection has ended.
    links: mpsc::Receiver<()>,
}

async fn serve_embedded(
    driver: Driver,
    hub: HubHandle,
    Serving { mut http, stop, mut links }: Serving,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let mut driver = tokio::spawn(driver.run());
    tokio::select! {
        () = shutdown => {}
        _ = &mut http => return Err(ServeError::Internal),
        _ = &mut driver => return Err(ServeError::Internal),
    }
    // 1. No new connections.
    stop.cancel();
    // 2. Every client gets `leave`. The channel closes with the last link.
    let ended = async {
        hub.shutdown().await;
        http.await.unwrap_or_default();
        links.recv().await
    };
    if tokio::time::timeout(STOP_LIMIT, ended).await.is_err() {
        tracing::info!("some clients did not close their connections in time");
    }
    // 3. The hub stops, then the forwarding plane and the state folder.
    hub.halt().await;
    let (sfu, state) = driver.await.map_err(|_| ServeError::Internal)?;
    let stopped = tokio::task::spawn_blocking(move || {
        sfu.stop();
        if let Some(state) = state {
            state.close();
        }
    });
    stopped.await.map_err(|_| ServeError::Internal)
}

/// The LiveKit server has the rooms, so no client is told of the end. Running requests are answered.
async fn serve_livekit(
    livekit: &Arc<LiveKit>,
    Serving { mut http, stop, mut links }: Serving,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    tokio::select! {
        () = shutdown => {}
        _ = &mut http => return Err(ServeError::Internal),
        () = livekit.enforce_bans() => {}
    }
    stop.cancel();
    let answered = async {
        http.await.unwrap_or_default();
        links.recv().await
    };
    if tokio::time::timeout(STOP_LIMIT, answered).await.is_err() {
        tracing::info!("some requests were not answered in time");
    }
    let livekit = livekit.clone();
    tokio::task::spawn_blocking(move || livekit.close()).await.map_err(|_| ServeError::Internal)
}

/// The wall clock in Unix ms.
fn wall_ms() -> i64 {
    i64::try_from(unix_time().as_millis()).unwrap_or(i64::MAX)
}
