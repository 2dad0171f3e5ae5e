//! A room that one looks on while others go: on our server with our bots, or on livekit-server with the Python SDK.

use super::Worker;
use crate::admin::AdminClient;
use crate::base::{RoomId, UserId};
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
/// How long something may take that is waited for. A killed client of livekit-server is seen off after 21 s.
const PATIENCE: Duration = Duration::from_secs(60);
/// Those who have just come in are left alone so long.
const SETTLED: Duration = Duration::from_millis(200);
/// Many participants of the Python SDK in one process; USR1 makes the next of them leave.
const GUESTS: &str = include_str!("sdk_guests.py");
/// The key pair of the livekit-server that is started here, on the loopback interface only.
const KEY: (&str, &str) = ("devkey", "a-secret-of-more-than-32-characters");

/// Some who come and go together.
pub(super) struct Batch {
    pub(super) name: String,
    pub(super) size: u32,
}

impl Batch {
    /// Their user ids: the names that `visavis bot` gives.
    pub(super) fn users(&self) -> Vec<String> {
        (0..self.size).map(|n| self.user(n)).collect()
    }

    fn user(&self, n: u32) -> String {
        format!("{}n{n}-1", self.name)
    }
}

/// A process, and all that it has said.
struct Heard {
    process: Worker,
    said: Vec<Value>,
}

impl Heard {
    fn new(process: Worker) -> Self {
        Self { process, said: Vec::new() }
    }

    /// When it said `what`, of whoever `field` names; in ms of Unix time.
    fn when(&mut self, what: &str, field: &str, user: &str) -> anyhow::Result<f64> {
        let fits = |e: &Value| e["event"] == what && e[field] == user;
        let until = Instant::now() + PATIENCE;
        if !self.said.iter().any(fits) {
            loop {
                let event = self.process.next(until).with_context(|| format!("No {what} of {user} came"))?;
                let is_it = fits(&event);
                self.said.push(event);
                if is_it {
                    break;
                }
            }
        }
        let event = self.said.iter().find(|e| fits(e)).context("It was just heard")?;
        event["unix_ms"].as_f64().with_context(|| format!("An event without a time: {event}"))
    }
}

/// Who has come in: a process each, or one for all.
pub(super) struct Guests {
    processes: Vec<Heard>,
    leave_by: &'static str,
}

impl Guests {
    /// The next one, number `n`, leaves.
    pub(super) fn leave(&self, n: u32) -> anyhow::Result<()> {
        let last = self.processes.len().saturating_sub(1);
        let process = self.processes.get((n as usize).min(last)).context("Nobody is there")?;
        process.process.signal(self.leave_by)
    }

    /// When `user` asked to leave.
    pub(super) fn asked(&mut self, user: &str) -> anyhow::Result<f64> {
        self.of(user)?.when("ExitRequested", "user", user)
    }

    /// When the call was over for `user`.
    pub(super) fn ended(&mut self, user: &str) -> anyhow::Result<f64> {
        self.of(user)?.when("ExitRoom", "user", user)
    }

    /// Ends every process at once; returns who died when.
    pub(super) fn kill(&mut self, batch: &Batch) -> anyhow::Result<Vec<(String, f64)>> {
        let mut died = vec![];
        for user in batch.users() {
            let at = crate::clock::unix_ms();
            let process = self.of(&user)?;
            if !process.said.iter().any(|e| e["event"] == "Killed") {
                process.process.kill()?;
                process.said.push(serde_json::json!({ "event": "Killed", "unix_ms": at }));
            }
            let killed = process.said.iter().find(|e| e["event"] == "Killed").and_then(|e| e["unix_ms"].as_f64());
            died.push((user, killed.unwrap_or(at)));
        }
        Ok(died)
    }

    /// The process in which `user` is.
    fn of(&mut self, user: &str) -> anyhow::Result<&mut Heard> {
        let is_theirs = |p: &Heard| p.said.iter().any(|e| e["user"] == user);
        self.processes.iter_mut().find(|p| is_theirs(p)).with_context(|| format!("{user} has never come in"))
    }
}

enum Kind {
    Ours { camera: String, microphone: String },
    Sdk { python: PathBuf },
}

/// A server, and somebody who stays in the room and sees the others go.
pub(super) struct Party {
    kind: Kind,
    url: String,
    admin: AdminClient,
    room: RoomId,
    host: Heard,
    _server: Worker,
}

impl Party {
    /// Our bots on our server.
    pub(super) fn ours(camera: &str, microphone: &str) -> anyhow::Result<Self> {
        let (server, url) = Worker::server()?;
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
        let server = Worker::run("livekit-server", command)?;
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            anyhow::ensure!(Instant::now() < until, "livekit-server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        let kind = Kind::Sdk { python: python(tools) };
        Self::begin(kind, server, format!("ws://127.0.0.1:{port}"), ApiKey::new(key, secret)?)
    }

    fn begin(kind: Kind, server: Worker, url: String, key: ApiKey) -> anyhow::Result<Self> {
        let admin = AdminClient::new(&url, key)?;
        let host = match &kind {
            Kind::Ours { .. } => bot(&url, "host", "none", "none")?,
            Kind::Sdk { python } => sdk(python, &url, &["host-1".to_owned()], false)?,
        };
        let mut host = Heard::new(host);
        host.when("EnterRoom", "user", "host-1")?;
        Ok(Self { kind, url, admin, room: ROOM.parse()?, host, _server: server })
    }

    /// Where the server is.
    #[cfg(feature = "window")]
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Lets a batch in and waits until it is there for the host too, with its pictures if it has any.
    pub(super) fn enter(&mut self, batch: &Batch, publishes: bool) -> anyhow::Result<Guests> {
        let (mut processes, leave_by) = match &self.kind {
            Kind::Ours { camera, microphone } => {
                let (camera, microphone) = if publishes { (&**camera, &**microphone) } else { ("none", "none") };
                let guest = |n| bot(&self.url, &format!("{}n{n}", batch.name), camera, microphone).map(Heard::new);
                ((0..batch.size).map(guest).collect::<anyhow::Result<Vec<_>>>()?, "TERM")
            }
            Kind::Sdk { python } => (vec![Heard::new(sdk(python, &self.url, &batch.users(), publishes)?)], "USR1"),
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
        std::thread::sleep(SETTLED);
        Ok(Guests { processes, leave_by })
    }

    /// Removes somebody.
    pub(super) async fn remove(&self, user: &str) -> anyhow::Result<()> {
        let user: UserId = user.parse()?;
        Ok(self.admin.remove(&self.room, &user).await?)
    }

    /// When the host saw `user` go.
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

fn bot(url: &str, name: &str, camera: &str, microphone: &str) -> anyhow::Result<Worker> {
    let there = ["bot", "--server", url, "--room", ROOM, "--name-prefix", name, "--events", "-"];
    Worker::start(name, &[there.as_slice(), &["--camera", camera, "--microphone", microphone]].concat())
}

fn sdk(python: &Path, url: &str, users: &[String], publishes: bool) -> anyhow::Result<Worker> {
    let Some(first) = users.first() else { bail!("Nobody is to come in") };
    let mut command = Command::new(python);
    command.args(["-c", GUESTS, url, ROOM, KEY.0, KEY.1, if publishes { "publish" } else { "listen" }]);
    command.args(users).stderr(std::process::Stdio::null());
    Worker::run(first, command)
}

/// A port that is free now. Somebody else may take it before the server does; then the run fails and says so.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
