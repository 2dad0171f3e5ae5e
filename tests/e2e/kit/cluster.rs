//! The cluster of `packaging/cluster` on the loopback interface: two livekit-server nodes, Redis, our front, and Caddy. The
//! files there are used as they are, but for addresses, the certificate, and a log that tells more.

use super::context::{free_port, tool};
use super::livekit_server::KEYS;
use super::{Certificates, Participant, Process, Server, TestContext, Visavis, wait_until};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use visavis::proto::LIVEKIT_SERVER_VERSION;

const REDIS_PASSWORD: &str = "a-password-of-the-tests";

/// The running cluster.
pub(crate) struct Cluster {
    context: TestContext,
    certificates: Certificates,
    _redis: Process,
    redis_port: u16,
    nodes: [Node; 2],
    _caddy: Process,
    https: u16,
    front: Option<Server>,
    front_port: u16,
    front_settings: String,
}

/// A livekit-server node.
struct Node {
    process: Process,
    port: u16,
}

impl Cluster {
    /// Starts all of it and waits until a node answers through Caddy.
    pub(crate) fn start(name: &str) -> Self {
        let context = TestContext::new(name);
        let certificates = Certificates::new(&context);
        let (redis, redis_port) = start_redis(&context);
        let nodes = [1, 2].map(|number| Node::start(&context, number, redis_port));
        let [https, inner, front_port] = [(); 3].map(|()| free_port());
        let (chain, key) = (certificates.chain(), certificates.key());
        let site =
            format!("https://127.0.0.1:{https} {{\n\tbind 127.0.0.1\n\ttls {} {}\n", chain.display(), key.display());
        let [one, two] = nodes.each_ref().map(|node| format!("127.0.0.1:{}", node.port));
        let caddyfile = adapted(
            "Caddyfile",
            &[
                ("10.0.0.11:7880", &one),
                ("10.0.0.12:7880", &two),
                ("127.0.0.1:7980", &format!("127.0.0.1:{front_port}")),
                ("127.0.0.1:7990", &format!("127.0.0.1:{inner}")),
                ("calls.example.com {\n", &site),
            ],
        );
        let caddy = start_caddy(&context, &caddyfile);
        wait_until("a node to answer through Caddy", || {
            TcpStream::connect(("127.0.0.1", inner)).ok()?;
            (super::http::request(inner, "GET", "/", &[], "").0 == 200).then_some(())
        });
        let settings = adapted(
            "front.toml",
            &[
                ("wss://calls.example.com", &format!("wss://127.0.0.1:{https}")),
                ("127.0.0.1:7990", &format!("127.0.0.1:{inner}")),
            ],
        );
        // So that people need no invitation.
        let front_settings = format!("open_tokens = true\n{settings}");
        let front = Some(Server::start_front(&context, front_port, &front_settings));
        Self {
            context,
            certificates,
            _redis: redis,
            redis_port,
            nodes,
            _caddy: caddy,
            https,
            front,
            front_port,
            front_settings,
        }
    }

    /// The test's context.
    pub(crate) fn context(&self) -> &TestContext {
        &self.context
    }

