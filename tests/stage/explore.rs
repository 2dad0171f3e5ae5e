//! Every order of the small cases: what is under way may arrive in any order that the wires allow, what people and hosts
//! do falls into any gap between, and a limit may be over before an answer arrives.
//!
//! States are whole stages. Two that look alike from the outside go on alike, so each is gone on from once.

use crate::room;
use crate::stage::{Delivery, Stage};
use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};
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
    /// How often a limit may be over too early.
    haste: u8,
    path: Vec<Step>,
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
        if arriving.is_empty() && self.stage.now.since(began) < LONGEST {
            steps.extend((!self.left.is_empty() && self.stage.next_moment().is_some()).then_some(Step::Wait));
        } else if self.haste > 0 && deadline.is_some_and(|at| at <= self.stage.now + Duration::from_secs(2)) {
            steps.push(Step::TooLate);
        }
        steps.extend(arriving.into_keys().map(Step::Deliver));
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
                if let Some(delivery) = self.arriving().get(&channel).and_then(|key| self.stage.coming.remove(key)) {
                    self.stage.dispatch(delivery);
                }
            }
            Step::Wait => {
                let ms = stage.next_moment().map_or(0, |at| at.since(stage.now).as_millis() as u64 + 1);
                stage.run(ms);
            }
            Step::TooLate => {
                self.haste -= 1;
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
        struct Hash(DefaultHasher);
        impl Write for Hash {
            fn write_str(&mut self, s: &str) -> fmt::Result {
                self.0.write(s.as_bytes());
                Ok(())
            }
        }
        // the maps in a message have no order
        let lines = |delivery: &Delivery| {
            let line = |line: &str| {
                let mut hash = DefaultHasher::new();
                hash.write(line.as_bytes());
                hash.finish()
            };
            format!("{delivery:#?}").lines().map(line).fold(0, u64::wrapping_add)
        };
        let stage = &self.stage;
        let mut hash = Hash(DefaultHasher::new());
        let mut coming: BTreeMap<Channel, Vec<u64>> = BTreeMap::new();
        for delivery in stage.coming.values() {
            coming.entry(channel(delivery)).or_default().push(lines(delivery));
        }
        let late = stage.coming.iter().filter(|(_, d)| channel(d) == Channel::Late).map(|((at, _), _)| at);
        let late: Vec<&Moment> = late.collect();
        let written = write!(hash, "{:?}{:?}{:?}{coming:?}{late:?}", stage.now, self.left, self.haste)
            .and_then(|()| write!(hash, "{:?}{:?}{:?}", stage.hub, stage.bars, stage.wires))
            .and_then(|()| stage.people.iter().try_for_each(|p| write!(hash, "{p:?}")));
        written.expect("a hash takes everything");
        hash.0.finish()
    }
}

/// Goes through every order of `acts` from a stage; every end is calmed down, left by everybody and looked through.
fn explore(stage: Stage, acts: &[Act], haste: u8) -> Count {
    let began = stage.now;
    let mut count = Count::default();
    let mut seen = HashSet::new();
    let mut open = vec![State { stage, left: acts.to_vec(), haste, path: Vec::new() }];
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
        let count = explore(quiet_room(2), &[Act::Exit(who), Act::Remove(who), Act::Dismiss], 1);
        assert!(count.ends > 10 && count.states > 500, "{count:?}");
    }
}

#[test]
fn every_order_of_an_outage_with_a_kick_and_a_leave() {
    for who in [0, 1] {
        explore(quiet_room(2), &[Act::Cut(who), Act::Mend(who), Act::Remove(who)], 0);
        explore(quiet_room(2), &[Act::Cut(who), Act::Mend(who), Act::Exit(who)], 0);
        explore(quiet_room(2), &[Act::Cut(who), Act::Mend(who), Act::Dismiss, Act::Exit(1 - who)], 0);
    }
}

#[test]
fn every_order_of_the_end_of_a_server() {
    for who in [0, 1] {
        explore(quiet_room(2), &[Act::StopServer, Act::Exit(who), Act::Remove(who)], 1);
        explore(quiet_room(2), &[Act::StopServer, Act::Kill(who), Act::CloseNow(who)], 1);
    }
}

#[test]
fn every_order_of_coming_from_elsewhere() {
    explore(quiet_room(2), &[Act::Again(1), Act::Exit(1)], 0);
    explore(quiet_room(2), &[Act::Again(1), Act::Remove(1)], 0);
}

#[test]
fn every_order_of_entering_and_leaving() {
    for single in [true, false] {
        for act in [Act::Exit(1), Act::Remove(1), Act::Dismiss] {
            let mut stage = quiet_room(1);
            stage.enter_with("late", single, stage.unix_s());
            explore(stage, &[act], 0);
        }
    }
}
