//! Documents that the program generates and packages ship: shell completions, man pages, and the licences of its parts.

use anyhow::Context;
use clap::Command;
use clap_complete::{Generator, Shell};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The program's name, as shells and man pages call it.
const PROGRAM: &str = env!("CARGO_PKG_NAME");
/// `scripts/licences` makes it from Cargo.lock and assets/.
const LICENCES: &str = include_str!("../../assets/licences.txt");

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  visavis completions bash > ~/.local/share/bash-completion/completions/visavis
  visavis completions fish > ~/.config/fish/completions/visavis.fish";

/// Print what lets a shell complete the words of visavis
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print the licences of the programs, fonts and icons that visavis is made of
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  visavis licences | less")]
pub(super) struct LicencesArgs {}

/// Write a man page for each subcommand.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ManPagesArgs {
    /// The folder; it is made if need be
    folder: PathBuf,
}

/// Prints the completions of `command`.
pub(super) fn completions(args: CompletionsArgs, command: Command) -> anyhow::Result<ExitCode> {
    write_completions(args.shell, command, &mut io::stdout()).context("The standard output is closed")?;
    Ok(ExitCode::SUCCESS)
}

fn write_completions(shell: Shell, command: Command, out: &mut dyn Write) -> io::Result<()> {
    // The generator would include hidden subcommands.
    let shown = command.get_subcommands().filter(|c| !c.is_hide_set()).cloned();
    let mut shown = Command::new(PROGRAM)
        .version(env!("CARGO_PKG_VERSION"))
        .args(command.get_arguments().cloned())
        .subcommands(shown)
        .bin_name(PROGRAM);
    shown.build();
    shell.try_generate(&shown, out)
}

/// Prints the licences.
pub(super) fn licences(_args: &LicencesArgs) -> anyhow::Result<ExitCode> {
    match io::stdout().write_all(LICENCES.as_bytes()) {
        // A pager closes the pipe when its user quits.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("The standard output is closed"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Writes the pages of `command` and all its subcommands.
pub(super) fn man_pages(args: &ManPagesArgs, command: Command) -> anyhow::Result<ExitCode> {
    write_pages(command, &args.folder)
        .with_context(|| format!("The man pages cannot be written into {}", args.folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn write_pages(command: Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    write_page(&command, folder)
}

fn write_page(command: &Command, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        write_page(below, folder)?;
    }
    // The generator would reflow the examples.
    let page = Man::new(command.clone().after_help(None::<&str>))
        .date(" ") // with an empty date, the generator puts the source in its place
        .source(format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION")))
        .manual("Visavis");
    let mut file = File::create(folder.join(page.get_filename()))?;
    page.render(&mut file)?;
    if let Some(examples) = command.get_after_help() {
        file.write_all(examples_section(&examples.to_string()).as_bytes())?;
    }
    file.flush()
}

/// The section EXAMPLES of a man page, from the end of the `--help` text.
fn examples_section(text: &str) -> String {
    let mut section = Roff::default();
    section.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in text.lines().filter(|line| !matches!(*line, "Example:" | "Examples:")) {
        section.text([roman(line)]);
    }
    section.control("fi", []);
    section.to_roff()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::Cli;
    use clap::{CommandFactory, ValueEnum};
    use std::collections::BTreeSet;

    /// The names of all visible commands, with dashes: `visavis-room-list`.
    fn visible(command: &Command, name: &str) -> BTreeSet<String> {
        let below = command.get_subcommands().filter(|c| !c.is_hide_set());
        let mut names: BTreeSet<_> = below.flat_map(|c| visible(c, &format!("{name}-{}", c.get_name()))).collect();
        names.insert(name.to_owned());
        names
    }

    #[test]
    fn every_visible_command_has_a_man_page_with_its_examples() {
        let folder = tempfile::tempdir().expect("a folder");
        write_pages(Cli::command(), folder.path()).expect("pages");
        let files = fs::read_dir(folder.path()).expect("the folder").map(|f| f.expect("a file").file_name());
        let pages: BTreeSet<_> = files.map(|name| name.to_string_lossy().replace(".1", "")).collect();
        assert_eq!(pages, visible(&Cli::command(), PROGRAM));
        let page = fs::read_to_string(folder.path().join("visavis-devices.1")).expect("a page");
        assert!(page.contains(".TH visavis-devices 1"), "{page}");
        assert!(page.contains(".SH EXAMPLES\n.nf\n  visavis devices"), "{page}");
        assert_eq!(page.matches(".SH EXAMPLES").count(), 1, "{page}");
        assert!(!page.contains(".SH EXTRA"), "{page}");
    }

    #[test]
    fn each_shell_completes_visible_words_only() {
        for shell in Shell::value_variants() {
            let mut text = Vec::new();
            write_completions(*shell, Cli::command(), &mut text).expect("completions");
            let text = String::from_utf8(text).expect("UTF-8");
            for word in ["serve", "room", "remove-user", "devices", "completions", "--log-level"] {
                assert!(text.contains(word.trim_start_matches("--")), "{shell} does not complete {word}");
            }
            assert!(!text.contains("capture-camera"), "{shell} completes what is hidden");
        }
    }

    #[test]
    fn the_licences_name_the_parts_of_the_program() {
        for work in ["egui ", "webrtc ", "str0m ", "Inter", "JetBrains Mono", "Phosphor", "libopus"] {
            assert!(LICENCES.contains(work), "{work} is missing; run scripts/licences");
        }
    }
}
