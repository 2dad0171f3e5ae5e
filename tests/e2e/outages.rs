//! Outages: for a while nothing passes, or the process stands still as in sleep. The call goes on afterwards, in the same
//! stay or a fresh one, with the devices: the other side sees and hears the participant again.
//!
//! `VISAVIS_OUTAGES=1,3,5,6,8,12,20,35,59` tries these numbers of seconds with every kind of outage on both servers.

use crate::kit::namespaces::SERVER;
use crate::kit::{
    Events, Namespaces, Participant, Process, Side, TIMEOUT, TestContext, Visavis, context, events, proc,
};
use serde_json::Value;
use std::process::Command;
use std::thread::{scope, sleep};
use std::time::Duration;
use visavis::proto::LIVEKIT_SERVER_VERSION;

const KEYS: [(&str, &str); 2] =
    [("LIVEKIT_API_KEY", "key"), ("LIVEKIT_API_SECRET", "0123456789abcdef0123456789abcdef")];
/// The outage of the ordinary run, in seconds: our server has given up a participant that is silent for so long.
const ORDINARY: u64 = 8;
/// The signalling port of both servers.
const PORT: u16 = 7880;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Host {
    Ours,
    LiveKit,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outage {
    /// The interface is down.
    LinkDown,
    /// The interface is up, and nothing that is sent arrives.
    BlackHole,
    /// The processes are stopped; their system acknowledges what arrives.
    Stopped,
    /// The processes are stopped and the interface is down.
    Asleep,
}

/// A call of two: one whose network or process has outages, and one who watches on the server's side.
struct Call<'a> {
    namespaces: Namespaces,
    _server: Process,
    watcher: Participant,
    mover: Participant,
    name: &'a str,
}

impl<'a> Call<'a> {
    fn start(context: &TestContext, name: &'a str, host: Host) -> Self {
        let namespaces = Namespaces::named(context, &format!("{name}-network"));
        let mut command = match host {
            Host::Ours => ours(context),
            Host::LiveKit => livekit(context, name),
        };
        command.envs(KEYS);
        let server_name = format!("{name}-server");
        let server = Process::start(context, &server_name, &mut namespaces.inside(Side::Server, &command));
        if host == Host::Ours {
            let is_ready = |lines: &[String]| lines.iter().any(|line| line.starts_with("Listening on ")).then_some(());
            server.wait_for_line("its ready line", TIMEOUT, is_ready);
        } else {
            let port = format!("{SERVER}/{PORT}");
            let mut probe = Command::new("bash");
            probe.args(["-c", &format!("until (: </dev/tcp/{port}) 2>/dev/null; do sleep 0.1; done")]);
            assert!(namespaces.inside(Side::Server, &probe).status().expect("bash runs").success());
        }
        let join = |side: Side, user: &str, arguments: &[&str]| {
            let user = format!("{name}-{user}");
            let mut command = Participant::bot_command(context, &format!("ws://{SERVER}:{PORT}"), "outages", &user);
            command.args(arguments).envs(KEYS);
            Participant::entered(Process::start(context, &user, &mut namespaces.inside(side, &command)))
        };
        let watcher = join(Side::Server, "watcher", &["--camera", "none", "--microphone", "none", "--verify"]);
        let devices = ["--camera", "capture-process:none:320x180@10", "--microphone", "test-tone"];
        let mover = join(Side::Client, "mover", &devices);
        watcher.wait_for_media_of(mover.user());
        Self { namespaces, _server: server, watcher, mover, name }
    }

    /// An outage, and what must hold after it.
    fn survives(&self, outage: Outage, seconds: u64) {
        let pid = self.mover.process().pid();
        let captures = proc::capture_processes(pid);
        assert_eq!(captures.len(), 1, "{}: one camera", self.name);
        let processes: Vec<u32> = captures.iter().map(|(child, _)| *child).chain([pid]).collect();
        let signal = |name: &str| processes.iter().rev().for_each(|pid| proc::signal(*pid, name));
        let stops = matches!(outage, Outage::Stopped | Outage::Asleep);
        if stops {
            signal("STOP");
        }
        self.passes(outage, false);
        sleep(Duration::from_secs(seconds));
        self.passes(outage, true);
        if stops {
            signal("CONT");
        }
        let back = events::unix_ms();
        let moved = self.moved_since(back);
        println!("{}, {seconds} s: seen and heard {:.1} s later", self.name, (moved - back) / 1000.0);
        assert_eq!(proc::capture_processes(pid), captures, "{}, {seconds} s: the same capture process", self.name);
        for event in ["ExitRoom", "DeviceFailed", "DeviceClosed"] {
            assert!(self.mover.all(event).is_empty(), "{}: {:?}", self.name, self.mover.all(event));
        }
    }

