//! The room server: the async driver round the hub. Listener, signalling connections, tokens, admin API, token endpoint.
//!
//! | file | what it does |
//! |---|---|
//! | `engine` | what pending the rooms: the hub here, or a LiveKit server elsewhere |
//! | `driver` | the one task that owns the hub |
//! | `livekit`, `bans` | the LiveKit server, and who must not be in its rooms |
//! | `link` | one signalling connection |
//! | `http`, `auth` | endpoints and limits; who is let in |
//! | `room_service`, `tencent` | the admin APIs: LiveKit's, and the one of Tencent Cloud that TRTC's back ends call |
//! | `rooms`, `audit` | what APIs do with rooms; who did what |
//! | `token_endpoint`, `invitations` | tokens for those who may have one; links with which they come |
//! | `room_lookup` | whether a room is open, for those who may enter it |
//! | `metrics` | stats for Prometheus, and whether all is well |
//! | `state_folder` | what outlives the server |
//! | `config`, `secrets`, `tls`, `reload` | what can be set; keys and certificate; both anew while the server runs |
//! | `embedded` | a server inside another process |

mod audit;
mod auth;
mod bans;
mod config;
mod driver;
mod embedded;
mod engine;
mod http;
mod invitations;
mod join_page;
mod link;
mod livekit;
mod metrics;
mod reload;
mod room_lookup;
mod room_service;
mod rooms;
mod secrets;
mod state_folder;
mod tencent;
#[cfg(test)]
mod tests;
mod tls;
mod token_endpoint;

pub(crate) use config::{ConfigFile, EngineKind, ServerConfig};
pub(crate) use embedded::Embedded;
pub(crate) use livekit::LiveKitAddress;
pub(crate) use reload::Reloader;
pub(crate) use secrets::{Keyring, Secrets};
pub(crate) use state_folder::StateError;
pub(crate) use tls::{Tls, TlsFiles};

