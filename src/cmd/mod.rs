//! The command line: one file or folder for each subcommand, wiring only. Its words are a public interface:
//! `docs/events.md` has the events and exit codes.

#[cfg(all(feature = "bot", feature = "server"))]
mod bench;
#[cfg(feature = "bot")]
mod bot;
mod capture;
mod devices;
#[cfg(feature = "bot")]
mod doctor;
mod documents;
mod log;
#[cfg(any(feature = "window", feature = "bot"))]
mod participant;
mod recorder;
#[cfg(all(feature = "bot", feature = "server"))]
mod replay;
mod room;
#[cfg(all(feature = "bot", feature = "server"))]
mod scenario;
#[cfg(feature = "server")]
mod serve;
#[cfg(feature = "window")]
mod shutdown;
#[cfg(any(feature = "server", feature = "bot"))]
mod signals;
mod support;
#[cfg(feature = "window")]
mod window;

use clap::{CommandFactory, Parser};
use std::process::ExitCode;

/// Exit code: the media that `--verify` expects did not arrive.
#[cfg(any(feature = "bot", feature = "window"))]
const NOT_MET: u8 = 30;
/// The address of `visavis serve` on this computer, where no server is named.
const DEFAULT_SERVER: &str = "ws://127.0.0.1:7880";
/// Exit code of all other failures.
const FAILED: u8 = 1;

/// Video calls that end when you say so.
///
/// Without a subcommand, the window opens.
#[derive(Debug, Parser)]
#[command(name = "visavis", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[cfg(feature = "window")]
    #[command(flatten)]
    window: window::WindowArgs,
    /// The messages on standard error: error, warn, info, debug, trace, or a filter like RUST_LOG's
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  visavis --server ws://127.0.0.1:7880 --room design-review --name Mina --join
  visavis serve --dev
  visavis bot --server ws://127.0.0.1:7880 --room design-review --count 3 --verify";

// The largest arguments are boxed, so that the enum is small in every set of features.
#[derive(Debug, clap::Subcommand)]
enum Command {
    #[cfg(feature = "window")]
    Host(Box<window::HostArgs>),
    #[cfg(feature = "server")]
    Serve(serve::ServeArgs),
    #[cfg(feature = "bot")]
    Bot(Box<bot::BotArgs>),
    Room(room::RoomArgs),
    #[cfg(all(feature = "bot", feature = "server"))]
    Bench(bench::BenchArgs),
    Devices(devices::DevicesArgs),
    #[cfg(feature = "bot")]
    Doctor(doctor::DoctorArgs),
    #[cfg(all(feature = "bot", feature = "server"))]
    Scenario(scenario::ScenarioArgs),
    Support(support::SupportArgs),
    Completions(documents::CompletionsArgs),
    Licences(documents::LicencesArgs),
    #[command(hide = true)]
    ManPages(documents::ManPagesArgs),
    #[command(hide = true)]
    CaptureCamera(capture::CaptureArgs),
    #[command(hide = true)]
    CaptureScreen(capture::CaptureScreenArgs),
}

/// Runs the program with the arguments it was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let _log = log::start(cli.log_level.as_deref(), log_format(&cli));
    let _crashes = cli.participant().and_then(recorder::report_crashes);
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("visavis: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// The form of the log: the server's collectors may want JSON.
fn log_format(cli: &Cli) -> log::LogFormat {
    match &cli.command {
        #[cfg(feature = "server")]
        Some(Command::Serve(args)) => args.log_format,
        _ => log::LogFormat::Text,
    }
}

impl Cli {
    /// The name of a process that takes part in calls, for its crash reports; `None` for others.
    const fn participant(&self) -> Option<&'static str> {
        match &self.command {
            #[cfg(feature = "window")]
            None => Some("window"),
            #[cfg(feature = "window")]
            Some(Command::Host(_)) => Some("host"),
            #[cfg(feature = "bot")]
            Some(Command::Bot(_)) => Some("bot"),
            Some(Command::CaptureCamera(_)) => Some("capture-camera"),
            Some(Command::CaptureScreen(_)) => Some("capture-screen"),
            _ => None,
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        #[cfg(feature = "window")]
        None => window::run(&cli.window),
        #[cfg(not(feature = "window"))]
        None => {
            Cli::command().print_help()?;
            Ok(ExitCode::from(2))
        }
        #[cfg(feature = "window")]
        Some(Command::Host(args)) => window::host(&args),
        #[cfg(feature = "server")]
        Some(Command::Serve(args)) => runtime()?.block_on(serve::run(args)),
        #[cfg(feature = "bot")]
        Some(Command::Bot(args)) => bot::run(*args),
        #[cfg(all(feature = "bot", feature = "server"))]
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Room(args)) => runtime()?.block_on(room::run(args)),
        Some(Command::Devices(args)) => devices::run(&args),
        #[cfg(feature = "bot")]
        Some(Command::Doctor(args)) => doctor::run(&args),
        #[cfg(all(feature = "bot", feature = "server"))]
        Some(Command::Scenario(args)) => scenario::run(&args),
        Some(Command::Support(args)) => support::run(&args),
        Some(Command::Completions(args)) => documents::completions(args, Cli::command()),
        Some(Command::Licences(args)) => documents::licences(&args),
        Some(Command::ManPages(args)) => documents::man_pages(&args, Cli::command()),
        Some(Command::CaptureCamera(args)) => capture::run(&args),
        Some(Command::CaptureScreen(args)) => capture::run_screen(&args),
    }
}

/// The runtime of a command. Two workers suffice, because media runs on threads of its own.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("visavis").enable_all().build()
}

/// An event of the program itself, outside any call.
#[cfg(feature = "window")]
fn program_event(kind: crate::base::EventKind) -> crate::base::Event {
    let (unix_ms, session) = (crate::clock::unix_ms(), crate::base::SessionId(0));
    crate::base::Event { unix_ms, session, user: String::new(), place: None, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_accepts_the_command_line() {
        Cli::command().debug_assert();
    }
}
