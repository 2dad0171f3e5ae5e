//! What the tests are made of: real processes, displays, sound servers and links, each gone when its value is dropped.

pub(crate) mod certificates;
pub(crate) mod display;
pub(crate) mod events;
pub(crate) mod http;
pub(crate) mod livekit_server;
pub(crate) mod proc;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod pulse;
pub(crate) mod relay;
pub(crate) mod screenshot;
pub(crate) mod sdk_peer;
pub(crate) mod stage;
pub(crate) mod tencent;
pub(crate) mod verified;
pub(crate) mod wav;

pub(crate) use certificates::Certificates;
pub(crate) use display::Display;
pub(crate) use events::Events;
pub(crate) use livekit_server::LiveKitServer;
pub(crate) use process::Process;
pub(crate) use program::{Participant, Server, Visavis};
pub(crate) use pulse::Pulse;
pub(crate) use relay::{Fault, Relay};
pub(crate) use sdk_peer::{Sdk, SdkPeer};
pub(crate) use stage::Stage;
pub(crate) use verified::Verified;

use std::time::{Duration, Instant};

/// How long anything may take on a slow machine before a test gives up. Nobody waits so long where things work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks `ready` until it answers, and fails with `what` when it does not within [`PATIENCE`].
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ready() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
