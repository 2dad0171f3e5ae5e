//! `visavis scenario`: plays calls that are written down, and says whether what must hold does.

use super::NOT_MET;
use super::signals::Signals;
use crate::scenario::{Played, Scenario, judge, play, play_live, read_scenario, schema};
use anyhow::Context;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Plays calls that are written down: who joins, what happens when, and what must hold
#[derive(Debug, clap::Args)]
pub(super) struct ScenarioArgs {
    #[command(subcommand)]
    command: ScenarioCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ScenarioCommand {
    Run(RunArgs),
    Check(CheckArgs),
    Schema(SchemaArgs),
}

/// Plays a scenario; exit code 30 if something that must hold does not
///
/// It is played in real time: a room server and participants (`visavis serve --dev` and `visavis bot`) are started on
/// this computer, each participant over a relay that delays, loses and cuts. What needs `--stage` is said.
///
/// On the stage, the program's own sessions and room server run in memory on a clock of their own: a minute takes
/// milliseconds. Devices and the network are played; pictures and sound are not.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  visavis scenario run removed.toml\n  visavis scenario run --stage removed.toml\n  visavis scenario run --stage removed.toml --json | jq '.people[].events'"
)]
struct RunArgs {
    /// The scenario, a TOML file
    file: PathBuf,
    /// Play it in memory, in milliseconds
    #[arg(long)]
    stage: bool,
    /// Print one JSON object: `title`, `met`, `failures`, and for each of `people` the events with `at_ms`
    #[arg(long)]
    json: bool,
}

/// Reads a scenario, and says what is wrong with it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  visavis scenario check removed.toml")]
struct CheckArgs {
    /// The scenario, a TOML file
    file: PathBuf,
}

/// Prints the JSON schema of scenarios, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  visavis scenario schema > scenario.schema.json")]
struct SchemaArgs {}

/// Runs the subcommand.
pub(super) fn run(args: &ScenarioArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        ScenarioCommand::Run(args) => run_scenario(args),
        ScenarioCommand::Check(args) => {
            let scenario = read(&args.file)?;
            print(&format!("{} can be played: {}\n", args.file.display(), scenario.title))
        }
        ScenarioCommand::Schema(SchemaArgs {}) => print(&(serde_json::to_string_pretty(&schema())? + "\n")),
    }
}

fn read(file: &Path) -> anyhow::Result<Scenario> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("The scenario {} cannot be read", file.display()))?;
    read_scenario(&text).with_context(|| format!("The scenario {} cannot be played", file.display()))
}

fn run_scenario(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let scenario = read(&args.file)?;
    let played = if args.stage { play(&scenario)? } else { in_real_time(&scenario)? };
    let verdict = judge(&scenario, &played);
    if args.json {
        print(&(serde_json::to_string_pretty(&verdict.json(&scenario.title, &played))? + "\n"))?;
    } else {
        let word = if verdict.is_met() { "ok" } else { "not met" };
        print(&format!("{word}: {}\n{}", scenario.title, verdict.text()))?;
    }
    Ok(if verdict.is_met() { ExitCode::SUCCESS } else { ExitCode::from(NOT_MET) })
}

/// Plays it with processes of this program. At the first signal they are ended.
fn in_real_time(scenario: &Scenario) -> anyhow::Result<Vec<Played>> {
    let program = std::env::current_exe().context("This program cannot be found")?;
    super::runtime()?.block_on(async {
        let signals = Signals::with_hangup().context("Signals cannot be caught")?;
        tokio::select! {
            played = play_live(scenario, &program) => played.context("The scenario was not played to its end"),
            () = signals.first() => anyhow::bail!("The scenario was stopped before its end."),
        }
    })
}

fn print(text: &str) -> anyhow::Result<ExitCode> {
    std::io::stdout().write_all(text.as_bytes()).context("The standard output is closed")?;
    Ok(ExitCode::SUCCESS)
}