    /// The address that people know: `wss://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("wss://127.0.0.1:{}", self.https)
    }

    /// The file of the authority that signed the certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.certificates.authority()
    }

    /// The port of the front itself, behind Caddy.
    pub(crate) fn front_port(&self) -> u16 {
        self.front_port
    }

    /// A bot that verifies what it sees and hears.
    #[track_caller]
    pub(crate) fn bot(&self, room: &str, name: &str) -> Participant {
        Participant::bot_by(&self.context, &self.url(), room, name, |command| {
            command.arg("--verify").env("SSL_CERT_FILE", self.authority());
        })
    }

    /// Runs `visavis room` at the address that people know.
    #[track_caller]
    pub(crate) fn room(&self, arguments: &[&str]) -> String {
        self.room_at(&self.url(), arguments)
    }

    /// Runs `visavis room` at a node itself.
    #[track_caller]
    pub(crate) fn room_at_node(&self, node: usize, arguments: &[&str]) -> String {
        self.room_at(&format!("http://127.0.0.1:{}", self.nodes[node].port), arguments)
    }

    #[track_caller]
    fn room_at(&self, url: &str, arguments: &[&str]) -> String {
        let mut command = Visavis::command(&self.context);
        command.env("LIVEKIT_URL", url).env("SSL_CERT_FILE", self.authority()).envs(KEYS);
        Visavis::room_by(&mut command, arguments)
    }

    /// The node that the signalling connection of `user` leads to.
    #[track_caller]
    pub(crate) fn signalling_node(&self, user: &str) -> usize {
        let named = format!("\"participant\": \"{user}\"");
        let is_of_user = |line: &str| line.contains("new client WS connected") && line.contains(&named);
        wait_until("a signalling connection in the log of a node", || {
            self.nodes.iter().position(|node| node.process.stderr().lines().any(is_of_user))
        })
    }

    /// The node that holds the room: media of all its participants goes there.
    #[track_caller]
    pub(crate) fn hosting_node(&self, room: &str) -> usize {
        let mut command = Command::new(tool("servers/usr/bin/redis-cli"));
        command.args(["-p", &self.redis_port.to_string(), "HGET", "room_node_map", room]);
        let output = Visavis::run(command.env("REDISCLI_AUTH", REDIS_PASSWORD));
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let named = format!("\"nodeID\": \"{id}\"");
        let starts = |line: &str| line.contains("starting LiveKit server") && line.contains(&named);
        let node = self.nodes.iter().position(|node| node.process.stderr().lines().any(starts));
        node.unwrap_or_else(|| panic!("no node is {id:?}"))
    }

    /// Kills a node: it says goodbye to nobody.
    pub(crate) fn kill_node(&mut self, node: usize) {
        self.nodes[node].process.signal("KILL");
        self.nodes[node].process.wait_exit();
    }

    /// Kills the front.
    pub(crate) fn kill_front(&mut self) {
        self.front = None;
    }

    /// Starts it again.
    pub(crate) fn start_front(&mut self) {
        self.front = Some(Server::start_front(&self.context, self.front_port, &self.front_settings));
    }
}

impl Node {
    fn start(context: &TestContext, number: u16, redis: u16) -> Self {
        let [port, udp, tcp, stun] = [(); 4].map(|()| free_port());
        // Without a STUN server in the settings, its clients are sent to public ones.
        let rtc = format!("\nrtc:\n  stun_servers: [\"127.0.0.1:{stun}\"]\n  enable_loopback_candidate: true\n");
        let settings = adapted("livekit.yaml", &[("\nrtc:\n", &rtc), ("level: info", "level: debug")]);
        let (name, [(_, key), (_, secret)]) = (format!("node-{number}"), KEYS);
        let file = context.artifact(&format!("{name}.yaml"));
        std::fs::write(&file, settings).expect("a settings file");
        let mut command = Command::new(tool(&format!("livekit-server-{LIVEKIT_SERVER_VERSION}")));
        command.arg("--config").arg(file);
        command.args(["--port", &port.to_string(), "--udp-port", &udp.to_string()]);
        command.args(["--rtc.tcp_port", &tcp.to_string(), "--redis-host", &format!("127.0.0.1:{redis}")]);
        command.env("LIVEKIT_KEYS", format!("{key}: {secret}")).env("REDIS_PASSWORD", REDIS_PASSWORD);
        let process = Process::start(context, &name, command.env("NODE_IP", "127.0.0.1"));
        wait_until("a node to listen", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { process, port }
    }
}

fn start_redis(context: &TestContext) -> (Process, u16) {
    let port = free_port();
    let changes = [
        ("127.0.0.1 10.0.0.10", "127.0.0.1"),
        ("port 6379", &format!("port {port}")),
        ("REDIS_PASSWORD", REDIS_PASSWORD),
    ];
    let file = context.artifact("redis.conf");
    std::fs::write(&file, adapted("redis.conf", &changes)).expect("a settings file");
    let process = Process::start(context, "redis", Command::new(tool("servers/usr/bin/redis-server")).arg(file));
    wait_until("Redis to listen", || TcpStream::connect(("127.0.0.1", port)).ok());
    (process, port)
}

/// Starts Caddy without what it does for public names: certificates, redirections from port 80, a port of its own.
fn start_caddy(context: &TestContext, caddyfile: &str) -> Process {
    let file = context.artifact("Caddyfile");
    let options = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n";
    std::fs::write(&file, format!("{options}{caddyfile}")).expect("a settings file");
    let mut command = Command::new(tool("servers/usr/bin/caddy"));
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    let home = context.artifact("caddy");
    Process::start(context, "caddy", command.env("XDG_DATA_HOME", &home).env("XDG_CONFIG_HOME", &home))
}

/// A file of `packaging/cluster` with other addresses.
fn adapted(file: &str, changes: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/cluster").join(file);
    changes.iter().fold(std::fs::read_to_string(path).expect("a file of the cluster"), |text, (from, to)| {
        assert!(text.contains(from), "packaging/cluster/{file} does not say {from:?}");
        text.replace(from, to)
    })
}
