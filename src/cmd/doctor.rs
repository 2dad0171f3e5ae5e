//! `visavis doctor`: checks this computer, its devices and the way to a server, and says what to do.

use super::participant::{parse_camera, parse_microphone, parse_server, parse_speaker, token_source};
use super::{FAILED, signals};
use crate::base::{CheckNews, CheckPart, Finding, Verdict};
use crate::call::TokenSource;
use crate::doctor::{self, CheckPlan, ServerPlan};
use crate::http;
use crate::proto::link;
use crate::store::{Paths, Settings};
use anyhow::Context;
use parking_lot::Mutex;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const EXAMPLES: &str = "\
Examples:
  visavis doctor
  visavis doctor --server wss://meet.example.com
  visavis doctor --camera none --json | jq -r '.findings[] | select(.verdict == \"failed\") | .advice'";

/// Width of the longest title.
const TITLE: usize = 15;

/// Checks this computer, its devices and the way to a server, and says what to do
///
/// For the way to the server, some participants named “Visavis check” enter a room of their own for half a minute, or the
/// room of the link or the token, and send packets to each other.
///
/// Exit code 0 if nothing failed, 1 if something did or the check was stopped. Warnings are no failures.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DoctorArgs {
    /// A link to a call: its server is checked, in its room
    #[arg(value_name = "LINK", conflicts_with_all = ["token", "token_endpoint"])]
    link: Option<String>,
    /// The room server: ws://, wss://, http:// or https:// [default: that of the window's settings]
    #[arg(long, value_name = "URL", env = "LIVEKIT_URL", value_parser = parse_server)]
    server: Option<String>,
    /// A file that holds an access token (JWT); without it, and without LIVEKIT_API_KEY and LIVEKIT_API_SECRET to sign
    /// one, the server's token endpoint is asked
    #[arg(long, value_name = "JWT-FILE")]
    token: Option<PathBuf>,
    /// Ask this token endpoint instead of the server's own
    #[arg(long, value_name = "URL", value_parser = parse_server, conflicts_with = "token")]
    token_endpoint: Option<String>,
    /// A camera's id, none, test-picture[:WxH@FPS], portrait[:N] or file:PATH [default: that of the window's settings]
    #[arg(long, value_name = "ID", value_parser = parse_camera)]
    camera: Option<String>,
    /// A microphone's id, none, test-tone[:HZ] or file:PATH [default: that of the window's settings]
    #[arg(long, value_name = "ID", value_parser = parse_microphone)]
    microphone: Option<String>,
    /// A speaker's id, none or file:PATH.wav [default: that of the window's settings]
    #[arg(long, value_name = "ID", value_parser = parse_speaker)]
    speaker: Option<String>,
    /// Print one JSON object: `server`, `verdict`, `complete`, and `findings`, a list of `check`, `verdict`, `found`, `advice` and
    /// `facts`
    #[arg(long)]
    json: bool,
}

/// The object of `--json`.
#[derive(Serialize)]
struct Report {
    visavis: &'static str,
    /// Host and port of the server; null without one.
    server: Option<String>,
    /// The most severe one of the findings.
    verdict: Verdict,
    /// Whether all checks were run.
    complete: bool,
    findings: Vec<Finding>,
}

/// Runs the checks and prints what they find.
pub(super) fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let plan = plan(args)?;
    let server = plan.server.as_ref().map(|plan| http::shown(&plan.server));
    let printer = Arc::new(Mutex::new(Printer { json: args.json, ..Printer::default() }));
    let complete = super::runtime()?.block_on(async {
        let stop = CancellationToken::new();
        signals::cancel_on_signal(stop.clone()).context("Signals cannot be caught")?;
        let sink = printer.clone();
        anyhow::Ok(doctor::run(plan, Arc::new(move |news: CheckNews| sink.lock().take(news)), stop).await)
    })?;
    let findings = std::mem::take(&mut printer.lock().findings);
    let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Skipped);
    let failed: Vec<&str> = findings.iter().filter(|f| f.verdict == Verdict::Failed).map(|f| f.check.title()).collect();
    let message = match (complete, failed.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!("Failed: {}.", failed.join(", "))),
        (false, _) => Some("The check was stopped.".to_owned()),
    };
    if args.json {
        let report = Report { visavis: env!("CARGO_PKG_VERSION"), server, verdict, complete, findings };
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    let Some(message) = message else { return Ok(ExitCode::SUCCESS) };
    eprintln!("visavis: {message}");
    Ok(ExitCode::from(FAILED))
}

