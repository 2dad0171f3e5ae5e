//! Scenarios: calls that are written down. Who joins, with which devices, over which way to the server; what happens when;
//! and what must hold. `docs/support.md` has the format.
//!
//! [`read`] makes a [`Scenario`] of a TOML file, [`stage`] plays it in memory on a clock of its own, [`live`] in real time with
//! processes, and [`verdict`] compares what happened with what must hold. [`replay`] makes the scenario of a recorded call,
//! and [`order`] compares the two.

mod acts;
mod live;
mod order;
mod read;
mod replay;
mod schema;
mod stage;
#[cfg(test)]
mod tests;
mod verdict;
mod words;

pub(crate) use live::play_live;
pub(crate) use order::EventOrder;
pub(crate) use read::read_scenario;
pub(crate) use replay::scenario_of_call;
pub(crate) use schema::schema;
pub(crate) use stage::play;
pub(crate) use verdict::judge;

use crate::base::{DeviceKind, ExitReason, StepName};
use serde_json::Value;
use std::time::Duration;
use words::{Device, DeviceFault, StepWord};

/// The version of the format.
pub(crate) const VERSION: i64 = 1;

/// A scenario that makes sense: everybody who is named is in it.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// What it is called.
    pub(crate) title: String,
    /// How long it is played.
    lasts: Duration,
    people: Vec<PersonPlan>,
    /// In the order of their times.
    steps: Vec<Step>,
    expectations: Vec<Expectation>,
}

/// A participant.
#[derive(Clone, Debug)]
struct PersonPlan {
    /// The name in this scenario.
    name: String,
    /// The user id.
    user: String,
    /// When they join.
    joins: Duration,
    /// The devices that are on.
    devices: Vec<DeviceKind>,
    fault: DeviceFault,
    way: Way,
}

/// The way between a participant and the server.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// In one direction.
    delay: Duration,
    /// At most so much is added to the delay.
    jitter: Duration,
    /// The share of lost packets, from 0 to 100.
    loss_percent: f64,
}

/// Something that happens.
#[derive(Clone, Debug)]
struct Step {
    at: Duration,
    what: StepWord,
    /// The index of the participant, if it happens to one.
    who: Option<usize>,
    device: Device,
    /// After this time it is over.
    lasts: Option<Duration>,
}

/// What must hold for one participant.
#[derive(Clone, Debug)]
struct Expectation {
    who: usize,
    /// The line of the file, from 1.
    line: usize,
    /// Events in this order; others may come between them.
    events: Vec<Value>,
    /// Events that must not happen.
    never: Vec<String>,
    exit: Option<ExpectedExit>,
}

/// How a stay must end.
#[derive(Clone, Debug)]
struct ExpectedExit {
    reason: Option<ExitReason>,
    /// The longest time of the exit.
    within: Option<Duration>,
    /// Steps of the receipt that must be confirmed.
    confirmed: Vec<StepName>,
}

/// What happened to one participant.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    /// The name in the scenario.
    pub(crate) name: String,
    /// The events in their order as in an event file, with `at_ms` in place of the time and the process.
    pub(crate) lines: Vec<Value>,
}
