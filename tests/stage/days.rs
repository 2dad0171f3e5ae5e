//! Days in the life of four people: 24 hours each, in which they enter and leave calls, switch, plug in and unplug devices,
//! close their laptops, change networks, lose and get rights, are muted and removed, and their server restarts.
//!
//! A day has six parts of four hours. A part begins with operations in quick succession; then some leave and some close
//! their laptops, until the next part begins. After each operation the rules of `seen` are checked.
//!
//! `VISAVIS_DAYS=100000 VISAVIS_DAYS_SEED=7` runs so many days with the seed that a failure or a long run has printed.

use livekit_protocol as lk;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use visavis::base::{DeviceKind, Moment, TrackSource};
use visavis::session::{Input, Phase};
use visavis::stage::{Checked, Delivery, DeviceBehaviour, Fault, Stage, Stop, TalkEnd, UNIX_MS};

/// Days to live through, unless `VISAVIS_DAYS` is set.
const DAYS: u64 = 1000;
/// Their seed, unless `VISAVIS_DAYS_SEED` is set: an ordinary run fails for a change, never by chance.
const SEED: u64 = 130_159;
const NAMES: [&str; 4] = ["mina", "tom", "ana", "ben"];
const PARTS: usize = 6;
/// Length of a part of the day.
const PART: Duration = Duration::from_secs(4 * 3600);
/// At the end of a part's operations, time for everything to settle.
const SETTLES: u64 = 40_000;

/// An operation of one of the four, or on them.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// Enters, if they are not in the call.
    Enter {
        single: bool,
        with_old_token: bool,
    },
    /// Enters on a second machine.
    EnterAgain {
        single: bool,
    },
    Leave,
    LeaveNow,
    Switch(DeviceKind, bool),
    /// Push-to-talk for so many ms, which ends in this way.
    Talk(u64, TalkEnd),
    Choose(DeviceKind, bool),
    Unplug(DeviceKind),
    Plug,
    SlowDevices {
        open_ms: u64,
        release_ms: u64,
    },
    LinkDown(u64),
    BlackHole(u64),
    NewAddress,
    Stall(u64),
    Latency(u64),
    StandStill {
        stop: Stop,
        ms: u64,
        timers_first: bool,
    },
    Kill,
    LosePower,
    Rights(&'static [TrackSource]),
    Mute(lk::TrackSource),
    Remove,
    Dismiss,
    TokenExpires,
    RestartServer(u64),
    KillServer(u64),
}

impl Op {
    const fn name(self) -> &'static str {
        match self {
            Self::Enter { .. } => "enter",
            Self::EnterAgain { .. } => "enter elsewhere",
            Self::Leave => "leave",
            Self::LeaveNow => "leave, not waiting",
            Self::Switch(DeviceKind::Screen, true) => "share the screen",
            Self::Switch(DeviceKind::Screen, false) => "stop sharing",
            Self::Switch(_, true) => "switch on",
            Self::Switch(_, false) => "switch off",
            Self::Talk(_, TalkEnd::KeyUp) => "push to talk",
            Self::Talk(_, TalkEnd::Lock) => "lock the screen while talking",
            Self::Talk(_, TalkEnd::SwitchSession(_)) => "switch the session while talking",
            Self::Choose(..) => "choose a device",
            Self::Unplug(_) => "unplug",
            Self::Plug => "plug in",
            Self::SlowDevices { .. } => "slow devices",
            Self::LinkDown(_) => "link down",
            Self::BlackHole(_) => "black hole",
            Self::NewAddress => "new address",
            Self::Stall(_) => "stall",
            Self::Latency(_) => "latency",
            Self::StandStill { stop: Stop::Process, .. } => "stop the process",
            Self::StandStill { stop: Stop::Sleep, .. } => "sleep",
            Self::StandStill { stop: Stop::SleepOfSockets, .. } => "sleep, new address",
            Self::Kill => "kill",
            Self::LosePower => "power failure",
            Self::Rights([]) => "take the rights",
            Self::Rights([_]) => "one right",
            Self::Rights(_) => "give the rights",
            Self::Mute(_) => "mute",
            Self::Remove => "remove",
            Self::Dismiss => "dismiss",
            Self::TokenExpires => "token expires",
            Self::RestartServer(_) => "restart the server",
            Self::KillServer(_) => "kill the server",
        }
    }
}

/// The end of a part of the day for one person.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Leave,
    CloseLaptop(Stop),
}

