//! `visavis bench`: the measurements of docs/measurements.md, on this computer.
//!
//! The server and each participant are processes of their own, and their events tell the times. Results of one run can be
//! compared with each other; results of different computers cannot.

mod admin;
#[cfg(feature = "window")]
mod empty;
mod exit;
mod measure;
mod table;
mod worker;

use crate::devices::CameraFormat;
use anyhow::Context;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  visavis bench
  visavis bench --window --picture 1280x720@30 --time 20s --json
  visavis bench exit --readme docs/measurements.md
  visavis bench admin --rate 500";

/// Measure calls on this computer: how fast people join and leave, the delay of video, CPU and memory
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    of: Option<BenchOf>,
    /// How often somebody enters and leaves
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// How long a call is watched for delay, CPU and memory
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = humantime::parse_duration)]
    time: Duration,
    /// The camera of each participant in that call
    #[arg(long, value_name = "WxH@FPS", default_value = "1280x720@30", value_parser = parse_format)]
    picture: CameraFormat,
    /// Measure the window as well; needs a display
    #[cfg(feature = "window")]
    #[arg(long)]
    window: bool,
    /// Print JSON: a list of {what, median, worst, unit, count}
    #[arg(long)]
    json: bool,
}

/// A separate measurement.
#[derive(Clone, Debug, clap::Subcommand)]
enum BenchOf {
    Exit(exit::ExitArgs),
    Admin(admin::AdminArgs),
    #[cfg(feature = "window")]
    #[command(hide = true)]
    EmptyWindow(empty::EmptyArgs),
}

fn parse_format(text: &str) -> Result<CameraFormat, String> {
    CameraFormat::parse(text).ok_or_else(|| format!("“{text}” is no picture format. One looks like 1280x720@30."))
}

/// Measures, then prints.
pub(super) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    match &args.of {
        Some(BenchOf::Exit(exit)) => return exit::run(exit),
        Some(BenchOf::Admin(admin)) => return admin::run(admin),
        #[cfg(feature = "window")]
        Some(BenchOf::EmptyWindow(empty)) => return empty::run(empty),
        None => {}
    }
    let mut measurements = measure::enter_and_leave(args.rounds)?;
    measurements.extend(measure::call(args.picture, args.time)?);
    #[cfg(feature = "window")]
    if args.window {
        measurements.extend(measure::window(args.picture, args.time, args.rounds.min(5))?);
    }
    let text = if args.json { table::json(&measurements) } else { table::text(&measurements) };
    writeln!(std::io::stdout(), "{text}").context("The standard output is closed")?;
    Ok(ExitCode::SUCCESS)
}
