//! `visavis devices`: the list of cameras, microphones and speakers.

use crate::base::{DeviceEntry, DeviceLists};
use crate::devices::list;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Time limit for the answers of drivers and the sound server.
pub(super) const LIMIT: Duration = Duration::from_secs(3);

/// Number of formats in the table; a camera can have hundreds.
const SHOWN_FORMATS: usize = 8;

/// Lists cameras, microphones and speakers with the ids that `--camera`, `--microphone` and `--speaker` take.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  visavis devices --json | jq -r '.microphones[].id'")]
pub(super) struct DevicesArgs {
    /// Print one JSON object: `cameras`, `microphones`, `speakers`, each a list of `id`, `label`, `synthetic`,
    /// `default` and `formats`.
    #[arg(long)]
    json: bool,
}

/// Prints the list.
pub(super) fn run(args: &DevicesArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let lists = runtime.block_on(list(LIMIT));
    if args.json {
        println!("{}", serde_json::to_string_pretty(&lists)?);
    } else {
        print!("{}", table(&lists));
    }
    Ok(ExitCode::SUCCESS)
}

fn table(lists: &DeviceLists) -> String {
    let mut text = String::new();
    let parts = [("Cameras", &lists.cameras), ("Microphones", &lists.microphones), ("Speakers", &lists.speakers)];
    for (title, entries) in parts {
        section(&mut text, title, entries).ok();
    }
    text.push_str(
        "`none` is no device. `file:PATH` is a picture, a video or a sound file, or the WAV file to record.\n",
    );
    text
}

fn section(text: &mut String, title: &str, entries: &[DeviceEntry]) -> std::fmt::Result {
    writeln!(text, "{title}")?;
    if entries.iter().all(|e| e.synthetic) {
        writeln!(text, "  (this computer has none)")?;
    }
    let width = entries.iter().map(|e| e.id.chars().count()).max().unwrap_or_default();
    for entry in entries {
        let default = if entry.default { " (default)" } else { "" };
        writeln!(text, "  {:width$}  {}{default}", entry.id, entry.label)?;
        if !entry.formats.is_empty() {
            let more = entry.formats.len().saturating_sub(SHOWN_FORMATS);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            let shown = entry.formats.len().min(SHOWN_FORMATS);
            writeln!(text, "  {:width$}    {}{more}", "", entry.formats[..shown].join("; "))?;
        }
    }
    writeln!(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_ids_names_and_formats() {
        let entry = |id: &str, synthetic, formats: usize| DeviceEntry {
            id: id.into(),
            label: format!("The {id}"),
            synthetic,
            default: !synthetic,
            formats: (0..formats).map(|i| format!("f{i}")).collect(),
        };
        let lists = DeviceLists {
            cameras: vec![entry("cam", false, 10), entry("test-picture", true, 1)],
            microphones: vec![entry("test-tone", true, 0)],
            speakers: Vec::new(),
        };
        let table = table(&lists);
        assert!(table.contains("  cam           The cam (default)\n"), "{table}");
        assert!(table.contains("f7, and 2 more\n"), "{table}");
        assert_eq!(table.matches("this computer has none").count(), 2);
    }
}
