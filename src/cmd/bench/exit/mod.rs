//! `visavis bench exit`: how fast a participant is out of the call, and gone for the others, in each way to leave.
//!
//! Visavis on its own server and, where it is installed, LiveKit's Python SDK on livekit-server are measured in the
//! same run with the same steps. Participants are processes, and every time is a difference between two readings of this
//! computer's clock.

mod report;
mod scenario;

use super::table::Measurement;
use super::worker::BenchProcess;
use anyhow::Context;
use report::Baseline;
use scenario::{Batch, Guests, Scenario};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  visavis bench exit
  visavis bench exit --runs 20 --json
  visavis bench exit --window --microphone default --readme docs/measurements.md";

/// The pause between two participants who leave, so that each finds an idle server.
const PAUSE: Duration = Duration::from_millis(40);
/// Largest number of windows; each measurement starts a new one.
#[cfg(feature = "window")]
const MAX_WINDOWS: u32 = 20;

/// Measure the exit: how fast one is out, and gone for the others
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExitArgs {
    /// How many people go in each way
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// How many of them are in the room together
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=40))]
    together: u32,
    /// The camera of those who have one
    #[arg(long, value_name = "ID", default_value = "test-picture:160x90@10")]
    camera: String,
    /// The microphone of those who have one
    #[arg(long, value_name = "ID", default_value = "test-tone")]
    microphone: String,
    /// Where scripts/setup --tests has put livekit-server and the Python SDK [default: the cache folder's visavis/tools]
    #[arg(long, value_name = "FOLDER")]
    tools: Option<PathBuf>,
    /// Measure how soon the window shows that one was removed; needs a display
    #[cfg(feature = "window")]
    #[arg(long)]
    window: bool,
    /// Put the table between the marks of this file
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
    /// Print JSON: a list of {side, what, median, p99, worst, unit, count}
    #[arg(long)]
    json: bool,
}

/// Measures, then prints, and writes the table where it is asked for.
pub(super) fn run(args: &ExitArgs) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.readme {
        report::check(path)?;
    }
    let ours = measure(Scenario::ours(&args.camera, &args.microphone)?, args)?;
    #[cfg(feature = "window")]
    let dialog = args.window.then(|| dialogs(args.runs.min(MAX_WINDOWS))).transpose()?;
    #[cfg(not(feature = "window"))]
    let dialog = None;
    let baseline = match scenario::tools(args.tools.as_deref()) {
        Some(tools) => measure_baseline(&tools, args),
        None => Baseline::NotInstalled,
    };
    let report = report::Report { args, ours, dialog, baseline };
    let text = if args.json { report.json() } else { report.text() };
    writeln!(std::io::stdout(), "{text}").context("The standard output is closed")?;
    if let Some(path) = &args.readme {
        report.write(path)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures the Python SDK. An error there, as on a machine that is too small, must not cost our own results.
fn measure_baseline(tools: &Path, args: &ExitArgs) -> Baseline {
    match Scenario::sdk(tools).and_then(|scenario| measure(scenario, args)) {
        Ok(figures) => Baseline::Measured(figures),
        Err(error) => {
            tracing::warn!("The Python SDK could not be measured: {error:#}. Fewer people with --together may help.");
            Baseline::Failed
        }
    }
}

/// All ways to leave for one side, in the order of the table.
fn measure(mut scenario: Scenario, args: &ExitArgs) -> anyhow::Result<Vec<Measurement>> {
    let runtime = crate::cmd::runtime()?;
    let (mut out, mut told, mut silent) = (vec![], vec![], vec![]);
    let (mut removed, mut removed_told, mut killed) = (vec![], vec![], vec![]);
    for mut batch in batches(args, "leaver") {
        let mut guests = scenario.enter(&batch, true)?;
        leave(&mut scenario, &mut batch, &mut guests, &mut out, &mut told)?;
    }
    for mut batch in batches(args, "listener") {
        let mut guests = scenario.enter(&batch, false)?;
        leave(&mut scenario, &mut batch, &mut guests, &mut vec![], &mut silent)?;
    }
    for batch in batches(args, "removed") {
        let mut guests = scenario.enter(&batch, true)?;
        for user in batch.users() {
            let asked = crate::clock::unix_ms();
            runtime.block_on(scenario.remove(&user))?;
            removed.push(guests.ended(&user)? - asked);
            removed_told.push(scenario.gone(&user)? - asked);
            std::thread::sleep(PAUSE);
        }
    }
    let mut dead = vec![];
    for batch in batches(args, "killed") {
        let mut guests = scenario.enter(&batch, true)?;
        dead.extend(guests.kill(&batch)?);
    }
    // The server notices the deaths in parallel: waiting for all takes no longer than for one.
    for (user, at) in dead {
        killed.push(scenario.gone(&user)? - at);
    }
    let figure = |what: &str, values| Measurement::new(what, "ms", values);
    Ok(vec![
        figure("Leave → ExitRoom", out),
        figure("Leave → gone for the others, with camera and microphone", told),
        figure("Leave → gone for the others, without", silent),
        figure("RemoveUser sent → ExitRoom of the removed", removed),
        figure("RemoveUser sent → gone for the others", removed_told),
        figure("kill -9 → gone for the others", killed),
    ])
}

/// The participants of a batch leave one after the other, without waiting for the one before.
fn leave(
    scenario: &mut Scenario,
    batch: &mut Batch,
    guests: &mut Guests,
    out: &mut Vec<f64>,
    told: &mut Vec<f64>,
) -> anyhow::Result<()> {
    for n in 0..batch.size {
        guests.leave(n)?;
        std::thread::sleep(PAUSE);
    }
    for user in batch.users() {
        let asked = guests.asked(&user)?;
        out.push(guests.ended(&user)? - asked);
        told.push(scenario.gone(&user)? - asked);
    }
    Ok(())
}

/// Splits all runs into batches; the last one may be smaller.
fn batches(args: &ExitArgs, name: &'static str) -> impl Iterator<Item = Batch> + use<> {
    let (runs, together) = (args.runs, args.together);
    (0..runs.div_ceil(together))
        .map(move |number| Batch { name: format!("{name}{number}"), size: together.min(runs - number * together) })
}

/// From the request to the dialog in the removed participant's window.
#[cfg(feature = "window")]
fn dialogs(times: u32) -> anyhow::Result<Measurement> {
    let runtime = crate::cmd::runtime()?;
    let scenario = Scenario::ours("none", "none")?;
    let mut shown = vec![];
    for number in 0..times {
        let name = format!("window{number}");
        let there = ["--server", scenario.url(), "--room", scenario::ROOM, "--name", &name, "--join", "--events", "-"];
        let devices = ["--camera", "test-picture:320x180@15", "--microphone", "test-tone", "--speaker", "none"];
        let window = BenchProcess::start("window", &[there.as_slice(), &devices].concat())?;
        let entered = window.event("EnterRoom", |_| true)?;
        window.event("ScreenShown", |e| e["screen"] == "call")?;
        let user = entered["user"].as_str().context("An event without a user")?;
        let asked = crate::clock::unix_ms();
        runtime.block_on(scenario.remove(user))?;
        let dialog = window.event("ScreenShown", |e| e["screen"] == "kicked")?;
        shown.push(dialog["unix_ms"].as_f64().context("An event without a time")? - asked);
    }
    Ok(Measurement::new("RemoveUser sent → the dialog is on the screen", "ms", shown))
}
