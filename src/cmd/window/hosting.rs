//! The room server in the window's process, and the synthetic participants of `visavis host --with-bots`.

use crate::base::{RoomName, Transport, UserId, WatchedVideos};
use crate::bot::{self, BotConfig};
use crate::call::{HostedServer, JoinCredentials, ServerStarter, TokenSource};
use crate::devices::CameraFormat;
use crate::server::{Embedded, ServerConfig};
use crate::session::SessionConfig;
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The options of `visavis host`.
#[derive(Clone, Debug)]
pub(super) struct HostOptions {
    /// The address that the server listens on.
    pub(super) listen: IpAddr,
    /// The number of synthetic participants.
    pub(super) bots: u32,
    /// Their room.
    pub(super) room: RoomName,
}

/// The room server of this process. It starts when the first call needs it.
#[derive(Clone)]
pub(super) struct LocalServer {
    options: Option<HostOptions>,
    running: Arc<Mutex<Option<Running>>>,
}

struct Running {
    embedded: Embedded,
    hosted: HostedServer,
    /// Ends the synthetic participants.
    bots: CancellationToken,
}

impl LocalServer {
    /// Without options the server listens on this computer only and has no synthetic participants.
    pub(super) fn new(options: Option<HostOptions>) -> Self {
        Self { options, running: Arc::default() }
    }

    /// Starts the server at its first call; later calls return the running one.
    pub(super) fn starter(&self) -> ServerStarter {
        let server = self.clone();
        Arc::new(move || {
            let server = server.clone();
            Box::pin(async move {
                let started = server.start().await;
                started.map_err(|error| format!("A room server could not be started on this computer: {error}"))
            })
        })
    }

    async fn start(&self) -> Result<HostedServer, String> {
        if let Some(running) = &*self.running.lock() {
            return Ok(running.hosted.clone());
        }
        let address = self.options.as_ref().map_or(Ipv4Addr::LOCALHOST.into(), |options| options.listen);
        let config = ServerConfig::private(address).map_err(|error| error.to_string())?;
        let key = config.secrets.keys.first().cloned().ok_or("it has no key")?;
        let embedded = Embedded::start(config).await.map_err(|error| error.to_string())?;
        let hosted = HostedServer { url: embedded.url().to_owned(), key };
        let bots = CancellationToken::new();
        if let Some(options) = &self.options {
            for n in 1..=options.bots {
                tokio::spawn(run_guest(hosted.url.clone(), options.room.clone(), n, bots.clone()));
            }
        }
        *self.running.lock() = Some(Running { embedded, hosted: hosted.clone(), bots });
        Ok(hosted)
    }

    /// Ends the synthetic participants and the server, if it runs.
    pub(super) async fn stop(&self) {
        let running = self.running.lock().take();
        if let Some(Running { embedded, bots, .. }) = running {
            bots.cancel();
            embedded.stop().await.ok();
        }
    }
}

/// Runs synthetic participant `n`: each has a voice of its own, the second is muted, the third has no camera.
async fn run_guest(url: String, room: RoomName, n: u32, stop: CancellationToken) {
    const NAMES: [&str; 4] = ["Mina Park", "Tomás Rivera", "Priya Nair", "Ada Okafor"];
    let name = NAMES.get(n as usize - 1).map_or_else(|| format!("Guest {n}"), |name| (*name).to_owned());
    let Ok(user) = format!("guest-{n}").parse::<UserId>() else { return };
    let format = CameraFormat { width: 640, height: 360, fps: 24 };
    let config = BotConfig {
        credentials: JoinCredentials { server: url, tokens: TokenSource::Server, room, user, name },
        devices: SessionConfig {
            camera_on: n != 3,
            microphone_on: n != 2,
            camera: Some(format!("portrait:{n}")),
            microphone: Some(format!("test-voice:{n}")),
            speaker: Some("none".into()),
            screen: None,
            camera_layers: Vec::new(),
            listed: Vec::new(),
            watched: WatchedVideos::All,
        },
        transport: Transport::Auto,
        format,
        leave_after: None,
        raise_hand: false,
        cycles: 1,
        linger: Duration::ZERO,
        verify: false,
        pictures: None,
        events: Arc::new(|_| {}),
    };
    match bot::run(config, stop, CancellationToken::new()).await {
        Ok(outcome) => tracing::debug!(n, ?outcome, "a synthetic participant has left"),
        Err(error) => tracing::warn!(n, %error, "a synthetic participant failed"),
    }
}
