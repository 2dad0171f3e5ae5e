//! Words of the page "Check my set-up".

use crate::base::{CheckPart, Verdict};
use crate::ui::checkup::{CheckPage, CheckPhase};
use std::fmt::Write;

/// What the page is doing, or how it came out.
pub(in crate::ui) fn check_status(page: &CheckPage) -> String {
    match page.phase {
        CheckPhase::Preparing => "The preview closes camera and microphone…".into(),
        CheckPhase::Running => match page.progress.current {
            Some(check) => format!("Checking: {}…", check.title()),
            None => "Checking…".into(),
        },
        CheckPhase::Stopping | CheckPhase::Closing => "Stopping…".into(),
        CheckPhase::Over { stopped: true } => "The check was stopped.".into(),
        CheckPhase::Over { stopped: false } => outcome(page),
    }
}

fn outcome(page: &CheckPage) -> String {
    let count = |verdict| page.progress.findings.iter().filter(|finding| finding.verdict == verdict).count();
    match (count(Verdict::Failed), count(Verdict::Warning)) {
        (0, 0) => "All is well.".into(),
        (0, 1) => "Calls work. One thing could be better.".into(),
        (0, many) => format!("Calls work. {many} things could be better."),
        (1, _) => "One thing does not work.".into(),
        (many, _) => format!("{many} things do not work."),
    }
}

/// The title of a part.
pub(in crate::ui) const fn check_part(part: CheckPart) -> &'static str {
    match part {
        CheckPart::System => "This computer",
        CheckPart::Devices => "Devices",
        CheckPart::Server => "Way to the server",
    }
}

/// The verdict as screen readers say it.
pub(in crate::ui) const fn check_verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "all is well",
        Verdict::Warning => "could be better",
        Verdict::Failed => "does not work",
        Verdict::Skipped => "not checked",
    }
}

/// All findings in lines, for the clipboard.
pub(in crate::ui) fn check_lines(page: &CheckPage) -> String {
    let mut text = format!("Visavis {}\n", env!("CARGO_PKG_VERSION"));
    for finding in &page.progress.findings {
        writeln!(text, "{} {}: {}", finding.verdict.word(), finding.check.title(), finding.found).ok();
        if let Some(advice) = &finding.advice {
            writeln!(text, "  > {advice}").ok();
        }
    }
    text
}
