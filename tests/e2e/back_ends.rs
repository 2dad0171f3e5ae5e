//! Back ends of LiveKit: its server SDKs for Python and JavaScript run our rooms and read our webhooks.

use crate::kit::context::{free_port, tool};
use crate::kit::{Events, Participant, Process, Server, TestContext, Visavis, wait_until};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A server SDK of LiveKit.
#[derive(Clone, Copy, Debug, PartialEq)]
enum ServerSdk {
    /// `room_service_sdk.py` and `webhook_receiver.py` of `tests/peers`
    Python,
    /// `tests/peers/back_end_sdk.mjs`
    JavaScript,
}

impl ServerSdk {
    /// Its script for `task`.
    fn command(self, task: &str, arguments: &[&str]) -> Command {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
        let mut command;
        if self == Self::Python {
            command = Command::new(tool("python/bin/python"));
            command.arg(peers.join(if task == "rooms" { "room_service_sdk.py" } else { "webhook_receiver.py" }));
        } else {
            command = Command::new("node");
            command.arg(peers.join("back_end_sdk.mjs")).arg(task);
        }
        command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1").env("NODE_SDK", tool("node"));
        command
    }
}

#[test]
fn livekits_python_sdk_runs_rooms_and_reads_webhooks() {
    let context = TestContext::new("livekit-back-end");
    runs_rooms_and_reads_webhooks(&context, ServerSdk::Python, |server| {
        Participant::bot(&context, &server.url(), "tea", "bot", &["--microphone", "none"])
    });
}

#[test]
fn livekits_javascript_sdk_makes_tokens_runs_rooms_and_reads_webhooks() {
    let context = TestContext::new("livekit-back-end-javascript");
    runs_rooms_and_reads_webhooks(&context, ServerSdk::JavaScript, |server| {
        let made = Visavis::run(&mut ServerSdk::JavaScript.command("token", &["tea", "mina"]));
        let file = context.artifact("mina.jwt");
        std::fs::write(&file, made.stdout).expect("a token file");
        let mina = Participant::bot_by(&context, &server.url(), "tea", "bot", |command| {
            command.args(["--microphone", "none", "--token"]).arg(&file);
        });
        assert_eq!(mina.user(), "mina");
        mina
    });
}

/// `join` lets a bot with a camera into room "tea".
fn runs_rooms_and_reads_webhooks(context: &TestContext, sdk: ServerSdk, join: impl FnOnce(&Server) -> Participant) {
    let port = free_port();
    let receiver = Process::start(context, "webhooks", &mut sdk.command("webhooks", &[&port.to_string()]));
    let is_ready = |lines: &[String]| lines.iter().any(|line| line == "ready").then_some(());
    receiver.wait_for_line("its ready line", Duration::from_secs(30), is_ready);
    let webhook = format!("[webhook]\nurls = [\"http://127.0.0.1:{port}/livekit\"]\n");
    let server = Server::start_with(context, &format!("{webhook}[rooms]\ndeparture_timeout = 1\n"));
    let mut bot = join(&server);
    let heard = |event: &str| {
        let events = receiver.stdout();
        let events = events.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.into_iter().find(|found| found["event"] == event)
    };
    let published = wait_until("track_published", || heard("track_published"));
    let calls = Visavis::run(&mut sdk.command("rooms", &[&server.url(), "tea", bot.user()]));
    assert!(calls.status.success(), "{}", String::from_utf8_lossy(&calls.stderr));
    let outcomes: Vec<Value> =
        String::from_utf8_lossy(&calls.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |method: &str| outcomes.iter().find(|o| o["method"] == method).unwrap_or_else(|| panic!("no {method}"));
    assert_eq!(of("list_participants")["answer"], json!([bot.user()]));
    assert_eq!(of("create_room")["answer"]["empty_timeout"], 60);
    assert_eq!(of("update_room_metadata")["answer"]["metadata"], "agenda");
    assert_eq!(of("mute_published_track")["answer"]["track"]["sid"], published["track"]["sid"]);
    assert_eq!(of("update_participant")["answer"]["attributes"]["seat"], "7");
    for method in ["list_rooms", "get_participant", "update_subscriptions", "send_data", "delete_room"] {
        assert!(of(method)["answer"].is_object(), "{}", of(method));
    }
    for method in ["move_participant", "forward_participant", "list_egress", "list_ingress"] {
        let refused = of(method);
        assert!(refused["error"] == "unimplemented" && refused["words"].as_str() > Some(""), "{refused}");
    }
    assert_eq!(of("get_nobody")["error"], "not_found");
    assert!(of("remove_participant")["answer"].is_object());
    assert_eq!(bot.wait_for("ExitRoom")["reason"], 1);
    bot.running().wait_exit_code(21);

    wait_until("room_finished of the room", || {
        let events = receiver.stdout();
        let events = events.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.into_iter().find(|found| found["event"] == "room_finished" && found["room"]["name"] == "tea")
    });
    let order = ["room_started", "participant_joined", "track_published", "track_unpublished", "participant_left"];
    let of_tea: Vec<String> = receiver
        .stdout()
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["room"]["name"] == "tea")
        .filter_map(|event| event["event"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(of_tea[..order.len()], order);
    assert_eq!(heard("participant_left").expect("an event")["participant"]["disconnectReason"], "PARTICIPANT_REMOVED");
}
