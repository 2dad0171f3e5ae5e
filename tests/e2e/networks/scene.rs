//! A network of a case, with its firewall, router, relay and proxy, and the server.

use super::cases::{Case, OTHER, PROXY};
use super::{Host, KEYS};
use crate::kit::intermediaries::{TURN_SECRET, start_proxy, start_turn_server};
use crate::kit::{Certificates, Namespaces, Process, Side, TIMEOUT, TestContext, Visavis, proc, wait_until};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;
use visavis::proto::LIVEKIT_SERVER_VERSION;

/// What runs of a case.
pub(super) struct Scene<'a> {
    pub(super) context: &'a TestContext,
    pub(super) case: &'static Case,
    namespaces: Namespaces,
    certificates: &'a Certificates,
    /// coturn, and the sockets that it has without a client.
    relay: Option<(Process, usize)>,
    _proxy: Option<Process>,
    _server: Process,
}

impl<'a> Scene<'a> {
    /// Makes the network and starts the server. The certificates are for [`OTHER`].
    pub(super) fn start(
        context: &'a TestContext,
        certificates: &'a Certificates,
        case: &'static Case,
        host: Host,
    ) -> Self {
        let named = |what: &str| format!("{}-{what}", case.name);
        let mut namespaces = Namespaces::bare(context, &named("namespace"));
        case.server.iter().for_each(|line| namespaces.ip(Side::Server, &words(line)));
        case.client.iter().for_each(|line| namespaces.ip(Side::Client, &words(line)));
        if case.clients == Side::Behind {
            namespaces.add_router(context, &named("namespace"));
        }
        if !case.passes.is_empty() {
            namespaces.let_pass(case.passes);
        }
        let needs_relay = matches!(host, Host::Visavis) || !case.own_relay;
        let relay = case.relay.filter(|_| needs_relay).map(|relay| {
            let tls_port = if relay.protocol == "tls" { relay.port } else { 5349 };
            let process = start_turn_server(context, &named("relay"), &namespaces, OTHER, tls_port, certificates);
            let sockets = proc::sockets(process.pid()).len();
            (process, sockets)
        });
        let proxy = case.proxy.map(|proxy| start_proxy(context, &named("proxy"), &namespaces, PROXY, proxy.ports));
        let server = match host {
            Host::Visavis => serve(context, case, &namespaces),
            Host::LiveKit => livekit(context, case, &namespaces, certificates),
        };
        Self { context, case, namespaces, certificates, relay, _proxy: proxy, _server: server }
    }

    /// Starts a client where the clients of this network are.
    pub(super) fn client(&self, name: &str, command: &mut Command) -> Process {
        command.envs(KEYS).env("SSL_CERT_FILE", self.certificates.authority());
        if self.case.proxy.is_some() {
            for variable in ["http_proxy", "https_proxy"] {
                command.env(variable, format!("http://{PROXY}:8888"));
            }
        }
        let name = format!("{}-{name}", self.case.name);
        Process::start(self.context, &name, &mut self.namespaces.inside(self.case.clients, command))
    }

    /// Gives the clients another address.
    pub(super) fn move_clients(&mut self) {
        self.namespaces.new_address();
    }

    /// Waits until the relay has no client left.
    #[track_caller]
    pub(super) fn relay_is_free(&self) {
        if let Some((process, idle)) = &self.relay {
            let is_free = || (proc::sockets(process.pid()).len() <= *idle).then_some(());
            wait_until("the relay to have no client", is_free);
        }
    }
}

/// Starts our server, and what happens when it runs.
fn serve(context: &TestContext, case: &Case, namespaces: &Namespaces) -> Process {
    let mut command = Visavis::command(context);
    let (address, port) = case.listen;
    command.args(["serve", "--listen", &format!("{address}:{port}"), "--udp", "7882", "--insecure-http"]);
    command.args(["--log-level", "info"]).args(case.serve).envs(KEYS);
    if let Some(relay) = case.relay {
        let config = context.artifact(&format!("{}.toml", case.name));
        let url = match relay.protocol {
            "tls" => format!("turns:{OTHER}:{}?transport=tcp", relay.port),
            protocol => format!("turn:{OTHER}:{}?transport={protocol}", relay.port),
        };
        std::fs::write(&config, format!("[turn]\nurls = [\"{url}\"]\nsecret = \"{TURN_SECRET}\"\n")).expect("settings");
        command.arg("--config").arg(config);
    }
    let name = format!("{}-server", case.name);
    let server = Process::start(context, &name, &mut namespaces.inside(Side::Server, &command));
    let said = |wanted: &'static str| {
        server.wait_for_line(wanted, TIMEOUT, |lines| lines.iter().any(|line| line.contains(wanted)).then_some(()));
    };
    said("Listening on ");
    if !case.later.is_empty() {
        said("no address that other computers can reach");
        case.later.iter().for_each(|line| namespaces.ip(Side::Server, &words(line)));
        let is_offered = || server.stderr().contains("offered at 10.1.1.1").then_some(());
        wait_until("the offer of the new address", is_offered);
    }
    server
}

/// Starts livekit-server, and what happens when it runs.
fn livekit(context: &TestContext, case: &Case, namespaces: &Namespaces, certificates: &Certificates) -> Process {
    let [(_, key), (_, secret)] = KEYS;
    let config = context.artifact("livekit.yaml");
    let (address, port) = case.listen;
    let mut text = format!("port: {port}\nkeys: {{{key}: {secret}}}\nlogging: {{level: info}}\n");
    if case.own_relay {
        let (chain, private) = (certificates.chain(), certificates.key());
        text += &format!(
            "bind_addresses: [{address}]\n\
             turn: {{enabled: true, domain: {OTHER}, tls_port: 443, bind_addresses: [{OTHER}], cert_file: {}, \
             key_file: {}, allow_restricted_peer_cidrs: [10.0.0.0/8]}}\n",
            chain.display(),
            private.display()
        );
    }
    // Without this setting it sends its clients to public STUN servers.
    text += "rtc:\n  udp_port: 7882\n  tcp_port: 7881\n  use_external_ip: false\n  stun_servers: [\"127.0.0.1:9\"]\n";
    text += &format!("  enable_loopback_candidate: {}\n", case.clients == Side::Server);
    if let Some(relay) = case.relay.filter(|_| !case.own_relay) {
        text += &format!(
            "  turn_servers: [{{host: {OTHER}, port: {}, protocol: {}, secret: {TURN_SECRET}}}]\n",
            relay.port, relay.protocol
        );
    }
    std::fs::write(&config, text).expect("a configuration");
    let mut command = Command::new(crate::kit::context::tool(&format!("livekit-server-{LIVEKIT_SERVER_VERSION}")));
    command.arg("--config").arg(config);
    let name = format!("{}-livekit", case.name);
    let server = Process::start(context, &name, &mut namespaces.inside(Side::Server, &command));
    sleep(Duration::from_secs(2));
    case.later.iter().for_each(|line| namespaces.ip(Side::Server, &words(line)));
    sleep(Duration::from_millis(500));
    server
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}
