//! The tables of `docs/networks.md`: every network with every client, and the exit over every way, on our server and on
//! livekit-server.

use super::cases::CASES;
use super::scene::Scene;
use super::{Host, way};
use crate::kit::events::{at, is_confirmed, unix_ms};
use crate::kit::{Certificates, Events, Process, Sdk, TestContext, Verified, Visavis, proc};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long clients may take from their start to picture and tone in both directions.
const LIMIT: Duration = Duration::from_secs(20);
/// The ways of media over which an exit is measured, each once, by the names of their networks.
const WAYS: [&str; 7] = ["no-default-route", "no-udp", "relay-udp", "relay-tcp", "relay-tls", "proxy", "proxy-to-443"];
/// Exits over each way.
const EXITS: usize = 5;
/// How long the others may take to be told, by our server, in ms: the way's own delay is nothing here.
const TOLD_MS: f64 = 30.0;
/// How long clients are in a call before their address changes. livekit-server takes an ICE restart up when its own search
/// for addresses is complete: after 5 s where no STUN server answers.
const BEFORE_A_MOVE: Duration = Duration::from_secs(7);

#[derive(Clone, Copy)]
enum Client {
    Visavis,
    Sdk(Sdk),
}

const HOSTS: [Host; 2] = [Host::Visavis, Host::LiveKit];
const CLIENTS: [Client; 3] = [Client::Visavis, Client::Sdk(Sdk::Python), Client::Sdk(Sdk::Browser)];

/// Tries every network with every client, and replaces the table of first pictures in `file`.
pub(super) fn write_networks(context: &TestContext, certificates: &Certificates, file: &Path) {
    replace(file, "networks", &networks(context, certificates));
}

/// Leaves over every way, and replaces the table of exits in `file`.
pub(super) fn write_exits(context: &TestContext, certificates: &Certificates, file: &Path) {
    replace(file, "exits", &exits(context, certificates));
}

/// Replaces what stands between the two marks of this name.
fn replace(file: &Path, name: &str, table: &str) {
    let document = std::fs::read_to_string(file).expect("a document");
    let [begin, end] = ["begin", "end"].map(|mark| format!("<!-- {name}: {mark} -->\n"));
    let (before, rest) = document.split_once(&begin).expect("the beginning of the table");
    let (_, after) = rest.split_once(&end).expect("the end of the table");
    std::fs::write(file, format!("{before}{begin}{table}{end}{after}")).expect("a file");
}

fn networks(context: &TestContext, certificates: &Certificates) -> String {
    let mut table = String::from(
        "| network | Visavis | Python SDK | Chromium | Visavis on livekit-server | Python SDK | Chromium |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    for case in CASES {
        write!(table, "| {} |", case.words).expect("a string");
        for host in HOSTS {
            for client in CLIENTS {
                let cell = match meet(Scene::start(context, certificates, case, host), client) {
                    Some(ms) => format!("{ms:.0} ms"),
                    None => "-".to_owned(),
                };
                write!(table, " {cell} |").expect("a string");
            }
        }
        table.push('\n');
        println!("{table}");
    }
    table
}

/// Two clients join one after the other. The time from the join of the second to its first picture, in ms; `None` if not
/// both get picture and tone. If the clients move, the longest pause of the tone at the second, from the change on.
fn meet(mut scene: Scene<'_>, client: Client) -> Option<f64> {
    let (context, case) = (scene.context, scene.case);
    let began = Instant::now();
    let wait = |ready: &dyn Fn() -> bool| {
        while !ready() && began.elapsed() < LIMIT {
            sleep(Duration::from_millis(50));
        }
        ready()
    };
    let first = scene.client("ann", &mut client.command(context, case.url, "ann"));
    wait(&|| event(&first, "EnterRoom").is_some()).then_some(())?;
    // By then it sends.
    sleep(Duration::from_secs(1));
    let second = scene.client("ben", &mut client.command(context, case.url, "ben"));
    let has_media = |p: &Process| event(p, "FirstVideoFrame").is_some() && event(p, "FirstAudioFrame").is_some();
    wait(&|| has_media(&first) && has_media(&second)).then_some(())?;
    if case.moves {
        return pause_of_a_move(&mut scene, &second, event(&first, "EnterRoom")?["user"].as_str()?);
    }
    let entered = event(&second, "EnterRoom")?;
    let began = entered["unix_ms"].as_f64()? - entered["result_ms"].as_f64()?;
    Some(event(&second, "FirstVideoFrame")?["unix_ms"].as_f64()? - began)
}

