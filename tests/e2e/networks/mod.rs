//! Calls over networks as they are: IPv6 alone, no default route, two networks, two addresses on one link, an address that
//! comes while the server runs. Each has two network namespaces of its own, with a server in one and two bots in the other
//! (or beside it) that verify each other's picture and tone.

mod cases;
mod table;

use crate::kit::{Namespaces, Process, Side, TIMEOUT, TestContext, Verified, Visavis, wait_until};
use cases::{CASES, Case};

const KEYS: [(&str, &str); 2] =
    [("LIVEKIT_API_KEY", "office"), ("LIVEKIT_API_SECRET", "0123456789abcdef0123456789abcdef")];
/// Two bots with small frames, because all networks are tried at the same time.
const BOTS: [&str; 9] =
    ["--count", "2", "--camera", "test-picture:160x90@10", "--verify", "--leave-after", "5s", "--events", "-"];
/// By UDP alone: media over TCP would hide a datagram that takes the wrong way.
const UDP: [&str; 2] = ["--transport", "udp"];

/// A case that runs.
struct Running {
    case: &'static Case,
    bots: Process,
    _server: Process,
    _namespaces: Namespaces,
}

/// With `VISAVIS_NETWORKS=FILE` also with other clients and on livekit-server: FILE gets the table of `docs/networks.md`.
#[test]
fn media_arrives_over_every_kind_of_network() {
    let context = TestContext::new("networks");
    let running: Vec<Running> = CASES.iter().map(|case| start(&context, case)).collect();
    let mut failed = Vec::new();
    for mut running in running {
        running.bots.wait_exit();
        if ![("bot-1", 400.0), ("bot-2", 500.0)].iter().all(|(user, hz)| is_seen_and_heard(&running.bots, user, *hz)) {
            failed.push(running.case.name);
        }
    }
    assert!(failed.is_empty(), "no media over these networks: {failed:?}");
    if let Some(file) = std::env::var_os("VISAVIS_NETWORKS") {
        table::write(&context, file.as_ref());
    }
}

fn start(context: &TestContext, case: &'static Case) -> Running {
    let namespaces = arrange(context, case);
    let server = serve(context, case, &namespaces);
    let mut command = Visavis::command(context);
    command.args(["bot", "--server", case.url, "--room", "tea"]).args(BOTS).args(UDP).envs(KEYS);
    let name = format!("{}-bots", case.name);
    let bots = Process::start(context, &name, &mut namespaces.inside(case.bots, &command));
    Running { case, bots, _server: server, _namespaces: namespaces }
}

/// Whether the other bot got enough of the user's picture, undamaged, and its tone. Gaps come from elsewhere here: many bots
/// share two cores.
fn is_seen_and_heard(bots: &Process, user: &str, hz: f64) -> bool {
    let newest = bots.stdout().iter().rev().find_map(|line| {
        let event = serde_json::from_str(line).ok()?;
        Verified::of(&event, user)
    });
    newest.is_some_and(|seen| seen.frames >= 20.0 && seen.wrong <= 0.02 * seen.frames && (seen.hz - hz).abs() < 5.0)
}

/// Makes the network.
fn arrange(context: &TestContext, case: &Case) -> Namespaces {
    let namespaces = Namespaces::bare(context, &format!("{}-namespace", case.name));
    case.server.iter().for_each(|line| namespaces.ip(Side::Server, &words(line)));
    case.client.iter().for_each(|line| namespaces.ip(Side::Client, &words(line)));
    namespaces
}

/// Starts our server, and what happens when it runs.
fn serve(context: &TestContext, case: &Case, namespaces: &Namespaces) -> Process {
    let mut command = Visavis::command(context);
    command.args(["serve", "--udp", "7882", "--insecure-http", "--log-level", "info"]).args(case.serve).envs(KEYS);
    let name = format!("{}-server", case.name);
    let server = Process::start(context, &name, &mut namespaces.inside(Side::Server, &command));
    let said = |wanted: &'static str| {
        server.wait_for_line(wanted, TIMEOUT, |lines| lines.iter().any(|line| line.contains(wanted)).then_some(()));
    };
    said("Listening on ");
    if !case.later.is_empty() {
        said("no address that other computers can reach");
        case.later.iter().for_each(|line| namespaces.ip(Side::Server, &words(line)));
        let is_offered = || server.stderr().contains("offered at 10.1.1.1").then_some(());
        wait_until("the offer of the new address", is_offered);
    }
    server
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}
