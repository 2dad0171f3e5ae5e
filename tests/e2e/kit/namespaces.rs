//! Two network namespaces with a link between them, which can be taken down. They belong to a user namespace of their own,
//! so no privileges are needed where the system allows that.

use super::{Process, TIMEOUT, TestContext};
use std::process::Command;

/// The address of the server's side.
pub(crate) const SERVER: &str = "10.1.1.1";
/// The addresses of the client's side, of which it has one at a time.
const CLIENT: [&str; 2] = ["10.1.1.2", "10.1.1.3"];

/// A server's and a client's network.
pub(crate) struct Namespaces {
    server: Process,
    client: Process,
    /// Which of its addresses the client's side has.
    address: usize,
}

/// The end of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

impl Namespaces {
    /// Makes them, with the link up and an address on each side.
    pub(crate) fn start(context: &TestContext) -> Self {
        let namespaces = Self::bare(context, "namespace");
        for (side, device, address) in [(Side::Server, "s", SERVER), (Side::Client, "c", CLIENT[0])] {
            namespaces.ip(side, &["address", "add", &format!("{address}/24"), "dev", device]);
        }
        namespaces
    }

    /// The same without addresses. Their processes have names that begin with `name`.
    pub(crate) fn bare(context: &TestContext, name: &str) -> Self {
        const HOLD: [&str; 3] = ["sh", "-c", "echo ready; exec sleep infinity"];
        let ready = |process: &Process| {
            let is_ready = |lines: &[String]| lines.iter().any(|line| line == "ready").then_some(());
            process.wait_for_line("a network namespace", TIMEOUT, is_ready);
        };
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net"]).args(HOLD);
        let server = Process::start(context, &format!("{name}-server"), &mut command);
        ready(&server);
        let mut command = enter(&server);
        command.args(["unshare", "--net"]).args(HOLD);
        let client = Process::start(context, &format!("{name}-client"), &mut command);
        ready(&client);
        let namespaces = Self { server, client, address: 0 };
        let peer = namespaces.client.pid().to_string();
        namespaces.ip(Side::Server, &["link", "add", "s", "type", "veth", "peer", "name", "c", "netns", &peer]);
        for (side, device) in [(Side::Server, "s"), (Side::Client, "c")] {
            namespaces.ip(side, &["link", "set", "lo", "up"]);
            namespaces.ip(side, &["link", "set", device, "up"]);
        }
        namespaces
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
        let output = self.inside(side, Command::new("ip").args(arguments)).output().expect("nsenter and ip run");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ip {} failed: {words}", arguments.join(" "));
    }
}

/// `nsenter` into the namespaces of a process.
fn enter(process: &Process) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &process.pid().to_string(), "--user", "--net", "--preserve-credentials"]);
    command
}
