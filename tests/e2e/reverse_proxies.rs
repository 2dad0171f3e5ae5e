//! Servers behind a reverse proxy, with the settings that `docs/operators.md` gives: the proxy has the certificate, the
//! server may be under a path, and connections that are idle for long are closed.

use crate::kit::context::free_port;
use crate::kit::nginx::Nginx;
use crate::kit::{Events, LiveKitServer, Participant, Server, TestContext, Visavis, livekit_server, program};
use std::process::Command;
use std::time::Duration;

/// Nothing is sent or received but what keeps the connection open.
const QUIET: [&str; 4] = ["--camera", "none", "--microphone", "none"];
/// Clients ping every 5 s.
const IDLE_LIMIT_S: u32 = 8;

fn join(
    context: &TestContext,
    nginx: &Nginx,
    path: &str,
    name: &str,
    prepare: impl FnOnce(&mut Command),
) -> Participant {
    Participant::bot_by(context, &nginx.url(path), "tea", name, |command| {
        command.args(QUIET).env("SSL_CERT_FILE", nginx.authority());
        prepare(command);
    })
}

/// Each sees the others come; after the proxy's limit all are still there, and one after the other leaves.
fn stay_longer_than_the_limit(mut people: Vec<Participant>) {
    std::thread::sleep(Duration::from_secs(u64::from(IDLE_LIMIT_S) + 3));
    let names: Vec<String> = people.iter().map(|person| person.user().to_owned()).collect();
    for (person, name) in people.iter().zip(&names) {
        assert!(person.all("ConnectionLost").is_empty(), "{name} lost the connection");
        for other in names.iter().filter(|other| *other != name) {
            person.wait_for_user("RemoteUserEnterRoom", other);
        }
    }
    let last = people.pop().expect("people");
    for mut person in people {
        person.running().signal("TERM");
        assert_eq!(person.wait_for("ExitRoom")["reason"], 0);
        assert_eq!(last.wait_for_user("RemoteUserLeaveRoom", person.user())["reason"], 0);
    }
}

#[test]
fn our_server_is_reached_through_nginx_under_a_path_and_without() {
    let context = TestContext::new("nginx");
    let port = free_port();
    let address = format!("wss://127.0.0.1:{port}/calls");
    let settings = format!("public_url = \"{address}\"\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let server = Server::start_with(&context, &settings);
    let nginx = Nginx::start(&context, port, server.port(), IDLE_LIMIT_S);
    let signs = |command: &mut Command| {
        command.envs(program::DEV_KEYS);
    };
    let people = vec![
        // With a token of its own, so the address that was typed is used.
        join(&context, &nginx, "", "root", signs),
        join(&context, &nginx, "/calls/", "slash", signs),
        // With a token of the server, which names the address.
        join(&context, &nginx, "/calls", "path", |_| {}),
        join(&context, &nginx, "/", "asked", |_| {}),
    ];
    let mut operator = Visavis::command(&context);
    operator.env("LIVEKIT_URL", nginx.url("/calls/")).env("SSL_CERT_FILE", nginx.authority()).envs(program::DEV_KEYS);
    let link = Visavis::room_by(&mut operator, &["link", "tea"]);
    assert!(link.trim().starts_with(&format!("https://127.0.0.1:{port}/calls/j/tea?i=")), "{link}");
    stay_longer_than_the_limit(people);
}

#[test]
fn livekit_server_is_reached_through_nginx_under_a_path_and_without() {
    let context = TestContext::new("nginx-livekit");
    let server = LiveKitServer::start(&context);
    let nginx = Nginx::start(&context, free_port(), server.port(), IDLE_LIMIT_S);
    let signs = |command: &mut Command| {
        command.envs(livekit_server::KEYS);
    };
    let people = [("", "root"), ("/calls", "path"), ("/calls/", "slash")];
    stay_longer_than_the_limit(people.map(|(path, name)| join(&context, &nginx, path, name, signs)).into());
}
