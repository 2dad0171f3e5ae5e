//! A room in which a host observes how guests leave: our server with our bots, or livekit-server with the Python SDK.

use super::BenchProcess;
use crate::admin::AdminClient;
use crate::base::{RoomName, UserId};
use crate::proto::LIVEKIT_SERVER_VERSION;
use crate::proto::token::ApiKey;
use anyhow::{Context, bail};
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The room of every measurement.
pub(super) const ROOM: &str = "bench";
/// How long events are waited for. livekit-server drops a killed client after 21 s.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The pause after guests have entered.
const SETTLING_TIME: Duration = Duration::from_millis(200);
/// A script that runs many participants of the Python SDK in one process. At SIGUSR1, the next one leaves.
const GUESTS: &str = include_str!("sdk_guests.py");
/// The key pair of the livekit-server that is started here, on the loopback interface only.
const KEY: (&str, &str) = ("devkey", "a-secret-of-more-than-32-characters");

/// Guests who enter together.
pub(super) struct Batch {
    pub(super) name: String,
    pub(super) size: u32,
}

impl Batch {
    /// Their user ids, as `visavis bot` makes them.
    pub(super) fn users(&self) -> Vec<String> {
        (0..self.size).map(|n| self.user(n)).collect()
    }

    fn user(&self, n: u32) -> String {
        format!("{}n{n}-1", self.name)
    }
}

/// A process with all events that it has printed.
struct RecordedEvents {
    process: BenchProcess,
    events: Vec<Value>,
}

impl RecordedEvents {
    fn new(process: BenchProcess) -> Self {
        Self { process, events: Vec::new() }
    }

    /// The Unix time in ms of the event `what` whose `field` is `user`. Waits for it if need be.
    fn when(&mut self, what: &str, field: &str, user: &str) -> anyhow::Result<f64> {
        let fits = |e: &Value| e["event"] == what && e[field] == user;
        let until = Instant::now() + TIMEOUT;
        if !self.events.iter().any(fits) {
            loop {
                let event = self.process.next(until).with_context(|| format!("No {what} of {user} came"))?;
                let is_it = fits(&event);
                self.events.push(event);
                if is_it {
                    break;
                }
            }
        }
        let event = self.events.iter().find(|e| fits(e)).context("The event was just read")?;
        event["unix_ms"].as_f64().with_context(|| format!("An event without a time: {event}"))
    }
}

/// The guests of a batch: one process each (our bots) or one for all (Python SDK).
pub(super) struct Guests {
    processes: Vec<RecordedEvents>,
    leave_by: &'static str,
}

impl Guests {
    /// Makes guest `n` leave. The guests leave in order.
    pub(super) fn leave(&self, n: u32) -> anyhow::Result<()> {
        let last = self.processes.len().saturating_sub(1);
        let process = self.processes.get((n as usize).min(last)).context("Nobody is there")?;
        process.process.signal(self.leave_by)
    }

    /// When `user` asked to leave, in ms of Unix time.
    pub(super) fn asked(&mut self, user: &str) -> anyhow::Result<f64> {
        self.of(user)?.when("ExitRequested", "user", user)
    }

    /// When `user` got ExitRoom, in ms of Unix time.
    pub(super) fn ended(&mut self, user: &str) -> anyhow::Result<f64> {
        self.of(user)?.when("ExitRoom", "user", user)
    }

    /// Kills all processes; returns each user with its time of death in ms of Unix time.
    pub(super) fn kill(&mut self, batch: &Batch) -> anyhow::Result<Vec<(String, f64)>> {
        let mut died = vec![];
        for user in batch.users() {
            let at = crate::clock::unix_ms();
            let process = self.of(&user)?;
            if !process.events.iter().any(|e| e["event"] == "Killed") {
                process.process.kill()?;
                process.events.push(serde_json::json!({ "event": "Killed", "unix_ms": at }));
            }
            let killed = process.events.iter().find(|e| e["event"] == "Killed").and_then(|e| e["unix_ms"].as_f64());
            died.push((user, killed.unwrap_or(at)));
        }
        Ok(died)
    }

    /// The process of `user`.
    fn of(&mut self, user: &str) -> anyhow::Result<&mut RecordedEvents> {
        let is_process_of = |p: &RecordedEvents| p.events.iter().any(|e| e["user"] == user);
        self.processes.iter_mut().find(|p| is_process_of(p)).with_context(|| format!("{user} has never come in"))
    }
}

enum Kind {
    Ours { camera: String, microphone: String },
    Sdk { python: PathBuf },
}

/// A server, and a host that stays in the room and observes the others.
pub(super) struct Scenario {
    kind: Kind,
    url: String,
    admin: AdminClient,
    room: RoomName,
    host: RecordedEvents,
    _server: BenchProcess,
}

impl Scenario {
    /// Our bots on our server.
    pub(super) fn ours(camera: &str, microphone: &str) -> anyhow::Result<Self> {
        let (server, url) = BenchProcess::server()?;
        let kind = Kind::Ours { camera: camera.to_owned(), microphone: microphone.to_owned() };
        Self::begin(kind, server, url, ApiKey::dev())
    }

