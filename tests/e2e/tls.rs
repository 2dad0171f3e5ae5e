//! A server with a certificate: clients connect by wss, back ends by https, and a new certificate needs no restart.

use crate::kit::context::tool;
use crate::kit::tencent::{BackEnd, KEY, SDK_APP_ID, settings};
use crate::kit::{Certificates, Events, Participant, Process, Server, TestContext, Visavis, wait_until};
use serde_json::{Value, json};
use std::process::Command;

const QUIET: [&str; 4] = ["--camera", "none", "--microphone", "none"];

/// Starts a bot that trusts the authority of the tests and joins room 7.
fn start_bot(context: &TestContext, server: &Server, name: &str) -> Process {
    let mut command = Participant::bot_command(context, &server.url(), "num/7", name);
    command.args(QUIET).env("SSL_CERT_FILE", server.authority().expect("an authority"));
    Process::start(context, name, &mut command)
}

#[test]
fn clients_connect_by_wss_and_back_ends_by_https() {
    let context = TestContext::new("tls");
    let server = Server::start_secure(&context, &settings(KEY), &Certificates::new(&context));
    assert!(server.url().starts_with("wss://"));
    let mut mina = Participant::entered(start_bot(&context, &server, "mina"));
    let mut tom = Participant::entered(start_bot(&context, &server, "tom"));
    let back_end = BackEnd { context: &context, server: &server };
    let remove = |user: &str| {
        let params = json!({"SdkAppId": SDK_APP_ID, "RoomId": 7, "UserIds": [user]});
        json!([{ "action": "RemoveUser", "params": params }, { "action": "RemoveUser", "params": {} }])
    };
    let both = |outcomes: &[Value]| (outcomes[0]["ok"].clone(), outcomes[1]["code"].clone());
    let expected = (json!(true), json!("MissingParameter.SdkAppId"));
    assert_eq!(both(&back_end.python(&remove(mina.user()))), expected);
    assert_eq!(mina.wait_for("ExitRoom")["reason"], 1);
    mina.running().wait_exit_code(21);
    assert_eq!(tom.wait_for_user("RemoteUserLeaveRoom", mina.user())["reason"], 2);
    assert_eq!(both(&back_end.node(&remove(tom.user()))), expected);
    assert_eq!(tom.wait_for("ExitRoom")["reason"], 1);
    tom.running().wait_exit_code(21);
}

#[test]
fn a_client_that_does_not_trust_the_authority_refuses_to_join() {
    let context = TestContext::new("tls-stranger");
    let server = Server::start_secure(&context, "", &Certificates::new(&context));
    let mut command = Participant::bot_command(&context, &server.url(), "num/7", "mina");
    let output = Visavis::run(command.args(QUIET).args(["--leave-after", "1s"]));
    assert_eq!(output.status.code(), Some(20), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_new_certificate_is_served_while_a_call_goes_on() {
    let context = TestContext::new("tls-reload");
    let certificates = Certificates::new(&context);
    let mut server = Server::start_secure(&context, "", &certificates);
    let mut mina = Participant::entered(start_bot(&context, &server, "mina"));
    let port = server.port();
    let first = served(port);
    // The server notices changed files.
    let second = certificates.renew();
    assert_ne!(first, second);
    wait_until("the second certificate", || (served(port) == second).then_some(()));
    // On SIGHUP it reads them again. An invalid certificate changes nothing.
    std::fs::write(certificates.chain(), "nothing").expect("a file");
    server.process().signal("HUP");
    let complaint = "The certificate stays as it is";
    wait_until("the complaint", || server.process().stderr().contains(complaint).then_some(()));
    assert_eq!(served(port), second);
    let third = certificates.renew();
    server.process().signal("HUP");
    wait_until("the third certificate", || (served(port) == third).then_some(()));
    let _tom = Participant::entered(start_bot(&context, &server, "tom"));
    mina.wait_for_user("RemoteUserEnterRoom", "tom-1");
    assert!(mina.all("ConnectionLost").is_empty() && mina.all("ExitRoom").is_empty(), "the call goes on undisturbed");
    mina.running().signal("TERM");
    mina.running().wait_exit_code(0);
}

/// The certificate that the server presents, in PEM.
fn served(port: u16) -> String {
    let mut command = Command::new(tool("python/bin/python"));
    let script = "import ssl, sys; print(ssl.get_server_certificate(('127.0.0.1', int(sys.argv[1]))), end='')";
    let output = Visavis::run(command.args(["-c", script, &port.to_string()]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
