//! From a recorded call to the scenario of what that person met.
//!
//! A journal has the view of one person. Others join, leave and turn devices on and off when that person saw it; an outage
//! is a cut of the person's network, whatever its cause was; the server's words (a removal, a dismissal, a stop) come when
//! they came.

use super::VERSION;
use crate::base::ExitReason;
use serde_json::Value;
use std::fmt::{self, Write};

/// Whoever was in the room before has joined by then, in ms.
const LEAD: u64 = 2000;
/// The network is there again so long before the connection was, in ms: the attempt that succeeds begins by then.
const BEFORE_RECOVERY: u64 = 400;
/// Somebody whose connection timed out was gone so long before others saw it, in ms.
const TIMED_OUT: u64 = 5500;
/// Whoever comes again comes so long after they were gone, in ms.
const BEFORE_RETURN: u64 = 100;
/// A device is on or off for so long at least, in ms: what changes faster is seen as one change.
const STAYS: u64 = 1000;
/// A device that is on when somebody joins is told by then, in ms after the entry.
const OPEN_BY: u64 = 3000;
/// The scenario goes on for so long after the last event, in ms.
const AFTERWARDS: u64 = 30_000;
/// The longest recorded call that is replayed, in ms: an hour less than scenarios may last.
const LONGEST: u64 = 23 * 3_600_000;
/// The longest delay of a way that is replayed, in ms.
const LONGEST_DELAY: f64 = 2000.0;
/// The largest share of lost packets that is replayed: with more of them, nothing would arrive on the stage.
const MOST_LOST: f64 = 20.0;
/// Steps and people at most.
const MOST: usize = 200;
/// The index of the recorded person.
const YOU: usize = 0;

/// Why no scenario can be made of a recorded call.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReplayError {
    /// It has no events.
    #[error("the call has no events. Choose another one with --call")]
    NoEvents,
    /// It is longer than a scenario may be.
    #[error("the call is longer than 23 hours, which no scenario can be")]
    TooLong,
    /// More happened than a scenario may have.
    #[error("more than {MOST} people came or {MOST} things happened, which is too much for a scenario")]
    TooMuch,
}

/// A text of a journal; an empty one if it is missing.
pub(super) fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn at_ms(entry: &Value) -> u64 {
    entry["at_ms"].as_u64().unwrap_or_default()
}

/// Somebody in the scenario that is made.
struct Actor {
    name: String,
    user: String,
    /// In ms of the scenario.
    joins: u64,
    camera: bool,
    microphone: bool,
    is_there: bool,
}

/// Something that happens in it.
struct Act {
    /// In ms of the scenario.
    at: u64,
    what: &'static str,
    /// The index of an actor.
    who: Option<usize>,
    device: Option<String>,
}

/// The scenario that is made.
struct Story {
    people: Vec<Actor>,
    acts: Vec<Act>,
    /// The way of the recorded person.
    delay_ms: u64,
    loss_percent: f64,
    /// When the recorded person entered, in ms of the call.
    entered: u64,
    /// When the exit began.
    leaves: u64,
    /// Since when the network is cut.
    cut: Option<u64>,
    /// A device is not there.
    is_unplugged: bool,
    /// Devices that have been open.
    opened: Vec<String>,
    /// The devices report nothing.
    hangs: bool,
    /// The device that a host has turned off, whose closing follows.
    withheld: Option<String>,
    end: Option<Value>,
}

/// The text of the scenario of a call in a bundle.
pub(crate) fn scenario_of_call(call: &Value) -> Result<String, ReplayError> {
    let mut entries: Vec<&Value> = call["entries"].as_array().into_iter().flatten().collect();
    entries.retain(|entry| entry["event"].is_string() && entry["event"] != "Log" && entry["at_ms"].is_u64());
    entries.sort_by_key(|entry| at_ms(entry));
    let last = entries.last().map(|entry| at_ms(entry)).ok_or(ReplayError::NoEvents)?;
    if last > LONGEST {
        return Err(ReplayError::TooLong);
    }
    let mut story = Story::of_person(call, &entries);
    for entry in &entries {
        story.follow(entry);
    }
    if story.people.len() > MOST || story.acts.len() > MOST {
        return Err(ReplayError::TooMuch);
    }
    let mut text = String::new();
    // Writing to a string does not fail.
    story.write(&mut text, LEAD + last + AFTERWARDS).ok();
    Ok(text)
}

