//! Locked rooms and waiting rooms, on our server and, with our front, on livekit-server.

use crate::kit::program::DEV_KEYS;
use crate::kit::{Events, LiveKitServer, Participant, Process, Sdk, Server, TestContext, Visavis};

const ROOM: &str = "door";
const QUIET: [&str; 4] = ["--camera", "none", "--microphone", "none"];

/// A bot that is at the door: it may wait, or be refused.
fn knock(context: &TestContext, server: &Server, name: &str) -> Process {
    let mut command = Participant::bot_command(context, &server.url(), ROOM, name);
    Process::start(context, name, command.args(QUIET))
}

fn wait_be_let_in_and_lock(context: &TestContext, server: &Server) -> Participant {
    let ada = Participant::bot(context, &server.url(), ROOM, "ada", &QUIET);
    let said = Visavis::room(context, server, &["lock", ROOM, "--waiting-room"]);
    assert!(said.contains("room admit"), "{said}");
    assert_eq!(ada.wait_for("RoomSettingsChanged")["waiting_room"], true);
    let guest = knock(context, server, "guest");
    let user = guest.wait_for("Waiting")["user"].as_str().expect("a user").to_owned();
    let mut refused = knock(context, server, "refused");
    let other = refused.wait_for("Waiting")["user"].as_str().expect("a user").to_owned();
    let listed = Visavis::room(context, server, &["users", ROOM]);
    assert_eq!(listed.matches("waits to be let in").count(), 2, "{listed}");
    Visavis::room(context, server, &["admit", ROOM, &user]);
    guest.wait_for("Admitted");
    let guest = Participant::entered(guest);
    guest.wait_for_user("RemoteUserEnterRoom", ada.user());
    ada.wait_for_user("RemoteUserEnterRoom", guest.user());
    let said = Visavis::room(context, server, &["remove-user", ROOM, &other, "--yes"]);
    assert!(said.contains("was removed"), "{said}");
    assert_eq!(refused.wait_for("ExitRoom")["reason"], 1);
    refused.wait_exit_code(21);
    assert!(refused.all("EnterRoom").is_empty());
    assert!(ada.all("RemoteUserEnterRoom").iter().all(|e| e["remote_user"] != other.as_str()), "nobody saw them");
    Visavis::room(context, server, &["lock", ROOM]);
    let mut late = knock(context, server, "late");
    assert_eq!(late.wait_for("EnterRoom")["error"], "locked");
    late.wait_exit_code(20);
    Visavis::room(context, server, &["lock", ROOM, "--off"]);
    drop(Participant::bot(context, &server.url(), ROOM, "later", &QUIET));
    ada
}

#[test]
fn guests_wait_are_let_in_or_refused_and_locked_out_on_our_server() {
    let context = TestContext::new("door");
    let server = Server::start(&context);
    let ada = wait_be_let_in_and_lock(&context, &server);
    // LiveKit's own SDK waits at our door too, and comes in.
    Visavis::room(&context, &server, &["lock", ROOM, "--waiting-room"]);
    let quiet = ["--picture", "none", "--tone", "0"];
    let _python = Sdk::Python.join(&context, &server.url(), DEV_KEYS, ROOM, "python", &quiet);
    Visavis::room(&context, &server, &["admit", ROOM]);
    ada.wait_for_user("RemoteUserEnterRoom", "python");
}

#[test]
fn guests_wait_are_let_in_or_refused_and_locked_out_on_livekit_server() {
    let context = TestContext::new("door-on-livekit");
    let livekit = LiveKitServer::start(&context);
    let front = Server::start_over(&context, &livekit, "");
    wait_be_let_in_and_lock(&context, &front);
}
