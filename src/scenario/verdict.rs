//! Compares what happened with what must hold.

use super::{Expectation, ExpectedExit, Played, Scenario};
use crate::base::ExitReason;
use serde_json::{Value, json};
use std::fmt::Write;

/// What did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    failures: Vec<Failure>,
}

/// One thing that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    /// The line of the expectation.
    line: usize,
    /// The participant.
    who: String,
    what: String,
}

/// Judges what was played.
pub(crate) fn judge(scenario: &Scenario, played: &[Played]) -> Verdict {
    let mut failures = Vec::new();
    for expected in &scenario.expectations {
        let person = &played[expected.who];
        failures.extend(wrong(expected, person).into_iter().map(|what| Failure {
            line: expected.line,
            who: person.name.clone(),
            what,
        }));
    }
    Verdict { failures }
}

/// What of an expectation does not hold.
fn wrong(expected: &Expectation, person: &Played) -> Vec<String> {
    let mut wrong = Vec::new();
    let lines = &person.lines;
    let mut rest = lines.iter();
    for event in &expected.events {
        if !rest.any(|line| holds(event, line)) {
            let is_anywhere = lines.iter().any(|line| holds(event, line));
            let how = if is_anywhere { "happened, but not in this order" } else { "did not happen" };
            wrong.push(format!("{} {how}", shown(event)));
            break;
        }
    }
    for never in &expected.never {
        if let Some(line) = lines.iter().find(|line| line["event"] == never.as_str()) {
            wrong.push(format!("{never} happened, after {} ms", line["at_ms"]));
        }
    }
    if let Some(exit) = &expected.exit {
        wrong.extend(wrong_exit(exit, person));
    }
    wrong
}

/// Whether a line has the name and the fields of an expected event.
fn holds(expected: &Value, line: &Value) -> bool {
    match expected {
        Value::Object(fields) => fields.iter().all(|(field, value)| same(value, &line[field])),
        _ => false,
    }
}

fn same(expected: &Value, found: &Value) -> bool {
    match (expected.as_f64(), found.as_f64()) {
        (Some(expected), Some(found)) => expected == found,
        _ => expected == found,
    }
}

/// An expected event in one line: `ExitRoom, reason 1`.
fn shown(expected: &Value) -> String {
    let mut text = expected["event"].as_str().unwrap_or_default().to_owned();
    for (field, value) in expected.as_object().into_iter().flatten().filter(|(field, _)| *field != "event") {
        // Writing to a string does not fail.
        write!(text, ", {field} {value}").ok();
    }
    text
}

fn wrong_exit(expected: &ExpectedExit, person: &Played) -> Vec<String> {
    let Some(exit) = person.lines.iter().find(|line| line["event"] == "ExitRoom") else {
        return vec!["there is no ExitRoom".to_owned()];
    };
    let code = exit["reason"].as_u64().and_then(|code| u16::try_from(code).ok());
    let (reason, total_ms) = (code.and_then(ExitReason::from_code), exit["total_ms"].as_f64().unwrap_or_default());
    let mut wrong = Vec::new();
    if let Some(expected) = expected.reason.filter(|expected| Some(*expected) != reason) {
        let found = reason.map_or_else(|| "unknown".to_owned(), |reason| reason.to_string());
        wrong.push(format!("the reason of the exit is {found}, not {expected}"));
    }
    if let Some(within) = expected.within.filter(|within| total_ms > within.as_secs_f64() * 1000.0) {
        wrong.push(format!("the exit took {total_ms:.0} ms, over {} ms", within.as_millis()));
    }
    for name in expected.confirmed.iter().map(|name| json!(name)) {
        let step = exit["receipt"].as_array().into_iter().flatten().find(|step| step["step"] == name);
        let state = step.map_or(&Value::Null, |step| &step["state"]);
        if state != "confirmed" {
            let words = |value: &Value| value.as_str().unwrap_or("missing").to_owned();
            wrong.push(format!("{} is {}", words(&name), words(state)));
        }
    }
    wrong
}

impl Verdict {
    /// Whether everything held.
    pub(crate) fn is_met(&self) -> bool {
        self.failures.is_empty()
    }

    /// Each failure in a line.
    pub(crate) fn text(&self) -> String {
        let line = |failure: &Failure| format!("line {}: {}: {}\n", failure.line, failure.who, failure.what);
        self.failures.iter().map(line).collect()
    }

    /// The verdict with everything that happened.
    pub(crate) fn json(&self, title: &str, played: &[Played]) -> Value {
        let failure = |f: &Failure| json!({ "line": f.line, "who": f.who, "what": f.what });
        json!({
            "title": title,
            "met": self.is_met(),
            "failures": self.failures.iter().map(failure).collect::<Vec<_>>(),
            "people": played.iter().map(|p| json!({ "name": p.name, "events": p.lines })).collect::<Vec<_>>(),
        })
    }
}
