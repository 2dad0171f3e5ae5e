//! Every order of the small cases: what is under way may arrive in any order that the wires allow, what people and hosts
//! do falls into any gap between, and a limit may be over before an answer arrives. How often something overtakes what was
//! due before it is bounded: most faults need one such surprise, and every further one costs ten times the states.
//!
//! States are whole stages. Two that look alike from the outside go on alike, so each is gone on from once.

use crate::room;
use crate::stage::{Delivery, Stage};
use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;
use visavis::base::{DeviceKind, Moment};
use visavis::hub::{self, LinkId};
use visavis::session::{self, Input};

/// What is due within this time may arrive before or after anything else that is.
const HORIZON: Duration = Duration::from_secs(1);
/// Time that passes at most while there is still something to do; longer than a resume is possible.
const LONGEST: Duration = Duration::from_millis(6500);
/// More states than this are no small case.
const MOST_STATES: usize = 400_000;

/// What somebody does, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Exit(usize),
    CloseNow(usize),
    Remove(usize),
    Dismiss,
    Cut(usize),
    /// After the cut.
    Mend(usize),
    Kill(usize),
    StopServer,
    /// The same user comes from elsewhere.
    Again(usize),
}

/// What is delivered in its own order, independently of everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Channel {
    Up(LinkId),
    Down(LinkId),
    Device(usize, DeviceKind),
    Peers(usize),
    Socket(usize),
    Media(usize),
    Plane,
    End(LinkId),
    Late,
}

/// One step of a path.
#[derive(Clone, Copy, Debug)]
enum Step {
    Do(Act),
    Deliver(Channel),
    /// Nothing is under way: time passes.
    Wait,
    /// A limit is over although something is under way.
    TooLate,
}

#[derive(Clone)]
struct State {
    stage: Stage,
    left: Vec<Act>,
    bounds: Bounds,
    path: Vec<Step>,
}

/// What may still go out of order.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// How often a limit may be over too early.
    haste: u8,
    /// How often something may arrive before what was due earlier.
    overtakings: u8,
}

impl Bounds {
    const fn overtakings(overtakings: u8) -> Self {
        Self { haste: 0, overtakings }
    }

    /// A limit may be over too early, too.
    const fn hasty(self) -> Self {
        Self { haste: 1, ..self }
    }
}

/// What a search went through.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    states: usize,
    ends: usize,
}

fn channel(delivery: &Delivery) -> Channel {
    match delivery {
        Delivery::Knock(link, _) | Delivery::Up(link, _) => Channel::Up(*link),
        Delivery::Down(link, _) => Channel::Down(*link),
        Delivery::Own(who, input) => match **input {
            session::Input::Device(kind, ..) => Channel::Device(*who, kind),
            session::Input::Peers(..) => Channel::Peers(*who),
            _ => Channel::Socket(*who),
        },
        Delivery::Plane(input) => match **input {
            hub::Input::LinkGone { link } => Channel::End(link),
            _ => Channel::Plane,
        },
        Delivery::MediaUp { who, .. } => Channel::Media(*who),
        _ => Channel::Late,
    }
}

impl State {
    /// The first of each channel that may arrive now.
    fn arriving(&self) -> BTreeMap<Channel, (Moment, u64)> {
        let mut heads = BTreeMap::new();
        let near = self.stage.coming.iter().take_while(|((at, _), _)| *at <= self.stage.now + HORIZON);
        for (key, delivery) in near.filter(|(_, d)| channel(d) != Channel::Late) {
            heads.entry(channel(delivery)).or_insert(*key);
        }
        heads
    }