/// When the network was there again that was lost at `lost`, if the connection was at `at`.
fn back(lost: u64, at: u64) -> u64 {
    at.saturating_sub(BEFORE_RECOVERY).max(lost + at.saturating_sub(lost) / 2)
}

/// The middle of a figure of all statistics.
fn middle(entries: &[&Value], figure: impl Fn(&Value) -> Option<f64>) -> f64 {
    let statistics = entries.iter().filter(|entry| entry["event"] == "Statistics");
    let mut figures: Vec<f64> = statistics.filter_map(|entry| figure(entry)).filter(|one| *one >= 0.0).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

impl Story {
    /// The recorded person, and when they came and left.
    fn of_person(call: &Value, entries: &[&Value]) -> Self {
        let find = |name: &str| entries.iter().copied().find(|entry| entry["event"] == name);
        let enter = find("EnterRoom");
        let entered = enter.map_or(0, at_ms);
        let took = enter.and_then(|entry| entry["result_ms"].as_f64()).unwrap_or_default() as u64;
        let began =
            |exit: &Value| at_ms(exit).saturating_sub(exit["total_ms"].as_f64().unwrap_or_default().ceil() as u64);
        let leaves = find("ExitRequested").map(at_ms).or_else(|| find("ExitRoom").map(began)).unwrap_or(u64::MAX);
        let told = |kind: &str| {
            let of_kind = |entry: &&Value| word(&entry["event"]).starts_with("Device") && entry["kind"] == kind;
            entries.iter().copied().find(of_kind)
        };
        let opens = |kind: &str| told(kind).is_some_and(|entry| at_ms(entry) <= entered + OPEN_BY);
        let first = |kind: &str| told(kind).map_or_else(String::new, |entry| word(&entry["event"]));
        let lost = middle(entries, |entry| entry["sent_lost_percent"].as_f64())
            .max(middle(entries, |entry| entry["received_lost_percent"].as_f64()));
        let you = Actor {
            name: "you".to_owned(),
            user: call["user"].as_str().unwrap_or("you").to_owned(),
            joins: (LEAD + entered).saturating_sub(took),
            camera: opens("camera"),
            microphone: opens("microphone"),
            is_there: true,
        };
        Self {
            people: vec![you],
            acts: Vec::new(),
            delay_ms: (middle(entries, |entry| entry["rtt_ms"].as_f64()) / 2.0).min(LONGEST_DELAY) as u64,
            loss_percent: lost.min(MOST_LOST),
            entered,
            leaves,
            cut: None,
            is_unplugged: false,
            opened: Vec::new(),
            hangs: ["camera", "microphone"].into_iter().any(|kind| first(kind) == "DeviceClosed"),
            withheld: None,
            end: None,
        }
    }

    fn act(&mut self, at: u64, what: &'static str, who: Option<usize>, device: Option<String>) {
        self.acts.push(Act { at: LEAD + at, what, who, device });
    }

    /// The newest stay of a user who is there.
    fn actor(&self, user: &str) -> Option<usize> {
        self.people.iter().rposition(|actor| actor.user == user && actor.is_there).filter(|who| *who != YOU)
    }

    /// Takes an entry of the journal.
    fn follow(&mut self, entry: &Value) {
        let at = at_ms(entry);
        let name = word(&entry["event"]);
        match name.as_str() {
            "RemoteUserEnterRoom" => self.comes(&word(&entry["remote_user"]), at),
            "RemoteUserLeaveRoom" => self.goes(&word(&entry["remote_user"]), at, entry["reason"].as_u64()),
            "UserVideoAvailable" | "UserAudioAvailable" | "UserSubStreamAvailable" => self.sends(entry, at),
            "ConnectionLost" if self.cut.is_none() => {
                self.cut = Some(at);
                self.act(at, "cut", Some(YOU), None);
            }
            "ConnectionRecovery" => {
                if let Some(lost) = self.cut.take() {
                    self.act(back(lost, at), "restore", Some(YOU), None);
                }
            }
            "ExitRequested" => self.act(at, "leave", Some(YOU), None),
            "ExitRoom" => self.ends(entry),
            _ if at < self.leaves => self.device(&name, entry, at),
            _ => {}
        }
    }

    fn comes(&mut self, user: &str, at: u64) {
        let stays = self.people.iter().filter(|actor| actor.user == user).count();
        let name = if stays == 0 { user.to_owned() } else { format!("{user} again {stays}") };
        let gone = |act: &&Act| act.who.is_some_and(|who| self.people[who].user == user) && act.device.is_none();
        let gone = self.acts.iter().rev().find(gone).map_or(0, |act| act.at + BEFORE_RETURN);
        // Whoever is seen with the entry was there before.
        let joins = if at <= self.entered { 0 } else { gone.max(LEAD + at) };
        let user = user.to_owned();
        self.people.push(Actor { name, user, joins, camera: false, microphone: false, is_there: true });
    }

    fn goes(&mut self, user: &str, at: u64, reason: Option<u64>) {
        let Some(who) = self.actor(user) else { return };
        self.people[who].is_there = false;
        match reason {
            Some(1) => {
                let at = (LEAD + at).saturating_sub(TIMED_OUT).max(self.people[who].joins + BEFORE_RETURN);
                self.acts.push(Act { at, what: "kill", who: Some(who), device: None });
            }
            Some(2) => self.act(at, "kick", Some(who), None),
            _ => self.act(at, "leave", Some(who), None),
        }
    }

    /// A device of somebody else is turned on or off.
    fn sends(&mut self, entry: &Value, at: u64) {
        let Some(who) = self.actor(&word(&entry["remote_user"])) else { return };
        let (device, on) = (word(&entry["source"]), entry["available"] == true);
        let before = self.acts.iter().rev().find(|act| act.who == Some(who) && act.device.as_ref() == Some(&device));
        let (is_first, since) = (before.is_none(), before.map_or(0, |act| act.at + STAYS));
        let actor = &mut self.people[who];
        let joins_with = match device.as_str() {
            "camera" => &mut actor.camera,
            "microphone" => &mut actor.microphone,
            "screen" => &mut true,
            _ => return,
        };
        if on && is_first && !*joins_with {
            *joins_with = true;
            return;
        }
        let (at, what) = (since.max(LEAD + at), if on { "turn_on" } else { "turn_off" });
        self.acts.push(Act { at, what, who: Some(who), device: Some(device) });
    }

    /// Something happens to a device of the recorded person.
    fn device(&mut self, event: &str, entry: &Value, at: u64) {
        let kind = word(&entry["kind"]);
        if !matches!(kind.as_str(), "camera" | "microphone" | "screen") {
            return;
        }
        if event == "DeviceOpened" && !self.opened.contains(&kind) {
            self.opened.push(kind.clone());
        }
        let seen = self.acts.iter().rev().find(|act| act.who == Some(YOU) && act.device.as_ref() == Some(&kind));
        let before = seen.map(|act| act.what);
        match event {
            "DeviceWithheld" if entry["reason"] == "host" => {
                self.withheld = Some(kind.clone());
                self.act(at, "mute", Some(YOU), Some(kind));
            }
            "DeviceClosed" if self.withheld.take().as_ref() != Some(&kind) => {
                self.act(at, "turn_off", Some(YOU), Some(kind));
            }
            "DeviceFailed" if !(self.is_unplugged && before == Some("unplug")) => {
                self.is_unplugged = true;
                // One that was never open was not there from the beginning.
                let at = if self.opened.contains(&kind) { LEAD + at } else { self.people[YOU].joins };
                self.acts.push(Act { at, what: "unplug", who: Some(YOU), device: Some(kind) });
            }
            "DeviceOpened" if self.is_unplugged && before == Some("unplug") => {
                self.is_unplugged = false;
                self.act(at.saturating_sub(BEFORE_RECOVERY), "plug", Some(YOU), None);
            }
            "DeviceOpened" if matches!(before, Some("turn_off" | "mute")) || kind == "screen" => {
                self.act(at, "turn_on", Some(YOU), Some(kind));
            }
            _ => {}
        }
    }

    /// The stay is over: what the server said, if the person did not leave.
    fn ends(&mut self, exit: &Value) {
        let reason = exit["reason"].as_u64().and_then(|code| u16::try_from(code).ok()).and_then(ExitReason::from_code);
        self.end = Some(exit.clone());
        let told = self.leaves.min(at_ms(exit));
        // Whoever is told after an outage was told when the network was there again; it was decided before.
        let at = match (reason, self.cut) {
            (Some(ExitReason::Left | ExitReason::ConnectionLost) | None, _) | (_, None) => told,
            (Some(_), Some(lost)) => {
                self.act(back(lost, told), "restore", Some(YOU), None);
                lost + back(lost, told).saturating_sub(lost) / 2
            }
        };
        match reason {
            Some(ExitReason::Kicked) => self.act(at, "kick", Some(YOU), None),
            Some(ExitReason::Dismissed) => self.act(at, "dismiss", None, None),
            Some(ExitReason::ServerStopped) => self.act(at, "stop_server", None, None),
            Some(ExitReason::JoinedElsewhere) => {
                let (name, user) = ("you elsewhere".to_owned(), self.people[YOU].user.clone());
                let joins = LEAD + at;
                self.people.push(Actor { name, user, joins, camera: true, microphone: true, is_there: false });
            }
            // The server was not to be reached; its other reasons are not played.
            Some(ExitReason::EntryFailed) => {
                self.acts.push(Act { at: 0, what: "kill_server", who: None, device: None });
            }
            Some(ExitReason::Left | ExitReason::ConnectionLost) | None => {}
        }
    }

    fn write(&self, out: &mut String, lasts: u64) -> fmt::Result {
        writeln!(out, "version = {VERSION}\ntitle = \"A recorded call\"\nlasts = \"{lasts}ms\"")?;
        for (who, actor) in self.people.iter().enumerate() {
            writeln!(out, "\n[[person]]\nname = {}\nuser = {}", quoted(&actor.name), quoted(&actor.user))?;
            writeln!(out, "joins = \"{}ms\"", actor.joins)?;
            writeln!(out, "camera = {}\nmicrophone = {}", actor.camera, actor.microphone)?;
            if who == YOU && self.hangs {
                writeln!(out, "devices = \"hangs\"")?;
            }
            if who == YOU {
                let (delay_ms, loss_percent) = (self.delay_ms, self.loss_percent);
                writeln!(out, "link = {{ delay = \"{delay_ms}ms\", loss_percent = {loss_percent:.1} }}")?;
            }
        }
        let mut acts: Vec<&Act> = self.acts.iter().collect();
        acts.sort_by_key(|act| act.at);
        for act in acts {
            writeln!(out, "\n[[step]]\nat = \"{}ms\"\ndo = \"{}\"", act.at, act.what)?;
            if let Some(who) = act.who {
                writeln!(out, "who = {}", quoted(&self.people[who].name))?;
            }
            if let Some(device) = &act.device {
                writeln!(out, "device = {}", quoted(device))?;
            }
        }
        if let Some(exit) = &self.end {
            let reason = exit["reason"].as_u64().unwrap_or_default();
            writeln!(out, "\n[[expect]]\nwho = \"you\"\nevents = [{{ event = \"ExitRoom\", reason = {reason} }}]")?;
        }
        Ok(())
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
