//! Two bots on our own server verify the media of each other, and leave.

use crate::kit::program::FPS;
use crate::kit::{Events, Participant, Server, TestContext, verified};

#[test]
fn two_bots_verify_each_others_picture_and_tone() {
    let context = TestContext::new("two-bots");
    let server = Server::start(&context);
    let ann =
        Participant::bot(&context, &server.url(), "verify", "ann", &["--microphone", "test-tone:440", "--verify"]);
    let ben =
        Participant::bot(&context, &server.url(), "verify", "ben", &["--microphone", "test-tone:700", "--verify"]);
    for (listener, sender, hz) in [(&ann, &ben, 700.0), (&ben, &ann, 440.0)] {
        let first = verified::first(listener, sender.user());
        let later = listener.verified_after(sender.user(), 6);
        later.since(&first).moved_at(FPS);
        later.holds_tone(hz);
        assert!(later.delay_ms_p95 < 1000.0, "pictures come late: {later:?}");
        verified::together(listener, sender.user());
    }
}

#[test]
fn two_bots_meet_by_tcp_alone() {
    let context = TestContext::new("tcp-alone");
    let server = Server::start(&context);
    let by_tcp = |name, hz| {
        let arguments = ["--microphone", hz, "--verify", "--transport", "tcp", "--leave-after", "8s"];
        Participant::bot(&context, &server.url(), "tcp", name, &arguments)
    };
    let (ann, ben) = (by_tcp("ann", "test-tone:440"), by_tcp("ben", "test-tone:700"));
    for (mut listener, sender, hz) in [(ann, "ben-1", 700.0), (ben, "ann-1", 440.0)] {
        listener.verified_after(sender, 3).holds_tone(hz);
        let exit = listener.wait_for("ExitRoom");
        for step in exit["receipt"].as_array().expect("a receipt") {
            assert!(step["state"] == "confirmed" || step["state"] == "not_applicable", "{exit}");
        }
        listener.running().wait_exit_code(0);
    }
}

#[test]
fn a_verification_that_is_met_ends_with_0() {
    let context = TestContext::new("verify-met");
    let server = Server::start(&context);
    let _ann = Participant::bot(&context, &server.url(), "met", "ann", &["--microphone", "test-tone:440"]);
    let mut ben = Participant::bot(&context, &server.url(), "met", "ben", &["--verify", "--leave-after", "6s"]);
    ben.wait_for("ExitRoom");
    ben.running().wait_exit_code(0);
}

#[test]
fn a_verification_that_is_not_met_ends_with_30() {
    let context = TestContext::new("verify-not-met");
    let server = Server::start(&context);
    let silent = ["--microphone", "none"];
    let _ann = Participant::bot_by(&context, &server.url(), "unmet", "ann", |command| {
        command.args(silent).args(["--camera", "none"]);
    });
    let mut ben = Participant::bot(&context, &server.url(), "unmet", "ben", &["--verify", "--leave-after", "4s"]);
    ben.wait_for("ExitRoom");
    ben.running().wait_exit_code(30);
}

#[test]
fn several_bots_of_one_command_all_enter_and_all_leave() {
    let context = TestContext::new("count");
    let server = Server::start(&context);
    // Their tones have no gap, also not while three begin to be measured.
    let options = ["--count", "3", "--leave-after", "4s", "--verify"];
    let mut bots = Participant::bot(&context, &server.url(), "many", "bot", &options);
    for user in ["bot-1", "bot-2", "bot-3"] {
        bots.wait_for_where("EnterRoom", |e| e["user"] == user && e["error"].is_null());
        bots.wait_for_where("ExitRoom", |e| e["user"] == user && e["reason"] == 0);
    }
    bots.running().wait_exit_code(0);
    assert_eq!(bots.all("ExitRoom").len(), 3, "one ExitRoom for each of the three");
}
