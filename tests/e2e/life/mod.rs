//! Life with real processes: they are stopped and continued, the link goes down and up, the address changes, microphones
//! come and go, capture processes are killed, a host takes and gives rights, mutes, removes and ends the call, the server is
//! stopped or killed and starts again. Who is out enters again. Once a second the events are compared with the system:
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
    /// When the server starts again.
    server_until: Option<Instant>,
    /// When the microphone that people use first is plugged in again.
    unplugged_until: Option<Instant>,
    next_act: Instant,
    /// How often each thing happened.
    happened: BTreeMap<&'static str, u32>,
    findings: Findings,
    server: Process,
    context: TestContext,
}

/// The reasons of ExitRoom for those who did not leave by themselves.
const REMOVED: i64 = 1;
const DISMISSED: i64 = 2;
const SERVER_STOPPED: i64 = 101;

fn start_server(context: &TestContext, namespaces: &Namespaces) -> Process {
    let mut command = Visavis::command(context);
    command.args(["serve", "--listen", host::LISTEN, "--udp", "7882", "--insecure-http"]).envs(KEYS);
    // Removals hold when it starts again.
    command.arg("--state").arg(context.artifact("state"));
    let server = Process::start(context, "server", &mut namespaces.inside(Side::Server, &command));
    let is_ready = |lines: &[String]| lines.iter().any(|line| line.starts_with("Listening on ")).then_some(());
    server.wait_for_line("its ready line", TIMEOUT, is_ready);
    server
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
        let server = start_server(&context, &namespaces);
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
            server_until: None,
            unplugged_until: None,
            next_act: Instant::now() + Duration::from_secs(3),
            happened: BTreeMap::new(),
            findings: Findings::default(),
            server,
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
        if is_over(&self.server_until) {
            self.server_until = None;
            self.server = start_server(&self.context, &self.namespaces);
            self.people.iter_mut().for_each(Person::disturbed);
        }
        if self.server_until.is_some() {
            return;
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
        let pause = self.random.random_range(500..4000);
        self.next_act = Instant::now() + Duration::from_millis(pause);
        let who = self.random.random_range(0..self.people.len());
        let lasts = Duration::from_millis(self.random.random_range(300..20_000));
        let happened = match self.random.random_range(0..20) {
            n @ 0..=5 => self.disturb(n, who, lasts),
            n @ 6..=13 => self.use_devices(n, who, lasts),
            n => self.be_host(n, who, lasts),
        };
        if let Some(what) = happened {
            self.findings.note(format!("{what} ({}, {:.1} s)", self.people[who].user, lasts.as_secs_f64()));
            *self.happened.entry(what).or_default() += 1;
        }
    }

    /// Something happens to a process, the network, or the server.
    fn disturb(&mut self, n: u32, who: usize, lasts: Duration) -> Option<&'static str> {
        let until = Instant::now() + lasts;
        match n {
            0 | 1 => self.people[who].stop(until).then_some("stopped"),
            2 | 3 if self.down_until.is_none() => {
                self.namespaces.link(false);
                self.down_until = Some(until);
                Some("link down")
            }
            4 if self.down_until.is_none() => {
                self.namespaces.new_address();
                self.people.iter_mut().for_each(Person::disturbed);
                Some("new address")
            }
            5 if self.server_until.is_none() => {
                let gently = self.random.random_bool(0.5);
                self.server.signal(if gently { "TERM" } else { "KILL" });
                self.server.wait_exit();
                // Who was away for the server's last words finds the next one.
                if gently {
                    self.people.iter_mut().for_each(|person| person.may_end(SERVER_STOPPED));
                    self.observer.may_end = true;
                }
                self.server_until = Some(Instant::now() + lasts / 4);
                Some(if gently { "server stopped" } else { "server killed" })
            }
            _ => None,
        }
    }

    /// Somebody presses a key, and devices come and go.
    fn use_devices(&mut self, n: u32, who: usize, lasts: Duration) -> Option<&'static str> {
        match n {
            6 | 7 if self.people[0].is_running() => {
                self.display.press(if n == 6 { "ctrl+e" } else { "ctrl+d" });
                Some(if n == 6 { "camera key" } else { "microphone key" })
            }
            8 | 9 => self.people[who].kill_capture().then_some("capture process killed"),
            10 => self.pulse.plug_in("kitchen").then_some("microphone plugged in"),
            11 => self.pulse.unplug("kitchen").then_some("microphone unplugged"),
            12 if self.unplugged_until.is_none() && self.pulse.unplug("mic") => {
                self.unplugged_until = Some(Instant::now() + lasts / 2);
                Some("first microphone unplugged")
            }
            13 => {
                let name = if self.random.random_bool(0.5) { "kitchen" } else { "mic" };
                self.pulse.set_default(name).then_some("other default")
            }
            _ => None,
        }
    }

    /// The host does something to somebody, or to all.
    fn be_host(&mut self, n: u32, who: usize, lasts: Duration) -> Option<&'static str> {
        if self.server_until.is_some() || self.people[who].has_ended() {
            return None;
        }
        let user = self.people[who].user.clone();
        match n {
            14 | 15 => {
                let sources: &[&str] = if self.random.random_bool(0.5) { &[] } else { &["MICROPHONE"] };
                self.host.rights(&self.namespaces, &user, sources).then(|| {
                    self.rights_until.insert(user, Instant::now() + lasts / 2);
                    "rights taken"
                })
            }
            16 | 17 => {
                let source = if self.random.random_bool(0.5) { "CAMERA" } else { "MICROPHONE" };
                self.host.mute(&self.namespaces, &user, source).then_some("muted")
            }
            18 => self.host.remove(&self.namespaces, &user).then(|| {
                self.people[who].may_end(REMOVED);
                self.people[who].is_removed = true;
                "removed"
            }),
            _ => {
                // Who is away for too long is no member any more, and may come back.
                let members = self.host.members(&self.namespaces);
                let is_member = |user: &str| members.iter().any(|member| member["identity"] == user);
                if !self.host.dismiss(&self.namespaces) {
                    return None;
                }
                for person in &mut self.people {
                    person.may_end(DISMISSED);
                    person.is_dismissed();
                    person.is_removed |= is_member(&person.user);
                }
                self.observer.is_dismissed();
                Some("ended for everyone")
            }
        }
    }

    // ---- what must hold

    fn compare(&mut self) {
        self.observer.read();
        let server_is_up = self.server_until.is_none();
        let is_up = self.down_until.is_none() && server_is_up && !self.observer.has_ended();
        for person in &mut self.people {
            person.read(&mut self.findings);
            person.compare_devices(&self.pulse, &mut self.findings);
            person.compare_others(&self.observer, is_up, &mut self.findings);
        }
        if server_is_up && self.observer.may_return() {
            self.observer = Observer::start(&self.context, &self.namespaces);
            self.people.iter_mut().for_each(Person::disturbed);
        }
        for at in 0..self.people.len() {
            if server_is_up && self.down_until.is_none() && self.people[at].may_return() {
                let again = if at == 0 { self.window() } else { self.bot() };
                self.people[at] = again;
            }
        }
    }

    /// Whether somebody's call has ended, who has not entered again.
    fn somebody_is_out(&self) -> bool {
        self.observer.has_ended() || self.people.iter().any(Person::has_ended)
    }

    /// Everybody is whole again and leaves; then nothing is left.
    fn end(mut self) {
        let soon = Instant::now();
        self.down_until = self.down_until.map(|_| soon);
        self.server_until = self.server_until.map(|_| soon);
        self.unplugged_until = self.unplugged_until.map(|_| soon);
        self.rights_until.values_mut().for_each(|until| *until = soon);
        for person in &mut self.people {
            person.continue_now();
        }
        let began = Instant::now();
        while began.elapsed() < CALMS_DOWN || self.somebody_is_out() {
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
