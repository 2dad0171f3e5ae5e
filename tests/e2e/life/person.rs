//! A participant whose events are compared with the system, and one who observes.

use super::facts::{Differences, Findings};
use super::host::{KEYS, ROOM, URL};
use crate::kit::{Events, Namespaces, Participant, Process, Pulse, Side, TestContext, proc};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long an event and the system may differ while a change is under way.
const CHANGES: Duration = Duration::from_secs(4);
/// How long others may be told something else, with a whole network: a silent server is given up after 15 s.
const TOLD: Duration = Duration::from_secs(30);
/// Tokens count in seconds: the next one is made after this time.
const NEW_TOKEN: Duration = Duration::from_secs(2);
/// How long a participant with a whole network may be without the others.
const RETURNS: Duration = Duration::from_secs(75);

/// A bot or a window on the far side of the link.
pub(super) struct Person {
    process: Process,
    pub(super) user: String,
    /// Whether it uses the sound server.
    has_sound: bool,
    lines: usize,
    /// Whether each device is said to be open.
    said: BTreeMap<String, bool>,
    is_connected: bool,
    /// When ExitRoom came.
    ended: Option<Instant>,
    /// The reasons for which the call may end although nobody here leaves.
    expected: BTreeSet<i64>,
    /// Whether it was removed, and must learn it.
    pub(super) is_removed: bool,
    stopped_until: Option<Instant>,
    devices: Differences,
    others: Differences,
}

