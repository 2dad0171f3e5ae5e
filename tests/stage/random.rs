//! Random sequences of operations and faults: the rules hold throughout, and at the end nothing is left.

use crate::door::DOORS;
use crate::room;
use livekit_protocol::DisconnectReason;
use proptest::prelude::*;
use std::time::Duration;
use visavis::base::{DeviceKind, Listed, Reaction, TrackSource};
use visavis::session::{Input, NetworkChange};
use visavis::stage::{DeviceBehaviour, Stage, UNIX_MS};

/// Sequences to run, unless `PROPTEST_CASES` is set.
const CASES: u32 = 100_000;
/// Participants at most.
const PEOPLE: usize = 6;
const NAMES: [&str; 4] = ["mina", "tom", "ana", "ben"];
/// Reasons with which a server has lost somebody whom nobody has removed.
const LOSSES: [DisconnectReason; 7] = [
    DisconnectReason::ConnectionTimeout,
    DisconnectReason::StateMismatch,
    DisconnectReason::JoinFailure,
    DisconnectReason::MediaFailure,
    DisconnectReason::SignalClose,
    DisconnectReason::RoomClosed,
    DisconnectReason::UnknownReason,
];

/// One operation or fault.
#[derive(Clone, Debug)]
enum Op {
    Pass(u64),
    Enter {
        name: usize,
        single: bool,
        with_old_token: bool,
    },
    Exit(usize),
    CloseNow(usize),
    Remove(usize),
    Dismiss,
    Cut(usize, bool),
    BlackHole(usize, bool),
    Stall(usize, u64),
    Latency(usize, u64),
    /// Another way leads to the server, or none, which is noticed after so many ms.
    ChangeWay(usize, bool, u64),
    /// The system tells of a change, also where there is none.
    NetworkChanged(usize, NetworkChange),
    Kill(usize),
    LosePower(usize),
    /// The process is stopped, or goes on: with its timers, or with what has arrived.
    Stop(usize),
    Continue(usize, bool),
    /// The server has lost somebody and says so: the index of the reason, and of what it asks for.
    Lost(usize, usize, i32),
    /// Writes to everybody, or to one participant.
    Write(usize, Option<usize>),
    /// Raises the hand, or lowers it.
    Hand(usize, bool),
    /// A host lowers a user's hand.
    LowerHand(usize),
    /// A host locks the room, lets newcomers wait, or opens it.
    Door(usize),
    /// A host lets a user in.
    Admit(usize),
    React(usize),
    Device(usize, bool, bool),
    Choose(usize, bool),
    Listed(usize, bool, usize),
    DeviceBehaviour(usize, DeviceBehaviour),
    KillServer(u64),
    StopServer(u64),
}

fn behaviour() -> impl Strategy<Value = DeviceBehaviour> {
    (0..3000u64, 0..3000u64, prop::bool::weighted(0.2), prop::bool::weighted(0.2))
        .prop_map(|(open_ms, release_ms, fails, hangs)| DeviceBehaviour { open_ms, release_ms, fails, hangs })
}

