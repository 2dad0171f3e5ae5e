//! Reads a scenario. Errors name the line and the column, and say what to write.

use super::words::{Device, DeviceFault, EVENTS, Reason, ReceiptWord, StepWord};
use super::{Expectation, ExpectedExit, PersonPlan, Scenario, Step, VERSION, Way};
use crate::base::{DeviceKind, UserId};
use serde::Deserialize;
use serde_json::Value;
use std::fmt::Write;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

/// The longest time in a scenario.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Participants, steps and expectations at most.
const MOST: usize = 200;

/// What is wrong with a scenario, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub(crate) struct ScenarioError {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<i64>,
    title: String,
    #[serde(rename = "about")]
    _about: Option<String>,
    lasts: Spanned<String>,
    person: Vec<Spanned<Person>>,
    #[serde(default)]
    step: Vec<Spanned<RawStep>>,
    #[serde(default)]
    expect: Vec<Spanned<Expect>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    name: Spanned<String>,
    user: Option<Spanned<String>>,
    joins: Option<Spanned<String>>,
    camera: Option<bool>,
    microphone: Option<bool>,
    devices: Option<Spanned<String>>,
    #[serde(default)]
    link: Link,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    delay: Option<Spanned<String>>,
    jitter: Option<Spanned<String>>,
    loss_percent: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    at: Spanned<String>,
    #[serde(rename = "do")]
    what: Spanned<String>,
    who: Option<Spanned<String>>,
    device: Option<Spanned<String>>,
    #[serde(rename = "for")]
    lasts: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    who: Spanned<String>,
    #[serde(default)]
    events: Vec<Spanned<toml::Table>>,
    #[serde(default)]
    never: Vec<Spanned<String>>,
    exit: Option<Exit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exit {
    reason: Option<Spanned<String>>,
    within: Option<Spanned<String>>,
    #[serde(default)]
    confirmed: Vec<Spanned<String>>,
}

/// The text of a scenario, for the places of errors.
struct Reader<'a> {
    text: &'a str,
}

/// Reads a scenario from the text of its file.
pub(crate) fn read_scenario(text: &str) -> Result<Scenario, ScenarioError> {
    let reader = Reader { text };
    let file: File = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        reader.error(&span, error.message().to_owned())
    })?;
    reader.scenario(file)
}

