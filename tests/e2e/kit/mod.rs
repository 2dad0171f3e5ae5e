//! Fixtures: processes, displays, sound servers and network links. Dropping a value ends what it started.

pub(crate) mod certificates;
pub(crate) mod cluster;
pub(crate) mod compositor;
pub(crate) mod context;
pub(crate) mod display;
pub(crate) mod events;
pub(crate) mod http;
pub(crate) mod intermediaries;
pub(crate) mod keyboard;
pub(crate) mod livekit_server;
pub(crate) mod namespaces;
pub(crate) mod nginx;
pub(crate) mod proc;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod pulse;
pub(crate) mod relay;
pub(crate) mod screenshot;
pub(crate) mod sdk_peer;
pub(crate) mod session_bus;
pub(crate) mod tencent;
pub(crate) mod verified;
pub(crate) mod wav;

pub(crate) use certificates::Certificates;
pub(crate) use cluster::Cluster;
pub(crate) use context::TestContext;
pub(crate) use display::Display;
pub(crate) use events::Events;
pub(crate) use keyboard::Keyboard;
pub(crate) use livekit_server::LiveKitServer;
pub(crate) use namespaces::{Namespaces, Side};
pub(crate) use process::Process;
pub(crate) use program::{Participant, Server, Visavis};
pub(crate) use pulse::Pulse;
pub(crate) use relay::{Fault, Relay};
pub(crate) use sdk_peer::{Sdk, SdkPeer};
pub(crate) use verified::Verified;

use std::time::{Duration, Instant};

/// How long a test waits for a condition, also on a slow machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// Polls `ready` until it returns a value. Fails with `what` after [`TIMEOUT`].
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ready() {
            return answer;
        }
        assert!(began.elapsed() < TIMEOUT, "waited {TIMEOUT:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