impl Person {
    pub(super) fn entered(process: Process, has_sound: bool) -> Self {
        let enter = process.wait_for("EnterRoom");
        assert!(enter["error"].is_null(), "{} could not enter: {enter}", process.name());
        Self {
            user: enter["user"].as_str().expect("a user id").to_owned(),
            process,
            has_sound,
            lines: 0,
            said: BTreeMap::new(),
            is_connected: true,
            ended: None,
            expected: BTreeSet::new(),
            is_removed: false,
            stopped_until: None,
            devices: Differences::default(),
            others: Differences::default(),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.stopped_until.is_none() && self.ended.is_none()
    }

    /// Whether ExitRoom came.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether it may enter again: a token of the second of a removal is refused.
    pub(super) fn may_return(&self) -> bool {
        self.ended.is_some_and(|at| at.elapsed() >= NEW_TOKEN)
    }

    /// The call was ended for everyone: who is out already needs a token of a later second, too.
    pub(super) fn is_dismissed(&mut self) {
        self.ended = self.ended.map(|_| Instant::now());
    }

    /// The server may end the call for this reason.
    pub(super) fn may_end(&mut self, reason: i64) {
        self.expected.insert(reason);
    }

    /// SIGSTOP. Returns whether it ran.
    pub(super) fn stop(&mut self, until: Instant) -> bool {
        let was_running = self.is_running();
        if was_running {
            self.process.signal("STOP");
            self.stopped_until = Some(until);
        }
        was_running
    }

    pub(super) fn continue_if_due(&mut self, now: Instant) {
        if self.stopped_until.is_some_and(|until| until <= now) {
            self.continue_now();
        }
    }

    pub(super) fn continue_now(&mut self) {
        if self.stopped_until.take().is_some() {
            self.process.signal("CONT");
            self.disturbed();
        }
    }

    /// Its network or process has just become whole again.
    pub(super) fn disturbed(&mut self) {
        self.devices.clear();
        self.others.clear();
    }

    /// SIGKILL for its capture process. Returns whether there was one.
    pub(super) fn kill_capture(&self) -> bool {
        let capture = proc::capture_processes(self.process.pid()).into_iter().next();
        if let Some((pid, _)) = &capture {
            // It may end by itself meanwhile.
            let _status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        capture.is_some()
    }

    /// Reads its new events.
    pub(super) fn read(&mut self, findings: &mut Findings) {
        for event in new_events(&self.process, &mut self.lines) {
            let kind = event["kind"].as_str().unwrap_or_default().to_owned();
            match event["event"].as_str().unwrap_or_default() {
                "DeviceOpened" => {
                    self.said.insert(kind, true);
                }
                "DeviceClosed" | "DeviceFailed" => {
                    self.said.insert(kind, false);
                }
                "ConnectionLost" => self.is_connected = false,
                "ConnectionRecovery" => self.is_connected = true,
                "ExitRoom" => {
                    let reason = event["reason"].as_i64().unwrap_or(-1);
                    if !self.expected.contains(&reason) {
                        findings.found(&format!("{} left with {reason}", self.user));
                    }
                    self.ended = Some(Instant::now());
                }
                _ => {}
            }
        }
    }

    fn says(&self, kind: &str) -> bool {
        self.said.get(kind).copied().unwrap_or(false)
    }

    /// What is said to be open is open, and nothing else is.
    pub(super) fn compare_devices(&mut self, pulse: &Pulse, findings: &mut Findings) {
        if self.stopped_until.is_some() {
            return self.devices.clear();
        }
        let mut facts = vec![("camera", !proc::capture_processes(self.process.pid()).is_empty())];
        if self.has_sound {
            facts.push(("microphone", !pulse.microphone_users().is_empty()));
            facts.push(("speaker", !pulse.speaker_users().is_empty()));
        }
        for (kind, is_open) in facts {
            let says = self.says(kind);
            let what = format!("{}: {kind} open, event against system", self.user);
            let detail = format!("said {says}, is {is_open}");
            self.devices.check(&what, says != is_open, CHANGES, findings, &detail);
        }
    }

    /// The others are told what it says itself.
    pub(super) fn compare_others(&mut self, observer: &Observer, is_up: bool, findings: &mut Findings) {
        if !self.is_running() || !is_up {
            return self.others.clear();
        }
        let what = format!("{}: connected", self.user);
        self.others.check(&what, !self.is_connected, RETURNS, findings, "no ConnectionRecovery");
        let what = format!("{}: in the room for the others", self.user);
        self.others.check(&what, !observer.present.contains(&self.user), RETURNS, findings, "absent");
        let what = format!("{}: in the call although removed", self.user);
        self.others.check(&what, self.is_removed, RETURNS, findings, "no ExitRoom");
        for kind in ["camera", "microphone"] {
            let (says, seen) = (self.says(kind), observer.sees(&self.user, kind));
            let what = format!("{}: {kind} for the others", self.user);
            self.others.check(&what, says != seen, TOLD, findings, &format!("said {says}, seen {seen}"));
        }
    }

    /// Leaves in good order.
    pub(super) fn leave(&mut self, findings: &mut Findings) {
        let pid = self.process.pid();
        self.process.signal("TERM");
        let exit = self.process.wait_for("ExitRoom");
        if exit["reason"] != 0 {
            findings.found(&format!("{} left with {}", self.user, exit["reason"]));
        }
        self.process.wait_exit_code(0);
        assert!(proc::capture_processes(pid).is_empty());
    }
}

/// Somebody whose machine and network are well all the time.
pub(super) struct Observer {
    process: Process,
    lines: usize,
    ended: Option<Instant>,
    /// Whether the server may end its call.
    pub(super) may_end: bool,
    pub(super) present: BTreeSet<String>,
    /// The tracks that send, by user and source.
    sending: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Observer {
    pub(super) fn start(context: &TestContext, namespaces: &Namespaces) -> Self {
        let mut command = Participant::bot_command(context, URL, ROOM, "observer");
        command.args(["--camera", "none", "--microphone", "none"]).envs(KEYS);
        let process = Process::start(context, "observer", &mut namespaces.inside(Side::Server, &command));
        process.wait_for("EnterRoom");
        let (present, sending) = (BTreeSet::new(), BTreeMap::new());
        Self { process, lines: 0, ended: None, may_end: false, present, sending }
    }

    /// Whether its call has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether it may enter again.
    pub(super) fn may_return(&self) -> bool {
        self.ended.is_some_and(|at| at.elapsed() >= NEW_TOKEN)
    }

    /// The call was ended for everyone.
    pub(super) fn is_dismissed(&mut self) {
        self.may_end = true;
        self.ended = self.ended.map(|_| Instant::now());
    }

    pub(super) fn read(&mut self) {
        for event in new_events(&self.process, &mut self.lines) {
            let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
            let (user, source, track) = (text("remote_user"), text("source"), text("track"));
            match event["event"].as_str().unwrap_or_default() {
                "RemoteUserEnterRoom" => {
                    self.present.insert(user);
                }
                "RemoteUserLeaveRoom" => {
                    self.present.remove(&user);
                    self.sending.retain(|(other, _), _| *other != user);
                }
                "UserVideoAvailable" | "UserAudioAvailable" => {
                    let tracks = self.sending.entry((user, source)).or_default();
                    if event["available"] == true {
                        tracks.insert(track);
                    } else {
                        tracks.remove(&track);
                    }
                }
                "ExitRoom" => {
                    assert!(self.may_end, "the observer is out: {event}");
                    self.ended = Some(Instant::now());
                }
                _ => {}
            }
        }
    }

    fn sees(&self, user: &str, source: &str) -> bool {
        self.sending.get(&(user.to_owned(), source.to_owned())).is_some_and(|tracks| !tracks.is_empty())
    }

    pub(super) fn leave(&mut self) {
        self.process.signal("TERM");
        self.process.wait_exit_code(0);
    }
}

/// The events of a process from line `from` on, which moves on.
fn new_events(process: &Process, from: &mut usize) -> Vec<Value> {
    let lines = process.lines_from(*from);
    *from += lines.len();
    lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