fn change() -> impl Strategy<Value = NetworkChange> {
    prop_oneof![Just(NetworkChange::Lost), Just(NetworkChange::Back), Just(NetworkChange::Moved)]
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0..PEOPLE;
    let enter = (0..NAMES.len(), any::<bool>(), prop::bool::weighted(0.2));
    prop_oneof![
        4 => (0..60u64).prop_map(Op::Pass),
        5 => (0..4000u64).prop_map(Op::Pass),
        1 => (4000..70_000u64).prop_map(Op::Pass),
        4 => enter.prop_map(|(name, single, with_old_token)| Op::Enter { name, single, with_old_token }),
        2 => who.clone().prop_map(Op::Exit),
        1 => who.clone().prop_map(Op::CloseNow),
        2 => (0..NAMES.len()).prop_map(Op::Remove),
        1 => Just(Op::Dismiss),
        3 => (who.clone(), any::<bool>()).prop_map(|(n, on)| Op::Cut(n, on)),
        2 => (who.clone(), any::<bool>()).prop_map(|(n, on)| Op::BlackHole(n, on)),
        2 => (who.clone(), 0..3000u64).prop_map(|(n, ms)| Op::Stall(n, ms)),
        1 => (who.clone(), 1..300u64).prop_map(|(n, ms)| Op::Latency(n, ms)),
        3 => (who.clone(), prop::bool::weighted(0.7), 0..250u64).prop_map(|(n, up, ms)| Op::ChangeWay(n, up, ms)),
        1 => (who.clone(), change()).prop_map(|(n, change)| Op::NetworkChanged(n, change)),
        1 => who.clone().prop_map(Op::Kill),
        1 => who.clone().prop_map(Op::LosePower),
        2 => who.clone().prop_map(Op::Stop),
        3 => (who.clone(), any::<bool>()).prop_map(|(n, timers_first)| Op::Continue(n, timers_first)),
        3 => (who.clone(), 0..LOSSES.len(), 0..3i32).prop_map(|(n, reason, action)| Op::Lost(n, reason, action)),
        3 => (who.clone(), prop::option::weighted(0.3, who.clone())).prop_map(|(n, to)| Op::Write(n, to)),
        3 => (who.clone(), prop::bool::weighted(0.7)).prop_map(|(n, up)| Op::Hand(n, up)),
        1 => (0..NAMES.len()).prop_map(Op::LowerHand),
        2 => (0..DOORS.len()).prop_map(Op::Door),
        2 => (0..NAMES.len()).prop_map(Op::Admit),
        1 => who.clone().prop_map(Op::React),
        2 => (who.clone(), any::<bool>(), any::<bool>()).prop_map(|(n, camera, on)| Op::Device(n, camera, on)),
        1 => (who.clone(), any::<bool>()).prop_map(|(n, other)| Op::Choose(n, other)),
        1 => (who.clone(), any::<bool>(), 0..3usize).prop_map(|(n, camera, many)| Op::Listed(n, camera, many)),
        2 => (who, behaviour()).prop_map(|(n, behaviour)| Op::DeviceBehaviour(n, behaviour)),
        1 => (0..8000u64).prop_map(Op::KillServer),
        1 => (0..8000u64).prop_map(Op::StopServer),
    ]
}

/// A kind of outage of one participant.
#[derive(Clone, Copy, Debug)]
enum Outage {
    Cut,
    BlackHole,
    /// The process is stopped; whether its timers come first when it goes on.
    Stopped(bool),
}

fn outage() -> impl Strategy<Value = Outage> {
    prop_oneof![Just(Outage::Cut), Just(Outage::BlackHole), any::<bool>().prop_map(Outage::Stopped)]
}

impl Outage {
    fn begin(self, stage: &mut Stage, who: usize) {
        match self {
            Self::Cut => stage.network(who, false),
            Self::BlackHole => stage.black_hole(who, true),
            Self::Stopped(_) => stage.stop_process(who),
        }
    }

    fn end(self, stage: &mut Stage, who: usize) {
        match self {
            Self::Cut => stage.network(who, true),
            Self::BlackHole => stage.black_hole(who, false),
            Self::Stopped(timers_first) => stage.continue_process(who, timers_first),
        }
    }
}