use crate::admin::AdminClientError;
use crate::proto::token::MintError;
use crate::sfu::{Sfu, StartError};
use driver::{Driver, HubHandle};
use engine::Engine;
use livekit::LiveKit;
use rooms::Rooms;
use state_folder::StateFolder;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the farewells may take when the server stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a server could not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// Nobody could come in.
    #[error("The server has no API key, so nobody could join.")]
    NoKeys,
    /// A key pair could not be made.
    #[error(transparent)]
    Key(#[from] MintError),
    /// The listener is not usable.
    #[error("The server cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// The forwarding plane did not start.
    #[error(transparent)]
    Media(#[from] StartError),
    /// The LiveKit server underneath has no usable address.
    #[error(transparent)]
    LiveKit(#[from] AdminClientError),
    /// The state folder is not usable.
    #[error(transparent)]
    State(#[from] StateError),
    /// A task of the server panicked.
    #[error("The server has failed inside. Its log says more.")]
    Internal,
}

/// What every endpoint needs.
#[derive(Clone)]
struct App {
    engine: Engine,
    rooms: Rooms,
    secrets: Keyring,
    tencent: Arc<tencent::CallGuards>,
    open_tokens: bool,
    public_url: Option<String>,
    /// Every link pending a clone, so that the server can wait until the last one has ended.
    alive: mpsc::Sender<()>,
    /// Whether clients come by TLS.
    tls: bool,
}

/// A server with its sockets open, not yet serving.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    media_ports: Vec<u16>,
    backend: Backend,
    app: App,
    tls: Option<Tls>,
    links: mpsc::Receiver<()>,
}

/// What runs behind the endpoints.
enum Backend {
    Embedded(Box<Driver>, HubHandle),
    LiveKit(Arc<LiveKit>),
}

impl Server {
    /// Starts what the engine needs beside a listener that is already bound: for the embedded one the forwarding plane.
    pub(crate) fn bind(listener: TcpListener, config: ServerConfig) -> Result<Self, ServeError> {
        if config.secrets.keys.is_empty() {
            return Err(ServeError::NoKeys);
        }
        let address = listener.local_addr()?;
        let saved = config.state.as_deref().map(StateFolder::open).transpose()?;
        let secrets = Keyring::new(config.secrets);
        let (engine, backend, media_ports) = match config.livekit {
            Some(address) => {
                let livekit = Arc::new(LiveKit::new(address, secrets.clone(), saved)?);
                (Engine::LiveKit(livekit.clone()), Backend::LiveKit(livekit), Vec::new())
            }
            None => {
                let media = Sfu::start(config.media)?;
                let media_ports = media.0.local_addrs().iter().map(SocketAddr::port).collect();
                let (driver, hub) = Driver::new(config.rooms, saved, media, driver::wall);
                (Engine::Embedded(hub.clone()), Backend::Embedded(Box::new(driver), hub), media_ports)
            }
        };
        let (alive, links) = mpsc::channel(1);
        let app = App {
            rooms: Rooms { engine: engine.clone() },
            engine,
            secrets,
            tencent: Arc::default(),
            open_tokens: config.open_tokens,
            public_url: config.public_url,
            alive,
            tls: config.tls.is_some(),
        };
        Ok(Self { listener, address, media_ports, backend, app, tls: config.tls, links })
    }

    /// Where HTTP and signalling are reached.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The UDP ports for media, one a worker; none where the engine is a LiveKit server.
    pub(crate) fn media_ports(&self) -> &[u16] {
        &self.media_ports
    }

    /// The keys it goes by, to be replaced while it serves.
    pub(crate) fn keyring(&self) -> Keyring {
        self.app.secrets.clone()
    }

    /// Serves until `shutdown` is ready. Then nobody new comes in, everybody is told, and it returns when their links
    /// are closed, or after a second.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { listener, backend, app, tls, links, .. } = self;
        let stop = CancellationToken::new();
        let doors = tokio::spawn(http::serve(listener, tls, http::router(app), stop.clone()));
        match backend {
            Backend::Embedded(driver, hub) => serve_rooms(*driver, hub, Open { doors, stop, links }, shutdown).await,
            Backend::LiveKit(livekit) => serve_front(&livekit, Open { doors, stop, links }, shutdown).await,
        }
    }
}

/// Endpoints that are served.
struct Open {
    doors: JoinHandle<()>,
    stop: CancellationToken,
    /// Ends when the last signalling connection has ended.
    links: mpsc::Receiver<()>,
}

async fn serve_rooms(
    driver: Driver,
    hub: HubHandle,
    Open { mut doors, stop, mut links }: Open,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let mut driver = tokio::spawn(driver.run());
    tokio::select! {
        () = shutdown => {}
        _ = &mut doors => return Err(ServeError::Internal),
        _ = &mut driver => return Err(ServeError::Internal),
    }
    // 1. Nobody new comes in.
    stop.cancel();
    // 2. Everybody is told, and their links end when that is written. The last one takes the last sender with it.
    let farewell = async {
        hub.shutdown().await;
        doors.await.unwrap_or_default();
        links.recv().await
    };
    if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
        tracing::info!("some clients did not take their leave in time");
    }
    // 3. The hub ends, and then what it commanded.
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

/// Nobody is in a room here, so nobody needs to be told of the end; requests under way are answered.
async fn serve_front(
    livekit: &Arc<LiveKit>,
    Open { mut doors, stop, mut links }: Open,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    tokio::select! {
        () = shutdown => {}
        _ = &mut doors => return Err(ServeError::Internal),
        () = livekit.enforce_bans() => {}
    }
    stop.cancel();
    let answered = async {
        doors.await.unwrap_or_default();
        links.recv().await
    };
    if tokio::time::timeout(FAREWELL, answered).await.is_err() {
        tracing::info!("some requests were not answered in time");
    }
    let livekit = livekit.clone();
    tokio::task::spawn_blocking(move || livekit.close()).await.map_err(|_| ServeError::Internal)
}

/// Serves on a bound listener until `shutdown` is ready; see [`Server::run`].
pub(crate) async fn run(
    listener: TcpListener,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    Server::bind(listener, config)?.run(shutdown).await
}

/// The clock on the wall, in Unix seconds.
fn unix_s() -> i64 {
    driver::wall().div_euclid(1000)
}
