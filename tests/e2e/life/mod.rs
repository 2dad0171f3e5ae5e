//! Life with real processes: they are stopped and continued, the link goes down and up, microphones come and go, capture
//! processes are killed, a host takes and gives rights and mutes. Once a second the events are compared with the system:
//! a device that is said to be open has its capture process or its stream, one that is said to be closed has none, and the
//! others are told the same.
//!
//! `VISAVIS_LIFE=30m` lives longer, `VISAVIS_LIFE_SEED` differently.

mod facts;
mod host;
mod person;

use crate::kit::program::Place;
use crate::kit::{Display, Namespaces, Participant, Process, Pulse, Side, TIMEOUT, TestContext, Visavis, wait_until};
use facts::Findings;
use host::{Host, KEYS, ROOM, URL};
use person::{Observer, Person};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the ordinary run lives.
const LIFE: Duration = Duration::from_secs(25);
/// Its seed.
const SEED: u64 = 7;
/// The test picture from a real capture process; small frames, because all participants share two cores.
const CAPTURE: &str = "capture-process:none:160x90@5";
/// How often the events are compared with the system.
const EVERY: Duration = Duration::from_secs(1);
/// Time for everybody to be whole again before they leave.
const CALMS_DOWN: Duration = Duration::from_secs(12);

/// The room: an observer on the server's side, and on the other side of the link a window and a bot.
struct Life {
    people: Vec<Person>,
    observer: Observer,
    host: Host,
    pulse: Pulse,
    display: Display,
    namespaces: Namespaces,
    random: StdRng,
    /// When the link comes up again.
    down_until: Option<Instant>,
    /// When rights are given back, by user.
    rights_until: BTreeMap<String, Instant>,
    /// When the microphone that people use first is plugged in again.
    unplugged_until: Option<Instant>,
    next_act: Instant,
    /// How often each thing happened.
    happened: BTreeMap<&'static str, u32>,
    findings: Findings,
    _server: Process,
    context: TestContext,
}

