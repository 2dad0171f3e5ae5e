//! A participant made with LiveKit's official Python SDK (`tests/peers/sdk_peer.py`).

use super::{Events, Process, Stage};
use std::path::Path;
use std::process::Command;

/// A running peer. It prints events of the same names as ours.
pub(crate) struct SdkPeer {
    process: Process,
}

impl SdkPeer {
    /// Joins `room` as `identity`, sends the test picture and a tone of `hz`, and waits until it is in.
    #[track_caller]
    pub(crate) fn start(
        stage: &Stage,
        url: &str,
        keys: [(&str, &str); 2],
        room: &str,
        identity: &str,
        more: &[&str],
    ) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/sdk_peer.py");
        let mut command = Command::new(super::stage::tool("python/bin/python"));
        command.arg(script).args(["--url", url, "--room", room, "--identity", identity]).args(more);
        command.envs(keys).env("PYTHONDONTWRITEBYTECODE", "1").env_remove("LIVEKIT_TOKEN");
        let process = Process::start(stage, identity, &mut command);
        let enter = process.wait_for("EnterRoom");
        assert!(enter["error"].is_null(), "the SDK could not enter: {enter}");
        Self { process }
    }

    /// The running script.
    pub(crate) fn running(&mut self) -> &mut Process {
        &mut self.process
    }
}

impl Events for SdkPeer {
    fn process(&self) -> &Process {
        &self.process
    }
}