/// Gives the clients another address. The longest pause of the tone of `talker`, in ms; `None` if its picture does not move
/// again within the limit.
fn pause_of_a_move(scene: &mut Scene<'_>, listener: &Process, talker: &str) -> Option<f64> {
    sleep(BEFORE_A_MOVE);
    scene.move_clients();
    let moved = unix_ms();
    let mut frames = None;
    while unix_ms() < moved + LIMIT.as_secs_f64() * 1000.0 {
        sleep(Duration::from_millis(100));
        let later = listener.all("Verified");
        let mut later =
            later.iter().filter_map(|event| Verified::of(event, talker)).filter(|seen| seen.unix_ms > moved);
        let Some(newest) = later.next_back() else { continue };
        if newest.frames > *frames.get_or_insert(newest.frames) {
            return Some(newest.longest_gap_ms);
        }
    }
    None
}

fn exits(context: &TestContext, certificates: &Certificates) -> String {
    let mut table = String::from(
        "| way | others told | exit over | others told, on livekit-server | exit over |\n|---|---:|---:|---:|---:|\n",
    );
    for name in WAYS {
        let case = CASES.iter().find(|case| case.name == name).expect("a case");
        write!(table, "| {} |", case.words).expect("a string");
        for host in HOSTS {
            let (told, over) = exit(&Scene::start(context, certificates, case, host));
            assert!(
                told <= TOLD_MS || matches!(host, Host::LiveKit),
                "{name}: the others were told after {told:.0} ms"
            );
            write!(table, " {told:.0} ms | {over:.0} ms |").expect("a string");
        }
        table.push('\n');
        println!("{table}");
    }
    table
}

/// A participant of ours joins and leaves over the way of the case, some times. Medians of the time until another one is
/// told, and until ExitRoom, in ms. Every receipt is confirmed, and no socket is left.
fn exit(scene: &Scene<'_>) -> (f64, f64) {
    let (context, case) = (scene.context, scene.case);
    let stays = scene.client("stays", &mut Client::Visavis.command(context, case.url, "stays"));
    stays.wait_for("EnterRoom");
    let (mut told, mut over) = (Vec::new(), Vec::new());
    for number in 0..EXITS {
        let user = format!("guest-{number}");
        let mut command = Client::Visavis.command(context, case.url, &user);
        let leaves = scene.client(&user, command.args(["--linger", "30s"]));
        leaves.wait_for("FirstVideoFrame");
        leaves.wait_for_where("Statistics", |e| !e["candidate_pairs"].as_array().is_none_or(Vec::is_empty));
        assert_eq!(way(&leaves), Some(case.way.fields()), "{}", case.name);
        leaves.signal("TERM");
        let exit = leaves.wait_for("ExitRoom");
        for step in ["camera_released", "microphone_released", "others_told", "connections_closed"] {
            assert!(is_confirmed(&exit, step), "{}: {exit}", case.name);
        }
        assert_eq!(proc::sockets(leaves.pid()), Vec::<String>::new(), "{}: sockets are left", case.name);
        let began = at(&leaves.wait_for("ExitRequested"));
        let gone = stays.wait_for_where("RemoteUserLeaveRoom", |e| e["remote_user"] == exit["user"]);
        told.push(at(&gone) - began);
        over.push(at(&exit) - began);
    }
    drop(stays);
    (median(told), median(over))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The first event of a name so far.
fn event(process: &Process, name: &str) -> Option<Value> {
    process.all(name).into_iter().next()
}

impl Client {
    fn command(self, context: &TestContext, url: &str, user: &str) -> Command {
        match self {
            Self::Sdk(sdk) => sdk.command(url, "tea", user, &["--picture", "160x90@10"]),
            Self::Visavis => {
                let mut command = Visavis::command(context);
                command.args(["bot", "--server", url, "--room", "tea", "--name-prefix", user, "--events", "-"]);
                command.args(["--camera", "test-picture:160x90@10", "--verify"]);
                command
            }
        }
    }
}
