//! Every order of small cases: messages arrive in any order that the sockets allow, actions fall between any two of them,
//! and a limit may be over before an answer arrives. The number of reorderings is bounded: most faults need one, and each
//! further one multiplies the states by ten.
//!
//! A state is a whole stage. Two states with the same hash have the same future, so the search continues from one of them.

use crate::room;
use livekit_protocol::{DisconnectReason::ConnectionTimeout, leave_request::Action::Disconnect};
use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;
use visavis::base::{DeviceKind, Moment};
use visavis::hub::{self, LinkId};
use visavis::session::{self, Input};
use visavis::stage::{Delivery, Stage};

/// Deliveries that are due within this time may arrive in any order.
const HORIZON: Duration = Duration::from_secs(1);
/// Time that may pass before all actions are done; longer than a resume is tried.
const LONGEST: Duration = Duration::from_millis(6500);
/// Bound on the states of one search.
const MOST_STATES: usize = 400_000;

/// An action of a participant or host; each occurs once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Exit(usize),
    CloseNow(usize),
    Remove(usize),
    Dismiss,
    Cut(usize),
    /// After `Cut`.
    Mend(usize),
    Kill(usize),
    StopServer,
    /// The same user joins from elsewhere.
    Again(usize),
    /// The server says that it has lost them.
    Lost(usize),
}

/// Deliveries of one channel keep their order; those of different channels are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Channel {
    Up(LinkId),
    Down(LinkId),
    Device(usize, DeviceKind),
    Peers(usize),
    Socket(usize),
    Media(usize),
    Sfu,
    End(LinkId),
    Late,
}

/// One step of the search.
#[derive(Clone, Copy, Debug)]
enum Step {
    Do(Action),
    Deliver(Channel),
    /// Nothing is scheduled soon: time passes until the next delivery or deadline.
    Wait,
    /// The next deadline passes before the scheduled deliveries.
    LimitFirst,
}

#[derive(Clone)]
struct State {
    stage: Stage,
    left: Vec<Action>,
    bounds: Bounds,
    path: Vec<Step>,
}

/// How many irregularities a search may still take.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// How often a deadline may pass before scheduled deliveries.
    early_limits: u8,
    /// How often a delivery may arrive before one that was due earlier.
    reorderings: u8,
}

impl Bounds {
    const fn reorderings(reorderings: u8) -> Self {
        Self { early_limits: 0, reorderings }
    }

    /// Allows one deadline to pass early.
    const fn with_early_limit(self) -> Self {
        Self { early_limits: 1, ..self }
    }
}

/// The size of a search.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    states: usize,
    ends: usize,
}

fn channel(delivery: &Delivery) -> Channel {
    match delivery {
        Delivery::Connect(link, _) | Delivery::Up(link, _) => Channel::Up(*link),
        Delivery::Down(link, _) => Channel::Down(*link),
        Delivery::Input(who, input) => match **input {
            session::Input::Device(kind, ..) => Channel::Device(*who, kind),
            session::Input::Peers(..) => Channel::Peers(*who),
            _ => Channel::Socket(*who),
        },
        Delivery::Sfu(input) => match **input {
            hub::Input::LinkGone { link } => Channel::End(link),
            _ => Channel::Sfu,
        },
        Delivery::MediaUp { who, .. } => Channel::Media(*who),
        _ => Channel::Late,
    }
}

impl State {
    /// The first delivery of each channel that may arrive now.
    fn arriving(&self) -> BTreeMap<Channel, (Moment, u64)> {
        let mut heads = BTreeMap::new();
        let near = self.stage.scheduled.iter().take_while(|((at, _), _)| *at <= self.stage.now + HORIZON);
        for (key, delivery) in near.filter(|(_, d)| channel(d) != Channel::Late) {
            heads.entry(channel(delivery)).or_insert(*key);
        }
        heads
    }