fn act(stage: &mut Stage, op: &Op) {
    let there = stage.people.len();
    match *op {
        Op::Pass(ms) => stage.run(ms),
        Op::Enter { name, single, with_old_token } if there < PEOPLE => {
            let issued_at = if with_old_token { UNIX_MS / 1000 } else { stage.unix_s() };
            stage.enter_with(NAMES[name], single, issued_at);
        }
        Op::Remove(name) => stage.remove(NAMES[name]),
        Op::Dismiss => stage.dismiss(),
        Op::KillServer(ms) => stage.kill_server(Duration::from_millis(ms)),
        Op::StopServer(ms) => stage.stop_server(Some(Duration::from_millis(ms))),
        Op::Exit(n) if n < there => stage.exit(n),
        Op::CloseNow(n) if n < there => stage.input(n, Input::CloseNow),
        Op::Cut(n, on) if n < there => stage.network(n, !on),
        Op::BlackHole(n, on) if n < there => stage.black_hole(n, on),
        Op::Stall(n, ms) if n < there => stage.stall(n, ms),
        Op::Latency(n, ms) if n < there => stage.set_latency(n, ms),
        Op::ChangeWay(n, up, ms) if n < there => stage.change_way(n, up, ms),
        Op::NetworkChanged(n, change) if n < there => stage.input(n, Input::NetworkChanged(change)),
        Op::Kill(n) if n < there => stage.kill(n),
        Op::LosePower(n) if n < there => stage.lose_power(n),
        Op::Stop(n) if n < there => stage.stop_process(n),
        Op::Continue(n, timers_first) if n < there => stage.continue_process(n, timers_first),
        Op::Lost(n, reason, action) if n < there => {
            stage.lose_member(n, LOSSES[reason], action.try_into().expect("an action"));
        }
        Op::Write(n, to) if n < there && to.is_none_or(|to| to < there) => stage.write(n, to),
        Op::Hand(n, up) if n < there => stage.raise_hand(n, up),
        Op::LowerHand(name) => stage.lower_hand(NAMES[name]),
        Op::Door(door) => stage.set_door(DOORS[door]),
        Op::Admit(name) => stage.let_in(NAMES[name]),
        Op::React(n) if n < there => stage.input(n, Input::React(Reaction::ThumbsUp)),
        Op::Device(n, camera, on) if n < there => {
            let kind = if camera { DeviceKind::Camera } else { DeviceKind::Microphone };
            stage.input(n, Input::SetDevice(kind, on));
        }
        Op::Choose(n, other) if n < there => {
            stage.input(n, Input::ChooseDevice(DeviceKind::Camera, other.then(|| "other".to_owned())));
        }
        Op::Listed(n, camera, many) if n < there => {
            let kind = if camera { DeviceKind::Camera } else { DeviceKind::Microphone };
            let ids: Vec<_> = ["first", "other"][..many].iter().map(|&id| id.to_owned()).collect();
            let default = ids.last().cloned();
            stage.input(n, Input::Listed(kind, Listed { ids, default }));
        }
        Op::DeviceBehaviour(n, behaviour) if n < there => stage.behaviour(n, behaviour),
        _ => {}
    }
}

