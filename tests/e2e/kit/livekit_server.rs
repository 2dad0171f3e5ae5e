//! The real livekit-server, built by `scripts/setup --tests`.

use super::context::{free_port, tool};
use super::program::Keys;
use super::{Process, TestContext, wait_until};
use std::net::TcpStream;
use std::process::Command;
use visavis::proto::LIVEKIT_SERVER_VERSION;

/// The key pair of livekit-server in the tests.
pub(crate) const KEYS: Keys =
    [("LIVEKIT_API_KEY", "devkey"), ("LIVEKIT_API_SECRET", "a-secret-of-more-than-32-characters")];

/// A running livekit-server on free ports of the loopback interface.
pub(crate) struct LiveKitServer {
    _process: Process,
    port: u16,
}

impl LiveKitServer {
    /// Starts it and waits until it answers.
    pub(crate) fn start(context: &TestContext) -> Self {
        let (port, udp, tcp, stun) = (free_port(), free_port(), free_port(), free_port());
        let config = context.artifact("livekit.yaml");
        let [(_, key), (_, secret)] = KEYS;
        // Without this setting it sends its clients to public STUN servers.
        let text = format!(
            "port: {port}\nbind_addresses: [127.0.0.1]\nkeys: {{{key}: {secret}}}\nlogging: {{level: info}}\n\
             rtc: {{udp_port: {udp}, tcp_port: {tcp}, use_external_ip: false, node_ip: 127.0.0.1, \
             enable_loopback_candidate: true, stun_servers: [\"127.0.0.1:{stun}\"]}}\n"
        );
        std::fs::write(&config, text).expect("a configuration");
        let mut command = Command::new(tool(&format!("livekit-server-{LIVEKIT_SERVER_VERSION}")));
        let process = Process::start(context, "livekit-server", command.arg("--config").arg(config));
        wait_until("livekit-server to listen", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { _process: process, port }
    }

    /// The TCP port of signalling and RoomService.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `ws://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }
}
