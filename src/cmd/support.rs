//! `visavis support`: one readable file with the data that support needs, and its reader.

use super::devices::LIMIT;
use super::recorder::Recorder;
use crate::clock::unix_s;
use crate::devices::list;
use crate::store::{Paths, Settings};
use crate::support::{Bundle, bundle_json, bundle_text, read_bundle};
use anyhow::Context;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What helps support
#[derive(Debug, clap::Args)]
pub(super) struct SupportArgs {
    #[command(subcommand)]
    command: SupportCommand,
}

#[derive(Debug, clap::Subcommand)]
enum SupportCommand {
    Bundle(BundleArgs),
    Show(ShowArgs),
    #[cfg(all(feature = "bot", feature = "server"))]
    Replay(super::replay::ReplayArgs),
}

/// Collects in one JSON file: version and system, devices, settings, the journal of the last calls, receipts, crash reports
///
/// It holds no password, token, link, chat text or file name. People, rooms, servers, addresses and devices are pseudonyms,
/// the same ones in each bundle of this computer.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  visavis support bundle\n  visavis support bundle --out - | jq '.exits[-1]'")]
struct BundleArgs {
    /// The file to write, or - for the standard output [default: visavis-support-SECONDS.json in this folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Prints what a bundle holds, and what happened in its calls
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  visavis support show visavis-support-1764534000.json\n  visavis support show report.json --json | jq '.calls[-1].timeline'"
)]
struct ShowArgs {
    /// A file of `visavis support bundle`
    file: PathBuf,
    /// Print one JSON object: the summary, and for each call its timeline of `at` (ms since the call began), `kind` and `words`
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub(super) fn run(args: &SupportArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        SupportCommand::Bundle(args) => bundle(args),
        SupportCommand::Show(args) => show(args),
        #[cfg(all(feature = "bot", feature = "server"))]
        SupportCommand::Replay(args) => super::replay::run(args),
    }
}

fn bundle(args: &BundleArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let devices = runtime.block_on(list(LIMIT));
    let paths = Paths::of_user();
    let recorder = Recorder::idle(paths.as_ref());
    if let Some(settings) = paths.as_ref().and_then(Settings::peek) {
        recorder.learn(&settings);
    }
    let text = Bundle::collect(paths.as_ref(), &devices, None, recorder.redactor()).render();
    if args.out.as_deref() == Some(Path::new("-")) {
        std::io::stdout().write_all(text.as_bytes()).context("The standard output is closed")?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = args.out.clone().unwrap_or_else(|| format!("visavis-support-{}.json", unix_s()).into());
    std::fs::write(&path, text).with_context(|| format!("The bundle {} cannot be written", path.display()))?;
    println!("Wrote {0}. Read it before you send it: visavis support show {0}", path.display());
    Ok(ExitCode::SUCCESS)
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let bundle = read_bundle(&args.file).with_context(|| format!("{} cannot be shown", args.file.display()))?;
    let text = match args.json {
        true => serde_json::to_string_pretty(&bundle_json(&bundle))? + "\n",
        false => bundle_text(&bundle),
    };
    std::io::stdout().write_all(text.as_bytes()).context("The standard output is closed")?;
    Ok(ExitCode::SUCCESS)
}
