//! Two network namespaces with a link between them, which can be taken down. They belong to a user namespace of their own,
//! so no privileges are needed where the system allows that.

use super::{Process, TIMEOUT, TestContext};
use std::process::Command;

/// The address of the server's side.
pub(crate) const SERVER: &str = "10.1.1.1";
/// The addresses of the client's side, of which it has one at a time.
const CLIENT: [&str; 2] = ["10.1.1.2", "10.1.1.3"];

/// nftables; not in the path of users.
const NFT: &str = "/usr/sbin/nft";

/// A server's and a client's network.
pub(crate) struct Namespaces {
    server: Process,
    client: Process,
    /// A network behind the client's side, which is its router.
    behind: Option<Process>,
    /// Which of its addresses the client's side has.
    address: usize,
}

/// The end of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
    /// Behind the router of [`Namespaces::add_router`].
    Behind,
}

impl Namespaces {
    /// Makes them, with the link up and an address on each side.
    pub(crate) fn start(context: &TestContext) -> Self {
        Self::named(context, "namespace")
    }

    /// The same where a test has several. Their processes have names that begin with `name`.
    pub(crate) fn named(context: &TestContext, name: &str) -> Self {
        let namespaces = Self::bare(context, name);
        for (side, device, address) in [(Side::Server, "s", SERVER), (Side::Client, "c", CLIENT[0])] {
            namespaces.ip(side, &["address", "add", &format!("{address}/24"), "dev", device]);
        }
        namespaces
    }

    /// The same without addresses. Their processes have names that begin with `name`.
    pub(crate) fn bare(context: &TestContext, name: &str) -> Self {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net"]);
        let server = hold(context, &format!("{name}-server"), &mut command);
        let mut command = enter(&server);
        command.args(["unshare", "--net"]);
        let client = hold(context, &format!("{name}-client"), &mut command);
        let namespaces = Self { server, client, behind: None, address: 0 };
        let peer = namespaces.client.pid().to_string();
        namespaces.ip(Side::Server, &["link", "add", "s", "type", "veth", "peer", "name", "c", "netns", &peer]);
        for (side, device) in [(Side::Server, "s"), (Side::Client, "c")] {
            namespaces.ip(side, &["link", "set", "lo", "up"]);
            namespaces.ip(side, &["link", "set", device, "up"]);
        }
        namespaces
    }

    /// Adds a network behind the client's side, which becomes a router with address translation: each flow gets a random
    /// port (nftables, `masquerade random`), so that other servers see other ports (RFC 4787, section 4.1).
    pub(crate) fn add_router(&mut self, context: &TestContext, name: &str) {
        let mut command = enter(&self.server);
        command.args(["unshare", "--net"]);
        let behind = hold(context, &format!("{name}-behind"), &mut command);
        let pid = behind.pid().to_string();
        self.behind = Some(behind);
        self.ip(Side::Client, &["link", "add", "r", "type", "veth", "peer", "name", "b", "netns", &pid]);
        for (side, device, address) in [(Side::Client, "r", "192.168.7.1/24"), (Side::Behind, "b", "192.168.7.2/24")] {
            self.ip(side, &["address", "add", address, "dev", device]);
            self.ip(side, &["link", "set", "dev", device, "up"]);
        }
        self.ip(Side::Behind, &["link", "set", "lo", "up"]);
        self.ip(Side::Behind, &["route", "add", "default", "via", "192.168.7.1"]);
        self.run(Side::Client, Command::new("sh").args(["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]));
        let translation = "table ip translation { chain leaving { \
             type nat hook postrouting priority srcnat; oifname \"c\" masquerade random; }; }";
        self.run(Side::Client, Command::new(NFT).arg(translation));
    }

    /// Drops what arrives at the server's side from the client's, but for what one of these rules of nftables describes.
    pub(crate) fn let_pass(&self, rules: &[&str]) {
        let accepted: String = rules.iter().map(|rule| format!("{rule} accept; ")).collect();
        let firewall = format!(
            "table inet firewall {{ chain arriving {{ type filter hook input priority filter; \
             iifname != \"s\" accept; {accepted} drop; }}; }}"
        );
        self.run(Side::Server, Command::new(NFT).arg(firewall));
    }

    /// Ends what [`Namespaces::let_pass`] began.
    pub(crate) fn let_all_pass(&self) {
        self.run(Side::Server, Command::new(NFT).args(["delete", "table", "inet", "firewall"]));
    }

    /// Takes the link of the client down or up.
    pub(crate) fn link(&self, up: bool) {
        self.ip(Side::Client, &["link", "set", "c", if up { "up" } else { "down" }]);
    }

    /// Gives the client's side another address; it loses the one that it had.
    pub(crate) fn new_address(&mut self) {
        let before = CLIENT[self.address];
        self.address = (self.address + 1) % CLIENT.len();
        let change = |what: &str, address: &str| {
            self.ip(Side::Client, &["address", what, &format!("{address}/24"), "dev", "c"]);
        };
        change("del", before);
        change("add", CLIENT[self.address]);
    }

    /// The same command inside of a namespace.
    pub(crate) fn inside(&self, side: Side, command: &Command) -> Command {
        let mut inside = enter(match side {
            Side::Server => &self.server,
            Side::Client => &self.client,
            Side::Behind => self.behind.as_ref().expect("a router"),
        });
        inside.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }

    /// Runs `ip` inside of a namespace.
    pub(crate) fn ip(&self, side: Side, arguments: &[&str]) {
        self.run(side, Command::new("ip").args(arguments));
    }

    fn run(&self, side: Side, command: &mut Command) {
        let output = self.inside(side, command).output().expect("nsenter runs");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?} failed: {words}");
    }
}

/// A process in a namespace that `command` makes.
fn hold(context: &TestContext, name: &str, command: &mut Command) -> Process {
    let process = Process::start(context, name, command.args(["sh", "-c", "echo ready; exec sleep infinity"]));
    let is_ready = |lines: &[String]| lines.iter().any(|line| line == "ready").then_some(());
    process.wait_for_line("a network namespace", TIMEOUT, is_ready);
    process
}

/// `nsenter` into the namespaces of a process.
fn enter(process: &Process) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &process.pid().to_string(), "--user", "--net", "--preserve-credentials"]);
    command
}