    /// Lets the network carry everything, or nothing.
    fn passes(&self, outage: Outage, passes: bool) {
        match outage {
            Outage::LinkDown | Outage::Asleep => self.namespaces.link(passes),
            Outage::BlackHole if passes => self.namespaces.let_all_pass(),
            Outage::BlackHole => self.namespaces.let_pass(&[]),
            Outage::Stopped => {}
        }
    }

    /// When the watcher told that pictures and sound have come since `from`; both in Unix milliseconds.
    fn moved_since(&self, from: f64) -> f64 {
        let of = |event: &Value| received(event, self.mover.user()).filter(|_| events::at(event) >= from);
        let first = self.watcher.wait_for_where("Verified", |event| of(event).is_some());
        let (pictures, heard) = of(&first).expect("just found");
        let moved = |event: &Value| of(event).is_some_and(|now| now.0 > pictures && now.1 > heard);
        events::at(&self.watcher.wait_for_where("Verified", moved))
    }
}

/// How many pictures and how many milliseconds of tone of a user have come, by an event `Verified`.
fn received(event: &Value, user: &str) -> Option<(f64, f64)> {
    let of = event["users"].as_array()?.iter().find(|u| u["remote_user"] == user)?;
    // The capture process sends a picture without the rows that could be read.
    let pictures = of["picture"]["frames"].as_f64()? + of["picture"]["wrong"].as_f64()?;
    Some((pictures, of["tone"]["heard_ms"].as_f64()?))
}

fn ours(context: &TestContext) -> Command {
    let mut command = Visavis::command(context);
    command.args(["serve", "--listen", &format!("{SERVER}:{PORT}"), "--udp", "7882", "--insecure-http"]);
    command
}

fn livekit(context: &TestContext, name: &str) -> Command {
    let config = context.artifact(&format!("{name}.yaml"));
    let [(_, key), (_, secret)] = KEYS;
    // Without the last setting it sends its clients to public STUN servers.
    let text = format!(
        "port: {PORT}\nkeys: {{{key}: {secret}}}\nlogging: {{level: info}}\nrtc:\n  udp_port: 7882\n  tcp_port: 7881\n  \
         use_external_ip: false\n  stun_servers: [\"127.0.0.1:9\"]\n"
    );
    std::fs::write(&config, text).expect("a configuration");
    let mut command = Command::new(context::tool(&format!("livekit-server-{LIVEKIT_SERVER_VERSION}")));
    command.arg("--config").arg(config);
    command
}

#[test]
fn an_outage_is_no_end() {
    let context = TestContext::new("outages");
    let seconds = std::env::var("VISAVIS_OUTAGES").ok();
    let Some(seconds) = seconds else {
        let mut call = Call::start(&context, "stopped", Host::Ours);
        call.survives(Outage::Stopped, ORDINARY);
        call.mover.running().signal("TERM");
        return call.mover.running().wait_exit_code(0);
    };
    let seconds: Vec<u64> = seconds.split(',').map(|s| s.parse().expect("seconds")).collect();
    let outages = [Outage::LinkDown, Outage::BlackHole, Outage::Stopped, Outage::Asleep];
    let (context, seconds) = (&context, &seconds);
    scope(|threads| {
        for (host, outage) in [Host::Ours, Host::LiveKit].into_iter().flat_map(|h| outages.map(|o| (h, o))) {
            threads.spawn(move || {
                let name = format!("{host:?}-{outage:?}").to_lowercase();
                let call = Call::start(context, &name, host);
                seconds.iter().for_each(|seconds| call.survives(outage, *seconds));
            });
        }
    });
}