impl Reader<'_> {
    fn error(&self, span: &Range<usize>, what: String) -> ScenarioError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before[line_start..].chars().count() + 1;
        ScenarioError { line: self.line(span), column, what }
    }

    fn line(&self, span: &Range<usize>) -> usize {
        self.text.get(..span.start).unwrap_or(self.text).matches('\n').count() + 1
    }

    fn scenario(&self, file: File) -> Result<Scenario, ScenarioError> {
        if *file.version.get_ref() != VERSION {
            let found = file.version.get_ref();
            let what = format!("the format is {found}, and this program reads {VERSION}. Write version = {VERSION}");
            return Err(self.error(&file.version.span(), what));
        }
        let too_many = [file.person.len(), file.step.len(), file.expect.len()].into_iter().any(|count| count > MOST);
        if too_many || file.person.is_empty() {
            let what = format!("write 1 to {MOST} [[person]] tables, and up to {MOST} [[step]] and [[expect]] tables");
            return Err(self.error(&(0..0), what));
        }
        let lasts = self.time(&file.lasts)?;
        let mut people: Vec<PersonPlan> = Vec::new();
        for person in file.person {
            let person = self.person(person.into_inner(), &people)?;
            people.push(person);
        }
        let mut steps = Vec::new();
        for step in file.step {
            steps.push(self.step(step, &people, lasts)?);
        }
        steps.sort_by_key(|step| step.at);
        let expectations = file.expect.into_iter().map(|expect| self.expectation(expect, &people));
        let expectations = expectations.collect::<Result<_, _>>()?;
        Ok(Scenario { title: file.title, lasts, people, steps, expectations })
    }

    fn person(&self, raw: Person, others: &[PersonPlan]) -> Result<PersonPlan, ScenarioError> {
        let name = raw.name.get_ref().clone();
        if others.iter().any(|other| other.name == name) {
            let what = format!("there are two of the name {name}. Name them apart; the same user has the same `user`");
            return Err(self.error(&raw.name.span(), what));
        }
        let user = raw.user.unwrap_or_else(|| raw.name.clone());
        user.get_ref().parse::<UserId>().map_err(|error| self.error(&user.span(), format!("no user id: {error}")))?;
        let devices = [(DeviceKind::Camera, raw.camera), (DeviceKind::Microphone, raw.microphone)];
        let devices = devices.into_iter().filter(|(_, on)| on.unwrap_or(true)).map(|(kind, _)| kind).collect();
        let fault = match &raw.devices {
            Some(word) => self.word(word, "a behaviour of devices", DeviceFault::ALL)?,
            None => DeviceFault::None,
        };
        let time = |time: &Option<Spanned<String>>| time.as_ref().map_or(Ok(Duration::ZERO), |time| self.time(time));
        let loss_percent = raw.link.loss_percent.as_ref().map_or(0.0, |loss| *loss.get_ref());
        if !(0.0..=100.0).contains(&loss_percent) {
            let span = raw.link.loss_percent.as_ref().map_or(0..0, Spanned::span);
            return Err(self.error(&span, "write a share of packets from 0 to 100".to_owned()));
        }
        let way = Way { delay: time(&raw.link.delay)?, jitter: time(&raw.link.jitter)?, loss_percent };
        Ok(PersonPlan { name, user: user.into_inner(), joins: time(&raw.joins)?, devices, fault, way })
    }

    fn step(&self, raw: Spanned<RawStep>, people: &[PersonPlan], end: Duration) -> Result<Step, ScenarioError> {
        let span = raw.span();
        let raw = raw.into_inner();
        let what = self.word(&raw.what, "a step", StepWord::ALL)?;
        let word = raw.what.get_ref();
        let at = self.time(&raw.at)?;
        if at > end {
            return Err(self.error(&raw.at.span(), "the scenario is over by then. Write a longer `lasts`".to_owned()));
        }
        let who = raw.who.as_ref().map(|who| self.who(who, people)).transpose()?;
        let missing = |field: &str| self.error(&span, format!("the step {word} needs `{field}`"));
        let needless = |field: &str, at: Range<usize>| self.error(&at, format!("the step {word} takes no `{field}`"));
        let device = match &raw.device {
            Some(device) if !what.needs_device() => return Err(needless("device", device.span())),
            Some(device) => self.word(device, "a device", Device::ALL)?,
            None if what.needs_device() => return Err(missing("device")),
            None => Device::Camera,
        };
        match &raw.who {
            Some(who) if !what.needs_who() => return Err(needless("who", who.span())),
            None if what.needs_who() => return Err(missing("who")),
            _ => {}
        }
        if let Some(lasts) = raw.lasts.as_ref().filter(|_| !what.may_last()) {
            return Err(needless("for", lasts.span()));
        }
        let lasts = raw.lasts.as_ref().map(|lasts| self.time(lasts)).transpose()?;
        Ok(Step { at, what, who, device, lasts })
    }

    fn expectation(&self, raw: Spanned<Expect>, people: &[PersonPlan]) -> Result<Expectation, ScenarioError> {
        let raw = raw.into_inner();
        let line = self.line(&raw.who.span());
        let events = raw.events.into_iter().map(|event| self.event(event)).collect::<Result<_, _>>()?;
        for never in &raw.never {
            self.event_name(never.get_ref(), &never.span())?;
        }
        let exit = raw.exit.map(|exit| self.exit(&exit)).transpose()?;
        let never = raw.never.into_iter().map(Spanned::into_inner).collect();
        Ok(Expectation { who: self.who(&raw.who, people)?, line, events, never, exit })
    }

    fn event(&self, event: Spanned<toml::Table>) -> Result<Value, ScenarioError> {
        let span = event.span();
        let no_name = || self.error(&span, "an expected event needs its name: { event = \"EnterRoom\" }".to_owned());
        let name = event.get_ref().get("event").and_then(toml::Value::as_str).ok_or_else(no_name)?;
        self.event_name(name, &span)?;
        serde_json::to_value(event.get_ref()).map_err(|error| self.error(&span, error.to_string()))
    }

    fn event_name(&self, name: &str, span: &Range<usize>) -> Result<(), ScenarioError> {
        if EVENTS.contains(&name) {
            return Ok(());
        }
        let what = format!("no event of a scenario is called {name}. There are {}", EVENTS.join(", "));
        Err(self.error(span, what))
    }

    fn exit(&self, raw: &Exit) -> Result<ExpectedExit, ScenarioError> {
        let reason = raw.reason.as_ref().map(|word| self.word(word, "a reason", Reason::ALL)).transpose()?;
        let within = raw.within.as_ref().map(|time| self.time(time)).transpose()?;
        let confirmed = raw.confirmed.iter().map(|word| self.word(word, "a step of the receipt", ReceiptWord::ALL));
        let confirmed = confirmed.map(|word| word.map(ReceiptWord::step)).collect::<Result<_, _>>()?;
        Ok(ExpectedExit { reason: reason.map(Reason::reason), within, confirmed })
    }

    /// The participant of this name.
    fn who(&self, name: &Spanned<String>, people: &[PersonPlan]) -> Result<usize, ScenarioError> {
        people.iter().position(|person| person.name == *name.get_ref()).ok_or_else(|| {
            let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
            self.error(&name.span(), format!("nobody is called {}. There are {}", name.get_ref(), names.join(", ")))
        })
    }

    fn word<T: Copy>(&self, word: &Spanned<String>, what: &str, all: &[(T, &str, &str)]) -> Result<T, ScenarioError> {
        let found = all.iter().find(|(_, own, _)| *own == word.get_ref()).map(|(one, _, _)| *one);
        found.ok_or_else(|| {
            let words: Vec<&str> = all.iter().map(|(_, word, _)| *word).collect();
            let mut text = format!("{:?} is not {what}. ", word.get_ref());
            // Writing to a string does not fail.
            write!(text, "Write one of {}", words.join(", ")).ok();
            self.error(&word.span(), text)
        })
    }

    fn time(&self, time: &Spanned<String>) -> Result<Duration, ScenarioError> {
        let found = humantime::parse_duration(time.get_ref()).ok().filter(|time| *time <= LONGEST);
        found.ok_or_else(|| {
            let what = format!("{:?} is no time up to a day. Write it as 250ms, 3s or 1m 30s", time.get_ref());
            self.error(&time.span(), what)
        })
    }
}
