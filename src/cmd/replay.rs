//! `visavis support replay`: makes a scenario of a recorded call and plays it.

use super::NOT_MET;
use crate::scenario::{EventOrder, play, read_scenario, scenario_of_call};
use crate::support::read_bundle;
use anyhow::Context;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Plays what somebody met, from a bundle; exit code 30 if its events come in another order
///
/// It makes a scenario of the call (who came and left, devices, outages, and how it ended, all as that person saw it) and
/// plays it in memory, as `visavis scenario run --stage`. Events of independent things, as two devices, have no order
/// between them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  visavis support replay report.json\n  visavis support replay report.json --call 2 --write met.toml"
)]
pub(super) struct ReplayArgs {
    /// A file of `visavis support bundle`
    file: PathBuf,
    /// The number of the call, as `visavis support show` counts them [default: the last one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    call: Option<u16>,
    /// Write the scenario to this file
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// Runs the subcommand.
pub(super) fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let file = args.file.display();
    let bundle = read_bundle(&args.file).with_context(|| format!("{file} cannot be replayed"))?;
    let calls = bundle.list("calls");
    let number = args.call.map_or(calls.len(), usize::from);
    let call = number.checked_sub(1).and_then(|index| calls.get(index));
    let call = call.with_context(|| match calls.len() {
        0 => format!("{file} has no call"),
        count => format!("{file} has no call {number}. Choose one of 1 to {count} with --call"),
    })?;
    let text = scenario_of_call(call).with_context(|| format!("Call {number} of {file} cannot be replayed"))?;
    let mut told = String::new();
    if let Some(path) = &args.write {
        std::fs::write(path, &text).with_context(|| format!("The scenario {} cannot be written", path.display()))?;
        told = format!("Wrote {}.\n", path.display());
    }
    let scenario = read_scenario(&text).context("The scenario of the call cannot be played")?;
    let played = play(&scenario)?;
    let recorded = EventOrder::of(call["entries"].as_array().map(Vec::as_slice).unwrap_or_default());
    let replayed = played.first().map(|you| EventOrder::of(&you.lines)).unwrap_or_default();
    let is_same = recorded == replayed;
    told += &match is_same {
        true => format!("Call {number} was played: the same events came in the same order.\n"),
        false => {
            let differences = recorded.differences(&replayed);
            format!("Call {number} was played, and its events came in another order.\n{differences}")
        }
    };
    std::io::stdout().write_all(told.as_bytes()).context("The standard output is closed")?;
    Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::from(NOT_MET) })
}
