//! `visavis doctor` names faults that were made on purpose, and leaves nothing open.

use crate::kit::program::DEV_KEYS;
use crate::kit::{
    Certificates, Namespaces, Process, Pulse, Server, Side, TIMEOUT, TestContext, Visavis, namespaces, proc, wait_until,
};
use serde_json::Value;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The key pair of a server that other computers reach: it takes no short secret.
const KEYS: [(&str, &str); 2] =
    [("LIVEKIT_API_KEY", "office"), ("LIVEKIT_API_SECRET", "0123456789abcdef0123456789abcdef")];

/// Devices that do not matter.
const NO_DEVICES: [&str; 6] = ["--camera", "none", "--microphone", "none", "--speaker", "none"];

fn doctor(context: &TestContext, arguments: &[&str]) -> Command {
    let mut command = Visavis::command(context);
    command.arg("doctor").args(arguments).envs(DEV_KEYS);
    command
}

/// Runs a check that finds a failure. Returns its findings.
#[track_caller]
fn failing(command: &mut Command) -> Findings {
    let output = Visavis::run(command.arg("--json"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("no JSON ({e}): {stderr}"));
    assert_eq!(output.status.code(), Some(1), "{stderr}\n{report:#}");
    assert_eq!((&report["verdict"], &report["complete"]), (&"failed".into(), &true.into()), "{report:#}");
    Findings(report)
}

struct Findings(Value);

impl Findings {
    #[track_caller]
    fn of(&self, check: &str) -> &Value {
        let findings = self.0["findings"].as_array().expect("a list");
        findings.iter().find(|f| f["check"] == check).unwrap_or_else(|| panic!("no {check} in {:#}", self.0))
    }

    /// Asserts the verdict of a check, and that a failure or a warning says what to do.
    #[track_caller]
    fn is(&self, check: &str, verdict: &str) -> &Value {
        let finding = self.of(check);
        assert_eq!(finding["verdict"], verdict, "{finding:#}");
        let wrong = ["failed", "warning"].contains(&verdict);
        assert_eq!(finding["advice"].is_string(), wrong, "{finding:#}");
        &finding["facts"]
    }
}

#[test]
fn a_busy_camera_and_a_silent_microphone_are_named() {
    let context = TestContext::new("doctor-devices");
    let pulse = Pulse::start(&context, "a");
    let mut command = doctor(&context, &["--camera", "capture-process:busy"]);
    let found = failing(command.env("PULSE_SERVER", pulse.server()));
    assert_eq!(found.is("camera", "failed")["problem"], "busy");
    let microphone = found.is("microphone", "failed");
    assert_eq!((&microphone["reason"], &microphone["closed"]), (&"silent".into(), &"confirmed".into()));
    assert_eq!(found.of("speaker")["facts"]["closed"], "confirmed");
    assert_eq!(found.is("sound_system", "ok")["system"], "server");
    found.is("tls", "skipped");
    assert_eq!(pulse.in_use(), (Vec::new(), Vec::new()));
}

#[test]
fn a_microphone_of_a_wrong_rate_is_named_and_a_stop_closes_it() {
    let context = TestContext::new("doctor-rate");
    let pulse = Pulse::start(&context, "a");
    let pipe = pulse.plug_in_pipe("slow");
    let over = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let over = over.clone();
        move || feed(&pipe, 24_000, &over)
    });
    let arguments = ["--camera", "capture-process:none:160x90@10", "--speaker", "none"];
    let mut command = doctor(&context, &arguments);
    let found = failing(command.env("PULSE_SERVER", pulse.server()));
    assert_eq!(found.is("microphone", "failed")["reason"], "wrong_rate", "{:#}", found.of("microphone"));
    assert_eq!(found.is("camera", "ok")["closed"], "confirmed");

    let mut command = doctor(&context, &arguments);
    let mut stopped = Process::start(&context, "stopped", command.env("PULSE_SERVER", pulse.server()));
    stopped.wait_for_line("the camera", TIMEOUT, |lines| lines.iter().any(|l| l.contains("Camera")).then_some(()));
    wait_until("the microphone to be open", || (!pulse.microphone_users().is_empty()).then_some(()));
    assert_eq!(proc::capture_processes(stopped.pid()), Vec::new(), "the camera is closed before the next check");
    stopped.signal("INT");
    stopped.wait_exit_code(1);
    assert!(stopped.stderr().contains("The check was stopped."), "{}", stopped.stderr());
    assert_eq!(pulse.in_use(), (Vec::new(), Vec::new()));
    over.store(true, Ordering::Relaxed);
    writer.join().expect("the microphone's feed");
}

/// Writes noise into the pipe of a microphone, so many samples a second, until it is over.
fn feed(pipe: &std::path::Path, rate: u64, over: &AtomicBool) {
    let mut pipe = std::fs::OpenOptions::new().write(true).open(pipe).expect("the pipe");
    let (begun, mut written) = (Instant::now(), 0);
    while !over.load(Ordering::Relaxed) {
        let due = begun.elapsed().as_millis() as u64 * rate / 1000;
        let noise: Vec<u8> = (written..due).flat_map(|n| ((n * 7919 % 8000) as i16 - 4000).to_le_bytes()).collect();
        written = due;
        if pipe.write_all(&noise).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_expired_certificate_is_named() {
    let context = TestContext::new("doctor-certificate");
    let certificates = Certificates::new(&context);
    certificates.expire();
    let server = Server::start_secure(&context, "", &certificates);
    let mut command = doctor(&context, &NO_DEVICES);
    command.args(["--server", &server.url()]).env("SSL_CERT_FILE", certificates.authority());
    let found = failing(&mut command);
    found.is("name", "ok");
    found.is("tcp", "ok");
    assert_eq!(found.is("tls", "failed")["problem"], "expired");
    for check in ["clock", "signalling", "token", "media_udp", "loss_up", "rate_down"] {
        found.is(check, "skipped");
    }
}

#[test]
fn blocked_udp_is_named_with_its_port() {
    let context = TestContext::new("doctor-udp");
    let namespaces = Namespaces::start(&context);
    namespaces.let_pass(&["meta l4proto tcp"]);
    let mut command = Visavis::command(&context);
    let listen = format!("{}:7880", namespaces::SERVER);
    command.args(["serve", "--listen", &listen, "--udp", "7882", "--insecure-http"]).envs(KEYS);
    let server = Process::start(&context, "server", &mut namespaces.inside(Side::Server, &command));
    let ready = |lines: &[String]| lines.iter().any(|line| line.starts_with("Listening on ")).then_some(());
    server.wait_for_line("its ready line", TIMEOUT, ready);
    let mut command = doctor(&context, &NO_DEVICES);
    command.args(["--server", &format!("ws://{listen}")]).envs(KEYS);
    let found = failing(&mut namespaces.inside(Side::Client, &command));
    assert_eq!(found.is("media_udp", "failed")["ports"], serde_json::json!([7882]));
    found.is("media_tcp", "ok");
    found.is("round_trip", "ok");
}
