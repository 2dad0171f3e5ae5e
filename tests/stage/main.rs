//! Real sessions against the real hub, in memory: what several people see of each other's coming and going.

mod stage;

use proptest::prelude::*;
use stage::Stage;
use visavis::base::{DeviceKind, ExitReason, RemoteLeaveReason};
use visavis::session::Input;

/// A stage with so many people in the room, all of whom see each other.
fn room(people: usize) -> Stage {
    let mut stage = Stage::new(7);
    for n in 0..people {
        stage.enter(&format!("p{n}"));
    }
    stage.run(1000);
    for who in 0..people {
        assert!(stage.is_in_room(who), "p{who}: {:?}", stage.people[who].events);
        assert_eq!(stage.sees(who).len(), people - 1);
    }
    stage
}

#[test]
fn who_leaves_is_gone_for_the_others_at_once() {
    let mut stage = room(3);
    let asked = stage.now;
    stage.exit(0);
    stage.run(500);
    assert_eq!(stage.exit_of(0).0, ExitReason::Left);
    for who in [1, 2] {
        let gone = stage.told_gone(who, 0);
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].1, RemoteLeaveReason::Left);
        assert!(gone[0].0.millis_since(asked) <= 45.0, "two ways through the network and no more");
    }
    assert!(stage.told_gone(0, 1).is_empty());
    stage.finish();
}

#[test]
fn who_is_removed_learns_it_and_stays_out() {
    let mut stage = room(3);
    stage.remove(1);
    stage.run(500);
    assert_eq!(stage.exit_of(1).0, ExitReason::Kicked);
    assert_eq!(stage.told_gone(0, 1)[0].1, RemoteLeaveReason::Removed);
    assert_eq!(stage.sees(0), ["p2"]);
    stage.finish();
}

#[test]
fn a_removal_during_an_outage_holds() {
    let mut stage = room(2);
    stage.network(1, false);
    stage.run(1500);
    stage.remove(1);
    stage.run(500);
    stage.network(1, true);
    stage.run(10_000);
    assert_eq!(stage.exit_of(1).0, ExitReason::Kicked, "the resume is answered by what happened");
    assert!(stage.sees(0).is_empty());
    stage.finish();
}

#[test]
fn on_a_dismissal_nobody_is_told_of_the_others() {
    let mut stage = room(4);
    stage.dismiss();
    stage.run(500);
    for who in 0..4 {
        assert_eq!(stage.exit_of(who).0, ExitReason::Dismissed);
        for other in 0..4 {
            assert!(stage.told_gone(who, other).is_empty());
        }
    }
    stage.finish();
}

#[test]
fn the_link_is_cut_in_mid_exit_and_the_host_ends_the_call_first() {
    let mut stage = room(3);
    stage.dismiss();
    stage.exit(0);
    stage.run(5);
    stage.network(0, false);
    stage.run(3000);
    assert_eq!(stage.exit_of(0).0, ExitReason::Left, "its own exit came before the server's word reached it");
    assert_eq!(stage.exit_of(1).0, ExitReason::Dismissed);
    assert_eq!(stage.exit_of(2).0, ExitReason::Dismissed);
    stage.finish();
}

#[test]
fn a_short_outage_is_seen_by_nobody() {
    let mut stage = room(2);
    stage.network(1, false);
    stage.run(3500);
    stage.network(1, true);
    stage.run(8000);
    assert!(stage.is_in_room(1), "{:?}", stage.people[1].events);
    assert!(stage.told_gone(0, 1).is_empty());
    assert_eq!(stage.sees(0), ["p1"]);
    assert_eq!(stage.sees(1), ["p0"]);
    stage.finish();
}

#[test]
fn a_killed_client_is_gone_within_six_seconds() {
    let mut stage = room(2);
    let killed = stage.now;
    stage.kill(1);
    stage.run(10_000);
    let gone = stage.told_gone(0, 1);
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].1, RemoteLeaveReason::TimedOut);
    assert!(gone[0].0.millis_since(killed) <= 6000.0);
    stage.finish();
}

#[test]
fn a_server_that_stops_tells_everybody() {
    let mut stage = room(2);
    stage.stop_server();
    stage.run(500);
    assert_eq!(stage.exit_of(0).0, ExitReason::ServerStopped);
    assert_eq!(stage.exit_of(1).0, ExitReason::ServerStopped);
}

#[test]
fn leave_while_reconnecting_does_not_come_back() {
    let mut stage = room(2);
    stage.network(1, false);
    stage.run(1000);
    stage.exit(1);
    stage.network(1, true);
    stage.run(20_000);
    assert_eq!(stage.exit_of(1).0, ExitReason::Left);
    assert!(stage.sees(0).is_empty());
    stage.finish();
}

/// One thing that may happen on the stage.
#[derive(Clone, Debug)]
enum Op {
    Pass(u64),
    Enter,
    Exit(usize),
    Remove(usize),
    Dismiss,
    Network(usize, bool),
    Kill(usize),
    Device(usize, bool, bool),
    CloseNow(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (0u64..3000).prop_map(Op::Pass),
        2 => Just(Op::Enter),
        1 => (0usize..6).prop_map(Op::Exit),
        1 => (0usize..6).prop_map(Op::Remove),
        1 => Just(Op::Dismiss),
        3 => (0usize..6, any::<bool>()).prop_map(|(n, up)| Op::Network(n, up)),
        1 => (0usize..6).prop_map(Op::Kill),
        2 => (0usize..6, any::<bool>(), any::<bool>()).prop_map(|(n, k, on)| Op::Device(n, k, on)),
        1 => (0usize..6).prop_map(Op::CloseNow),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever happens: one ExitRoom each, in time; no device, member, room or timer is left.
    #[test]
    fn whatever_happens_nothing_is_left(seed in any::<u64>(), ops in proptest::collection::vec(op(), 1..30)) {
        let mut stage = Stage::new(seed);
        stage.enter("p0");
        for op in ops {
            let there = stage.people.len();
            match op {
                Op::Pass(ms) => stage.run(ms),
                Op::Enter if there < 6 => { stage.enter(&format!("p{there}")); }
                Op::Exit(n) if n < there => stage.exit(n),
                Op::Remove(n) if n < there => stage.remove(n),
                Op::Dismiss => stage.dismiss(),
                Op::Network(n, up) if n < there => stage.network(n, up),
                Op::Kill(n) if n < there => stage.kill(n),
                Op::Device(n, camera, on) if n < there => {
                    let kind = if camera { DeviceKind::Camera } else { DeviceKind::Microphone };
                    stage.input(n, Input::SetDevice(kind, on));
                }
                Op::CloseNow(n) if n < there => stage.input(n, Input::CloseNow),
                _ => {}
            }
        }
        stage.finish();
    }
}
