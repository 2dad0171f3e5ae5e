//! `visavis support bundle`: one readable file with the data that support needs.

use super::devices::LIMIT;
use crate::clock::unix_s;
use crate::devices::list;
use crate::store::{Paths, Settings, last_exits};
use anyhow::Context;
use serde_json::{Value, json};
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
}

/// Collects in one JSON file: version and system, devices, settings, and the receipts of the window's last exits
///
/// It holds no password, token, invitation, room or server. User ids are in it as the receipts have them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  visavis support bundle\n  visavis support bundle --out - | jq '.exits[-1]'")]
struct BundleArgs {
    /// The file to write, or - for the standard output [default: visavis-support-SECONDS.json in this folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the subcommand.
pub(super) fn run(args: &SupportArgs) -> anyhow::Result<ExitCode> {
    let SupportCommand::Bundle(args) = &args.command;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let devices = runtime.block_on(list(LIMIT));
    let now = unix_s();
    let paths = Paths::of_user();
    let bundle = json!({
        "visavis": env!("CARGO_PKG_VERSION"),
        "unix_s": now,
        "system": system(),
        "devices": serde_json::to_value(&devices)?,
        "settings": paths.as_ref().map_or(Value::Null, settings),
        "exits": paths.as_ref().map_or(Value::Null, exits),
    });
    let text = serde_json::to_string_pretty(&bundle)? + "\n";
    if args.out.as_deref() == Some(Path::new("-")) {
        std::io::stdout().write_all(text.as_bytes()).context("The standard output is closed")?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = args.out.clone().unwrap_or_else(|| format!("visavis-support-{now}.json").into());
    std::fs::write(&path, text).with_context(|| format!("The bundle {} cannot be written", path.display()))?;
    println!("Wrote {}. Read it before you send it: it is plain text.", path.display());
    Ok(ExitCode::SUCCESS)
}

fn system() -> Value {
    let release = std::fs::read_to_string("/etc/os-release").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(line.trim_matches('"').to_owned())
    });
    let variable = |name| std::env::var(name).ok();
    json!({
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "release": release,
        "session": variable("XDG_SESSION_TYPE"),
        "desktop": variable("XDG_CURRENT_DESKTOP"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
    })
}

fn settings(paths: &Paths) -> Value {
    match Settings::shareable(paths) {
        Ok(table) => serde_json::to_value(table).unwrap_or(Value::Null),
        Err(e) => json!({ "cannot_be_read": e.to_string() }),
    }
}

/// The ExitRoom events of the last exits. Lines that are not JSON are skipped.
fn exits(paths: &Paths) -> Value {
    match last_exits(paths) {
        Ok(lines) => lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect(),
        Err(e) => json!({ "cannot_be_read": e.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::note_exit;

    #[test]
    fn exits_are_shown_without_broken_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::in_folder(folder.path());
        note_exit(&paths, "{\"event\": \"ExitRoom\", \"reason\": 1}").expect("noted");
        note_exit(&paths, "{\"event\": \"Exit").expect("noted");
        assert_eq!(exits(&paths), json!([{ "event": "ExitRoom", "reason": 1 }]));
    }
}