    fn steps(&self, began: Moment) -> Vec<Step> {
        let is_possible = |act: &Act| match act {
            Act::Mend(who) => !self.left.contains(&Act::Cut(*who)),
            _ => true,
        };
        let mut steps: Vec<Step> = self.left.iter().copied().filter(is_possible).map(Step::Do).collect();
        let arriving = self.arriving();
        let deadline = self.stage.next_deadline();
        let waits_for = self.stage.next_moment().filter(|at| at.since(began) <= LONGEST);
        if arriving.is_empty() && waits_for.is_some() {
            steps.extend((!self.left.is_empty()).then_some(Step::Wait));
        } else if self.bounds.haste > 0 && deadline.is_some_and(|at| at <= self.stage.now + Duration::from_secs(2)) {
            steps.push(Step::TooLate);
        }
        let first = arriving.values().min().copied();
        let may_arrive = |key: &(Moment, u64)| self.bounds.overtakings > 0 || Some(*key) == first;
        steps
            .extend(arriving.into_iter().filter(|(_, key)| may_arrive(key)).map(|(channel, _)| Step::Deliver(channel)));
        steps
    }

    fn take(&mut self, step: Step) {
        self.path.push(step);
        let stage = &mut self.stage;
        match step {
            Step::Do(act) => {
                self.left.retain(|a| *a != act);
                self.act(act);
            }
            Step::Deliver(channel) => {
                let arriving = self.arriving();
                let Some(key) = arriving.get(&channel) else { return };
                if arriving.values().min() != Some(key) {
                    self.bounds.overtakings -= 1;
                }
                if let Some(delivery) = self.stage.coming.remove(key) {
                    self.stage.dispatch(delivery);
                }
            }
            Step::Wait => {
                let ms = stage.next_moment().map_or(0, |at| at.since(stage.now).as_millis() as u64 + 1);
                stage.run(ms);
            }
            Step::TooLate => {
                self.bounds.haste -= 1;
                stage.now = stage.next_deadline().map_or(stage.now, |at| at.max(stage.now));
                stage.tick();
            }
        }
    }

    fn act(&mut self, act: Act) {
        let stage = &mut self.stage;
        match act {
            Act::Exit(who) => stage.exit(who),
            Act::CloseNow(who) => stage.input(who, Input::CloseNow),
            Act::Remove(who) => {
                let user = stage.people[who].user.to_string();
                stage.remove(&user);
            }
            Act::Dismiss => stage.dismiss(),
            Act::Cut(who) => stage.network(who, false),
            Act::Mend(who) => stage.network(who, true),
            Act::Kill(who) => stage.kill(who),
            Act::StopServer => stage.stop_server(Some(Duration::from_millis(100))),
            Act::Again(who) => {
                let user = stage.people[who].user.to_string();
                stage.enter_with(&user, true, stage.unix_s());
            }
        }
    }

    /// What the future depends on.
    fn fingerprint(&self) -> u64 {
        // The maps in a message have no order: its lines are added up.
        let lines = |delivery: &Delivery| {
            let text = format!("{delivery:#?}");
            text.lines().map(|line| Fingerprint::default().with(line.as_bytes()).0).fold(0, u64::wrapping_add)
        };
        let stage = &self.stage;
        let mut print = Fingerprint::default();
        let mut coming: BTreeMap<Channel, Vec<u64>> = BTreeMap::new();
        for delivery in stage.coming.values() {
            coming.entry(channel(delivery)).or_default().push(lines(delivery));
        }
        let late = stage.coming.iter().filter(|(_, d)| channel(d) == Channel::Late).map(|((at, _), _)| at);
        let late: Vec<&Moment> = late.collect();
        let written = write!(print, "{:?}{:?}{:?}{coming:?}{late:?}", stage.now, self.left, self.bounds)
            .and_then(|()| write!(print, "{:?}{:?}{:?}", stage.hub, stage.bans, stage.wires))
            .and_then(|()| stage.people.iter().try_for_each(|p| write!(print, "{p:?}")));
        written.expect("a hash takes everything");
        print.0
    }
}

/// A hash of much text that is quick, as rustc's own is (multiply and rotate).
#[derive(Clone, Copy, Default)]
struct Fingerprint(u64);

