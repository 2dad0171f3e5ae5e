//! Random sequences of operations and faults: there is exactly one exit, and nothing is left.

use super::*;
use proptest::prelude::*;

/// One operation or fault.
#[derive(Clone, Debug)]
enum Op {
    Pass(u64),
    Exit,
    CloseNow,
    TryNow,
    Device(bool, bool),
    Choose(bool, u8),
    Listed(bool, u8),
    Leave(u8),
    Lost,
    Behaviour(bool, bool, bool),
    DeviceFails(bool),
    PeersDown,
    DropScheduled,
    Woke(u64),
    Network(NetworkChange),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0u64..400).prop_map(Op::Pass),
        1 => (400u64..9000).prop_map(Op::Pass),
        1 => Just(Op::Exit),
        1 => Just(Op::CloseNow),
        1 => Just(Op::TryNow),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(k, on)| Op::Device(k, on)),
        1 => (any::<bool>(), 0u8..3).prop_map(|(k, n)| Op::Choose(k, n)),
        1 => (any::<bool>(), 0u8..4).prop_map(|(k, n)| Op::Listed(k, n)),
        1 => (0u8..16).prop_map(Op::Leave),
        1 => Just(Op::Lost),
        2 => (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(d, s, p)| Op::Behaviour(d, s, p)),
        1 => any::<bool>().prop_map(Op::DeviceFails),
        1 => Just(Op::PeersDown),
        1 => Just(Op::DropScheduled),
        1 => (0..120u64).prop_map(Op::Woke),
        2 => prop_oneof![Just(NetworkChange::Lost), Just(NetworkChange::Back), Just(NetworkChange::Moved)].prop_map(Op::Network),
    ]
}

fn kind(camera: bool) -> DeviceKind {
    if camera { DeviceKind::Camera } else { DeviceKind::Microphone }
}

fn act(w: &mut World, op: Op) {
    match op {
        Op::Pass(ms) => w.run(ms),
        Op::Exit => w.give(Input::Exit(ExitRequestedBy::User)),
        Op::CloseNow => w.give(Input::CloseNow),
        Op::TryNow => w.give(Input::TryNow),
        Op::Device(camera, on) => w.give(Input::SetDevice(kind(camera), on)),
        Op::Choose(camera, n) => {
            let id = [None, Some("none".to_owned()), Some("other".to_owned())][n as usize].clone();
            w.give(Input::ChooseDevice(kind(camera), id));
        }
        Op::Listed(camera, n) => {
            let ids: Vec<_> = ["other", "first"][..usize::from(n.min(2))].iter().map(|&id| id.to_owned()).collect();
            let default = if n == 3 { ids.last() } else { ids.first() }.cloned();
            w.give(Input::Listed(kind(camera), Listed { ids, default }));
        }
        Op::Leave(n) => {
            let reason = lk::DisconnectReason::try_from(i32::from(n)).unwrap_or(lk::DisconnectReason::UnknownReason);
            let action = i32::from(n % 3);
            w.message(Response::Leave(lk::LeaveRequest { reason: reason as i32, action, ..Default::default() }));
        }
        Op::Lost => {
            w.link_up = false;
            w.give(Input::Link(w.epoch, LinkInput::Lost));
        }
        Op::Behaviour(devices, server, peers) => w.behaviour = Behaviour { devices, server, peers },
        Op::DeviceFails(camera) => {
            let generation = w.session.slot(kind(camera)).generation();
            let failed = DeviceInput::Failed { id: "x".into(), message: "gone".into() };
            w.give(Input::Device(kind(camera), generation, failed));
        }
        Op::Woke(seconds) => w.give(Input::Woke(Duration::from_secs(seconds))),
        Op::Network(change) => w.give(Input::NetworkChanged(change)),
        Op::PeersDown => w.give(Input::Peers(w.epoch, PeerInput::Down(SignalTarget::Publisher))),
        // Everything in flight is lost, except the reports of devices, which are taken away at their limit.
        Op::DropScheduled => w.scheduled.retain(|_, i| matches!(i, Input::Device(..))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// One ExitRoom, in time; afterwards nothing is held, no timer runs, and no rejoin begins.
    #[test]
    fn every_sequence_ends_with_one_exit_in_time(ops in proptest::collection::vec(op(), 0..25)) {
        let mut w = World::new(PROMPT);
        for op in ops {
            act(&mut w, op);
        }
        w.give(Input::Exit(ExitRequestedBy::User));
        let (_, _, receipt) = w.exit();
        prop_assert!(w.held.is_empty() || !receipt.is_clean(), "{:?}", w.held);
        w.outputs.clear();
        w.behaviour = PROMPT;
        w.run(120_000);
        prop_assert!(w.outputs.is_empty(), "after ExitRoom: {:?}", w.outputs);
    }
}
