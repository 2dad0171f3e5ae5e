//! Wrong input: a clear sentence on stderr, the right exit code, and no open devices.

use crate::kit::context::free_port;
use crate::kit::http::{other_web_server, request};
use crate::kit::program::Place;
use crate::kit::{Display, Events, Participant, Process, Server, TestContext, Visavis, wait_until};
use std::process::Output;
use std::time::Duration;
use visavis::proto::token::{AdminGrant, ApiKey, JoinClaims};

/// Exit code of wrong usage.
const WRONG_USAGE: i32 = 2;
/// Exit code if the room could not be entered.
const NOT_ENTERED: i32 = 20;

/// Runs a bot with these arguments to its end.
fn bot(context: &TestContext, arguments: &[&str]) -> Output {
    let common = ["bot", "--camera", "none", "--microphone", "none", "--events", "-"];
    Visavis::run(Visavis::command(context).args(common).args(arguments))
}

/// Checks the exit code, and that the message has all of `words`. ExitRoom comes once for a begun entry, else never.
#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "stderr: {stderr}\nstdout: {stdout}");
    for word in words {
        assert!(stderr.to_lowercase().contains(&word.to_lowercase()), "the message does not say {word:?}: {stderr}");
    }
    for ugly in ["panicked", "Os {", "Error(", "reqwest", "stack backtrace"] {
        assert!(!stderr.contains(ugly), "the message is not for people ({ugly}): {stderr}");
    }
    let exits = stdout.matches("\"ExitRoom\"").count();
    assert!(exits == usize::from(code == NOT_ENTERED), "{exits} ExitRoom: {stdout}");
}

#[test]
fn servers_that_are_not_there() {
    let context = TestContext::new("no-server");
    let nobody = format!("ws://127.0.0.1:{}", free_port());
    refused(&bot(&context, &["--server", &nobody, "--room", "r"]), NOT_ENTERED, &["127.0.0.1"]);
    refused(
        &bot(&context, &["--server", "ws://no-such-host.invalid", "--room", "r"]),
        NOT_ENTERED,
        &["no-such-host.invalid"],
    );
    let cats = format!("ws://127.0.0.1:{}", other_web_server());
    refused(&bot(&context, &["--server", &cats, "--room", "r"]), NOT_ENTERED, &["127.0.0.1"]);
}

#[test]
fn server_addresses_that_are_none() {
    let context = TestContext::new("no-address");
    for address in ["", "ftp://127.0.0.1", "not an address", "ws://"] {
        refused(&bot(&context, &["--server", address, "--room", "r"]), WRONG_USAGE, &["ws://"]);
    }
}

