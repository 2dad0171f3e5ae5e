//! The measurements of the exit as a table, as JSON, and in a file between two marks.

use super::super::table::{Measurement, rounded};
use super::ExitArgs;
use crate::proto::LIVEKIT_SERVER_VERSION;
use anyhow::Context;
use serde_json::json;
use std::path::Path;

const BEGIN: &str = "<!-- visavis bench exit: begin -->";
const END: &str = "<!-- visavis bench exit: end -->";

/// The results of one run.
pub(super) struct Report<'a> {
    pub(super) args: &'a ExitArgs,
    pub(super) ours: Vec<Measurement>,
    /// RemoveUser → the window's dialog.
    pub(super) dialog: Option<Measurement>,
    pub(super) baseline: Baseline,
}

/// The Python SDK on livekit-server.
pub(super) enum Baseline {
    Measured(Vec<Measurement>),
    NotInstalled,
    /// The measurement failed.
    Failed,
}

impl Baseline {
    fn figures(&self) -> &[Measurement] {
        match self {
            Self::Measured(figures) => figures,
            Self::NotInstalled | Self::Failed => &[],
        }
    }
}

impl Report<'_> {
    /// A list with one object for each measurement and side.
    pub(super) fn json(&self) -> String {
        let one = |side: &str, f: &Measurement| {
            let [median, p99, worst] = [f.median(), f.p99(), f.worst()].map(|v| v.map(rounded));
            let (what, unit, count) = (f.what(), f.unit(), f.count());
            json!({ "side": side, "what": what, "median": median, "p99": p99, "worst": worst, "unit": unit, "count": count })
        };
        let ours = self.ours.iter().chain(&self.dialog).map(|f| one("visavis", f));
        let baseline = self.baseline.figures().iter().map(|f| one("python-sdk", f));
        json!(ours.chain(baseline).collect::<Vec<_>>()).to_string()
    }

    /// A table in Markdown, and a sentence about its conditions.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![
            "| what, in ms | Visavis: median | 99 % | runs | Python SDK: median | 99 % | runs |".to_owned(),
            "|---|---:|---:|---:|---:|---:|---:|".to_owned(),
        ];
        for (n, ours) in self.ours.iter().chain(&self.dialog).enumerate() {
            let baseline = self.baseline.figures().get(n);
            lines.push(format!("| {} | {} | {} |", ours.what(), cells(Some(ours)), cells(baseline)));
        }
        lines.push(String::new());
        lines.push(self.conditions());
        lines.join("\n")
    }

    /// The conditions of the measurement.
    fn conditions(&self) -> String {
        let profile = if cfg!(debug_assertions) { "development" } else { "release" };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let args = self.args;
        let baseline = match self.baseline {
            Baseline::Measured(_) => {
                format!("LiveKit's Python SDK 1.2.1 ran on livekit-server {LIVEKIT_SERVER_VERSION} in the same run")
            }
            Baseline::NotInstalled => {
                "LiveKit's Python SDK and livekit-server are not installed here and were not measured".to_owned()
            }
            Baseline::Failed => {
                "LiveKit's Python SDK on livekit-server broke off in this run and is left out".to_owned()
            }
        };
        format!(
            "Made by `visavis bench exit` {} ({profile} build) on {cores} cores over loopback, {} people in the room at a \
             time; camera `{}`, microphone `{}`. {baseline}.",
            env!("CARGO_PKG_VERSION"),
            args.together + 1,
            args.camera,
            args.microphone,
        )
    }

    /// Replaces the text between the marks of a file.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = read(path)?;
        let new = between(&text, &self.text()).with_context(|| no_marks(path))?;
        std::fs::write(path, new).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Checks that the file has the marks, before measuring takes minutes.
pub(super) fn check(path: &Path) -> anyhow::Result<()> {
    between(&read(path)?, "").map(drop).with_context(|| no_marks(path))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn no_marks(path: &Path) -> String {
    format!("{} has no place for the table. Write {BEGIN} and {END} where it belongs", path.display())
}

fn between(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

fn cells(figure: Option<&Measurement>) -> String {
    let shown = |value: Option<f64>| value.map_or("-".into(), |v| rounded(v).to_string());
    let count = figure.map_or("-".into(), |f| f.count().to_string());
    format!("{} | {} | {count}", shown(figure.and_then(Measurement::median)), shown(figure.and_then(Measurement::p99)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let once = between(&format!("a\n{BEGIN}\n{END}\nb"), "| 1 |").expect("marks");
        let twice = between(&once, "| 2 |").expect("marks");
        assert_eq!(twice, format!("a\n{BEGIN}\n| 2 |\n{END}\nb"));
        assert_eq!(between("a file without marks", "| 1 |"), None);
    }
}
