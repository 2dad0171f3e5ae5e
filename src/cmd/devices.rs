//! `visavis devices`: the list of cameras, microphones, speakers and screens.

use crate::base::{DeviceEntry, DeviceLists, ScreenSource, ScreenSources, SharingSupport};
use crate::devices::{list, list_screens};
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Time limit for the answers of drivers and the sound server.
pub(super) const LIMIT: Duration = Duration::from_secs(3);

/// Number of formats in the table; a camera can have hundreds.
const SHOWN_FORMATS: usize = 8;

/// Lists cameras, microphones, speakers, screens and windows with the ids that `--camera`, `--microphone`, `--speaker` and
/// `--screen` take.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  visavis devices --json | jq -r '.microphones[].id'")]
pub(super) struct DevicesArgs {
    /// Print one JSON object: `cameras`, `microphones`, `speakers`, each a list of `id`, `label`, `synthetic`,
    /// `default` and `formats`; `screens`, a list of `id`, `label`, `kind`, `width` and `height`; `sharing`, whether
    /// screens can be shared.
    #[arg(long)]
    json: bool,
}

/// Prints the list.
pub(super) fn run(args: &DevicesArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (devices, screens) = runtime.block_on(async { tokio::join!(list(LIMIT), list_screens(LIMIT)) });
    if args.json {
        let all = Printed { devices: &devices, sharing: screens.support, screens: &screens.sources };
        println!("{}", serde_json::to_string_pretty(&all)?);
    } else {
        print!("{}", table(&devices, &screens));
    }
    Ok(ExitCode::SUCCESS)
}

/// The object of `--json`.
#[derive(serde::Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    devices: &'a DeviceLists,
    sharing: SharingSupport,
    screens: &'a [ScreenSource],
}

fn table(lists: &DeviceLists, screens: &ScreenSources) -> String {
    let mut text = String::new();
    let parts = [("Cameras", &lists.cameras), ("Microphones", &lists.microphones), ("Speakers", &lists.speakers)];
    for (title, entries) in parts {
        section(&mut text, title, entries).ok();
    }
    screen_section(&mut text, screens).ok();
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

fn screen_section(text: &mut String, screens: &ScreenSources) -> std::fmt::Result {
    writeln!(text, "Screens and windows")?;
    match screens.support {
        SharingSupport::Yes => {}
        SharingSupport::Wayland => writeln!(text, "  (this version cannot share in a Wayland session)")?,
        SharingSupport::NoDisplay => writeln!(text, "  (there is no display)")?,
        SharingSupport::System => writeln!(text, "  (this version shares on Linux with X11 only)")?,
    }
    let width = screens.sources.iter().map(|s| s.id.chars().count()).max().unwrap_or_default().max("test-page".len());
    for source in &screens.sources {
        writeln!(text, "  {:width$}  {} ({}x{})", source.id, source.label, source.width, source.height)?;
    }
    writeln!(text, "  {:width$}  Test page\n", "test-page")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ScreenSourceKind;

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
        let window = ScreenSource {
            id: "x11-window:0x1400007".into(),
            label: "Notes".into(),
            kind: ScreenSourceKind::Window,
            width: 800,
            height: 600,
            thumbnail: None,
        };
        let screens = ScreenSources { support: SharingSupport::Yes, sources: vec![window] };
        let table = table(&lists, &screens);
        assert!(table.contains("  x11-window:0x1400007  Notes (800x600)\n"), "{table}");
        assert!(table.contains("  cam           The cam (default)\n"), "{table}");
        assert!(table.contains("f7, and 2 more\n"), "{table}");
        assert_eq!(table.matches("this computer has none").count(), 2);
    }
}
