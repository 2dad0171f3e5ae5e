//! A participant's network changes during a call: another address, and a way that is gone for a moment. What arrives is
//! measured on the other side.

use crate::kit::events::unix_ms;
use crate::kit::namespaces::SERVER;
use crate::kit::{Events, Namespaces, Participant, Process, Side, TIMEOUT, TestContext, Verified, Visavis, events};
use std::thread::sleep;
use std::time::Duration;

const KEYS: [(&str, &str); 2] =
    [("LIVEKIT_API_KEY", "key"), ("LIVEKIT_API_SECRET", "0123456789abcdef0123456789abcdef")];
/// Far below the 4 s of silence after which media would be looked for without the change being noticed.
const SOON_MS: f64 = 2500.0;

fn start(context: &TestContext, namespaces: &Namespaces, side: Side, name: &str) -> Participant {
    let mut command = Participant::bot_command(context, &format!("ws://{SERVER}:7880"), "moving", name);
    command.args(["--camera", "test-picture:320x180@15", "--microphone", "test-tone", "--verify"]).envs(KEYS);
    Participant::entered(Process::start(context, name, &mut namespaces.inside(side, &command)))
}

/// The first reading of `user` that is not before `from`, in Unix milliseconds.
#[track_caller]
fn reading(source: &Participant, user: &str, from: f64) -> Verified {
    let event = source.wait_for_where("Verified", |e| events::at(e) >= from && Verified::of(e, user).is_some());
    Verified::of(&event, user).expect("just found")
}

#[test]
fn another_address_and_a_lost_way_cost_a_moment() {
    let context = TestContext::new("moving");
    let mut namespaces = Namespaces::start(&context);
    let mut command = Visavis::command(&context);
    command.args(["serve", "--listen", &format!("{SERVER}:7880"), "--udp", "7882", "--insecure-http"]).envs(KEYS);
    let server = Process::start(&context, "server", &mut namespaces.inside(Side::Server, &command));
    let is_ready = |lines: &[String]| lines.iter().any(|line| line.starts_with("Listening on ")).then_some(());
    server.wait_for_line("its ready line", TIMEOUT, is_ready);
    let stays = start(&context, &namespaces, Side::Server, "stays");
    let moves = start(&context, &namespaces, Side::Client, "moves");
    for (one, other) in [(&stays, &moves), (&moves, &stays)] {
        one.wait_for_media_of(other.user());
        one.verified_after(other.user(), 1);
    }
    for (recoveries, what) in [(1, "another address"), (2, "no way for a moment")] {
        let (lost, back) = if recoveries == 1 {
            let at = unix_ms();
            namespaces.new_address();
            (at, unix_ms())
        } else {
            let at = unix_ms();
            namespaces.link(false);
            sleep(Duration::from_secs(2));
            namespaces.link(true);
            (at, unix_ms())
        };
        moves.wait_for_where("ConnectionRecovery", |e| events::at(e) > back);
        let told = moves.all("ConnectionLost");
        assert_eq!(told.len(), recoveries, "{what}: {told:?}");
        let told = events::at(&told[recoveries - 1]) - lost;
        let recovered = events::at(&moves.all("ConnectionRecovery")[recoveries - 1]) - back;
        println!("{what}: told after {told:.0} ms, restored {recovered:.0} ms after the new way was there");
        assert!(told < SOON_MS && recovered < SOON_MS, "{what}: told after {told} ms, restored after {recovered} ms");
        for (one, other) in [(&stays, &moves), (&moves, &stays)] {
            let before = reading(one, other.user(), unix_ms());
            let after = reading(one, other.user(), before.unix_ms + 1.0);
            assert!(after.frames > before.frames, "{what}: {} does not see {}", one.user(), other.user());
            let gap = after.longest_gap_ms;
            println!("{what}: the longest gap of the tone at {} is {gap:.0} ms", one.user());
            let away = back - lost;
            assert!(gap < away + SOON_MS, "{what}: {} did not hear {} for {gap} ms", one.user(), other.user());
        }
    }
    assert!(stays.all("RemoteUserLeaveRoom").is_empty(), "the others do not notice");

    // The server's address is gone without its carrier, and may not be noticed again when somebody enters.
    namespaces.link(false);
    sleep(Duration::from_secs(1));
    namespaces.link(true);
    let comes = start(&context, &namespaces, Side::Client, "comes");
    comes.wait_for_media_of(stays.user());
}
