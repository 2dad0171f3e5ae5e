//! Calls over networks as they are: IPv6 alone, no default route, two networks, an address that comes while the server runs,
//! address translation, firewalls, relays, proxies. Each has network namespaces of its own, with a server in one and two bots
//! in another (or beside it) that verify each other's picture and tone, tell the way that they took, and leave.

mod cases;
mod scene;
mod table;

use crate::kit::{Certificates, Events, Process, TestContext, Verified, Visavis, events, proc};
use cases::{CASES, Case, OTHER, Way};
use scene::Scene;
use serde_json::{Value, json};

const KEYS: [(&str, &str); 2] =
    [("LIVEKIT_API_KEY", "office"), ("LIVEKIT_API_SECRET", "0123456789abcdef0123456789abcdef")];
/// The name, its first tone in Hz, and how long it stays. Frames are small, because all networks are tried at the same time.
const LEAVES: (&str, f64, &str) = ("leaves", 400.0, "5s");
const STAYS: (&str, f64, &str) = ("stays", 500.0, "7s");

/// The room server of a call.
#[derive(Clone, Copy)]
enum Host {
    Visavis,
    LiveKit,
}

/// A case that runs.
struct Running<'a> {
    case: &'static Case,
    leaves: Process,
    stays: Process,
    scene: Scene<'a>,
}

/// With `VISAVIS_NETWORKS=FILE` also with other clients and on livekit-server, with `VISAVIS_EXITS=FILE` also the times of
/// exits: FILE gets the table of `docs/networks.md`.
#[test]
fn media_arrives_over_every_kind_of_network() {
    let context = TestContext::new("networks");
    let certificates = Certificates::of(&context, &[OTHER]);
    // A change of the address is in `moving`.
    let everyday = CASES.iter().filter(|case| !case.moves);
    let running: Vec<Running<'_>> = everyday.map(|case| start(&context, &certificates, case)).collect();
    let faults: Vec<String> = running.into_iter().flat_map(Running::faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    if let Some(file) = std::env::var_os("VISAVIS_NETWORKS") {
        table::write_networks(&context, &certificates, file.as_ref());
    }
    if let Some(file) = std::env::var_os("VISAVIS_EXITS") {
        table::write_exits(&context, &certificates, file.as_ref());
    }
}

fn start<'a>(context: &'a TestContext, certificates: &'a Certificates, case: &'static Case) -> Running<'a> {
    let scene = Scene::start(context, certificates, case, Host::Visavis);
    let bot = |(name, hz, stay): (&str, f64, &str)| {
        let mut command = Visavis::command(context);
        command.args(["bot", "--server", case.url, "--room", "tea", "--name-prefix", name, "--events", "-"]);
        command.args(["--camera", "test-picture:160x90@10", "--microphone", &format!("test-tone:{hz}"), "--verify"]);
        // What is left of a call is looked for while its process lingers.
        command.args(["--leave-after", stay, "--linger", "30s"]);
        // By UDP alone: media over TCP would hide a datagram that takes the wrong way.
        if case.passes.is_empty() {
            command.args(["--transport", "udp"]);
        }
        scene.client(name, &mut command)
    };
    let (leaves, stays) = (bot(LEAVES), bot(STAYS));
    Running { case, leaves, stays, scene }
}

impl Running<'_> {
    /// What went wrong, in sentences.
    fn faults(mut self) -> Vec<String> {
        let mut faults = Vec::new();
        for (bot, other) in [(&mut self.leaves, STAYS), (&mut self.stays, LEAVES)] {
            let exit = bot.wait_for("ExitRoom");
            let name = format!("{}, {}", self.case.words, bot.name());
            let mut fault = |what: String| faults.push(format!("{name}: {what}"));
            if !is_seen_and_heard(bot, other) {
                fault(format!("picture and tone of {} did not arrive", other.0));
            }
            match way(bot) {
                Some(way) if way == self.case.way.fields() => {}
                taken => fault(format!("it went by {taken:?}")),
            }
            for step in ["others_told", "connections_closed"] {
                if !events::is_confirmed(&exit, step) {
                    fault(format!("{step} is not confirmed in {exit}"));
                }
            }
            let left = proc::sockets(bot.pid());
            if !left.is_empty() || !bot.is_running() {
                fault(format!("sockets are left, or it has ended: {left:?}"));
            }
        }
        let gone = self.stays.all("RemoteUserLeaveRoom");
        if !gone.iter().any(|e| e["reason"] == 0) {
            faults.push(format!("{}: the one who stays was told {gone:?}", self.case.words));
        }
        self.scene.relay_is_free();
        faults
    }
}

/// Whether a bot got enough of the other's picture, undamaged, and its tone. Gaps come from elsewhere here: many bots share
/// two cores.
fn is_seen_and_heard(bot: &Process, (name, hz, _): (&str, f64, &str)) -> bool {
    let newest = bot.events().iter().rev().find_map(|event| Verified::of(event, &format!("{name}-1")));
    newest.is_some_and(|seen| seen.frames >= 20.0 && seen.wrong <= 0.02 * seen.frames && (seen.hz - hz).abs() < 5.0)
}

/// The way that media took at last, from the statistics of a participant of ours.
fn way(participant: &Process) -> Option<Value> {
    let statistics = participant.all("Statistics");
    let pair = statistics.iter().rev().find_map(|e| e["candidate_pairs"].as_array()?.first())?;
    Some(json!([pair["protocol"], pair["relay_protocol"], pair["proxied"]]))
}

impl Way {
    fn fields(&self) -> Value {
        json!([self.protocol, self.relay_protocol, self.proxied])
    }
}
