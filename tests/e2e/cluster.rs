//! The cluster of `packaging/cluster`: people on both nodes are in one call, and stay in it when a node or the front ends.

use crate::kit::http::request;
use crate::kit::livekit_server::KEYS;
use crate::kit::program::FPS;
use crate::kit::{Cluster, Events, Participant, Process, Sdk, verified, wait_until};
use serde_json::json;

/// The tone of the first bot of a process, Hz.
const TONE: f64 = 400.0;

#[test]
fn people_on_two_nodes_are_in_one_call() {
    let mut cluster = Cluster::start("cluster");
    let (mina, tom) = (cluster.bot("tea", "mina"), cluster.bot("tea", "tom"));
    let nodes = [&mina, &tom].map(|person| cluster.signalling_node(person.user()));
    assert_ne!(nodes[0], nodes[1], "Caddy spreads people over both nodes");
    see_and_hear_each_other(&mina, &tom);
    somebody_who_shares_is_removed_through_the_other_node(&cluster, &mina, &tom);
    the_front_is_killed(&mut cluster, &mina, &tom);
    the_node_of_the_room_is_killed(&mut cluster, &mina, &tom);
    the_call_ends_for_everyone(&cluster, mina, tom);
}

/// Checks by content that pictures arrive at their rate and that the tone is right, in both directions.
#[track_caller]
fn see_and_hear_each_other(mina: &Participant, tom: &Participant) {
    for (here, there) in [(mina, tom), (tom, mina)] {
        let first = verified::newest(here, there.user()).unwrap_or_else(|| verified::first(here, there.user()));
        let later = wait_until("two seconds of pictures", || {
            verified::newest(here, there.user()).filter(|newest| newest.unix_ms - first.unix_ms > 2000.0)
        });
        later.since(&first).moved_at(FPS);
        later.holds_tone(TONE);
    }
}

fn somebody_who_shares_is_removed_through_the_other_node(cluster: &Cluster, mina: &Participant, tom: &Participant) {
    let mut command = Sdk::Python.command(&cluster.url(), "tea", "ida", &["--screen", "320x180@5", "--tone", "0"]);
    command.envs(KEYS).env("SSL_CERT_FILE", cluster.authority());
    let ida = Process::start(cluster.context(), "ida", &mut command);
    for person in [mina, tom] {
        person.wait_for_user("FirstVideoFrame", "ida");
        person.wait_for_where("UserSubStreamAvailable", |e| e["remote_user"] == "ida" && e["available"] == true);
    }
    let other = 1 - cluster.signalling_node("ida");
    cluster.room_at_node(other, &["remove-user", "tea", "ida", "--yes"]);
    assert_eq!(ida.wait_for("ExitRoom")["livekit_reason"], 4, "PARTICIPANT_REMOVED");
    for person in [mina, tom] {
        assert_eq!(person.wait_for_user("RemoteUserLeaveRoom", "ida")["reason"], 2);
    }
}

/// The call does not need the front; it remembers on its disk whom it removed.
fn the_front_is_killed(cluster: &mut Cluster, mina: &Participant, tom: &Participant) {
    let mut uma = cluster.bot("tea", "uma");
    cluster.room(&["remove-user", "tea", uma.user(), "--yes"]);
    assert_eq!(uma.wait_for("ExitRoom")["reason"], 1);
    uma.running().wait_exit_code(21);
    cluster.kill_front();
    see_and_hear_each_other(mina, tom);
    cluster.start_front();
    let ask = |user: &str| {
        let wish = json!({"room_name": "tea", "participant_identity": user, "participant_name": user}).to_string();
        request(cluster.front_port(), "POST", "/token", &[], &wish)
    };
    let (status, words) = ask(uma.user());
    assert!(status == 403 && words.contains("You were removed"), "{status}: {words}");
    assert_eq!(ask("kim").0, 201);
    for person in [mina, tom] {
        assert!(person.all("ConnectionLost").is_empty(), "the call went on without the front");
    }
}

/// Both people lose their media, one of them the signalling connection too. Both come to the other node.
fn the_node_of_the_room_is_killed(cluster: &mut Cluster, mina: &Participant, tom: &Participant) {
    let hosting = cluster.hosting_node("tea");
    cluster.kill_node(hosting);
    for (here, there) in [(mina, tom), (tom, mina)] {
        here.wait_for("ConnectionLost");
        here.wait_for("ConnectionRecovery");
        let before = verified::newest(here, there.user()).expect("figures from before");
        wait_until("pictures by way of the other node", || {
            verified::newest(here, there.user()).filter(|newest| newest.frames > before.frames + FPS)
        });
    }
    see_and_hear_each_other(mina, tom);
    assert_eq!(cluster.hosting_node("tea"), 1 - hosting);
    for person in [mina, tom] {
        assert!(person.all("ExitRoom").is_empty(), "the call survives the node");
    }
}

fn the_call_ends_for_everyone(cluster: &Cluster, mina: Participant, tom: Participant) {
    cluster.room(&["dismiss", "tea", "--yes"]);
    for mut person in [mina, tom] {
        assert_eq!(person.wait_for("ExitRoom")["reason"], 2);
        person.running().wait_exit_code(22);
    }
    let mut kim = cluster.bot("tea", "kim");
    kim.running().signal("TERM");
    assert_eq!(kim.wait_for("ExitRoom")["reason"], 0);
}