    fn steps(&self, began: Moment) -> Vec<Step> {
        let is_possible = |action: &Action| match action {
            Action::Mend(who) => !self.left.contains(&Action::Cut(*who)),
            _ => true,
        };
        let mut steps: Vec<Step> = self.left.iter().copied().filter(is_possible).map(Step::Do).collect();
        let arriving = self.arriving();
        let deadline = self.stage.next_deadline();
        let waits_for = self.stage.next_moment().filter(|at| at.since(began) <= LONGEST);
        if arriving.is_empty() && waits_for.is_some() {
            steps.extend((!self.left.is_empty()).then_some(Step::Wait));
        } else if self.bounds.early_limits > 0
            && deadline.is_some_and(|at| at <= self.stage.now + Duration::from_secs(2))
        {
            steps.push(Step::LimitFirst);
        }
        let first = arriving.values().min().copied();
        let may_arrive = |key: &(Moment, u64)| self.bounds.reorderings > 0 || Some(*key) == first;
        steps
            .extend(arriving.into_iter().filter(|(_, key)| may_arrive(key)).map(|(channel, _)| Step::Deliver(channel)));
        steps
    }

    fn take(&mut self, step: Step) {
        self.path.push(step);
        let stage = &mut self.stage;
        match step {
            Step::Do(action) => {
                self.left.retain(|a| *a != action);
                self.act(action);
            }
            Step::Deliver(channel) => {
                let arriving = self.arriving();
                let Some(key) = arriving.get(&channel) else { return };
                if arriving.values().min() != Some(key) {
                    self.bounds.reorderings -= 1;
                }
                if let Some(delivery) = self.stage.scheduled.remove(key) {
                    self.stage.dispatch(delivery);
                }
            }
            Step::Wait => {
                let ms = stage.next_moment().map_or(0, |at| at.since(stage.now).as_millis() as u64 + 1);
                stage.run(ms);
            }
            Step::LimitFirst => {
                self.bounds.early_limits -= 1;
                stage.now = stage.next_deadline().map_or(stage.now, |at| at.max(stage.now));
                stage.tick();
            }
        }
    }

    fn act(&mut self, action: Action) {
        let stage = &mut self.stage;
        match action {
            Action::Exit(who) => stage.exit(who),
            Action::CloseNow(who) => stage.input(who, Input::CloseNow),
            Action::Remove(who) => {
                let user = stage.people[who].user.to_string();
                stage.remove(&user);
            }
            Action::Dismiss => stage.dismiss(),
            Action::Cut(who) => stage.network(who, false),
            Action::Mend(who) => stage.network(who, true),
            Action::Kill(who) => stage.kill(who),
            Action::StopServer => stage.stop_server(Some(Duration::from_millis(100))),
            Action::Lost(who) => stage.lose_member(who, ConnectionTimeout, Disconnect),
            Action::Again(who) => {
                let user = stage.people[who].user.to_string();
                stage.enter_with(&user, true, stage.unix_s());
            }
        }
    }

    /// A hash of everything that determines the future.
    fn hash(&self) -> u64 {
        // The maps in a message have no order, so the hashes of its lines are added.
        let lines = |delivery: &Delivery| {
            let text = format!("{delivery:#?}");
            text.lines().map(|line| FastHasher::default().with(line.as_bytes()).0).fold(0, u64::wrapping_add)
        };
        let stage = &self.stage;
        let mut hasher = FastHasher::default();
        let mut scheduled: BTreeMap<Channel, Vec<u64>> = BTreeMap::new();
        for delivery in stage.scheduled.values() {
            scheduled.entry(channel(delivery)).or_default().push(lines(delivery));
        }
        let late = stage.scheduled.iter().filter(|(_, d)| channel(d) == Channel::Late).map(|((at, _), _)| at);
        let late: Vec<&Moment> = late.collect();
        let written = write!(hasher, "{:?}{:?}{:?}{scheduled:?}{late:?}", stage.now, self.left, self.bounds)
            .and_then(|()| write!(hasher, "{:?}{:?}{:?}", stage.hub, stage.bans, stage.sockets))
            .and_then(|()| stage.people.iter().try_for_each(|p| write!(hasher, "{p:?}")));
        written.expect("a hash takes everything");
        hasher.0
    }
}

/// A fast hash for long texts: multiply and rotate, as in rustc's FxHash.
#[derive(Clone, Copy, Default)]
struct FastHasher(u64);

