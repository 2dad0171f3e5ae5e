//! Between a client and a server: coturn, a TURN server, and tinyproxy, a proxy that knows `CONNECT`. Both are real, in a
//! network namespace.

use super::{Certificates, Namespaces, Process, Side, TestContext, proc, wait_until};
use std::process::Command;

/// The secret that coturn shares with room servers.
pub(crate) const TURN_SECRET: &str = "north";

/// Starts coturn on the server's side, at 3478 for UDP and TCP and at `tls_port`.
pub(crate) fn start_turn_server(
    context: &TestContext,
    name: &str,
    namespaces: &Namespaces,
    address: &str,
    tls_port: u16,
    certificates: &Certificates,
) -> Process {
    let mut command = Command::new("turnserver");
    command.args(["-n", "--no-cli", "--no-dtls", "--no-rfc5780", "--log-file", "stdout", "--simple-log", "--verbose"]);
    command.args(["--listening-ip", address, "--relay-ip", address, "--listening-port", "3478"]);
    command.args(["--tls-listening-port", &tls_port.to_string(), "--relay-threads", "1", "--realm", "tests"]);
    command.args(["--use-auth-secret", "--static-auth-secret", TURN_SECRET]);
    command.arg("--cert").arg(certificates.chain()).arg("--pkey").arg(certificates.key());
    for (option, file) in [("--pidfile", "pid"), ("--userdb", "db")] {
        command.arg(option).arg(context.artifact(&format!("{name}.{file}")));
    }
    let process = Process::start(context, name, &mut namespaces.inside(Side::Server, &command));
    wait_for_port(&process, tls_port);
    process
}

/// Starts tinyproxy on the server's side at `address`, port 8888. `ports` are those that it connects to; empty for all.
pub(crate) fn start_proxy(
    context: &TestContext,
    name: &str,
    namespaces: &Namespaces,
    address: &str,
    ports: &[u16],
) -> Process {
    let config = context.artifact(&format!("{name}.conf"));
    let allowed: String = ports.iter().map(|port| format!("ConnectPort {port}\n")).collect();
    std::fs::write(&config, format!("Port 8888\nListen {address}\nTimeout 600\nMaxClients 100\n{allowed}"))
        .expect("a configuration");
    let mut command = Command::new("tinyproxy");
    command.arg("-d").arg("-c").arg(config);
    let process = Process::start(context, name, &mut namespaces.inside(Side::Server, &command));
    wait_for_port(&process, 8888);
    process
}

/// Waits until a process listens at a TCP port.
fn wait_for_port(process: &Process, port: u16) {
    let local = format!(":{port:04X} ");
    let listens = |socket: &String| socket.starts_with("tcp") && socket.contains(&local);
    wait_until("a port to be open", || proc::sockets(process.pid()).iter().any(listens).then_some(()));
}
