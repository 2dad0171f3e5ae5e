//! The events that a participant prints with `--events -`, and waiting for them.

use super::{Process, TIMEOUT};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads the events of a process that was started with `--events -`.
pub(crate) trait Events {
    /// The process that prints them.
    fn process(&self) -> &Process;

    /// All events so far.
    fn events(&self) -> Vec<Value> {
        parse(&self.process().stdout())
    }

    /// Waits for an event of this name.
    #[track_caller]
    fn wait_for(&self, name: &str) -> Value {
        self.wait_for_where(name, |_| true)
    }

    /// Waits for an event of this name that concerns `user`.
    #[track_caller]
    fn wait_for_user(&self, name: &str, user: &str) -> Value {
        self.wait_for_where(name, |e| e["remote_user"] == user)
    }

    /// Waits for an event of this name that `fits`.
    #[track_caller]
    fn wait_for_where(&self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.wait_for_within(TIMEOUT, name, fits)
    }

    /// The same with a limit of its own.
    #[track_caller]
    fn wait_for_within(&self, limit: Duration, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let find = |lines: &[String]| parse(lines).into_iter().find(|e| e["event"] == name && fits(e));
        self.process().wait_for_line(&format!("the event {name}"), limit, find)
    }

    /// The events of this name so far.
    fn all(&self, name: &str) -> Vec<Value> {
        self.events().into_iter().filter(|e| e["event"] == name).collect()
    }

    /// The index of the first event that `fits`.
    #[track_caller]
    fn place(&self, what: &str, fits: impl Fn(&Value) -> bool) -> usize {
        let events = self.events();
        let names = || events.iter().map(|e| e["event"].to_string()).collect::<Vec<_>>().join(" ");
        events.iter().position(&fits).unwrap_or_else(|| panic!("{what} is not among {}", names()))
    }
}

impl Events for Process {
    fn process(&self) -> &Process {
        self
    }
}

/// Skips lines that are not events, such as a ready line.
fn parse(lines: &[String]) -> Vec<Value> {
    let events = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|e| e["event"].is_string()).collect()
}

/// The unix time of an event in ms.
pub(crate) fn at(event: &Value) -> f64 {
    event["unix_ms"].as_f64().expect("unix_ms")
}

/// A step of the receipt of an ExitRoom event; `None` if it has no such step.
pub(crate) fn step<'a>(exit: &'a Value, name: &str) -> Option<&'a Value> {
    exit["receipt"].as_array()?.iter().find(|step| step["step"] == name)
}

/// Whether a step of the receipt was confirmed.
pub(crate) fn is_confirmed(exit: &Value, name: &str) -> bool {
    step(exit, name).is_some_and(|step| step["state"] == "confirmed")
}

/// Now, as events tell the time.
pub(crate) fn unix_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64() * 1000.0
}