/// Four hours: operations with the time before each in ms, then rest.
#[derive(Clone, Debug)]
struct Part {
    ops: Vec<(u64, usize, Op)>,
    rest: [Rest; 4],
}

fn stop() -> impl Strategy<Value = Stop> {
    prop_oneof![Just(Stop::Process), Just(Stop::Sleep), Just(Stop::SleepOfSockets)]
}

fn talk_end() -> impl Strategy<Value = TalkEnd> {
    let switch = (0..20_000u64).prop_map(TalkEnd::SwitchSession);
    prop_oneof![Just(TalkEnd::KeyUp), Just(TalkEnd::Lock), switch]
}

fn device() -> impl Strategy<Value = DeviceKind> {
    prop_oneof![3 => Just(DeviceKind::Camera), 3 => Just(DeviceKind::Microphone), 2 => Just(DeviceKind::Screen)]
}

/// From one second to ten minutes; short ones are more frequent.
fn outage() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 100..8000u64, 3 => 8000..70_000u64, 1 => 70_000..600_000u64]
}

fn rights() -> impl Strategy<Value = Op> {
    use TrackSource::{Camera, Microphone, Screen, ScreenAudio};
    const NONE: &[TrackSource] = &[];
    const ALL: &[TrackSource] = &[Camera, Microphone, Screen, ScreenAudio];
    let one: [&'static [TrackSource]; 3] = [&[Microphone], &[Camera], &[Screen]];
    let one = (0..3usize).prop_map(move |n| one[n]);
    prop_oneof![2 => Just(NONE), 1 => one, 3 => Just(ALL)].prop_map(Op::Rights)
}

fn op() -> impl Strategy<Value = Op> {
    let muted = prop_oneof![
        Just(lk::TrackSource::Camera),
        Just(lk::TrackSource::Microphone),
        Just(lk::TrackSource::ScreenShare)
    ];
    prop_oneof![
        24 => (any::<bool>(), prop::bool::weighted(0.1)).prop_map(|(single, with_old_token)| Op::Enter { single, with_old_token }),
        1 => any::<bool>().prop_map(|single| Op::EnterAgain { single }),
        2 => Just(Op::Leave),
        1 => Just(Op::LeaveNow),
        8 => (device(), prop::bool::weighted(0.6)).prop_map(|(kind, on)| Op::Switch(kind, on)),
        7 => (50..5000u64, talk_end()).prop_map(|(ms, end)| Op::Talk(ms, end)),
        1 => (device(), any::<bool>()).prop_map(|(kind, other)| Op::Choose(kind, other)),
        3 => device().prop_map(Op::Unplug),
        6 => Just(Op::Plug),
        1 => (0..2500u64, 0..2500u64).prop_map(|(open_ms, release_ms)| Op::SlowDevices { open_ms, release_ms }),
        3 => outage().prop_map(Op::LinkDown),
        3 => outage().prop_map(Op::BlackHole),
        2 => Just(Op::NewAddress),
        1 => (0..3000u64).prop_map(Op::Stall),
        1 => (1..150u64).prop_map(Op::Latency),
        6 => (stop(), outage(), any::<bool>())
            .prop_map(|(stop, ms, timers_first)| Op::StandStill { stop, ms, timers_first }),
        1 => Just(Op::Kill),
        1 => Just(Op::LosePower),
        4 => rights(),
        2 => muted.prop_map(Op::Mute),
        1 => Just(Op::Remove),
        1 => Just(Op::Dismiss),
        1 => Just(Op::TokenExpires),
        1 => (0..8000u64).prop_map(Op::RestartServer),
        1 => (0..8000u64).prop_map(Op::KillServer),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    let pause = prop_oneof![3 => 0..60u64, 5 => 60..4000u64, 4 => 4000..20_000u64, 1 => 20_000..90_000u64];
    let rest = prop_oneof![Just(Rest::Leave), stop().prop_map(Rest::CloseLaptop)];
    (proptest::collection::vec((pause, 0..NAMES.len(), op()), 0..24), proptest::array::uniform4(rest))
        .prop_map(|(ops, rest)| Part { ops, rest })
}

/// A day that is being lived.
struct Day {
    stage: Stage,
    /// When each participant was last touched by an operation.
    touched: Vec<Moment>,
    tally: Tally,
}

/// How often each operation took effect, and what was checked.
#[derive(Default)]
struct Tally {
    effects: BTreeMap<&'static str, u64>,
    checked: Checked,
}

impl Day {
    fn new(seed: u64) -> Self {
        Self { stage: Stage::new(seed), touched: Vec::new(), tally: Tally::default() }
    }

    fn live(&mut self, parts: &[Part]) {
        for part in parts {
            let began = self.stage.now;
            for (pause, name, op) in &part.ops {
                self.pass(*pause);
                if self.act(*name, *op) {
                    *self.tally.effects.entry(op.name()).or_default() += 1;
                }
            }
            self.pass(SETTLES);
            self.rest(part.rest);
            let left = PART.saturating_sub(self.stage.now.since(began));
            self.stage.run(left.as_millis() as u64);
            for who in 0..self.stage.people.len() {
                self.wake(who);
            }
            self.pass(SETTLES);
        }
        self.stage.finish();
        self.stage.check_cleared();
    }

    fn pass(&mut self, ms: u64) {
        self.stage.run(ms);
        self.touched.resize(self.stage.people.len(), Moment::ZERO);
        self.stage.check_seen(&self.touched, &mut self.tally.checked);
    }

    fn wake(&mut self, who: usize) {
        if self.stage.wake(who, false) {
            self.touch(who);
        }
    }

    fn rest(&mut self, rest: [Rest; 4]) {
        // Who stands still does so until the next part.
        self.stage.scheduled.retain(|_, d| !matches!(d, Delivery::Over(_, Fault::Stopped { .. })));
        for (name, rest) in rest.into_iter().enumerate() {
            let Some(who) = self.staying(name) else { continue };
            match rest {
                Rest::Leave => self.stage.exit(who),
                Rest::CloseLaptop(stop) => {
                    self.stage.stop(who, stop);
                }
            }
        }
        // An earlier stay of the same user that nobody has ended yet.
        for who in 0..self.stage.people.len() {
            if self.stage.people[who].is_running() {
                self.stage.exit(who);
            }
        }
    }

    /// The participant of this name that is in the call or on its way.
    fn staying(&self, name: usize) -> Option<usize> {
        let stays = |phase: &Phase| !matches!(phase, Phase::Leaving(_) | Phase::Ended(_));
        let people = &self.stage.people;
        people.iter().rposition(|p| p.alive && p.user.as_str() == NAMES[name] && stays(p.session.phase()))
    }

    fn touch(&mut self, who: usize) {
        let now = self.stage.now;
        self.touched.resize(self.stage.people.len(), Moment::ZERO);
        let people = &self.stage.people;
        // What happens to one stay of a user may end another one.
        for (at, _) in self.touched.iter_mut().zip(people).filter(|(_, p)| p.user == people[who].user) {
            *at = now;
        }
    }

    /// Carries an operation out. Returns whether it had an effect.
    fn act(&mut self, name: usize, op: Op) -> bool {
        let there = self.staying(name);
        match (op, there) {
            (Op::Enter { single, with_old_token }, None) => {
                let issued_at = if with_old_token { UNIX_MS / 1000 } else { self.stage.unix_s() };
                let who = self.stage.enter_with(NAMES[name], single, issued_at);
                self.touch(who);
                true
            }
            (Op::EnterAgain { single }, Some(_)) => {
                let who = self.stage.enter_with(NAMES[name], single, self.stage.unix_s());
                self.touch(who);
                true
            }
            (Op::RestartServer(away), _) => self.server(|stage| stage.stop_server(Some(Duration::from_millis(away)))),
            (Op::KillServer(away), _) => self.server(|stage| stage.kill_server(Duration::from_millis(away))),
            (Op::Dismiss, _) => {
                let was_open = !self.stage.members().is_empty();
                self.stage.dismiss();
                self.touched.fill(self.stage.now);
                was_open
            }
            (_, Some(who)) => {
                let acted = self.act_on(who, op);
                if acted {
                    self.touch(who);
                }
                acted
            }
            (_, None) => false,
        }
    }

    fn server(&mut self, act: impl FnOnce(&mut Stage)) -> bool {
        let was_up = self.stage.hub.is_some();
        act(&mut self.stage);
        self.touched.fill(self.stage.now);
        was_up
    }

    fn act_on(&mut self, who: usize, op: Op) -> bool {
        let stage = &mut self.stage;
        let is_running = stage.people[who].is_running();
        let user = stage.people[who].user.to_string();
        match op {
            Op::Rights(sources) => return stage.rights(&user, sources),
            Op::Mute(source) => return stage.mute_source(&user, source),
            Op::Remove => {
                let was_there = stage.member(&user).is_some();
                stage.remove(&user);
                return was_there;
            }
            Op::TokenExpires => return !std::mem::replace(&mut stage.people[who].is_expired, true),
            Op::Unplug(kind) => return stage.unplug(who, kind),
            Op::Plug => return stage.plug(who),
            _ if !is_running => return false,
            _ => {}
        }
        let ms = Duration::from_millis;
        match op {
            Op::Leave => stage.exit(who),
            Op::LeaveNow => {
                stage.exit(who);
                stage.input(who, Input::CloseNow);
            }
            Op::Switch(kind, on) => stage.input(who, Input::SetDevice(kind, on)),
            Op::Talk(for_ms, end) => return stage.talk(who, ms(for_ms), end),
            Op::Choose(kind, other) => stage.input(who, Input::ChooseDevice(kind, other.then(|| "other".to_owned()))),
            Op::SlowDevices { open_ms, release_ms } => {
                stage.behaviour(who, DeviceBehaviour { open_ms, release_ms, ..DeviceBehaviour::PROMPT });
            }
            Op::LinkDown(for_ms) => {
                stage.network(who, false);
                stage.later(ms(for_ms), Delivery::Over(who, Fault::Cut));
            }
            Op::BlackHole(for_ms) => {
                stage.black_hole(who, true);
                stage.later(ms(for_ms), Delivery::Over(who, Fault::BlackHole));
            }
            Op::NewAddress => {
                let is_cut = stage.people[who].net.is_cut;
                stage.address(who, true);
                return !is_cut;
            }
            Op::Stall(for_ms) => stage.stall(who, for_ms),
            Op::Latency(latency) => stage.set_latency(who, latency),
            Op::StandStill { stop, ms: for_ms, timers_first } => {
                stage.stop(who, stop);
                stage.later(ms(for_ms), Delivery::Over(who, Fault::Stopped { timers_first }));
            }
            Op::Kill => stage.kill(who),
            Op::LosePower => stage.lose_power(who),
            _ => return false,
        }
        true
    }
}

/// A number from an environment variable.
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

/// Lives through `days` days. A failure is shrunk.
fn live_through(days: u32, seed: u64) -> Tally {
    let config = ProptestConfig {
        cases: days,
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tally = RefCell::new(Tally::default());
    let day = (any::<u32>(), proptest::collection::vec(part(), PARTS));
    let result = runner.run(&day, |(seed, parts)| {
        let mut day = Day::new(seed.into());
        day.live(&parts);
        tally.borrow_mut().add(day.tally);
        Ok(())
    });
    if let Err(failure) = result {
        let TestError::Fail(why, day) = failure else { panic!("{failure}") };
        panic!("VISAVIS_DAYS_SEED={seed}: {why}\nThe smallest day: {day:?}");
    }
    tally.into_inner()
}

impl Tally {
    fn add(&mut self, other: Self) {
        for (name, count) in other.effects {
            *self.effects.entry(name).or_default() += count;
        }
        let (sum, more) = (&mut self.checked, other.checked);
        sum.open += more.open;
        sum.closed += more.closed;
        sum.lists += more.lists;
        sum.returns += more.returns;
    }
}

/// Operations of the generator, each of which must take effect.
const OPERATIONS: usize = 34;

#[test]
fn four_people_live_through_days() {
    let days = setting("VISAVIS_DAYS").unwrap_or(DAYS);
    let seed = setting("VISAVIS_DAYS_SEED").unwrap_or(SEED);
    let began = Instant::now();
    let mut tally = Tally::default();
    let halves = [days.div_ceil(2), days / 2];
    std::thread::scope(|scope| {
        let live = |(n, days): (usize, u64)| scope.spawn(move || live_through(days as u32, seed + n as u64));
        let threads: Vec<_> = halves.into_iter().enumerate().map(live).collect();
        for thread in threads {
            match thread.join() {
                Ok(half) => tally.add(half),
                Err(failure) => std::panic::resume_unwind(failure),
            }
        }
    });
    println!("{days} days from seed {seed} in {:?}: {:?}", began.elapsed(), tally.checked);
    println!("{:#?}", tally.effects);
    assert_eq!(tally.effects.len(), OPERATIONS, "an operation never took effect: {:?}", tally.effects);
    let least = tally.effects.iter().min_by_key(|(_, count)| **count);
    assert!(least.is_some_and(|(_, count)| *count >= days / 40), "{least:?} hardly ever took effect");
    let Checked { open, closed, lists, returns } = tally.checked;
    assert!(open.min(closed).min(lists).min(returns) >= days, "{:?}", tally.checked);
}