/// The number of sequences to run.
pub(crate) fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    /// Each session has one ExitRoom, in time, for the true reason, with its devices closed. No device, member, room,
    /// connection or timer is left.
    #[test]
    fn every_sequence_keeps_the_promise_of_the_exit(
        seed in any::<u32>(),
        ops in proptest::collection::vec(op(), 1..40),
    ) {
        let mut stage = Stage::new(seed.into());
        stage.enter(NAMES[0]);
        for op in &ops {
            act(&mut stage, op);
        }
        stage.finish();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases() / 20, ..ProptestConfig::default() })]

    /// The others do not notice an outage of up to four seconds, whenever it begins, and everything that anybody writes
    /// meanwhile arrives.
    #[test]
    fn a_short_outage_is_never_seen(
        wait in 0..6000u64,
        away in 0..=4000u64,
        latency in 1..150u64,
        outage in outage(),
        who in 0..2usize,
    ) {
        let mut stage = room(3);
        stage.set_latency(who, latency);
        stage.run(wait);
        let everybody_writes = |stage: &mut Stage| (0..3).for_each(|n| stage.write(n, None));
        everybody_writes(&mut stage);
        stage.run(wait % 100);
        outage.begin(&mut stage, who);
        everybody_writes(&mut stage);
        stage.run(away);
        everybody_writes(&mut stage);
        outage.end(&mut stage, who);
        everybody_writes(&mut stage);
        stage.run(20_000);
        prop_assert_eq!(stage.heard_by_all(), 4, "{:?}", stage.people);
        prop_assert!(stage.is_in_room(who));
        for other in (0..3).filter(|other| *other != who) {
            prop_assert!(stage.leaves_seen(other, who).is_empty(), "p{} was told that p{} left", other, who);
            prop_assert!(stage.leaves_seen(who, other).is_empty());
        }
        stage.finish();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases() / 20, ..ProptestConfig::default() })]

    /// Nothing for up to a minute, twice, and a server that says at any time that it has lost the participant: it is in the
    /// room again with its devices, sees the others once, and they see it once, with its tracks.
    #[test]
    fn an_outage_of_a_minute_is_no_end(
        wait in 0..6000u64,
        outages in proptest::collection::vec((outage(), 0..=55_000u64, 10_000..20_000u64), 1..3),
        lost in proptest::option::of((0..60_000u64, 0..LOSSES.len(), 0..3i32)),
        latency in 1..150u64,
        who in 0..2usize,
    ) {
        let mut stage = room(3);
        stage.set_latency(who, latency);
        stage.run(wait);
        let mut lost = lost;
        for (outage, away, after) in outages {
            outage.begin(&mut stage, who);
            match lost.take_if(|(at, ..)| *at <= away + after) {
                Some((at, reason, action)) => {
                    let (before, rest) = (at.min(away), at.saturating_sub(away));
                    stage.run(before);
                    if rest == 0 {
                        stage.lose_member(who, LOSSES[reason], action.try_into().expect("an action"));
                    }
                    stage.run(away - before);
                    outage.end(&mut stage, who);
                    stage.run(rest);
                    if rest > 0 {
                        stage.lose_member(who, LOSSES[reason], action.try_into().expect("an action"));
                    }
                    stage.run(after - rest.min(after));
                }
                None => {
                    stage.run(away);
                    outage.end(&mut stage, who);
                    stage.run(after);
                }
            }
        }
        stage.run(30_000);
        let names: Vec<String> = (0..3).filter(|n| *n != who).map(|n| format!("p{n}")).collect();
        prop_assert!(stage.is_in_room(who), "{:?}", stage.people[who].events);
        prop_assert_eq!(stage.sees(who), names);
        for other in (0..3).filter(|other| *other != who) {
            let everything = (vec![TrackSource::Camera, TrackSource::Microphone], vec![TrackSource::Camera, TrackSource::Microphone]);
            prop_assert_eq!(stage.received(other, &format!("p{who}")), everything.clone(), "by p{}", other);
            prop_assert_eq!(stage.received(who, &format!("p{other}")), everything);
        }
        stage.finish();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases() / 20, ..ProptestConfig::default() })]

    /// Another way to the server, noticed within 250 ms and with the next one on its heels or not, is not seen by the
    /// others; a second after the last one the participant is whole again.
    #[test]
    fn a_move_is_never_seen_and_takes_a_second(
        wait in 0..6000u64,
        moves in proptest::collection::vec((0..250u64, 0..900u64), 1..4),
        latency in 1..60u64,
        who in 0..2usize,
    ) {
        let mut stage = room(3);
        stage.set_latency(who, latency);
        stage.run(wait);
        for (notice, next) in moves {
            stage.change_way(who, true, notice);
            stage.run(notice + next);
        }
        stage.run(1000);
        prop_assert!(stage.is_in_room(who), "{:?}", stage.people[who].events);
        stage.run(20_000);
        for other in (0..3).filter(|other| *other != who) {
            prop_assert!(stage.leaves_seen(other, who).is_empty(), "p{} was told that p{} left", other, who);
            prop_assert!(stage.leaves_seen(who, other).is_empty());
        }
        stage.finish();
    }
}