#[test]
fn room_ids_out_of_range() {
    let context = TestContext::new("room-ids");
    let server = Server::start(&context);
    let url = server.url();
    let long = "a".repeat(65);
    // Other LiveKit servers have such rooms; ours says why it has none.
    let cases = [
        ("num/0", "4294967294"),
        ("num/4294967295", "4294967294"),
        (&long, "64"),
        ("a/b", "'/'"),
        ("caf\u{e9}", "'é'"),
    ];
    for (room, word) in cases {
        refused(&bot(&context, &["--server", &url, "--room", room]), NOT_ENTERED, &[word]);
    }
    for (room, word) in [("", "room"), ("a".repeat(257).as_str(), "256")] {
        refused(&bot(&context, &["--server", &url, "--room", room]), WRONG_USAGE, &[word]);
    }
    for room in ["num/1", "num/4294967294", &"a".repeat(64), "a !#$%&()+-:;<=.>?@[]^_{}|~,"] {
        let output = bot(&context, &["--server", &url, "--room", room, "--leave-after", "1s"]);
        assert!(output.status.success(), "{room}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn names_that_are_empty_or_endless() {
    let context = TestContext::new("names");
    let server = Server::start(&context);
    let url = server.url();
    let endless = "x".repeat(1000);
    for (name, word) in [("", "name"), ("  \t", "name"), (endless.as_str(), "64")] {
        let window = ["--server", &url, "--room", "r", "--name", name, "--join", "--events", "-"];
        refused(&Visavis::run(Visavis::command(&context).args(window)), WRONG_USAGE, &[word]);
        refused(&bot(&context, &["--server", &url, "--room", "r", "--name-prefix", name]), WRONG_USAGE, &[word]);
    }
}

#[test]
fn tokens_that_are_bad() {
    let context = TestContext::new("tokens");
    let server = Server::start(&context);
    let url = server.url();
    let file = context.artifact("token.jwt");
    let path = file.to_str().expect("UTF-8");
    for token in ["", "nonsense", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "eyJhbGciOiJub25lIn0.e30."] {
        std::fs::write(&file, token).expect("a token file");
        let output = bot(&context, &["--server", &url, "--room", "r", "--token", path]);
        refused(&output, NOT_ENTERED, &["does not accept"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(token.is_empty() || !stderr.contains(token), "the message repeats the token");
    }
    for (token, words) in [
        (joining(&ApiKey::new("devkey", "another secret").expect("a key"), "r"), "does not accept"),
        (joining(&ApiKey::new("stranger", "secret").expect("a key"), "r"), "does not accept"),
        (joining(&ApiKey::dev(), "other"), "for the room other"),
        (ApiKey::dev().admin_token(&AdminGrant::List).expect("a token").expose().clone(), "does not let"),
    ] {
        std::fs::write(&file, &token).expect("a token file");
        let output = bot(&context, &["--server", &url, "--room", "r", "--token", path]);
        refused(&output, NOT_ENTERED, &[words]);
        assert!(!String::from_utf8_lossy(&output.stderr).contains(&token), "the message repeats the token");
    }
    let output = Visavis::run(
        Visavis::command(&context)
            .envs([("LIVEKIT_API_KEY", "devkey"), ("LIVEKIT_API_SECRET", "wrong")])
            .args(["bot", "--server", &url, "--room", "r", "--events", "-"]),
    );
    refused(&output, NOT_ENTERED, &["does not accept"]);
    let (status, body) = request(server.port(), "GET", "/rtc/validate?access_token=SECRETSECRET", &[], "");
    assert_eq!(status, 401);
    assert!(!body.contains("SECRETSECRET"), "the server repeats the token: {body}");
}

/// A token to join `room`, signed with `key`.
fn joining(key: &ApiKey, room: &str) -> String {
    let join = JoinClaims {
        room: room.parse().expect("a room"),
        user: "mina".parse().expect("a user"),
        name: "Mina".into(),
        metadata: String::new(),
        attributes: Vec::new(),
        room_admin: false,
        own_metadata: false,
        valid_for: Duration::from_secs(60),
    };
    key.join_token(&join).expect("a token").expose().clone()
}

#[test]
fn the_window_says_why_it_could_not_enter() {
    let context = TestContext::new("refused");
    let server = Server::start_with(&context, "[rooms]\nmax_participants = 1\n");
    let url = server.url();
    let _first = Participant::bot(&context, &url, "full", "ann", &[]);
    let display = Display::start(&context, "a");
    let token = context.artifact("token.jwt");
    std::fs::write(&token, joining(&ApiKey::new("stranger", "secret").expect("a key"), "full")).expect("a file");
    let token = token.to_str().expect("UTF-8");
    let (nobody, cats) = (format!("ws://127.0.0.1:{}", free_port()), format!("ws://127.0.0.1:{}", other_web_server()));
    for (name, url, more) in [
        ("nobody", &nobody, &[][..]),
        ("another-server", &cats, &[]),
        ("room-full", &url, &[]),
        ("bad-token", &url, &["--token", token]),
    ] {
        let place = Place { display: &display, pulse: None, url, room: "full" };
        let devices = ["--camera", "test-picture", "--microphone", "test-tone", "--speaker", "none", "--join"];
        let arguments = [&devices, more].concat();
        let mut window =
            Process::start(&context, name, &mut Participant::window_command(&context, &place, "Mina", &arguments));
        let exit = window.wait_for("ExitRoom");
        assert_eq!(exit["reason"], 103, "{exit}");
        // The lobby again, with the sentence in its form.
        wait_until("the lobby", || {
            window.all("ScreenShown").last().is_some_and(|e| e["screen"] == "lobby").then_some(())
        });
        display.screenshot(&context, name);
        window.signal("TERM");
        window.wait_exit();
        let opened = window.all("DeviceOpened").iter().filter(|e| e["session"] == 1).count();
        let closed = window.all("DeviceClosed").iter().filter(|e| e["session"] == 1).count();
        assert_eq!(opened, closed, "{name}: what the call opened is closed");
    }
}

#[test]
fn a_room_that_is_full() {
    let context = TestContext::new("room-full");
    let mut server = Server::start_with(&context, "[rooms]\nmax_participants = 2\n");
    let url = server.url();
    let _ann = Participant::bot(&context, &url, "full", "ann", &[]);
    let _ben = Participant::bot(&context, &url, "full", "ben", &[]);
    refused(&bot(&context, &["--server", &url, "--room", "full", "--name-prefix", "cleo"]), NOT_ENTERED, &["full"]);
    let users = Visavis::room(&context, &server, &["users", "full", "--json"]);
    assert!(!users.contains("cleo"), "who was refused is listed: {users}");
    assert!(server.process().is_running(), "the server ended");
}