#[test]
fn events_and_system_agree_through_a_life_of_faults() {
    let length = std::env::var("VISAVIS_LIFE").ok().and_then(|t| humantime::parse_duration(&t).ok()).unwrap_or(LIFE);
    let seed = std::env::var("VISAVIS_LIFE_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(SEED);
    let mut life = Life::begin(seed);
    let began = Instant::now();
    let mut next = began;
    while began.elapsed() < length {
        life.end_faults();
        if Instant::now() >= life.next_act {
            life.act();
        }
        life.compare();
        next += EVERY;
        sleep(next.saturating_duration_since(Instant::now()));
    }
    life.end();
}

impl Life {
    fn begin(seed: u64) -> Self {
        let context = TestContext::new("life");
        let namespaces = Namespaces::start(&context);
        let mut command = Visavis::command(&context);
        command.args(["serve", "--listen", host::LISTEN, "--udp", "7882", "--insecure-http"]).envs(KEYS);
        let server = Process::start(&context, "server", &mut namespaces.inside(Side::Server, &command));
        let is_ready = |lines: &[String]| lines.iter().any(|line| line.starts_with("Listening on ")).then_some(());
        server.wait_for_line("its ready line", TIMEOUT, is_ready);
        let (pulse, display) = (Pulse::start(&context, "life"), Display::start(&context, "life"));
        let host = Host::new();
        let observer = Observer::start(&context, &namespaces);
        let mut life = Self {
            people: Vec::new(),
            observer,
            host,
            pulse,
            display,
            namespaces,
            random: StdRng::seed_from_u64(seed),
            down_until: None,
            rights_until: BTreeMap::new(),
            unplugged_until: None,
            next_act: Instant::now() + Duration::from_secs(3),
            happened: BTreeMap::new(),
            findings: Findings::default(),
            _server: server,
            context,
        };
        life.people = vec![life.window(), life.bot()];
        life
    }

    /// A window with sound and a camera of another process.
    fn window(&self) -> Person {
        let place = Place { display: &self.display, pulse: Some(&self.pulse), url: URL, room: ROOM };
        let arguments = ["--renderer", "glow", "--camera", CAPTURE, "--join"];
        let mut command = Participant::window_command(&self.context, &place, "Mina", &arguments);
        let process = self.start("window", command.envs(KEYS));
        process.wait_for_line("the call", TIMEOUT, |lines| lines.iter().any(|l| l.contains("EnterRoom")).then_some(()));
        self.display.focus(process.pid());
        Person::entered(process, true)
    }

    /// A bot with a camera of another process.
    fn bot(&self) -> Person {
        let mut command = Participant::bot_command(&self.context, URL, ROOM, "mover");
        command.args(["--camera", CAPTURE, "--microphone", "test-tone"]).envs(KEYS);
        Person::entered(self.start("mover", &command), false)
    }

    fn start(&self, name: &str, command: &std::process::Command) -> Process {
        Process::start(&self.context, name, &mut self.namespaces.inside(Side::Client, command))
    }

    // ---- what happens

    /// Ends what has lasted long enough.
    fn end_faults(&mut self) {
        let now = Instant::now();
        let is_over = |until: &Option<Instant>| until.is_some_and(|until| until <= now);
        for person in &mut self.people {
            person.continue_if_due(now);
        }
        if is_over(&self.down_until) {
            self.down_until = None;
            self.namespaces.link(true);
            self.people.iter_mut().for_each(Person::disturbed);
        }
        if is_over(&self.unplugged_until) && self.pulse.plug_in("mic") {
            self.unplugged_until = None;
        }
        let given: Vec<String> =
            self.rights_until.iter().filter(|(_, until)| **until <= now).map(|(user, _)| user.clone()).collect();
        for user in given {
            self.rights_until.remove(&user);
            self.host.rights(&self.namespaces, &user, &["CAMERA", "MICROPHONE", "SCREEN_SHARE"]);
        }
    }

    /// One random fault or act.
    fn act(&mut self) {
        let now = Instant::now();
        let pause = self.random.random_range(500..4000);
        self.next_act = now + Duration::from_millis(pause);
        let who = self.random.random_range(0..self.people.len());
        let user = self.people[who].user.clone();
        let lasts = Duration::from_millis(self.random.random_range(300..20_000));
        let what = match self.random.random_range(0..16) {
            0 | 1 if self.people[who].stop(now + lasts) => "stopped",
            2 | 3 if self.down_until.is_none() => {
                self.namespaces.link(false);
                self.down_until = Some(now + lasts);
                "link down"
            }
            4 | 5 if self.people[0].is_running() => {
                self.display.press("ctrl+e");
                "camera key"
            }
            6 | 7 if self.people[0].is_running() => {
                self.display.press("ctrl+d");
                "microphone key"
            }
            8 | 9 if self.people[who].kill_capture() => "capture process killed",
            10 if self.pulse.plug_in("kitchen") => "microphone plugged in",
            11 if self.pulse.unplug("kitchen") => "microphone unplugged",
            12 if self.unplugged_until.is_none() && self.pulse.unplug("mic") => {
                self.unplugged_until = Some(now + lasts / 2);
                "first microphone unplugged"
            }
            13 => {
                let name = if self.random.random_bool(0.5) { "kitchen" } else { "mic" };
                if !self.pulse.set_default(name) {
                    return;
                }
                "other default"
            }
            14 => {
                let sources: &[&str] = if self.random.random_bool(0.5) { &[] } else { &["MICROPHONE"] };
                if !self.host.rights(&self.namespaces, &user, sources) {
                    return;
                }
                self.rights_until.insert(user, now + lasts / 2);
                "rights taken"
            }
            15 => {
                let source = if self.random.random_bool(0.5) { "CAMERA" } else { "MICROPHONE" };
                if !self.host.mute(&self.namespaces, &user, source) {
                    return;
                }
                "muted"
            }
            _ => return,
        };
        self.findings.note(format!("{what} ({}, {:.1} s)", self.people[who].user, lasts.as_secs_f64()));
        *self.happened.entry(what).or_default() += 1;
    }

    // ---- what must hold

    fn compare(&mut self) {
        self.observer.read();
        let is_up = self.down_until.is_none();
        for person in &mut self.people {
            person.read(&mut self.findings);
            person.compare_devices(&self.pulse, &mut self.findings);
            person.compare_others(&self.observer, is_up, &mut self.findings);
        }
        for at in 0..self.people.len() {
            if self.people[at].has_ended() && self.down_until.is_none() {
                let again = if at == 0 { self.window() } else { self.bot() };
                self.people[at] = again;
            }
        }
    }

    /// Everybody is whole again and leaves; then nothing is left.
    fn end(mut self) {
        let soon = Instant::now();
        self.down_until = self.down_until.map(|_| soon);
        self.unplugged_until = self.unplugged_until.map(|_| soon);
        self.rights_until.values_mut().for_each(|until| *until = soon);
        for person in &mut self.people {
            person.continue_now();
        }
        let began = Instant::now();
        while began.elapsed() < CALMS_DOWN {
            self.end_faults();
            self.compare();
            sleep(EVERY);
        }
        for person in &mut self.people {
            person.leave(&mut self.findings);
        }
        wait_until("everybody to be gone at the server", || {
            (self.host.members(&self.namespaces).len() == 1).then_some(())
        });
        wait_until("the sound server to have no clients", || {
            (self.pulse.microphone_users().is_empty() && self.pulse.speaker_users().is_empty()).then_some(())
        });
        self.observer.leave();
        wait_until("the room to be empty", || self.host.members(&self.namespaces).is_empty().then_some(()));
        println!("{:#?}", self.happened);
        self.findings.assert_none();
    }
}