    /// The Python SDK on livekit-server, as `scripts/setup --tests` has installed them.
    pub(super) fn sdk(tools: &Path) -> anyhow::Result<Self> {
        let (port, udp, tcp, stun) = (free_port()?, free_port()?, free_port()?, free_port()?);
        let (key, secret) = KEY;
        let config = format!(
            "port: {port}\nbind_addresses: [127.0.0.1]\nkeys: {{{key}: {secret}}}\nlogging: {{level: error}}\n\
             rtc: {{udp_port: {udp}, tcp_port: {tcp}, use_external_ip: false, node_ip: 127.0.0.1, \
             enable_loopback_candidate: true, stun_servers: [\"127.0.0.1:{stun}\"]}}\n"
        );
        let mut command = Command::new(livekit_server(tools));
        command.args(["--config-body", &config]).stderr(std::process::Stdio::null());
        let server = BenchProcess::run("livekit-server", command)?;
        let until = Instant::now() + TIMEOUT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            anyhow::ensure!(Instant::now() < until, "livekit-server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        let kind = Kind::Sdk { python: python(tools) };
        Self::begin(kind, server, format!("ws://127.0.0.1:{port}"), ApiKey::new(key, secret)?)
    }

    fn begin(kind: Kind, server: BenchProcess, url: String, key: ApiKey) -> anyhow::Result<Self> {
        let admin = AdminClient::new(&url, key)?;
        let host = match &kind {
            Kind::Ours { .. } => bot(&url, "host", "none", "none")?,
            Kind::Sdk { python } => sdk(python, &url, &["host-1".to_owned()], false)?,
        };
        let mut host = RecordedEvents::new(host);
        host.when("EnterRoom", "user", "host-1")?;
        Ok(Self { kind, url, admin, room: ROOM.parse()?, host, _server: server })
    }

    /// The URL of the server.
    #[cfg(feature = "window")]
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Lets a batch enter. Waits until the host knows all guests, and their video if they publish.
    pub(super) fn enter(&mut self, batch: &Batch, publishes: bool) -> anyhow::Result<Guests> {
        let (mut processes, leave_by) = match &self.kind {
            Kind::Ours { camera, microphone } => {
                let (camera, microphone) = if publishes { (&**camera, &**microphone) } else { ("none", "none") };
                let guest =
                    |n| bot(&self.url, &format!("{}n{n}", batch.name), camera, microphone).map(RecordedEvents::new);
                ((0..batch.size).map(guest).collect::<anyhow::Result<Vec<_>>>()?, "TERM")
            }
            Kind::Sdk { python } => {
                (vec![RecordedEvents::new(sdk(python, &self.url, &batch.users(), publishes)?)], "USR1")
            }
        };
        let last = processes.len().saturating_sub(1);
        for (n, user) in batch.users().iter().enumerate() {
            let process = processes.get_mut(n.min(last)).context("Nobody is there")?;
            process.when("EnterRoom", "user", user)?;
            self.host.when("RemoteUserEnterRoom", "remote_user", user)?;
            if publishes {
                self.host.when("UserVideoAvailable", "remote_user", user)?;
            }
        }
        std::thread::sleep(SETTLING_TIME);
        Ok(Guests { processes, leave_by })
    }

    /// Removes a user by the admin API.
    pub(super) async fn remove(&self, user: &str) -> anyhow::Result<()> {
        let user: UserId = user.parse()?;
        Ok(self.admin.remove(&self.room, &user).await?)
    }

    /// When the host was told that `user` has left, in ms of Unix time.
    pub(super) fn gone(&mut self, user: &str) -> anyhow::Result<f64> {
        self.host.when("RemoteUserLeaveRoom", "remote_user", user)
    }
}

/// The folder with livekit-server and the Python SDK, if both are there.
pub(super) fn tools(named: Option<&Path>) -> Option<PathBuf> {
    let cache = || Some(directories::BaseDirs::new()?.cache_dir().join("visavis/tools"));
    let folder = named.map(Path::to_owned).or_else(cache)?;
    (livekit_server(&folder).exists() && python(&folder).exists()).then_some(folder)
}

fn livekit_server(tools: &Path) -> PathBuf {
    tools.join(format!("livekit-server-{LIVEKIT_SERVER_VERSION}"))
}

fn python(tools: &Path) -> PathBuf {
    tools.join("python/bin/python")
}

fn bot(url: &str, name: &str, camera: &str, microphone: &str) -> anyhow::Result<BenchProcess> {
    let there = ["bot", "--server", url, "--room", ROOM, "--name-prefix", name, "--events", "-"];
    BenchProcess::start(name, &[there.as_slice(), &["--camera", camera, "--microphone", microphone]].concat())
}

fn sdk(python: &Path, url: &str, users: &[String], publishes: bool) -> anyhow::Result<BenchProcess> {
    let Some(first) = users.first() else { bail!("Nobody is to come in") };
    let mut command = Command::new(python);
    command.args(["-c", GUESTS, url, ROOM, KEY.0, KEY.1, if publishes { "publish" } else { "listen" }]);
    command.args(users).stderr(std::process::Stdio::null());
    BenchProcess::run(first, command)
}

/// A port that is free now. If another program takes it before the server does, the run fails.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