impl Fingerprint {
    fn with(mut self, bytes: &[u8]) -> Self {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        self
    }
}

impl Write for Fingerprint {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        *self = self.with(s.as_bytes());
        Ok(())
    }
}

/// Goes through every order of `acts` from a stage; every end is calmed down, left by everybody and looked through.
fn explore(stage: Stage, acts: &[Act], bounds: Bounds) -> Count {
    let began = stage.now;
    let mut count = Count::default();
    let mut seen = HashSet::new();
    let mut open = vec![State { stage, left: acts.to_vec(), bounds, path: Vec::new() }];
    while let Some(state) = open.pop() {
        let steps = state.steps(began);
        for step in &steps {
            let mut next = state.clone();
            if let Err(failure) = catch_unwind(AssertUnwindSafe(|| next.take(*step))) {
                eprintln!("after {:?}, then {step:?}", state.path);
                resume_unwind(failure);
            }
            if seen.insert(next.fingerprint()) {
                open.push(next);
            }
        }
        if steps.is_empty() {
            count.ends += 1;
            let (path, mut stage) = (state.path, state.stage);
            stage.start_pings();
            if let Err(failure) = catch_unwind(AssertUnwindSafe(|| stage.finish())) {
                eprintln!("at the end of {path:?}");
                resume_unwind(failure);
            }
        }
        count.states = seen.len();
        assert!(count.states < MOST_STATES, "too many states for {acts:?}");
    }
    println!("{acts:?}: {} states, {} ends", count.states, count.ends);
    count
}

/// A room at rest, in which nobody pings.
fn quiet_room(people: usize) -> Stage {
    let mut stage = room(people);
    stage.pings = false;
    stage.coming.clear();
    stage
}

#[test]
fn every_order_of_leave_kick_and_dismissal() {
    for who in [0, 1] {
        let count =
            explore(quiet_room(2), &[Act::Exit(who), Act::Remove(who), Act::Dismiss], Bounds::overtakings(1).hasty());
        assert!(count.ends > 10 && count.states > 500, "{count:?}");
    }
}

#[test]
fn every_order_of_an_outage_with_a_kick_and_a_leave() {
    for who in [0, 1] {
        let bounds = Bounds::overtakings(1);
        explore(quiet_room(2), &[Act::Cut(who), Act::Mend(who), Act::Remove(who)], bounds);
        explore(quiet_room(2), &[Act::Cut(who), Act::Mend(who), Act::Exit(who)], bounds);
        explore(quiet_room(2), &[Act::Cut(who), Act::Mend(who), Act::Dismiss], bounds);
    }
}

#[test]
fn every_order_of_the_end_of_a_server() {
    for who in [0, 1] {
        explore(quiet_room(2), &[Act::StopServer, Act::Exit(who), Act::Remove(who)], Bounds::overtakings(1).hasty());
        explore(quiet_room(2), &[Act::StopServer, Act::Kill(who), Act::CloseNow(who)], Bounds::overtakings(1).hasty());
    }
}

#[test]
fn every_order_of_leaving_twice_and_not_waiting() {
    explore(quiet_room(2), &[Act::Exit(1), Act::CloseNow(1), Act::Exit(0)], Bounds::overtakings(2));
    explore(quiet_room(2), &[Act::Exit(1), Act::CloseNow(1), Act::Cut(1)], Bounds::overtakings(2));
}

#[test]
fn every_order_of_coming_from_elsewhere() {
    for act in [Act::Exit(1), Act::Remove(1), Act::Dismiss] {
        explore(quiet_room(2), &[Act::Again(1), act], Bounds::overtakings(1));
    }
}

#[test]
fn every_order_of_entering_and_leaving() {
    for single in [true, false] {
        for act in [Act::Exit(1), Act::Remove(1), Act::Dismiss] {
            let mut stage = quiet_room(1);
            stage.enter_with("late", single, stage.unix_s());
            explore(stage, &[act], Bounds::overtakings(1));
        }
    }
}
