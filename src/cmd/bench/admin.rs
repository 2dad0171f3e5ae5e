//! `visavis bench admin`: the influence of a load of admin calls on a running call, and their own latency.
//!
//! One run observes the same call twice, without the load and with it.

use super::measure::{self, Observed};
use super::table::{self, Measurement};
use super::worker::BenchProcess;
use super::{CameraFormat, parse_format};
use crate::admin::{AdminClient, AdminClientError};
use crate::base::{RoomName, UserId};
use crate::proto::token::{AdminGrant, ApiKey};
use anyhow::Context;
use livekit_protocol as lk;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const EXAMPLES: &str = "\
Examples:
  visavis bench admin
  visavis bench admin --rate 500 --time 30s --json";

/// Number of concurrent callers. Each has one call in flight.
const CALLERS: u32 = 8;
/// The room of the observed call.
const ROOM: &str = "bench";

/// Measure a call beside a load of admin calls: listing, removing, making and ending rooms
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AdminArgs {
    /// Admin calls in a second
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// How long the call is watched, each time
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = humantime::parse_duration)]
    time: Duration,
    /// The camera of each participant in that call
    #[arg(long, value_name = "WxH@FPS", default_value = "640x360@30", value_parser = parse_format)]
    picture: CameraFormat,
    /// Print JSON: a list of {what, median, worst, unit, count}
    #[arg(long)]
    json: bool,
}

/// Measures, then prints. Fails if a call was not answered.
pub(super) fn run(args: &AdminArgs) -> anyhow::Result<ExitCode> {
    let (server, url) = BenchProcess::server()?;
    let picture = format!("test-picture:{}", args.picture);
    let both =
        [measure::bot(&url, "ann", &picture, &["--verify"])?, measure::bot(&url, "ben", &picture, &["--verify"])?];
    for bot in &both {
        bot.event("FirstVideoFrame", |_| true)?;
    }
    let [ann, ben] = &both;
    let quiet = measure::observe(&[ann, ben], &server, args.time)?;
    let runtime = crate::cmd::runtime()?;
    let over = CancellationToken::new();
    let load = runtime.spawn(load(AdminClient::new(&url, ApiKey::dev())?, args.rate, over.clone()));
    let loaded = measure::observe(&[ann, ben], &server, args.time)?;
    over.cancel();
    let calls = runtime.block_on(load).context("The load has failed")?;
    let figures = figures(args, &quiet, &loaded, &calls);
    let text = if args.json { table::json(&figures) } else { table::text(&figures) };
    writeln!(std::io::stdout(), "{text}").context("The standard output is closed")?;
    anyhow::ensure!(calls.unanswered.is_empty(), "Calls were not answered: {}", calls.unanswered.join("; "));
    Ok(ExitCode::SUCCESS)
}

fn figures(args: &AdminArgs, quiet: &Observed, loaded: &Observed, calls: &Calls) -> Vec<Measurement> {
    let rate = args.rate;
    let of = |observed: &Observed, key: &str| {
        let users = observed.verified.iter().filter_map(|e| e["users"].as_array()).flatten();
        users.filter_map(|user| user["picture"][key].as_f64()).collect()
    };
    let done = calls.times.len() as f64 / calls.took.as_secs_f64();
    vec![
        Measurement::new("Admin calls answered", "a second", vec![done]),
        Measurement::new("Admin calls without an answer", "", vec![calls.unanswered.len() as f64]),
        Measurement::new(format!("Admin call at {rate} a second, sent → answered"), "ms", calls.times.clone()),
        Measurement::new("Picture drawn → decoded, 95 %, without admin calls", "ms", of(quiet, "delay_ms_p95")),
        Measurement::new(
            format!("Picture drawn → decoded, 95 %, with {rate} a second"),
            "ms",
            of(loaded, "delay_ms_p95"),
        ),
        Measurement::new("Pictures arrived, without admin calls", "", counted(quiet, "frames")),
        Measurement::new(format!("Pictures arrived, with {rate} a second"), "", counted(loaded, "frames")),
        Measurement::new("Pictures missing, without admin calls", "", counted(quiet, "missing")),
        Measurement::new(format!("Pictures missing, with {rate} a second"), "", counted(loaded, "missing")),
        Measurement::new("CPU of the server, without admin calls", "% of a core", quiet.server_cpu.clone()),
        Measurement::new(format!("CPU of the server, with {rate} a second"), "% of a core", loaded.server_cpu.clone()),
    ]
}

/// By how much a counter of each participant for the other grew during the observation.
fn counted(observed: &Observed, key: &str) -> Vec<f64> {
    let mut seen: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for event in &observed.verified {
        for user in event["users"].as_array().into_iter().flatten() {
            let Some(count) = user["picture"][key].as_f64() else { continue };
            let range = seen.entry(format!("{} {}", event["user"], user["remote_user"])).or_insert((count, count));
            *range = (range.0.min(count), range.1.max(count));
        }
    }
    seen.into_values().map(|(first, last)| last - first).collect()
}

/// The results of the admin calls.
#[derive(Debug, Default)]
struct Calls {
    /// Times from request to answer, in ms.
    times: Vec<f64>,
    /// The errors of calls without an answer.
    unanswered: Vec<String>,
    took: Duration,
}

/// Calls `rate` times a second until `over`; less often if the server answers more slowly.
async fn load(client: AdminClient, rate: u32, over: CancellationToken) -> Calls {
    let began = Instant::now();
    let callers = rate.min(CALLERS);
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let pause = Duration::from_secs(1) * callers / rate;
        tasks.spawn(caller_loop(client.clone(), caller, pause, over.clone()));
    }
    let mut all = Calls::default();
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(calls) => {
                all.times.extend(calls.times);
                all.unanswered.extend(calls.unanswered);
            }
            Err(e) => all.unanswered.push(e.to_string()),
        }
    }
    all.took = began.elapsed();
    all
}

async fn caller_loop(client: AdminClient, caller: u32, pause: Duration, over: CancellationToken) -> Calls {
    let mut ticks = tokio::time::interval(pause);
    let mut calls = Calls::default();
    for number in 0_u64.. {
        tokio::select! {
            _ = ticks.tick() => {}
            () = over.cancelled() => break,
        }
        let began = Instant::now();
        match call_once(&client, caller, number).await {
            Ok(()) => calls.times.push(began.elapsed().as_secs_f64() * 1000.0),
            Err(e) => calls.unanswered.push(e.to_string()),
        }
    }
    calls
}

/// Makes the call with this number. The kinds take turns: list rooms, list participants, remove an absent user, create a
/// room of the caller's own, dismiss it.
async fn call_once(client: &AdminClient, caller: u32, number: u64) -> anyhow::Result<()> {
    let room: RoomName = ROOM.parse()?;
    let own: RoomName = format!("load-{caller}").parse()?;
    let answer = match number % 5 {
        0 => client.rooms().await.map(drop),
        1 => client.participants(&room).await.map(drop),
        2 => client.remove(&room, &"nobody".parse::<UserId>()?).await,
        3 => {
            let request = lk::CreateRoomRequest { name: own.as_str().to_owned(), ..Default::default() };
            client.call::<lk::Room>("CreateRoom", AdminGrant::Create, &request).await.map(drop)
        }
        _ => client.dismiss(&own).await,
    };
    match answer {
        // NotFound is the expected answer for the absent user.
        Ok(()) | Err(AdminClientError::NotFound(_)) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