fn plan(args: &DoctorArgs) -> anyhow::Result<CheckPlan> {
    let settings = Paths::of_user().map(|paths| Settings::load(&paths).settings).unwrap_or_default();
    Ok(CheckPlan {
        camera: choice(args.camera.as_deref(), settings.camera.as_deref())?,
        microphone: choice(args.microphone.as_deref(), settings.microphone.as_deref())?,
        speaker: choice(args.speaker.as_deref(), settings.speaker.as_deref())?,
        #[cfg(feature = "window")]
        graphics: Some(crate::ui::graphics_adapters),
        #[cfg(not(feature = "window"))]
        graphics: None,
        server: server(args, &settings)?,
    })
}

/// The server of the link, of the command line, or of the settings, and the credentials for it.
fn server(args: &DoctorArgs, settings: &Settings) -> anyhow::Result<Option<ServerPlan>> {
    if let Some(link) = &args.link {
        let address = link::parse(link)?;
        let server = address.server.context("This link names no server. Use --server URL.")?;
        let tokens = match address.invitation {
            Some(invitation) => TokenSource::Invited(invitation),
            None => token_source(None, None)?,
        };
        return Ok(Some(ServerPlan { server, tokens, room: Some(address.room) }));
    }
    let tokens = token_source(args.token.as_deref(), args.token_endpoint.as_deref())?;
    let configured = Some(settings.server.clone()).filter(|server| !server.is_empty());
    Ok(args.server.clone().or(configured).map(|server| ServerPlan { server, tokens, room: None }))
}

/// The device of the command line, else that of the settings, else the system's default.
fn choice<C>(argument: Option<&str>, setting: Option<&str>) -> anyhow::Result<C>
where
    C: FromStr + Default,
    C::Err: std::error::Error + Send + Sync + 'static,
{
    Ok(argument.or(setting).map(str::parse).transpose()?.unwrap_or_default())
}

/// Prints findings as they come, or keeps them for the JSON object.
#[derive(Default)]
struct Printer {
    json: bool,
    part: Option<CheckPart>,
    findings: Vec<Finding>,
}

impl Printer {
    fn take(&mut self, news: CheckNews) {
        let CheckNews::Found(finding) = news else { return };
        if !self.json {
            let mut text = String::new();
            if self.part.replace(finding.check.part()) != Some(finding.check.part()) {
                let title = match finding.check.part() {
                    CheckPart::System => "System",
                    CheckPart::Devices => "Devices",
                    CheckPart::Server => "Server",
                };
                writeln!(text, "{title}").ok();
            }
            text.push_str(&line(&finding));
            // A closed pipe ends the output, not the check: devices are still to be closed.
            let written = std::io::stdout().lock().write_all(text.as_bytes());
            if let Err(error) = written {
                tracing::debug!(%error, "the standard output is closed");
            }
        }
        self.findings.push(finding);
    }
}

/// A finding in one line, and its advice in another.
fn line(finding: &Finding) -> String {
    let Finding { check, verdict, found, advice, .. } = finding;
    let mut text = format!("  {:7}  {:TITLE$}  {found}\n", verdict.word(), check.title());
    if let Some(advice) = advice {
        writeln!(text, "  {:7}  {:TITLE$}  > {advice}", "", "").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::CheckName;

    #[test]
    fn titles_fit_into_their_column() {
        assert!(CheckName::ALL.iter().all(|check| check.title().len() <= TITLE));
    }

    #[test]
    fn a_finding_is_a_line_with_its_advice_below() {
        let finding = Finding::failed(CheckName::Camera, "Another program uses it.", "Close the other program.");
        let lines = line(&finding);
        assert!(lines.starts_with("  failed   Camera           Another program uses it.\n"), "{lines}");
        assert!(lines.ends_with("                            > Close the other program.\n"), "{lines}");
    }
}