impl FastHasher {
    fn with(mut self, bytes: &[u8]) -> Self {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        self
    }
}

impl Write for FastHasher {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        *self = self.with(s.as_bytes());
        Ok(())
    }
}

/// Searches every order of `actions` from a stage. At each end the faults stop, everybody leaves, and the rules are checked.
/// Fails if the search has fewer than `least` states or ends, for then it did not search.
fn explore(stage: Stage, actions: &[Action], bounds: Bounds, least: Count) {
    let began = stage.now;
    let mut count = Count::default();
    let mut seen = HashSet::new();
    let mut open = vec![State { stage, left: actions.to_vec(), bounds, path: Vec::new() }];
    while let Some(state) = open.pop() {
        let steps = state.steps(began);
        for step in &steps {
            let mut next = state.clone();
            if let Err(failure) = catch_unwind(AssertUnwindSafe(|| next.take(*step))) {
                eprintln!("after {:?}, then {step:?}", state.path);
                resume_unwind(failure);
            }
            if seen.insert(next.hash()) {
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
        assert!(count.states < MOST_STATES, "too many states for {actions:?}");
    }
    println!("{actions:?}: {} states, {} ends", count.states, count.ends);
    assert!(count.states >= least.states && count.ends >= least.ends, "{actions:?}: {count:?}, expected {least:?}");
}

const fn at_least(states: usize, ends: usize) -> Count {
    Count { states, ends }
}

/// A room in which nothing is scheduled and clients do not ping.
fn quiet_room(people: usize) -> Stage {
    let mut stage = room(people);
    stage.pings = false;
    stage.scheduled.clear();
    stage
}

#[test]
fn every_order_of_leave_kick_and_dismissal() {
    for who in [0, 1] {
        let actions = [Action::Exit(who), Action::Remove(who), Action::Dismiss];
        explore(quiet_room(2), &actions, Bounds::reorderings(1).with_early_limit(), at_least(20_000, 200));
    }
}

#[test]
fn every_order_of_an_outage_with_a_kick_and_a_leave() {
    for who in [0, 1] {
        for action in [Action::Remove(who), Action::Exit(who), Action::Dismiss] {
            let actions = [Action::Cut(who), Action::Mend(who), action];
            explore(quiet_room(2), &actions, Bounds::reorderings(1), at_least(5000, 50));
        }
    }
}

#[test]
fn every_order_of_a_server_that_loses_somebody_with_an_outage_and_a_leave() {
    for who in [0, 1] {
        for others in [vec![Action::Exit(who)], vec![Action::Remove(who)], vec![Action::Cut(who), Action::Mend(who)]] {
            let actions = [vec![Action::Lost(who)], others].concat();
            explore(quiet_room(2), &actions, Bounds::reorderings(1), at_least(500, 10));
        }
    }
}

#[test]
fn every_order_of_the_end_of_a_server() {
    for who in [0, 1] {
        for others in [[Action::Exit(who), Action::Remove(who)], [Action::Kill(who), Action::CloseNow(who)]] {
            let actions = [Action::StopServer, others[0], others[1]];
            explore(quiet_room(2), &actions, Bounds::reorderings(1).with_early_limit(), at_least(10_000, 300));
        }
    }
}

#[test]
fn every_order_of_leaving_twice_and_closing_now() {
    for action in [Action::Exit(0), Action::Cut(1)] {
        let actions = [Action::Exit(1), Action::CloseNow(1), action];
        explore(quiet_room(2), &actions, Bounds::reorderings(2), at_least(3000, 20));
    }
}

#[test]
fn every_order_of_joining_from_elsewhere() {
    for action in [Action::Exit(1), Action::Remove(1), Action::Dismiss] {
        explore(quiet_room(2), &[Action::Again(1), action], Bounds::reorderings(1), at_least(2000, 5));
    }
}

#[test]
fn every_order_of_entering_and_leaving() {
    for single in [true, false] {
        for action in [Action::Exit(1), Action::Remove(1), Action::Dismiss] {
            let mut stage = quiet_room(1);
            stage.enter_with("late", single, stage.unix_s());
            explore(stage, &[action], Bounds::reorderings(1), at_least(2000, 10));
        }
    }
}
