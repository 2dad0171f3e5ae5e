//! A scenario is met in real time, with processes, and on the stage.

use crate::kit::{TestContext, Visavis};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A kick, a leave and a cut, one of them over a way that delays and loses.
const SCENARIO: &str = r#"
version = 1
title = "One is removed, one leaves, one is away for a while"
lasts = "6s"

[[person]]
name = "mina"
link = { delay = "20ms", jitter = "10ms", loss_percent = 1 }

[[person]]
name = "tom"
camera = false

[[person]]
name = "ana"
camera = false
microphone = false

[[step]]
at = "1s"
do = "kick"
who = "tom"

[[step]]
at = "1500ms"
do = "leave"
who = "ana"

[[step]]
at = "2500ms"
do = "cut"
who = "mina"
for = "500ms"

[[expect]]
who = "mina"
events = [
    { event = "EnterRoom" },
    { event = "RemoteUserLeaveRoom", remote_user = "tom", reason = 2 },
    { event = "RemoteUserLeaveRoom", remote_user = "ana", reason = 0 },
    { event = "ConnectionLost" },
    { event = "ConnectionRecovery" },
]
never = ["ExitRoom"]

[[expect]]
who = "tom"
events = [{ event = "EnterRoom" }, { event = "ExitRoom", reason = 1 }]
never = ["ConnectionLost", "ExitRequested"]
exit = { reason = "removed" }

[[expect]]
who = "ana"
events = [{ event = "EnterRoom" }, { event = "ExitRequested" }, { event = "ExitRoom", reason = 0 }]
exit = { reason = "left" }
"#;

#[track_caller]
fn run(context: &TestContext, file: &Path, more: &[&str]) -> Value {
    let output = Visavis::run(Visavis::command(context).args(["scenario", "run", "--json"]).arg(file).args(more));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{more:?}: {output:?}"))
}

#[test]
fn a_scenario_is_met_in_real_time_as_on_the_stage() {
    let context = TestContext::new("scenario");
    let file = context.artifact("away.toml");
    fs::write(&file, SCENARIO).expect("written");
    for more in [&["--stage"][..], &[]] {
        let verdict = run(&context, &file, more);
        assert_eq!(verdict["met"], true, "{more:?}: {verdict:#}");
    }
}
