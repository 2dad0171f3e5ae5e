//! A participant that uses one of LiveKit's official SDKs.

use super::context::tool;
use super::program::Keys;
use super::{Events, Process, TestContext};
use std::path::Path;
use std::process::Command;

/// An SDK.
#[derive(Clone, Copy)]
pub(crate) enum Sdk {
    /// `tests/peers/sdk_peer.py`
    Python,
    /// `tests/peers/browser_peer.mjs` in a real Chromium
    Browser,
}

/// A running peer. Its events have the same names as ours.
pub(crate) struct SdkPeer {
    process: Process,
}

impl Sdk {
    /// The command that joins `room` as `identity`, but for the key pair.
    pub(crate) fn command(self, url: &str, room: &str, identity: &str, more: &[&str]) -> Command {
        let (program, script) = match self {
            Self::Python => (tool("python/bin/python"), "sdk_peer.py"),
            Self::Browser => ("node".into(), "browser_peer.mjs"),
        };
        let mut command = Command::new(program);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script));
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("NODE_SDK", tool("node"));
        command.args(["--url", url, "--room", room, "--identity", identity]).args(more);
        command.env_remove("LIVEKIT_TOKEN");
        command
    }

    /// Joins `room` as `identity`, sends the test picture and a tone of 660 Hz, and waits until it is in.
    #[track_caller]
    pub(crate) fn join(
        self,
        context: &TestContext,
        url: &str,
        keys: Keys,
        room: &str,
        identity: &str,
        more: &[&str],
    ) -> SdkPeer {
        let mut command = self.command(url, room, identity, more);
        let process = Process::start(context, identity, command.envs(keys));
        let enter = process.wait_for("EnterRoom");
        assert!(enter["error"].is_null(), "the SDK could not enter: {enter}");
        SdkPeer { process }
    }
}

impl SdkPeer {
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
