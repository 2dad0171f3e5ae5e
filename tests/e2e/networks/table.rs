//! The table of `docs/networks.md`: every network with every client, on our server and on livekit-server.

use super::cases::{CASES, Case};
use super::{KEYS, arrange, serve, words};
use crate::kit::{Namespaces, Process, Sdk, Side, TestContext, Visavis};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use visavis::proto::LIVEKIT_SERVER_VERSION;

/// How long clients may take from their start to picture and tone in both directions.
const LIMIT: Duration = Duration::from_secs(20);
/// The lines between which the table stands.
const BEGIN: &str = "<!-- networks: begin -->\n";
const END: &str = "<!-- networks: end -->";

#[derive(Clone, Copy)]
enum Client {
    Visavis,
    Sdk(Sdk),
}

#[derive(Clone, Copy)]
enum Host {
    Visavis,
    LiveKit,
}

const CLIENTS: [Client; 3] = [Client::Visavis, Client::Sdk(Sdk::Python), Client::Sdk(Sdk::Browser)];

/// Tries everything and replaces the table in `file`.
pub(super) fn write(context: &TestContext, file: &Path) {
    let mut table = String::from(
        "| network | Visavis | Python SDK | Chromium | Visavis on livekit-server | Python SDK | Chromium |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    for case in CASES {
        write!(table, "| {} |", case.words).expect("a string");
        for host in [Host::Visavis, Host::LiveKit] {
            for client in CLIENTS {
                let cell = match meet(context, case, host, client) {
                    Some(ms) => format!("{ms:.0} ms"),
                    None => "-".to_owned(),
                };
                write!(table, " {cell} |").expect("a string");
            }
        }
        table.push('\n');
        println!("{table}");
    }
    let document = std::fs::read_to_string(file).expect("a document");
    let (before, rest) = document.split_once(BEGIN).expect("the beginning of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    std::fs::write(file, format!("{before}{BEGIN}{table}{END}{after}")).expect("a file");
}

/// Two clients join one after the other. The time from the join of the second to its first picture, in ms; `None` if not
/// both get picture and tone.
fn meet(context: &TestContext, case: &Case, host: Host, client: Client) -> Option<f64> {
    let namespaces = arrange(context, case);
    let _server = match host {
        Host::Visavis => serve(context, case, &namespaces),
        Host::LiveKit => livekit(context, case, &namespaces),
    };
    let join = |user: &str| {
        let command = client.command(context, case.url, user);
        Process::start(context, &format!("{}-{user}", case.name), &mut namespaces.inside(case.bots, &command))
    };
    let began = Instant::now();
    let wait = |ready: &dyn Fn() -> bool| {
        while !ready() && began.elapsed() < LIMIT {
            sleep(Duration::from_millis(50));
        }
        ready()
    };
    let first = join("ann");
    wait(&|| event(&first, "EnterRoom").is_some()).then_some(())?;
    // By then it sends.
    sleep(Duration::from_secs(1));
    let second = join("ben");
    let has_media = |p: &Process| event(p, "FirstVideoFrame").is_some() && event(p, "FirstAudioFrame").is_some();
    wait(&|| has_media(&first) && has_media(&second)).then_some(())?;
    let entered = event(&second, "EnterRoom")?;
    let began = entered["unix_ms"].as_f64()? - entered["result_ms"].as_f64()?;
    Some(event(&second, "FirstVideoFrame")?["unix_ms"].as_f64()? - began)
}

/// The first event of a name so far.
fn event(process: &Process, name: &str) -> Option<Value> {
    let all = process.stdout();
    all.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|event| event["event"] == name)
}

fn livekit(context: &TestContext, case: &Case, namespaces: &Namespaces) -> Process {
    let [(_, key), (_, secret)] = KEYS;
    let config = context.artifact("livekit.yaml");
    // Without this setting it sends its clients to public STUN servers.
    let text = format!(
        "port: 7880\nkeys: {{{key}: {secret}}}\nlogging: {{level: info}}\n\
         rtc: {{udp_port: 7882, tcp_port: 7881, use_external_ip: false, enable_loopback_candidate: {}, \
         stun_servers: [\"127.0.0.1:9\"]}}\n",
        case.bots == Side::Server
    );
    std::fs::write(&config, text).expect("a configuration");
    let mut command = Command::new(crate::kit::context::tool(&format!("livekit-server-{LIVEKIT_SERVER_VERSION}")));
    command.arg("--config").arg(config);
    let name = format!("{}-livekit", case.name);
    let server = Process::start(context, &name, &mut namespaces.inside(Side::Server, &command));
    sleep(Duration::from_secs(2));
    case.later.iter().for_each(|line| namespaces.ip(Side::Server, &words(line)));
    sleep(Duration::from_millis(500));
    server
}

impl Client {
    fn command(self, context: &TestContext, url: &str, user: &str) -> Command {
        let mut command = match self {
            Self::Sdk(sdk) => sdk.command(url, "tea", user, &["--picture", "160x90@10"]),
            Self::Visavis => {
                let mut command = Visavis::command(context);
                command.args(["bot", "--server", url, "--room", "tea", "--name-prefix", user, "--events", "-"]);
                command.args(["--camera", "test-picture:160x90@10"]);
                command
            }
        };
        command.envs(KEYS);
        command
    }
}
